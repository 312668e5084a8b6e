package vet

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestPool compares the arithmetic with an enumeration: every range of a small network is
// made one after the other, and asked whether it overlaps.
func TestPool(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		p := randomPool(rng)
		var all []netip.Prefix
		for a := p.Masked().Addr(); ; {
			r := netip.PrefixFrom(a, p.mask)
			all = append(all, r)
			if a = last(r).Next(); !a.IsValid() || !p.Contains(a) {
				break
			}
		}
		if uint64(len(all)) != p.size() {
			t.Fatalf("%s in /%d has %d ranges, size says %d", p.Prefix, p.mask, len(all), p.size())
		}
		taken := map[int]bool{}
		var runs []numbers
		for range rng.IntN(6) {
			r := randomRange(rng, p)
			s, ok := p.occupied(r)
			if ok {
				runs = append(runs, s)
			}
			hit := false
			for i, a := range all {
				over := a.Overlaps(r)
				hit = hit || over
				taken[i] = taken[i] || over
				if in := ok && uint64(i) >= s.first && uint64(i) <= s.last; in != over {
					t.Fatalf("%s in /%d: range %d, %s, overlaps %s: %v; occupied says %v (%v)", p.Prefix, p.mask, i, a, r, over, in, s)
				}
				if got := p.rangeAt(uint64(i)); got != a {
					t.Fatalf("%s in /%d: range %d is %s, rangeAt says %s", p.Prefix, p.mask, i, a, got)
				}
			}
			if hit != ok {
				t.Fatalf("%s in /%d: occupied(%s) says %v", p.Prefix, p.mask, r, ok)
			}
		}
		want := uint64(0)
		for _, is := range taken {
			if is {
				want++
			}
		}
		if got := union(runs); got != want {
			t.Fatalf("%s in /%d: %d ranges are taken, union says %d", p.Prefix, p.mask, want, got)
		}
	}
}

// randomPool returns a network of at most 64 ranges.
func randomPool(rng *rand.Rand) pool {
	a := randomAddr(rng, rng.IntN(2) == 0)
	mask := rng.IntN(a.BitLen() + 1)
	return pool{netip.PrefixFrom(a, max(0, mask-rng.IntN(7))).Masked(), mask}
}

// randomRange returns a range near a pool: in it, around it or somewhere else.
func randomRange(rng *rand.Rand, p pool) netip.Prefix {
	a := p.rangeAt(rng.Uint64N(p.size())).Addr()
	switch rng.IntN(5) {
	case 0:
		a = randomAddr(rng, a.Is4())
	case 1:
		a = randomAddr(rng, !a.Is4())
	case 2:
		if up := last(p.Prefix).Next(); up.IsValid() {
			a = up
		}
	}
	n := max(0, min(a.BitLen(), p.mask+rng.IntN(17)-8))
	return netip.PrefixFrom(a, n).Masked()
}

func randomAddr(rng *rand.Rand, four bool) netip.Addr {
	var b [16]byte
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	if four {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	b[0] |= 0x20 // not IPv4 in IPv6
	return netip.AddrFrom16(b)
}

// last returns the last address of a range.
func last(r netip.Prefix) netip.Addr {
	b := r.Masked().Addr().AsSlice()
	for i := r.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// TestPoolDivides: what no leader starts with isn't divided here either.
func TestPoolDivides(t *testing.T) {
	for _, tc := range []struct {
		cidr string
		mask int
		want bool
	}{
		{"10.0.0.0/16", 24, true},
		{"10.0.0.0/16", 16, true},
		{"10.0.0.0/16", 15, false},
		{"10.0.0.0/8", 32, true},
		{"10.0.0.0/8", 33, false},
		{"0.0.0.0/0", 32, false},
		{"fd00::/48", 64, true},
		{"fd00::/47", 64, false},
		{"fd00::/120", 128, true},
	} {
		if got := (pool{netip.MustParsePrefix(tc.cidr), tc.mask}).divides(); got != tc.want {
			t.Errorf("%s in /%d: %v", tc.cidr, tc.mask, got)
		}
	}
}

// TestPoolAsKubernetes compares the arithmetic with that of the real IPAM controller, which
// wrote testdata/ranges.txt:
//
//	go -C tools/kubernetes run . ranges v1.37.1 > gen/vet/testdata/ranges.txt
func TestPoolAsKubernetes(t *testing.T) {
	text, err := os.ReadFile("testdata/ranges.txt")
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]int{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		mask, err := strconv.Atoi(strings.TrimPrefix(words[1], "/"))
		if err != nil {
			t.Fatal(err)
		}
		p := pool{netip.MustParsePrefix(words[0]), mask}
		if !p.divides() {
			t.Errorf("divides says no, and Kubernetes divides: %s", line)
		}
		var runs []numbers
		for _, w := range words[3:] {
			r, answer, _ := strings.Cut(w, "=")
			s, ok := p.occupied(netip.MustParsePrefix(r))
			if ok {
				runs = append(runs, s)
			}
			if ok != (answer == "occupied") {
				t.Errorf("occupied(%s) says %v: %s", r, ok, line)
			}
			answers[answer]++
		}
		if left := strconv.FormatUint(p.size()-union(runs), 10); left != words[2] {
			t.Errorf("%s are left: %s", left, line)
		}
	}
	if answers["occupied"] < 100 || answers["refused"] < 100 {
		t.Errorf("too few cases: %v", answers)
	}
}
