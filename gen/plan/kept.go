package plan

import (
	"crypto/x509"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
)

// KeptReason says why a plan keeps a key or a certificate, and until when. have is the key
// material of the plan.
func (it Item) KeptReason(have keys.Bundle) string {
	text := "the one made earlier"
	switch {
	case it.Given:
		text = "the user's own file"
	case it.Kind == Leaf:
		text = "it fits"
	}
	cert, err := have[it.ID].Certificate()
	if it.Kind == KeyPair || err != nil {
		return text
	}
	text += ", and ends at " + cert.NotAfter.UTC().Format(time.RFC3339)
	ca, err := have[keys.CA].Certificate()
	if it.Kind == Leaf && err == nil && cert.NotAfter.Before(ca.NotAfter) {
		text += "; an export renews it from " + renewal(cert).UTC().Format(time.RFC3339)
	}
	return text
}

// renewal returns the time from which an export renews a leaf: a third of its life is left.
func renewal(cert *x509.Certificate) time.Time {
	return cert.NotAfter.Add(-cert.NotAfter.Sub(cert.NotBefore) / 3)
}
