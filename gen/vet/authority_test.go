package vet

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"io/fs"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

func rsaKey(bits int) crypto.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), uint(bits-1)), E: 65537}
}

// TestAuthorities: the findings about CAs.
func TestAuthorities(t *testing.T) {
	p256, p224 := &ecdsa.PublicKey{Curve: elliptic.P256()}, &ecdsa.PublicKey{Curve: elliptic.P224()}
	ca := func(change func(*x509.Certificate)) *x509.Certificate {
		c := &x509.Certificate{
			IsCA: true, PublicKey: p256, RawSubjectPublicKeyInfo: []byte("x"), SignatureAlgorithm: x509.ECDSAWithSHA256,
			RawSubject: []byte("a"), RawIssuer: []byte("a"),
		}
		change(c)
		return c
	}
	issued := func(c *x509.Certificate) { c.RawIssuer = []byte("b") }
	for name, tc := range map[string]struct {
		ca, front *x509.Certificate
		public    crypto.PublicKey
		want      []string
		severity  finding.Severity // of the first
	}{
		"a root":                      {ca: ca(func(*x509.Certificate) {})},
		"an intermediate":             {ca: ca(issued), want: []string{"ca-intermediate"}, severity: finding.Error},
		"a root's new key":            {ca: ca(func(c *x509.Certificate) { c.SubjectKeyId, c.AuthorityKeyId = []byte("x"), []byte("y") }), want: []string{"ca-intermediate"}, severity: finding.Error},
		"a root that names its key":   {ca: ca(func(c *x509.Certificate) { c.SubjectKeyId, c.AuthorityKeyId = []byte("x"), []byte("x") })},
		"a front proxy that is one":   {front: ca(issued)},
		"SHA-1":                       {ca: ca(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }), want: []string{"ca-weak"}, severity: finding.Warning},
		"MD5":                         {front: ca(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.MD5WithRSA }), want: []string{"ca-weak"}, severity: finding.Warning},
		"an intermediate of SHA-1":    {front: ca(func(c *x509.Certificate) { issued(c); c.SignatureAlgorithm = x509.ECDSAWithSHA1 }), want: []string{"ca-weak"}, severity: finding.Error},
		"RSA of 2047":                 {ca: ca(func(c *x509.Certificate) { c.PublicKey = rsaKey(2047) }), want: []string{"key-strength"}, severity: finding.Error},
		"RSA of 2048":                 {ca: ca(func(c *x509.Certificate) { c.PublicKey = rsaKey(2048) })},
		"P-224":                       {ca: ca(func(c *x509.Certificate) { c.PublicKey = p224 }), want: []string{"key-strength"}, severity: finding.Error},
		"P-224 without a certificate": {public: p224, want: []string{"key-strength"}, severity: finding.Error},
		"a front proxy of P-224":      {front: ca(func(c *x509.Certificate) { c.PublicKey = p224 }), want: []string{"ca-weak"}, severity: finding.Error},
		"a front proxy of RSA 1024":   {front: ca(func(c *x509.Certificate) { c.PublicKey = rsaKey(1024) }), want: []string{"ca-weak"}, severity: finding.Error},
		"a front proxy of Ed25519":    {front: ca(func(c *x509.Certificate) { c.PublicKey = ed25519.PublicKey("x") })},
		"a front proxy that agrees":   {front: ca(func(c *x509.Certificate) { c.PublicKey = &ecdh.PublicKey{} }), want: []string{"ca-weak"}, severity: finding.Error},
		"one that Go can't read":      {ca: ca(func(c *x509.Certificate) { c.PublicKey, c.RawSubjectPublicKeyInfo = nil, []byte("x") }), want: []string{"key-strength"}, severity: finding.Error},
	} {
		t.Run(name, func(t *testing.T) {
			c := base()
			f := Facts{CA: Material{Cert: tc.ca, Public: tc.public}, FrontProxy: Material{Cert: tc.front}}
			c.PKI.CA.CertFile, c.PKI.CA.KeyFile = "ca.crt", "ca.key"
			if tc.front != nil {
				c.PKI.FrontProxy = &spec.Authority{CertFile: "front.crt"}
			}
			got := Check(c, f)
			if diff := cmp.Diff(tc.want, ids(got)); diff != "" {
				t.Fatalf("broken rules (-want +got):\n%s", diff)
			}
			if len(got) > 0 && got[0].Severity != tc.severity {
				t.Errorf("%s is an %s, want %s", got[0].Rule, got[0].Severity, tc.severity)
			}
		})
	}
}

// TestMadeAuthorityEnds: the expiry of kcmgen's own CA is reported for the last tenth of
// its lifetime, at most 90 days.
func TestMadeAuthorityEnds(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, life := range []time.Duration{time.Hour, 24 * time.Hour, year, 10 * year, 50 * year} {
		early := min(life/10, 90*24*time.Hour)
		for at, want := range map[time.Duration]string{
			0: "", life/2 - time.Second: "", life - early - time.Second: "", life - early: "ca-expiry", life - time.Second: "ca-expiry", life: "ca-expiry", life + time.Hour: "ca-expiry",
		} {
			c := base()
			c.PKI.CA.Expiry = life
			for name, p := range c.PKI.Profiles {
				p.Expiry = min(p.Expiry, life)
				c.PKI.Profiles[name] = p
			}
			got := Check(c, Facts{Now: begin.Add(at), MadeCA: Made{File: "out/test/pki/ca.crt", Cert: &x509.Certificate{NotBefore: begin, NotAfter: begin.Add(life)}}})
			if g := strings.Join(ids(got), " "); g != want {
				t.Fatalf("a CA for %s says %q after %s, want %q", life, g, at, want)
			}
			if want == "" {
				continue
			}
			severity := finding.Warning
			if at >= life {
				severity = finding.Error
			}
			if got[0].Severity != severity || !strings.Contains(got[0].Hint, "move ca.* out of out/test/pki") {
				t.Errorf("a CA for %s says after %s: %+v", life, at, got[0])
			}
		}
	}
}

// TestMadeAuthorityUnseen: a CA that can't be read is reported as not checked.
func TestMadeAuthorityUnseen(t *testing.T) {
	got := Check(base(), Facts{Now: time.Now(), MadeCA: Made{File: "out/test/pki/ca.crt", Err: fs.ErrPermission}})
	if diff := cmp.Diff([]string{"ca-expiry not checked"}, ids(got)); diff != "" {
		t.Error(diff)
	}
}

// TestMadeAuthorityStays: another expiry in the CUE doesn't replace the CA.
func TestMadeAuthorityStays(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	made := Made{File: "out/test/pki/ca.crt", Cert: &x509.Certificate{NotBefore: begin, NotAfter: begin.Add(87600 * time.Hour)}}
	for expiry, want := range map[time.Duration][]string{
		87600 * time.Hour: nil, 87600*time.Hour + time.Second: nil, 175200 * time.Hour: {"ca-kept"}, 8760 * time.Hour: {"ca-kept"},
	} {
		c := base()
		c.PKI.CA.Expiry = expiry
		got := Check(c, Facts{Now: begin, MadeCA: made})
		if diff := cmp.Diff(want, ids(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", expiry, diff)
		}
		if len(got) > 0 && got[0].Expected != `expiry: "87600h", as long as that CA is used` {
			t.Errorf("expected %q", got[0].Expected)
		}
	}
	c := base()
	c.PKI.CA = spec.Authority{CertFile: "ca.crt", KeyFile: "ca.key"}
	if got := ids(Check(c, Facts{Now: begin.Add(100 * year), MadeCA: made})); got != nil {
		t.Errorf("the CA is the user's own, and the one made says %q", got)
	}
}

// TestServingIsHeldToAClient: a serving certificate with client auth gives its holder
// the identity in its subject.
func TestServingIsHeldToAClient(t *testing.T) {
	for name, tc := range map[string]struct {
		usages  []string
		subject spec.Subject
		want    []string
	}{
		"a server":                   {[]string{"server auth"}, spec.Subject{CN: "kcm", O: "system:masters"}, nil},
		"both":                       {[]string{"server auth", "client auth"}, spec.Subject{CN: identity}, nil},
		"both, of its own name":      {[]string{"server auth", "client auth"}, spec.Subject{CN: "kcm.example"}, nil},
		"an administrator":           {[]string{"server auth", "client auth"}, spec.Subject{CN: "kcm", O: "system:masters"}, []string{"certificate-identity"}},
		"kubeadm's administrator":    {[]string{"server auth", "client auth"}, spec.Subject{CN: "kcm", O: "kubeadm:cluster-admins"}, []string{"certificate-identity"}},
		"an administrator by any":    {[]string{"any"}, spec.Subject{CN: "kcm", O: "system:masters"}, []string{"certificate-identity"}},
		"another part's user":        {[]string{"any"}, spec.Subject{CN: "system:kube-scheduler"}, []string{"certificate-identity"}},
		"a group":                    {[]string{"server auth", "client auth"}, spec.Subject{CN: "kcm", O: "ops"}, []string{"certificate-organization"}},
		"an organizational unit":     {[]string{"server auth", "client auth"}, spec.Subject{CN: "kcm", OU: "system:masters"}, nil},
		"a group of a server's":      {[]string{"server auth"}, spec.Subject{CN: "kcm", O: "ops"}, nil},
		"a node that is a scheduler": {[]string{"server auth", "client auth"}, spec.Subject{CN: "system:node:cp-1", O: "system:nodes"}, []string{"certificate-identity", "certificate-organization"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := base()
			c.PKI.Serving.Subject = tc.subject
			c.PKI.Profiles["serving"] = spec.SigningProfile{Usages: tc.usages, Expiry: year}
			if diff := cmp.Diff(tc.want, ids(Check(c, Facts{}))); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
			c = base()
			c.PKI.Separate = false
			c.PKI.Combined.Subject = spec.Subject{CN: identity, O: tc.subject.O}
			want := []string{"certificate-combined"}
			switch tc.subject.O {
			case "":
			case "system:masters", "kubeadm:cluster-admins":
				want = append(want, "certificate-identity")
			default:
				want = append(want, "certificate-organization")
			}
			if diff := cmp.Diff(want, ids(Check(c, Facts{}))); diff != "" {
				t.Errorf("combined (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAuthorityHasANameOfItsOwn: a leaf with its CA's name looks self-signed.
func TestAuthorityHasANameOfItsOwn(t *testing.T) {
	cn := pkix.AttributeTypeAndValue{Value: identity}
	for name, tc := range map[string]struct {
		made  spec.Subject
		given *pkix.Name
		want  []string
	}{
		"its own":                 {made: spec.Subject{CN: "ca"}},
		"a leaf's":                {made: spec.Subject{CN: identity}, want: []string{"ca-name"}},
		"a leaf's and more":       {made: spec.Subject{CN: identity, O: "o"}},
		"given, a leaf's":         {given: &pkix.Name{CommonName: identity, Names: []pkix.AttributeTypeAndValue{cn}}, want: []string{"ca-name"}},
		"given, with two of them": {given: &pkix.Name{CommonName: identity, Names: []pkix.AttributeTypeAndValue{cn, cn}}},
		"given, its own":          {given: &pkix.Name{CommonName: "ca", Names: []pkix.AttributeTypeAndValue{cn}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := base()
			c.PKI.CA.Subject = tc.made
			var f Facts
			if tc.given != nil {
				c.PKI.CA.CertFile, c.PKI.CA.KeyFile = "ca.crt", "ca.key"
				f.CA.Cert = &x509.Certificate{IsCA: true, Subject: *tc.given}
			}
			if diff := cmp.Diff(tc.want, ids(Check(c, f))); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
		})
	}
}
