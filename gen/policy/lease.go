package policy

import (
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// NoElectionError is the error of a kube-controller-manager that writes no lease.
type NoElectionError struct {
	Flag spec.Flag // the reason
}

func (e *NoElectionError) Error() string {
	return fmt.Sprintf("%s: kube-controller-manager writes no lease", e.Flag)
}

// Lease returns the leader lease of a kube-controller-manager with these flags. It
// returns a NoElectionError if it uses none.
func Lease(fs spec.Flags) (namespace, name string, err error) {
	if f, ok := fs.Get("leader-elect"); ok && !f.Bool() {
		return "", "", &NoElectionError{f}
	}
	// Up to v1.26 there were other kinds of locks; endpointsleases and configmapsleases
	// include a lease.
	if f, ok := fs.Get("leader-elect-resource-lock"); ok && !slices.Contains([]string{"leases", "endpointsleases", "configmapsleases"}, f.Value) {
		return "", "", &NoElectionError{f}
	}
	return fs.Value("leader-elect-resource-namespace", flags.Default(flags.Newest(), "leader-elect-resource-namespace")),
		fs.Value("leader-elect-resource-name", flags.Default(flags.Newest(), "leader-elect-resource-name")), nil
}
