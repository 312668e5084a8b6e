package existing

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
)

// usualFiles are where a host has what starts kube-controller-manager.
var usualFiles = []string{
	"/etc/systemd/system/kube-controller-manager.service",
	"/usr/lib/systemd/system/kube-controller-manager.service",
	"/etc/kubernetes/manifests/kube-controller-manager.yaml",
}

// Find returns files that seem to start kube-controller-manager already: those of a
// directory with its name, and those at usual places of this machine.
func Find(dir string) []string {
	var out []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if e.Type().IsRegular() && strings.Contains(name, command.Program) && !strings.HasSuffix(name, ".pem") && !strings.HasSuffix(name, ".csr") && !strings.HasSuffix(name, "config") {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	for _, name := range usualFiles {
		if fi, err := os.Lstat(name); err == nil && fi.Mode().IsRegular() {
			out = append(out, name)
		}
	}
	return out
}
