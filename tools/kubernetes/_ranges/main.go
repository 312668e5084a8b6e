// whatever the go.mod of the version says:
//go:build go1.24

// Command ranges prints what the IPAM controller of this version of Kubernetes makes of
// random pod networks and ranges, a case a line: the network, the mask of its ranges, how
// many are left in the end, and each range that was to be occupied, with whether it could
// be. gen/vet's arithmetic is compared with them.
package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"

	"k8s.io/kubernetes/pkg/controller/nodeipam/ipam/cidrset"
)

const cases = 400

func main() {
	rng := rand.New(rand.NewPCG(20, 37))
	for range cases {
		if err := one(rng); err != nil {
			fmt.Fprintln(os.Stderr, "ranges:", err)
			os.Exit(1)
		}
	}
}

func one(rng *rand.Rand) error {
	four := rng.IntN(2) == 0
	full := 128
	if four {
		full = 32
	}
	mask := 8 + rng.IntN(full-7)
	network := netip.PrefixFrom(address(rng, four), max(1, mask-rng.IntN(11))).Masked()
	_, cluster, err := net.ParseCIDR(network.String())
	if err != nil {
		return err
	}
	set, err := cidrset.NewCIDRSet(cluster, mask)
	if err != nil {
		return err
	}
	line := ""
	for range 1 + rng.IntN(5) {
		r := near(rng, network, mask)
		_, cidr, err := net.ParseCIDR(r.String())
		if err != nil {
			return err
		}
		answer := "occupied"
		if set.Occupy(cidr) != nil {
			answer = "refused"
		}
		line += fmt.Sprintf(" %s=%s", r, answer)
	}
	left := 0
	for {
		if _, err := set.AllocateNext(); err != nil {
			break
		}
		left++
	}
	fmt.Printf("%s /%d %d%s\n", network, mask, left, line)
	return nil
}

// near returns a range in a network, beside it, around it or elsewhere.
func near(rng *rand.Rand, network netip.Prefix, mask int) netip.Prefix {
	a := network.Addr().AsSlice()
	for i := network.Bits(); i < len(a)*8; i++ {
		if rng.IntN(2) == 0 {
			a[i/8] ^= 0x80 >> (i % 8)
		}
	}
	if rng.IntN(4) == 0 { // beside it
		i := rng.IntN(network.Bits())
		a[i/8] ^= 0x80 >> (i % 8)
	}
	addr, _ := netip.AddrFromSlice(a)
	if rng.IntN(10) == 0 {
		addr = address(rng, !addr.Is4())
	}
	return netip.PrefixFrom(addr, max(1, min(addr.BitLen(), mask+rng.IntN(13)-6))).Masked()
}

func address(rng *rand.Rand, four bool) netip.Addr {
	var b [16]byte
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	if four {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	b[0] |= 0x20
	return netip.AddrFrom16(b)
}
