package spec

import (
	"fmt"
	"slices"
)

// NoElectionError is a kube-controller-manager that writes no lease.
type NoElectionError struct {
	Flag Flag // by which
}

func (e *NoElectionError) Error() string {
	return fmt.Sprintf("%s: kube-controller-manager writes no lease", e.Flag)
}

// Lease is the lease that a kube-controller-manager with these flags takes
// before it acts.
func (fs Flags) Lease() (namespace, name string, err error) {
	if f, ok := fs.Get("leader-elect"); ok && !f.Bool() {
		return "", "", &NoElectionError{f}
	}
	// Up to v1.26 others could be chosen; endpointsleases and configmapsleases are a
	// lease too.
	if f, ok := fs.Get("leader-elect-resource-lock"); ok && !slices.Contains([]string{"leases", "endpointsleases", "configmapsleases"}, f.Value) {
		return "", "", &NoElectionError{f}
	}
	return fs.Value("leader-elect-resource-namespace", "kube-system"),
		fs.Value("leader-elect-resource-name", "kube-controller-manager"), nil
}
