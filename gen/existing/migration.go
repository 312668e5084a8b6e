package existing

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/peer"
	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// migrationBeside reads the file that --leader-migration-config names, if one of its name lies
// beside the file with the flag; nil if none does. The path is a host's: this machine may have
// another file there.
func migrationBeside(r *command.Result) *vet.Migration {
	const flag = "--leader-migration-config"
	value := ""
	for i, a := range r.Args {
		name, given, has := strings.Cut(strings.ReplaceAll(a.String(), "_", "-"), "=")
		if name != flag {
			continue
		}
		if has {
			value = a.String()[len(a.String())-len(given):]
		} else if i+1 < len(r.Args) {
			value = r.Args[i+1].String()
		}
	}
	base := path.Base(value)
	if value == "" || r.File == "-" || !filepath.IsLocal(base) {
		return nil
	}
	file := filepath.Join(filepath.Dir(r.File), base)
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	data, err := regular.Read(file, peer.MaxFile)
	if err != nil {
		return nil
	}
	return peer.ReadMigration(file, data)
}
