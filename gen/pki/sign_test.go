package pki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/csr"
	"github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// usages are all that the schema permits, and those of a CA.
var usages = []string{
	"signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment",
	"server auth", "client auth", "any", "cert sign", "crl sign",
}

// TestSignsLikeCfssl compares certificates with those of cfssl's signer, for the same
// requests, profiles and times: they differ in the serial number and the signature.
func TestSignsLikeCfssl(t *testing.T) {
	quiet()
	now := time.Date(2030, 1, 1, 0, 0, 30, 0, time.UTC)
	algorithms := []spec.Key{{Algo: "ecdsa", Size: 256}, {Algo: "ecdsa", Size: 384}, {Algo: "ecdsa", Size: 521}, {Algo: "rsa", Size: 2048}, {Algo: "rsa", Size: 3072}, {Algo: "rsa", Size: 4096}}
	for _, algorithm := range algorithms {
		t.Run(fmt.Sprintf("%s %d", algorithm.Algo, algorithm.Size), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, uint64(algorithm.Size)))
			ca := randomItem(rng, plan.Authority)
			ca.Key = algorithm
			pair, key := compared(t, ca, nil, nil, now)
			cert, err := pair.Certificate()
			if err != nil {
				t.Fatal(err)
			}
			for range 60 {
				leaf := randomItem(rng, plan.Leaf)
				leaf.Key = spec.Key{Algo: "ecdsa", Size: 256}
				compared(t, leaf, cert, key, now)
			}
		})
	}
}

// randomItem returns an item with random fields.
func randomItem(rng *rand.Rand, kind plan.Kind) plan.Item {
	it := plan.Item{Kind: kind, Expiry: time.Duration(1+rng.IntN(90000)) * time.Hour}
	it.Subject.CN = fmt.Sprintf("name %d", rng.IntN(1e6))
	for _, field := range []*string{&it.Subject.O, &it.Subject.OU, &it.Subject.C, &it.Subject.ST, &it.Subject.L} {
		if rng.IntN(2) == 0 {
			*field = fmt.Sprintf("Ünit, %d", rng.IntN(1e6))
		}
	}
	for _, name := range usages {
		if rng.IntN(3) == 0 {
			it.Usages = append(it.Usages, name)
		}
	}
	if len(it.Usages) == 0 {
		it.Usages = usages[:1]
	}
	if kind == plan.Leaf {
		for range rng.IntN(4) {
			hosts := []string{"10.0.0.1", "fd00::1", "a.example", "*.b.example", fmt.Sprintf("10.1.0.%d", rng.IntN(256))}
			it.Hosts = append(it.Hosts, hosts[rng.IntN(len(hosts))])
		}
	}
	return it
}

// compared signs an item's request twice, and returns the pair and its key.
func compared(t *testing.T, it plan.Item, ca *x509.Certificate, caKey crypto.Signer, now time.Time) (keys.Pair, crypto.Signer) {
	t.Helper()
	req := request(it)
	if ca == nil {
		req.CA = &csr.CAConfig{}
	}
	reqPEM, keyPEM, err := csr.ParseRequest(req)
	if err != nil {
		t.Fatal(err)
	}
	pair := keys.Pair{Key: keys.NewSecret(keyPEM)}
	key, err := pair.Private()
	if err != nil {
		t.Fatal(err)
	}
	if ca == nil {
		caKey = key
	}
	begin := backdated(now)
	if pair.Cert, err = sign(reqPEM, it, ca, caKey, begin, begin.Add(it.Expiry)); err != nil {
		t.Fatal(err)
	}
	s, err := local.NewSigner(caKey, ca, signer.DefaultSigAlgo(caKey), signingPolicy(it, ca == nil))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := s.Sign(signer.SignRequest{Request: string(reqPEM), Profile: "test", NotBefore: begin, NotAfter: begin.Add(it.Expiry)})
	if err != nil {
		t.Fatal(err)
	}
	want, err := keys.ParseCertificate(theirs)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pair.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	if diff := differs(got, want); diff != "" {
		t.Errorf("%+v: %s differs from cfssl's", it, diff)
	}
	return pair, key
}

// signingPolicy is a policy of cfssl with one profile.
func signingPolicy(it plan.Item, ca bool) *config.Signing {
	prof := &config.SigningProfile{
		Usage: it.Usages, Expiry: it.Expiry, ExpiryString: it.Expiry.String(),
		CAConstraint: config.CAConstraint{IsCA: ca, MaxPathLenZero: ca},
	}
	return &config.Signing{Default: config.DefaultConfig(), Profiles: map[string]*config.SigningProfile{"test": prof}}
}

// differs returns the first part in which two certificates differ; "" if there is none.
func differs(a, b *x509.Certificate) string {
	for _, p := range []struct {
		part string
		same bool
	}{
		{"the version", a.Version == b.Version},
		{"the subject", bytes.Equal(a.RawSubject, b.RawSubject)},
		{"the issuer", bytes.Equal(a.RawIssuer, b.RawIssuer)},
		{"the key", bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)},
		{"the signature's algorithm", a.SignatureAlgorithm == b.SignatureAlgorithm},
		{"the beginning", a.NotBefore.Equal(b.NotBefore)},
		{"the end", a.NotAfter.Equal(b.NotAfter)},
		{"the number of extensions", len(a.Extensions) == len(b.Extensions)},
		{"the size of the serial number", a.SerialNumber.BitLen() <= 159 && a.SerialNumber.BitLen() > 100},
	} {
		if !p.same {
			return p.part
		}
	}
	for i, e := range a.Extensions {
		o := b.Extensions[i]
		if !e.Id.Equal(o.Id) || e.Critical != o.Critical || !slices.Equal(e.Value, o.Value) {
			return "the extension " + e.Id.String()
		}
	}
	return ""
}
