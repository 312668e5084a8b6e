package starter

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// FuzzParseNodes: accepted nodes have distinct DNS names and addresses, and can be formatted
// and parsed again.
func FuzzParseNodes(f *testing.F) {
	for _, s := range []string{"a=10.0.0.1", "b=10.0.0.2, a=10.0.0.1", "a=::1", "a=fe80::1%eth0", "a=10.0.0.1,a=10.0.0.2", "=,", "a=::ffff:10.0.0.1,b=10.0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		nodes, err := ParseNodes(s)
		if err != nil {
			return
		}
		names, addrs := map[string]bool{}, map[netip.Addr]bool{}
		var said []string
		for _, n := range nodes {
			if !spec.IsName(n.Name) || names[n.Name] || addrs[n.Address] || n.Address.Zone() != "" {
				t.Errorf("%q: node %v", s, n)
			}
			names[n.Name], addrs[n.Address] = true, true
			said = append(said, n.Name+"="+n.Address.String())
		}
		if again, err := ParseNodes(strings.Join(said, ",")); err != nil || len(again) != len(nodes) {
			t.Errorf("%q: said again: %v, %v", s, again, err)
		}
		if src, err := Source(Cluster{Package: "clusters", Name: "prod", Version: spec.Version{Minor: 37}, Layout: spec.Systemd, Nodes: nodes}); err != nil || len(src) == 0 {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// TestPackageName: every directory's name gives an identifier.
func TestPackageName(t *testing.T) {
	for directory, want := range map[string]string{
		"clusters": "clusters", "My-Clusters": "my_clusters", "2026": "clusters", "": "clusters", "ü": "clusters", "_x": "x", "a.b": "a_b",
	} {
		if got := PackageName(directory); got != want {
			t.Errorf("%q: %q, not %q", directory, got, want)
		}
	}
}
