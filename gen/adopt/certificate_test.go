package adopt

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// selfSigned returns a certificate with an Ed25519 key.
func selfSigned(t *testing.T, c x509.Certificate) *x509.Certificate {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(1), time.Unix(1e9, 0), time.Unix(1e9+7200, 0)
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, public, key)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLeftOfCertificates: each part of a certificate that CUE can't have is named, and the CUE
// has none of it.
func TestLeftOfCertificates(t *testing.T) {
	uri, _ := url.Parse("spiffe://a/b")
	c := selfSigned(t, x509.Certificate{
		Subject:  pkix.Name{CommonName: "kcm", Organization: []string{"one", "two"}, SerialNumber: "7", Locality: []string{"x\ny"}},
		DNSNames: []string{"a.example", "*.b.example", "under_score", "*.example", "10.1"}, EmailAddresses: []string{"a@b.c"}, URIs: []*url.URL{uri},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCRLSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageAny, x509.ExtKeyUsageCodeSigning}, UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 2, 3, 4}},
		CRLDistributionPoints: []string{"http://crl.example"},
	})
	w := &writer{out: &Output{}}
	text := w.leaf("/k/tls.crt", c) + strings.Join(w.certProfile("serving", "/k/tls.crt", c), "\n")
	want := []string{
		`certificate /k/tls.crt: O="two" of the subject`, `certificate /k/tls.crt: 2.5.4.5="7" of the subject`, `certificate /k/tls.crt: L="x\ny" of the subject`,
		`certificate /k/tls.crt: the DNS name "under_score"`, `certificate /k/tls.crt: the DNS name "*.example"`, `certificate /k/tls.crt: the DNS name "10.1"`, `certificate /k/tls.crt: the email address "a@b.c"`, `certificate /k/tls.crt: the URI "spiffe://a/b"`,
		`certificate /k/tls.crt: its key, Ed25519: an export makes an ECDSA key`, `certificate /k/tls.crt: the usage CRL signing`, `certificate /k/tls.crt: the usage code signing`,
		`certificate /k/tls.crt: the usage 1.2.3.4`, `certificate /k/tls.crt: the extension 2.5.29.31`,
	}
	slices.Sort(want)
	if slices.Sort(w.out.Left); !slices.Equal(w.out.Left, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(w.out.Left, "\n"), strings.Join(want, "\n"))
	}
	for _, has := range []string{`{CN: "kcm", O: "one"}`, `["a.example", "*.b.example"]`, `["digital signature", "server auth", "any"]`, `"2h"`} {
		if !strings.Contains(text, has) {
			t.Errorf("no %s in\n%s", has, text)
		}
	}
	for _, not := range []string{"key:", "two", "under_score", "spiffe"} {
		if strings.Contains(text, not) {
			t.Errorf("%s in\n%s", not, text)
		}
	}
}
