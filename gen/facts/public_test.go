package facts

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"k8s.io/client-go/util/keyutil"

	"github.com/kcmgen/kcmgen/gen/keys"
)

// form is a key in one file format.
type form struct {
	name string
	pem  []byte
	key  crypto.PublicKey
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// forms returns keys of every kind, in every format that openssl writes.
func forms(t testing.TB) []form {
	t.Helper()
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	_, ed := edwards(t)
	out := []form{
		{"rsa PKCS #1 private", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), rsaKey.Public()},
		{"rsa PKCS #1 public", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)), rsaKey.Public()},
	}
	signers := map[string]crypto.Signer{"rsa": rsaKey, "ed25519": ed}
	for name, curve := range map[string]elliptic.Curve{"P-224": elliptic.P224(), "P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		key := must(ecdsa.GenerateKey(curve, rand.Reader))(t)
		signers[name] = key
		sec1 := block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(key))(t))
		out = append(out, form{name + " SEC 1 private", sec1, key.Public()},
			form{name + " with its parameters", append(block("EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}), sec1...), key.Public()})
	}
	for name, key := range signers {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}}
		out = append(out,
			form{name + " PKCS #8 private", block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))(t)), key.Public()},
			form{name + " PKIX public", block("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(key.Public()))(t)), key.Public()},
			form{name + " certificate", block("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)), key.Public()})
	}
	return append(out, form{"text", []byte("no key\n"), nil}, form{"rubbish", block("PUBLIC KEY", []byte{1, 2, 3}), nil},
		form{"encrypted", block("ENCRYPTED PRIVATE KEY", []byte{48, 0}), nil})
}

func edwards(t testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub, key
}

// TestPublicKeys: a file of public keys is parsed as by the apiserver: no PKCS #1, no ECDSA
// key in PKCS #8, no Ed25519; and the error says why.
func TestPublicKeys(t *testing.T) {
	for _, f := range forms(t) {
		ed := strings.HasPrefix(f.name, "ed25519")
		refused := f.key == nil || ed || f.name == "rsa PKCS #1 public" || strings.HasPrefix(f.name, "P-") && strings.HasSuffix(f.name, "PKCS #8 private")
		got, err := publicKeys(f.pem)
		switch {
		case refused != (err != nil):
			t.Errorf("%s: refused %v, want %v (%v)", f.name, err != nil, refused, err)
		case err == nil && (len(got) != 1 || !keys.Equal(got[0], f.key)):
			t.Errorf("%s: reads %v", f.name, got)
		case err != nil && strings.Contains(f.name, "PKCS") && !strings.Contains(err.Error(), "openssl"):
			t.Errorf("%s: %v: names no remedy", f.name, err)
		}
	}
}

// TestPrivateKeysAgree: a private key is parsed as by kube-controller-manager, in files of
// one block and of several, with three intended differences: kcmgen refuses keys that
// can't sign tokens, files that don't begin with the key, and files with a second key.
func TestPrivateKeysAgree(t *testing.T) {
	all := forms(t)
	random := mathrand.New(mathrand.NewPCG(7, 7))
	agreed, stricter := 0, 0
	for i := range 400 {
		var files [][]byte
		names := ""
		for range 1 + min(i/len(all), 2) {
			f := all[random.IntN(len(all))]
			if i < len(all) {
				f = all[i]
			}
			files, names = append(files, f.pem), names+f.name+"; "
		}
		data := bytes.Join(files, nil)
		theirs, theirErr := keyutil.ParsePrivateKeyPEM(data)
		ours, ourErr := keys.ParsePrivate(data)
		signer, signs := theirs.(crypto.Signer)
		_, isEd := theirs.(ed25519.PrivateKey)
		switch {
		case ourErr == nil && (theirErr != nil || !signs || !keys.Equal(ours.Public(), signer.Public())):
			t.Errorf("%s we read a key that kube-controller-manager doesn't (%v)", names, theirErr)
		case ourErr == nil, theirErr != nil:
			agreed++
		case strings.Count(string(data), "PRIVATE KEY-----\n") > 2 && strings.Contains(ourErr.Error(), "more than one private key"):
			stricter++
		case isEd || !strings.Contains(strings.SplitN(names, ";", 2)[0], "private") && !strings.Contains(strings.SplitN(names, ";", 2)[0], "parameters"):
			stricter++
		default:
			t.Errorf("%s kube-controller-manager reads it: %v", names, fmt.Errorf("we don't: %w", ourErr))
		}
	}
	t.Logf("%d files read alike, %d refused for more", agreed, stricter)
	if agreed < 100 {
		t.Errorf("only %d files", agreed)
	}
}
