package existing

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
)

// noteBackups notes the pods in a directory that a kubelet would take for another version of
// a manifest beside them: it reads every file but those whose names begin with a dot, and of
// two pods of one name it runs one. found are the files of directories that the user named.
// Only a name that is another's and more counts, as kcm.yaml.bak: a directory may as well
// have the manifests of several hosts.
func noteBackups(read []*command.Result, found map[string]bool) {
	for _, b := range read {
		for _, m := range read {
			if b.Form != command.StaticPod || m.Form != command.StaticPod || !found[b.File] || !found[m.File] || !backs(b.File, m.File) {
				continue
			}
			b.Notes = append(b.Notes, command.Note{
				At: b.Pod.Place(), Rule: "manifest-backup", Expected: "a backup outside the kubelet's directory",
				Message: fmt.Sprintf("the kubelet reads this file beside %s, and may run this pod in place of that one", filepath.Base(m.File)),
			})
			break
		}
	}
}

// backs reports whether a file has the name of another in its directory, and more.
func backs(file, of string) bool {
	name, base := filepath.Base(file), filepath.Base(of)
	return filepath.Dir(file) == filepath.Dir(of) && len(name) > len(base) && strings.HasPrefix(name, base) && !strings.HasPrefix(name, ".")
}
