package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
)

// FuzzParsePEM: a file is parsed as a certificate or a private key, or refused. The
// public half of a parsed key can be written and parsed again.
func FuzzParsePEM(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if cert, err := ParseCertificate(data); err == nil && cert == nil {
			t.Error("neither a certificate nor an error")
		}
		if key, err := ParsePrivate(data); err == nil {
			p := Pair{Key: NewSecret(data)}
			id, err := p.Identity()
			if err != nil {
				t.Fatalf("a private key was read, and its public half can't be written: %v", err)
			}
			block, rest := pem.Decode(id)
			if block == nil || len(rest) > 0 {
				t.Fatalf("its public half is %q", id)
			}
			if pub, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil || !Equal(pub, key.Public()) {
				t.Errorf("its public half reads back as %v (%v)", pub, err)
			}
		}
		_ = Pair{Cert: data, Key: NewSecret(data)}.Matches()
	})
}

// samples returns a file of each kind, and damaged ones.
func samples(f testing.TB) [][]byte {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a"}}
	block := func(kind string, der []byte, err error) []byte {
		if err != nil {
			f.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	cert := block("CERTIFICATE", der, err)
	der, err = x509.MarshalECPrivateKey(key)
	ec := block("EC PRIVATE KEY", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(key)
	pkcs8 := block("PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(key.Public())
	pub := block("PUBLIC KEY", der, err)
	params := block("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, nil)
	out := [][]byte{
		nil, []byte("text"), []byte("-----BEGIN CERTIFICATE-----\n"), []byte("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n"),
		[]byte("-----BEGIN RSA PUBLIC KEY-----\nMAA=\n-----END RSA PUBLIC KEY-----\n"), cert, ec, pkcs8, pub, params, cert[:len(cert)/2],
	}
	for _, more := range [][][]byte{{params, ec}, {cert, cert}, {cert, ec}, {ec, cert}, {pub, pub, cert}} {
		var joined []byte
		for _, m := range more {
			joined = append(joined, m...)
		}
		out = append(out, joined)
	}
	return out
}
