package plan_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/pki"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/internal/keystest"
)

// TestKeptIsVerified: a leaf that fits the cluster but doesn't verify is made again.
func TestKeptIsVerified(t *testing.T) {
	have := issue(t, cluster("a"), nil, start)
	old, err := have[aServing].Certificate()
	if err != nil {
		t.Fatal(err)
	}
	ca, err := have[keys.CA].Certificate()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := have[keys.CA].Private()
	if err != nil {
		t.Fatal(err)
	}
	for critical, want := range map[bool]string{true: "the one made earlier doesn't verify: x509: unhandled critical extension", false: ""} {
		template := *old
		template.Extensions = nil
		template.ExtraExtensions = []pkix.Extension{keystest.Unknown(critical)}
		der, err := x509.CreateCertificate(rand.Reader, &template, ca, old.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		b := maps.Clone(have)
		b[aServing] = keys.Pair{Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), Key: have[aServing].Key}
		p, err := plan.New(cluster("a"), b, nil, start)
		if err != nil {
			t.Fatal(err)
		}
		if got := made(p)[aServing]; got != want {
			t.Errorf("critical %v: it is made because %q, want %q", critical, got, want)
		}
	}
}

// TestIssueVerifies: new certificates are verified for their use, regardless of vet.
func TestIssueVerifies(t *testing.T) {
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		ca, err := keystest.CA{Begin: start.Add(-year), End: start.Add(10 * year), Usages: []x509.ExtKeyUsage{use}}.Make()
		if err != nil {
			t.Fatal(err)
		}
		c := cluster("a")
		c.PKI.CA.CertFile, c.PKI.CA.KeyFile = "c", "k"
		given := keys.Bundle{keys.CA: {Cert: ca.Cert, Key: keys.NewSecret(ca.Key)}}
		p, err := plan.New(c, nil, given, start)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pki.Issue(context.Background(), p, given, start); err == nil || !strings.Contains(err.Error(), "the new certificate doesn't verify") {
			t.Errorf("a CA for usage %d signs for both: %v", use, err)
		}
	}
}

// TestCut: a plan says if a leaf ends early with its CA, and only then.
func TestCut(t *testing.T) {
	c := cluster("a")
	have := issue(t, c, nil, start)
	ca, err := have[keys.CA].Certificate()
	if err != nil {
		t.Fatal(err)
	}
	delete(have, aClient)
	delete(have, aServing)
	for _, left := range []int{-1, 0, 1} {
		now := ca.NotAfter.Add(-year+plan.Backdate).AddDate(0, 0, -left)
		p, err := plan.New(c, have, nil, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range p.ToMake() {
			if got, want := it.CutNote() != "", left < 0; got != want {
				t.Errorf("%d days more than its life are left, and %s says %q", left, it.ID, it.CutNote())
			}
		}
	}
}

// TestWildcardIsIssued: a wildcard is verified with a name that it matches.
func TestWildcardIsIssued(t *testing.T) {
	c := cluster("a")
	c.PKI.Serving.SANs.Extra = []string{"*.example.com"}
	cert, err := issue(t, c, nil, start)[aServing].Certificate()
	if err != nil {
		t.Fatal(err)
	}
	if err := cert.VerifyHostname("kcm.example.com"); err != nil {
		t.Error(err)
	}
}
