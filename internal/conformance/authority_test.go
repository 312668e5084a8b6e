package conformance_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/keystest"
	"github.com/kcmgen/kcmgen/internal/need"
)

// TestAuthoritiesAsOpensslSees compares openssl's verdict with vet's, on CAs of every kind
// and on certificates that they sign, now and at its end. Where the two differ, why says
// how: the readers of kube-controller-manager's certificates use Go's rules.
func TestAuthoritiesAsOpensslSees(t *testing.T) {
	client, server := x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth
	now := time.Now().Truncate(time.Second)
	ip := func(s string) keystest.Names { return keystest.Names{IP: []string{s}} }
	dns := func(s ...string) keystest.Names { return keystest.Names{DNS: s} }
	extension := func(e pkix.Extension) []pkix.Extension { return []pkix.Extension{e} }
	dir := module(t, map[string]string{"c": cluster("c", "systemd", oneNode+`pki: ca: {certFile: "ca.crt", keyFile: "ca.key"}`)})
	one, err := config.Load(t.Context(), dir, []string{"./c"}, config.Options{})
	if err != nil || len(one.Clusters) != 1 {
		t.Fatalf("%v %v", err, one.Findings)
	}
	for name, tc := range map[string]struct {
		ca       keystest.CA
		refused  bool   // by vet
		differs  bool   // openssl disagrees
		why      string // for the difference
		partial  bool   // openssl accepts a CA that isn't a root
		strength bool   // the CA's key is too weak
	}{
		"a usual one":         {},
		"RSA":                 {ca: keystest.CA{Key: "rsa2048"}},
		"P-384":               {ca: keystest.CA{Key: "p384"}},
		"P-521":               {ca: keystest.CA{Key: "p521"}},
		"RSA 1024":            {ca: keystest.CA{Key: "rsa1024"}, refused: true, strength: true},
		"P-224":               {ca: keystest.CA{Key: "p224"}, refused: true, strength: true, differs: true, why: "it is of 112 bits, and cfssl can't sign with it"},
		"servers":             {ca: keystest.CA{Usages: []x509.ExtKeyUsage{server}}, refused: true},
		"clients":             {ca: keystest.CA{Usages: []x509.ExtKeyUsage{client}}, refused: true},
		"both":                {ca: keystest.CA{Usages: []x509.ExtKeyUsage{client, server}}},
		"code":                {ca: keystest.CA{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}, refused: true},
		"any":                 {ca: keystest.CA{Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}, differs: true, why: "openssl looks for the usage itself"},
		"both and any":        {ca: keystest.CA{Usages: []x509.ExtKeyUsage{client, server, x509.ExtKeyUsageAny}}},
		"excluded range":      {ca: keystest.CA{Excluded: ip("10.0.0.0/24")}, refused: true},
		"another range":       {ca: keystest.CA{Excluded: ip("10.0.1.0/24")}},
		"permitted range":     {ca: keystest.CA{Permitted: ip("10.0.0.0/24"), Critical: true}, refused: true}, // not 127.0.0.1
		"the other family":    {ca: keystest.CA{Excluded: ip("::/0")}},
		"excluded name":       {ca: keystest.CA{Excluded: dns("localhost"), Critical: true}, refused: true},
		"excluded names":      {ca: keystest.CA{Excluded: dns("n1")}, refused: true},
		"permitted domain":    {ca: keystest.CA{Permitted: dns("example.com")}, refused: true},
		"permitted names":     {ca: keystest.CA{Permitted: dns("n1", "localhost"), Critical: true}},
		"below a name":        {ca: keystest.CA{Excluded: dns(".n1")}},
		"odd constraint":      {ca: keystest.CA{Extensions: extension(keystest.OddConstraint(true))}, refused: true, differs: true, why: "openssl knows the names of directories"},
		"lax odd constraint":  {ca: keystest.CA{Extensions: extension(keystest.OddConstraint(false))}},
		"unknown extension":   {ca: keystest.CA{Extensions: extension(keystest.Unknown(true))}, refused: true},
		"unknown note":        {ca: keystest.CA{Extensions: extension(keystest.Unknown(false))}},
		"not yet":             {ca: keystest.CA{Begin: now.Add(time.Hour)}, refused: true},
		"for an hour":         {ca: keystest.CA{End: now.Add(time.Hour)}},
		"no more":             {ca: keystest.CA{End: now.Add(-time.Minute)}, refused: true},
		"no bound":            {ca: keystest.CA{PathLen: -1}},
		"intermediate":        {ca: keystest.CA{Issued: true}, refused: true},
		"partial":             {ca: keystest.CA{Issued: true}, refused: true, differs: true, partial: true, why: "it was told to trust an intermediate by itself, as Go does"},
		"a leaf's name":       {ca: keystest.CA{Subject: "system:kube-controller-manager"}, refused: true},
		"intermediate, bound": {ca: keystest.CA{Issued: true, PathLen: -1}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.ca.Begin.IsZero() {
				tc.ca.Begin = now.Add(-48 * time.Hour)
			}
			if tc.ca.End.IsZero() {
				tc.ca.End = now.Add(20000 * time.Hour)
			}
			ca, err := tc.ca.Make()
			if err != nil {
				t.Fatal(err)
			}
			c := *one.Clusters[0]
			c.Dir = t.TempDir()
			write(t, filepath.Join(c.Dir, "ca.crt"), string(ca.Cert))
			write(t, filepath.Join(c.Dir, "ca.key"), string(ca.Key))
			found := refusals(&c, now)
			if got := len(found) > 0; got != tc.refused {
				t.Errorf("vet says %q, want a refusal: %v", found, tc.refused)
			}
			if got := slices.ContainsFunc(found, func(s string) bool { return strings.HasPrefix(s, "key-strength") }); got != tc.strength {
				t.Errorf("vet says %q, want it to be of the key: %v", found, tc.strength)
			}
			if got, said := opensslRefuses(t, c.Dir, ca, now, tc.partial); got != (tc.refused != tc.differs) {
				t.Errorf("openssl refuses it: %v, want the contrary (%s)\n%s", got, tc.why, said)
			}
		})
	}
}

// refusals returns vet's errors.
func refusals(c *spec.Cluster, now time.Time) []string {
	var out []string
	for _, f := range gen.Vet(c, "", now).Findings {
		if f.Severity == finding.Error {
			out = append(out, f.Rule+": "+f.Message)
		}
	}
	return out
}

// opensslRefuses asks openssl, at the security level of today's systems, for both uses of
// the CA's certificates.
func opensslRefuses(t *testing.T, dir string, ca *keystest.Made, now time.Time, partial bool) (bool, string) {
	t.Helper()
	refused, all := false, ""
	for use, purpose := range map[x509.ExtKeyUsage]string{x509.ExtKeyUsageClientAuth: "sslclient", x509.ExtKeyUsageServerAuth: "sslserver"} {
		file := filepath.Join(dir, purpose+".crt")
		end := signedBy(t, ca, use, file, now)
		// Go accepts a certificate in the second of its end, openssl only before it.
		for _, at := range []time.Time{now, end.Add(-time.Second)} {
			args := []string{"verify", "-auth_level", "2", "-purpose", purpose, "-attime", fmt.Sprint(at.Unix()), "-CAfile", filepath.Join(dir, "ca.crt")}
			if partial {
				args = append(args, "-partial_chain")
			}
			if r := execute(t, "", nil, need.Program(t, "openssl"), append(args, file)...); r.code != 0 {
				refused = true
				all += r.err
			}
		}
	}
	return refused, all
}

// signedBy writes a certificate that the CA signs for a use, and returns when it ends.
func signedBy(t *testing.T, ca *keystest.Made, use x509.ExtKeyUsage, file string, now time.Time) time.Time {
	t.Helper()
	leaf, err := keystest.CA{Begin: now, End: now.Add(time.Hour)}.Make() // for its key
	if err != nil {
		t.Fatal(err)
	}
	end := now.Add(8760 * time.Hour)
	if end.After(ca.Parsed.NotAfter) {
		end = ca.Parsed.NotAfter
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "system:kube-controller-manager"}, NotBefore: now.Add(-5 * time.Minute), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use},
	}
	if use == x509.ExtKeyUsageServerAuth {
		template.DNSNames, template.IPAddresses = []string{"localhost", "n1"}, []net.IP{net.IPv4(10, 0, 0, 11), net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Parsed, leaf.Signer.Public(), ca.Signer)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return end
}
