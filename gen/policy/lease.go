package policy

import (
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// NoElectionError is a kube-controller-manager that writes no lease.
type NoElectionError struct {
	Flag spec.Flag // by which
}

func (e *NoElectionError) Error() string {
	return fmt.Sprintf("%s: kube-controller-manager writes no lease", e.Flag)
}

// Lease is the lease that a kube-controller-manager with these flags takes
// before it acts.
func Lease(fs spec.Flags) (namespace, name string, err error) {
	if f, ok := fs.Get("leader-elect"); ok && !f.Bool() {
		return "", "", &NoElectionError{f}
	}
	// Up to v1.26 others could be chosen; endpointsleases and configmapsleases are a
	// lease too.
	if f, ok := fs.Get("leader-elect-resource-lock"); ok && !slices.Contains([]string{"leases", "endpointsleases", "configmapsleases"}, f.Value) {
		return "", "", &NoElectionError{f}
	}
	return fs.Value("leader-elect-resource-namespace", flags.Default(flags.Newest(), "leader-elect-resource-namespace")),
		fs.Value("leader-elect-resource-name", flags.Default(flags.Newest(), "leader-elect-resource-name")), nil
}
