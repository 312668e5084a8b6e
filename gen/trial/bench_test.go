package trial_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/trial"
	"github.com/kcmgen/kcmgen/internal/keystest"
)

// BenchmarkRun measures vetting a thousand nodes with several CAs.
func BenchmarkRun(b *testing.B) {
	for name, ca := range map[string]keystest.CA{
		"usual":       {},
		"constrained": {Permitted: keystest.Names{IP: []string{"10.0.0.0/8", "127.0.0.0/8"}}},
		"excluded":    {Excluded: keystest.Names{IP: []string{"10.0.1.0/24"}}},
	} {
		b.Run(name, func(b *testing.B) {
			ca.Begin, ca.End = start.Add(-year), start.Add(year)
			m, err := ca.Make()
			if err != nil {
				b.Fatal(err)
			}
			c := cluster("")
			c.Nodes = nil
			for i := range 1000 {
				n := fmt.Sprintf("n%04d", i)
				c.Nodes = append(c.Nodes, spec.Node{Name: n, Hostname: n, Arch: "amd64", Flags: spec.Settings{}, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i / 250), byte(i % 250)})}})
			}
			for b.Loop() {
				trial.Run(c, trial.Authorities{CA: m.Parsed}, start)
			}
		})
	}
}
