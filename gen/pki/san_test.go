package pki

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestSubjectAlternativeNames: what gen/spec parses as an address or a name has the same
// kind in the certificate, though cfssl parses it again: as an address, an e-mail
// address, a URI, or else a name. And the certificate verifies for it.
func TestSubjectAlternativeNames(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	key := spec.Key{Algo: "ecdsa", Size: 256}
	ca := plan.Item{ID: keys.CA, Kind: plan.Authority, Subject: spec.Subject{CN: "ca"}, Key: key, Expiry: 48 * time.Hour, Usages: []string{"cert sign"}, Reason: "test"}
	words := sanWords(20_000)
	if len(words) < 300 {
		t.Fatalf("only %d valid names", len(words))
	}
	p := &plan.Plan{Items: []plan.Item{ca}}
	var shares [][]string
	for share := range slices.Chunk(words, 100) {
		shares = append(shares, share)
		p.Items = append(p.Items, plan.Item{
			ID: fmt.Sprintf("nodes/leaf-%d/serving", len(shares)), Kind: plan.Leaf, Subject: spec.Subject{CN: "leaf"}, Hosts: share, Key: key,
			Usages: []string{"server auth"}, Expiry: time.Hour, Reason: "test",
		})
	}
	made, err := Issue(context.Background(), p, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	for i, share := range shares {
		cert, err := made[fmt.Sprintf("nodes/leaf-%d/serving", i+1)].Certificate()
		if err != nil {
			t.Fatal(err)
		}
		if len(cert.EmailAddresses)+len(cert.URIs) > 0 {
			t.Errorf("e-mail addresses %v and URIs %v", cert.EmailAddresses, cert.URIs)
		}
		var names, addrs []string
		for _, s := range share {
			h, err := spec.ParseSAN(s)
			if err != nil {
				t.Fatal(err)
			}
			asked := strings.Replace(s, "*", "x", 1)
			if h.Addr.IsValid() {
				addrs = append(addrs, net.IP(h.Addr.Unmap().AsSlice()).String())
			} else {
				names = append(names, h.Name)
			}
			if err := cert.VerifyHostname(asked); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		}
		var got []string
		for _, ip := range cert.IPAddresses {
			got = append(got, ip.String())
		}
		if !slices.Equal(names, cert.DNSNames) || !slices.Equal(addrs, got) {
			t.Errorf("the certificate has %q and %q\nof %q and %q", cert.DNSNames, got, names, addrs)
		}
	}
}

// sanWords returns those of n random texts that are valid in a certificate.
func sanWords(n int) []string {
	r := rand.New(rand.NewPCG(7, 11))
	letters := []string{"a", "B", "7", "0", "10", "255", "300", "0x1f", "-", ".", ".", ".", ":", "::", "*", "@", "/", "//", "http:", "_", "%", "<", ">", `"`, "(", " ", "é", "fd00", "xn--"}
	var out []string
	for range n {
		var b strings.Builder
		for range 1 + r.IntN(9) {
			b.WriteString(letters[r.IntN(len(letters))])
		}
		if _, err := spec.ParseSAN(b.String()); err == nil && !slices.Contains(out, b.String()) {
			out = append(out, b.String())
		}
	}
	for i := range 100 {
		b := make([]byte, 4+12*(i%2))
		for j := range b {
			b[j] = byte(r.UintN(256))
		}
		out = append(out, net.IP(b).String())
	}
	return append(out, "*.example.com", "::ffff:10.1.2.3")
}
