package plan

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Backdate is how long before its creation a certificate becomes valid, for hosts whose
// clock is slow.
const Backdate = 5 * time.Minute

// leafReason says why a leaf must be made; "" if the existing one fits.
func (b *builder) leafReason(it Item) string {
	pair, ok := b.have[it.ID]
	switch {
	case !ok:
		return "none yet"
	case pair.Gone():
		return "the one made earlier is gone"
	}
	if why := missingHalf(pair); why != "" {
		return why
	}
	cert, err := pair.Certificate()
	if err != nil {
		return "the certificate can't be read: " + err.Error()
	}
	if err := pair.IsOf(cert); err != nil {
		return err.Error()
	}
	ca, err := b.ca()
	if err != nil {
		return "another CA signs now"
	}
	refused := refusal(cert, ca, it, b.now)
	if refused != nil && cert.CheckSignatureFrom(ca) != nil {
		return "another CA signs now"
	}
	if why := leafDiffers(cert, it, ca, b.now); why != "" || refused == nil {
		return why
	}
	return "the one made earlier doesn't verify: " + refused.Error()
}

// refusal returns an error unless a leaf verifies for its uses now.
func refusal(cert, ca *x509.Certificate, it Item, now time.Time) error {
	for _, use := range it.Uses() {
		if err := keys.Verify(cert, ca, use, now); err != nil {
			return err
		}
	}
	return nil
}

// missingHalf says which half of a pair is missing; "" if none is.
func missingHalf(p keys.Pair) string {
	switch {
	case p.Key.Empty():
		return "its private key is missing"
	case len(p.Cert) == 0:
		return "its certificate is missing"
	}
	return ""
}

// signer returns the CA that signs leaves; the zero value if there is none yet.
func (b *builder) signer() keys.Pair {
	if p, ok := b.given[keys.CA]; ok {
		return p
	}
	return b.have[keys.CA]
}

func leafDiffers(cert *x509.Certificate, it Item, ca *x509.Certificate, now time.Time) string {
	if got := SubjectOf(cert); got != it.Subject {
		return fmt.Sprintf("the subject was %s, is %s", text(got), text(it.Subject))
	}
	if why := sansDiffer(cert, it.Hosts); why != "" {
		return why
	}
	if got := KeyOf(cert.PublicKey); got != it.Key {
		return fmt.Sprintf("the key was %s, is %s", got, it.Key)
	}
	ku, eku := Usages(it.Usages)
	if cert.KeyUsage != ku || !slices.Equal(cert.ExtKeyUsage, eku) {
		return "the usages are now " + strings.Join(it.Usages, ", ")
	}
	return timeDiffers(cert, it.Expiry, ca, now)
}

// timeDiffers says why a leaf's validity needs a renewal: a third of it or less is left,
// or the cluster's lifetime changed. That a leaf ends with its CA is no change.
func timeDiffers(cert *x509.Certificate, expiry time.Duration, ca *x509.Certificate, now time.Time) string {
	end := cert.NotBefore.Add(expiry)
	if end.After(ca.NotAfter) {
		end = ca.NotAfter
	}
	if d := end.Sub(cert.NotAfter); d > time.Minute || d < -time.Minute {
		return fmt.Sprintf("the lifetime was %s, is %s", hours(cert.NotAfter.Sub(cert.NotBefore)), hours(end.Sub(cert.NotBefore)))
	}
	if now.Before(cert.NotBefore) {
		return "it begins only at " + cert.NotBefore.Format(time.RFC3339)
	}
	if now.After(cert.NotAfter) {
		return "it ended at " + cert.NotAfter.Format(time.RFC3339)
	}
	if !now.Before(renewal(cert)) && cert.NotAfter.Before(ca.NotAfter) {
		return fmt.Sprintf("it ends at %s: a third of its life or less is left", cert.NotAfter.Format(time.RFC3339))
	}
	return ""
}

func sansDiffer(cert *x509.Certificate, want []string) string {
	var got []string
	for _, ip := range cert.IPAddresses {
		got = append(got, ip.String())
	}
	got = append(got, cert.DNSNames...)
	slices.Sort(got)
	if slices.Equal(got, want) {
		return ""
	}
	var diff []string
	for _, h := range want {
		if !slices.Contains(got, h) {
			diff = append(diff, "+"+h)
		}
	}
	for _, h := range got {
		if !slices.Contains(want, h) {
			diff = append(diff, "-"+h)
		}
	}
	return "subject alternative names changed: " + strings.Join(diff, " ")
}

// authorityDiffers says how a CA made earlier differs from the cluster's; "" if it
// doesn't.
func authorityDiffers(old keys.Pair, it Item) string {
	cert, err := old.Certificate()
	if err != nil {
		return err.Error()
	}
	if got := SubjectOf(cert); got != it.Subject {
		return fmt.Sprintf("the CA made earlier is %s, the cluster says %s", text(got), text(it.Subject))
	}
	if got := KeyOf(cert.PublicKey); got != it.Key {
		return fmt.Sprintf("the CA made earlier has a key %s, the cluster says %s", got, it.Key)
	}
	return ""
}

// covers reports whether the user's own files hold what an earlier export made, so that
// its copy can be removed.
func covers(given, old keys.Pair) bool {
	return sameKey(given, old) && bytes.Equal(given.Cert, old.Cert)
}

func sameKey(a, b keys.Pair) bool {
	x, err1 := a.Identity()
	y, err2 := b.Identity()
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// KeyOf returns the algorithm and the size of a public key.
func KeyOf(pub any) spec.Key {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		return spec.Key{Algo: "ecdsa", Size: k.Curve.Params().BitSize}
	case *rsa.PublicKey:
		return spec.Key{Algo: "rsa", Size: k.N.BitLen()}
	}
	return spec.Key{Algo: fmt.Sprintf("%T", pub)}
}

// SubjectOf returns the subject of a certificate, the first of each kind of name.
func SubjectOf(cert *x509.Certificate) spec.Subject {
	first := func(ss []string) string {
		if len(ss) == 0 {
			return ""
		}
		return ss[0]
	}
	n := cert.Subject
	return spec.Subject{
		CN: n.CommonName, O: first(n.Organization), OU: first(n.OrganizationalUnit),
		C: first(n.Country), ST: first(n.Province), L: first(n.Locality),
	}
}

func text(s spec.Subject) string {
	var parts []string
	for _, a := range []struct{ k, v string }{{"CN", s.CN}, {"O", s.O}, {"OU", s.OU}, {"C", s.C}, {"ST", s.ST}, {"L", s.L}} {
		if a.v != "" {
			parts = append(parts, a.k+"="+a.v)
		}
	}
	return strings.Join(parts, ",")
}

// Usages converts cfssl's names of usages to X.509.
func Usages(names []string) (x509.KeyUsage, []x509.ExtKeyUsage) {
	var ku x509.KeyUsage
	var eku []x509.ExtKeyUsage
	for _, n := range names {
		switch n {
		case "signing", "digital signature":
			ku |= x509.KeyUsageDigitalSignature
		case "content commitment":
			ku |= x509.KeyUsageContentCommitment
		case "key encipherment":
			ku |= x509.KeyUsageKeyEncipherment
		case "key agreement":
			ku |= x509.KeyUsageKeyAgreement
		case "data encipherment":
			ku |= x509.KeyUsageDataEncipherment
		case "cert sign":
			ku |= x509.KeyUsageCertSign
		case "crl sign":
			ku |= x509.KeyUsageCRLSign
		case "server auth":
			eku = append(eku, x509.ExtKeyUsageServerAuth)
		case "client auth":
			eku = append(eku, x509.ExtKeyUsageClientAuth)
		case "any":
			eku = append(eku, x509.ExtKeyUsageAny)
		}
	}
	return ku, eku
}

// CutNote says that a leaf ends early, with its CA; "" if it doesn't.
func (it Item) CutNote() string {
	if it.Cut.IsZero() {
		return ""
	}
	return fmt.Sprintf("it ends with its CA, at %s, and not after %s", it.Cut.UTC().Format(time.RFC3339), hours(it.Expiry))
}

func hours(d time.Duration) string { return fmt.Sprintf("%.0fh", d.Hours()) }
