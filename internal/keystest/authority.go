// Package keystest makes CAs for tests, of all kinds that users have.
package keystest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// CA describes a CA. With only Begin and End set, and PathLen -1, it is a usual root.
type CA struct {
	Key        string // "p224", "p256" (the default), "p384", "p521", "rsa1024", "rsa2048", "ed25519"
	Begin, End time.Time
	Usages     []x509.ExtKeyUsage
	Permitted  Names
	Excluded   Names
	Critical   bool             // of the constraints
	Extensions []pkix.Extension // in addition to the usual ones
	PathLen    int              // -1: none
	Issued     bool             // by a root: it is an intermediate
	Subject    string           // the common name
}

// Names are the names in a constraint.
type Names struct {
	DNS []string
	IP  []string // ranges
}

// Unknown returns an extension that no program knows.
func Unknown(critical bool) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: critical, Value: []byte{5, 0}}
}

// OddConstraint returns a name constraint that Go doesn't know: directory names below
// O=Example.
func OddConstraint(critical bool) pkix.Extension {
	rdn := []byte("\x30\x12\x31\x10\x30\x0e\x06\x03\x55\x04\x0a\x0c\x07Example")
	general := append([]byte{0xa4, byte(len(rdn))}, rdn...)
	subtree := append([]byte{0x30, byte(len(general))}, general...)
	excluded := append([]byte{0xa1, byte(len(subtree))}, subtree...)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Critical: critical, Value: append([]byte{0x30, byte(len(excluded))}, excluded...)}
}

// Made is a CA with its key, in PEM.
type Made struct {
	Cert, Key []byte
	Parsed    *x509.Certificate
	Signer    crypto.Signer
	Root      []byte // of an intermediate
}

// Make makes the CA.
func (c CA) Make() (*Made, error) {
	key, err := newKey(c.Key)
	if err != nil {
		return nil, err
	}
	template, err := c.template()
	if err != nil {
		return nil, err
	}
	m := &Made{Signer: key}
	parent, signer := template, key
	if c.Issued {
		root, err := CA{Begin: c.Begin, End: c.End, PathLen: -1, Subject: "the-root"}.Make()
		if err != nil {
			return nil, err
		}
		parent, signer, m.Root = root.Parsed, root.Signer, root.Cert
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	if m.Parsed, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	m.Cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	der, err = x509.MarshalPKCS8PrivateKey(key)
	m.Key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return m, err
}

func (c CA) template() (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: c.Subject}, NotBefore: c.Begin, NotAfter: c.End,
		IsCA: true, BasicConstraintsValid: true, MaxPathLen: c.PathLen, MaxPathLenZero: c.PathLen == 0,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, ExtKeyUsage: c.Usages,
		PermittedDNSDomains: c.Permitted.DNS, ExcludedDNSDomains: c.Excluded.DNS, PermittedDNSDomainsCritical: c.Critical,
		ExtraExtensions: c.Extensions,
	}
	if c.Subject == "" {
		t.Subject.CommonName = "a-ca"
	}
	var err error
	if t.PermittedIPRanges, err = ranges(c.Permitted.IP); err != nil {
		return nil, err
	}
	t.ExcludedIPRanges, err = ranges(c.Excluded.IP)
	return t, err
}

func ranges(cidrs []string) ([]*net.IPNet, error) {
	var out []*net.IPNet
	for _, s := range cidrs {
		_, n, err := net.ParseCIDR(s)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "", "p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p224":
		return ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	case "p384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "p521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "rsa1024":
		return rsa.GenerateKey(rand.Reader, 1024)
	case "rsa2048":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("no kind of key is called %q", kind)
}
