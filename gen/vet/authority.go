package vet

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
)

var authorityRules = []Rule{
	{
		ID: "ca-verifies", Severity: isError, Fixed: true, cluster: caVerifies,
		Doc: "clients and servers accept what a CA signs: for its use and its names, now and until it expires",
	},
	{
		ID: "ca-intermediate", Severity: isError, cluster: caIntermediate,
		Doc: "the CA is a root: every program can trust it alone, and certificates that KCM signs come without a chain",
	},
	{
		ID: "key-strength", Severity: isError, Fixed: true, cluster: keyStrength,
		Doc: "the CA signs with RSA of 2048 bits or more, or with ECDSA on P-256, P-384 or P-521",
	},
	{
		ID: "ca-weak", Severity: isWarning, cluster: caWeak,
		Doc: "a CA is signed with a better hash than MD5 and SHA-1 (an error for an intermediate), and one that is only trusted has a strong key (an error)",
	},
	{
		ID: "ca-kept", Severity: isWarning, cluster: caKept,
		Doc: "pki.ca.expiry is the lifetime that the CA was made with: changing it changes no CA",
	},
}

// Made is a CA in out/ that an earlier export made.
type Made struct {
	Cert *x509.Certificate // nil: none yet, or a broken one, which an export reports
	File string            // as messages name it
	Err  error             // why File can't be read
}

// Refusal is the verification error of a certificate that a CA would sign.
type Refusal struct {
	Authority string // the CA's field
	Leaf      string // what is signed: "client", "serving", "combined", "apiserver", "front proxy"
	Node      string // its node; "" for all nodes
	Use       x509.ExtKeyUsage
	Err       error
}

// cert returns the CA's certificate, the user's or kcmgen's; nil if there is none.
func (a authority) cert() *x509.Certificate {
	if a.spec.Existing() {
		return a.facts.Cert
	}
	return a.made.Cert
}

// name is the CA as messages name it.
func (a authority) name() string {
	if a.spec.Existing() {
		return "the CA " + a.spec.CertFile
	}
	return "the CA " + a.made.File + ", which kcmgen made,"
}

// certField is the field to change.
func (a authority) certField() string {
	if a.spec.Existing() {
		return a.field + ".certFile"
	}
	return a.field
}

// replaceHint says how to replace a CA that kcmgen made.
func (a authority) replaceHint() string {
	if a.spec.Existing() {
		return ""
	}
	dir, file := filepath.Split(a.made.File)
	id := strings.TrimSuffix(file, ".crt")
	return fmt.Sprintf("to have a new one, move %s.* out of %s and export with --accept %s; clients must trust the new one before hosts get it", id, filepath.Clean(dir), id)
}

func caVerifies(v *view) []fault {
	var out []fault
	count := map[string]int{}
	for _, a := range v.authorities() {
		for _, r := range v.facts.Refusals {
			if r.Authority != a.field {
				continue
			}
			f := a.refusalFault(r)
			f.field = a.certField()
			key := f.field + f.message
			if r.Node != "" {
				key = fmt.Sprint(f.field, r.Leaf, r.Use) // report the first node only
			}
			if count[key]++; count[key] == 1 {
				out = append(out, f)
			}
		}
	}
	return out
}

// refusalFault turns a verification error into a fault, without its field.
func (a authority) refusalFault(r Refusal) fault {
	cert := a.cert()
	var critical x509.UnhandledCriticalExtension
	var invalid x509.CertificateInvalidError
	f := fault{expected: "a CA for certificates of clients and servers", hint: a.replaceHint()}
	switch {
	case errors.As(r.Err, &critical) && cert != nil && len(cert.UnhandledCriticalExtensions) > 0:
		f.message = fmt.Sprintf("%s has a critical extension that Kubernetes doesn't know (%s): every certificate of it is refused", a.name(), extensions(cert))
		f.expected = "a CA without it"
	case errors.As(r.Err, &invalid) && invalid.Reason == x509.Expired && cert != nil && cert.NotBefore.After(cert.NotAfter):
		f.message = fmt.Sprintf("%s ends before it begins", a.name())
	case errors.As(r.Err, &invalid) && invalid.Reason == x509.Expired && cert != nil:
		f.message = fmt.Sprintf("%s begins only at %s: until then every certificate of it is refused", a.name(), cert.NotBefore.UTC().Format(time.RFC3339))
		f.expected = "a CA that has begun"
		f.hint = strings.TrimSuffix("see whether this machine's clock is right: date -u; "+f.hint, "; ")
	case errors.As(r.Err, &invalid) && invalid.Reason == x509.CANotAuthorizedForThisName:
		f.message = fmt.Sprintf("the name constraints of %s exclude what %s names: %s", a.name(), leafName(r), invalid.Detail)
		f.expected = "a CA whose constraints permit the cluster's names and addresses"
	case errors.As(r.Err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		use := "a server's"
		if r.Use == x509.ExtKeyUsageClientAuth {
			use = "a client's"
		}
		f.message = fmt.Sprintf("%s isn't for %s certificates, by its extended key usage: %s is refused", a.name(), use, leafName(r))
		f.expected = "a CA without extended key usage, or with that of clients and servers"
		if a.field == "pki.frontProxy" {
			f.expected = "a CA without extended key usage, or with that of clients"
		}
	default:
		f.message = fmt.Sprintf("%s is no CA for %s: %v", a.name(), leafName(r), r.Err)
	}
	return f
}

func leafName(r Refusal) string {
	what := "the " + r.Leaf + " certificate"
	switch r.Leaf {
	case "apiserver":
		what = "the apiserver's certificate"
	case "front proxy":
		what = "the front proxy's certificate"
	}
	if r.Node != "" {
		what += " of " + r.Node
	}
	return what
}

// extensions lists the critical extensions that Go doesn't know.
func extensions(cert *x509.Certificate) string {
	var out []string
	for _, id := range cert.UnhandledCriticalExtensions {
		s := id.String()
		if s == "2.5.29.30" {
			s = "name constraints of an unusual kind, " + s
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// caIntermediate: --cluster-signing-cert-file takes one certificate, so what KCM signs
// for kubelets comes without a chain. It works only with programs that were given the
// intermediate itself and accept it as a root: Go's do, openssl's don't.
func caIntermediate(v *view) []fault {
	a := v.authorities()[0]
	cert := a.facts.Cert
	if !a.spec.Existing() || cert == nil || !intermediate(cert) {
		return nil
	}
	return one(fault{
		field:    a.field + ".certFile",
		message:  fmt.Sprintf("%s is an intermediate, issued by %q: what KCM signs comes without its chain, and programs that trust only a root (curl or Python in a pod) refuse the cluster", a.name(), cert.Issuer.String()),
		expected: "a root: its own issuer",
		hint:     "name the root's files, or a root of the cluster's own; waive this where every reader is given the intermediate itself",
	})
}

// intermediate reports whether another CA signed cert, even one of the same name with
// another key.
func intermediate(cert *x509.Certificate) bool {
	return !bytes.Equal(cert.RawIssuer, cert.RawSubject) ||
		len(cert.AuthorityKeyId) > 0 && len(cert.SubjectKeyId) > 0 && !bytes.Equal(cert.AuthorityKeyId, cert.SubjectKeyId)
}

// unknownKey says why Kubernetes can't verify what a CA's key signs, and what it
// needs; "" if it can.
func unknownKey(cert *x509.Certificate) (what, want string) {
	switch cert.PublicKey.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return weakKey(cert.PublicKey)
	}
	if len(cert.RawSubjectPublicKeyInfo) == 0 {
		return "", "" // none was read
	}
	return "of a kind that Kubernetes doesn't know", "RSA or ECDSA"
}

// weakKey says what is wrong with the public half of a signing key, and what is
// needed; "" if nothing. It looks at RSA and ECDSA keys only.
func weakKey(key crypto.PublicKey) (what, want string) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < 2048 {
			return fmt.Sprintf("RSA of %d bits", bits), "RSA of 2048 bits or more"
		}
	case *ecdsa.PublicKey:
		if p := k.Params(); !slices.Contains([]int{256, 384, 521}, p.BitSize) {
			return "ECDSA on the curve " + p.Name, "ECDSA on P-256, P-384 or P-521"
		}
	}
	return "", ""
}

// keyStrength runs before cfssl does, which would choose SHA-1 for such a key: Go
// neither signs nor verifies with that.
func keyStrength(v *view) []fault {
	a := v.authorities()[0]
	field, what, want := a.field+".certFile", "", ""
	if a.facts.Cert != nil {
		what, want = unknownKey(a.facts.Cert)
	}
	if what == "" {
		field = a.field + ".keyFile"
		what, want = weakKey(a.facts.Public)
	}
	if what == "" {
		return nil
	}
	return one(fault{field: field, message: fmt.Sprintf("the key of %s is %s: certificates that it signs are refused", a.name(), what), expected: want})
}

// caWeak: neither Go nor openssl verifies a root's own signature, so an old hash there
// is no security hole, only the sign of a CA that should be replaced. An intermediate's
// signature is verified with its root.
func caWeak(v *view) []fault {
	var out []fault
	for _, a := range v.authorities() {
		cert := a.facts.Cert
		if cert == nil {
			continue
		}
		if what, want := unknownKey(cert); what != "" && a.field != "pki.ca" {
			out = append(out, fault{
				field: a.field + ".certFile", severity: finding.Error, expected: want,
				message: fmt.Sprintf("the key of %s is %s: anyone who breaks it can claim any identity", a.name(), what),
			})
		}
		hash := weakHash(cert.SignatureAlgorithm)
		if hash == "" {
			continue
		}
		f := fault{field: a.field + ".certFile", message: fmt.Sprintf("%s is signed with %s", a.name(), hash), expected: "SHA-256 or better"}
		if intermediate(cert) {
			f.severity = finding.Error
			f.message += ": clients that trust its root refuse it"
		}
		out = append(out, f)
	}
	return out
}

func weakHash(alg x509.SignatureAlgorithm) string {
	switch alg {
	case x509.MD2WithRSA, x509.MD5WithRSA:
		return "MD5 or older"
	case x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return "SHA-1"
	}
	return ""
}

// expiryNotice is how long before its end the expiry of a CA that kcmgen made is
// reported: a tenth of its lifetime, or 90 days if that is less. So the warning about a
// CA for a day doesn't start in its first hour.
func expiryNotice(cert *x509.Certificate) time.Duration {
	return min(cert.NotAfter.Sub(cert.NotBefore)/10, expirySoon)
}

// madeExpiry reports the expiry of a CA that kcmgen made.
func (a authority) madeExpiry(now time.Time) []fault {
	cert := a.made.Cert
	if a.made.Err != nil {
		return one(fault{
			field: a.field, severity: finding.NotChecked, expected: "to run as the user who exports",
			message: fmt.Sprintf("%s: %v: the expiry of the CA that kcmgen made is unknown", a.made.File, a.made.Err),
		})
	}
	if a.spec.Existing() || cert == nil {
		return nil
	}
	end := cert.NotAfter.UTC().Format(time.RFC3339)
	f := fault{
		field: a.field, expected: "a CA that lives on: certificates end with it", hint: a.replaceHint(),
		message: fmt.Sprintf("%s ends at %s", a.name(), end),
	}
	switch left := cert.NotAfter.Sub(now); {
	case left <= 0:
		f.severity = finding.Error
		f.message = fmt.Sprintf("%s ended at %s: no certificate can be made, and none of it is taken", a.name(), end)
	case left > expiryNotice(cert):
		return nil
	}
	return one(f)
}

// caKept: another expiry in the CUE doesn't change a CA that exists.
func caKept(v *view) []fault {
	var out []fault
	for _, a := range v.authorities() {
		if a.spec.Existing() || a.made.Cert == nil {
			continue
		}
		life := a.made.Cert.NotAfter.Sub(a.made.Cert.NotBefore)
		if d := life - a.spec.Expiry; d.Abs() <= time.Minute {
			continue
		}
		out = append(out, fault{
			field:    a.field + ".expiry",
			message:  fmt.Sprintf("%s was made for %s and ends at %s: it stays as it is", a.name(), hoursOf(life), a.made.Cert.NotAfter.UTC().Format(time.RFC3339)),
			expected: fmt.Sprintf("expiry: %q, as long as that CA is used", hoursOf(life)),
			hint:     a.replaceHint(),
		})
	}
	return out
}

// hoursOf writes a lifetime as CUE has it, such as 8760h.
func hoursOf(d time.Duration) string {
	s := d.Round(time.Second).String()
	for _, zero := range []string{"0s", "0m"} {
		if t := strings.TrimSuffix(s, zero); t != s && strings.HasSuffix(t, map[string]string{"0s": "m", "0m": "h"}[zero]) {
			s = t
		}
	}
	return s
}
