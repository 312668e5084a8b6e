package policy

import (
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestOldSigningDuration: both names are one variable, so the default leaves room for the old
// name; what a user wrote stays.
func TestOldSigningDuration(t *testing.T) {
	const old = "experimental-cluster-signing-duration"
	for name, tc := range map[string]struct {
		cluster, node spec.Settings
		want          string // of the new name; "" if it isn't given
	}{
		"neither":             {nil, nil, "8760h"},
		"the old name":        {spec.Settings{old: {Value: "1h"}}, nil, ""},
		"the node's old name": {nil, spec.Settings{old: {Value: "1h"}}, ""},
		"both":                {spec.Settings{signingDuration: {Value: "2h"}}, spec.Settings{old: {Value: "1h"}}, "2h"},
	} {
		c := &spec.Cluster{Hardened: true, Version: spec.Version{Minor: 24}, Flags: tc.cluster}
		fs := NodeFlags(c, &spec.Node{Name: "a", Flags: tc.node})
		if got := fs.Value(signingDuration, ""); got != tc.want {
			t.Errorf("%s: --%s is %q, want %q", name, signingDuration, got, tc.want)
		}
	}
}
