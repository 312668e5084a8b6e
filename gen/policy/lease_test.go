package policy_test

import (
	"errors"
	"testing"

	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestLease: flags decide which lease a leader holds.
func TestLease(t *testing.T) {
	flags := func(pairs ...string) (fs spec.Flags) {
		for i := 0; i < len(pairs); i += 2 {
			fs = append(fs, spec.Flag{Name: pairs[i], Value: pairs[i+1]})
		}
		return fs
	}
	for _, c := range []struct {
		fs   spec.Flags
		want string // namespace/name, or the error
	}{
		{nil, "kube-system/kube-controller-manager"},
		{flags("leader-elect", "true", "leader-elect-resource-name", "n", "leader-elect-resource-namespace", "s"), "s/n"},
		{flags("leader-elect", "f"), "--leader-elect=f: kube-controller-manager writes no lease"},
		{flags("leader-elect-resource-lock", "leases"), "kube-system/kube-controller-manager"},
		{flags("leader-elect-resource-lock", "endpointsleases"), "kube-system/kube-controller-manager"},
		{flags("leader-elect-resource-lock", "configmapsleases"), "kube-system/kube-controller-manager"},
		{flags("leader-elect-resource-lock", "endpoints"), "--leader-elect-resource-lock=endpoints: kube-controller-manager writes no lease"},
	} {
		namespace, name, err := policy.Lease(c.fs)
		got := namespace + "/" + name
		if none := (*policy.NoElectionError)(nil); errors.As(err, &none) {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %s, want %s", c.fs, got, c.want)
		}
	}
}
