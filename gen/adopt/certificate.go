package adopt

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// authority writes what a CA is like. at is the path that names its certificate.
func (w *writer) authority(at string, c *x509.Certificate) string {
	lines := []string{"subject: " + w.subject(at, c.Subject)}
	lines = append(lines, w.key(at, c)...)
	w.leftExtensions(at, c)
	return "{\n" + strings.Join(append(lines, "expiry: "+quote(lifetime(c))), "\n") + "\n}"
}

// leaf writes the subject, the key and the names of a certificate.
func (w *writer) leaf(at string, c *x509.Certificate) string {
	lines := []string{"subject: " + w.subject(at, c.Subject)}
	lines = append(lines, w.key(at, c)...)
	own := map[string]bool{}
	for _, n := range w.nodes {
		own[n.Name] = true
		if n.Address.IsValid() {
			own[n.Address.String()] = true
		}
	}
	var extra []string
	names, addresses := 0, 0
	for _, name := range c.DNSNames {
		switch {
		case own[name]:
			names++
		case isSAN(name):
			extra = append(extra, quote(name))
		default:
			w.left("certificate %s: the DNS name %s", at, strconv.Quote(name))
		}
	}
	for _, ip := range c.IPAddresses {
		if own[ip.String()] {
			addresses++
			continue
		}
		extra = append(extra, quote(ip.String()))
	}
	for _, email := range c.EmailAddresses {
		w.left("certificate %s: the email address %s", at, strconv.Quote(email))
	}
	for _, uri := range c.URIs {
		w.left("certificate %s: the URI %s", at, strconv.Quote(uri.String()))
	}
	w.leftExtensions(at, c)
	sans := []string{"extra: [" + strings.Join(extra, ", ") + "]"}
	switch {
	case addresses == 0 && names == 0:
		sans = append(sans, `nodes: "none"`)
	case addresses > 1 && len(w.nodes) > 1:
		sans = append(sans, `nodes: "all"`)
	default:
		sans = append(sans, `nodes: "own"`)
	}
	if names == 0 {
		sans = append(sans, "names: false")
	}
	return "{\n" + strings.Join(append(lines, "sans: {\n"+strings.Join(sans, "\n")+"\n}"), "\n") + "\n}"
}

// sanName and sanNumber match the DNS names that the vocabulary takes, and those among them that
// resolvers read as numbers, which it refuses.
var (
	sanName   = lazy.Regexp(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
	sanNumber = lazy.Regexp(`^(0[xX][0-9A-Fa-f]*|[0-9]+)(\.(0[xX][0-9A-Fa-f]*|[0-9]+))*$`)
)

// isSAN reports whether the vocabulary takes a DNS name: a wildcard needs two labels after it.
func isSAN(name string) bool {
	rest, wildcard := strings.CutPrefix(name, "*.")
	return len(name) <= 253 && sanName().MatchString(rest) && !sanNumber().MatchString(rest) && (!wildcard || strings.Contains(rest, "."))
}

// keyUsages are the bits of a key's usage, with cfssl's names; "" for what kcmgen can't make.
var keyUsages = []struct {
	bit         x509.KeyUsage
	name, plain string
}{
	{x509.KeyUsageDigitalSignature, "digital signature", ""},
	{x509.KeyUsageContentCommitment, "content commitment", ""},
	{x509.KeyUsageKeyEncipherment, "key encipherment", ""},
	{x509.KeyUsageDataEncipherment, "data encipherment", ""},
	{x509.KeyUsageKeyAgreement, "key agreement", ""},
	{x509.KeyUsageCertSign, "", "certificate signing"},
	{x509.KeyUsageCRLSign, "", "CRL signing"},
	{x509.KeyUsageEncipherOnly, "", "encipher only"},
	{x509.KeyUsageDecipherOnly, "", "decipher only"},
}

// extendedUsages are the extended usages that kcmgen can't make and that have a name.
var extendedUsages = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageCodeSigning: "code signing", x509.ExtKeyUsageEmailProtection: "email protection", x509.ExtKeyUsageTimeStamping: "time stamping", x509.ExtKeyUsageOCSPSigning: "OCSP signing",
	x509.ExtKeyUsageIPSECEndSystem: "IPsec end system", x509.ExtKeyUsageIPSECTunnel: "IPsec tunnel", x509.ExtKeyUsageIPSECUser: "IPsec user",
}

// certProfile writes how long a certificate is valid, and what for.
func (w *writer) certProfile(name, at string, c *x509.Certificate) []string {
	usages, other := usagesOf(c)
	for _, o := range other {
		w.left("certificate %s: the usage %s", at, o)
	}
	out := []string{fmt.Sprintf("%s: expiry: %s", name, quote(lifetime(c)))}
	if len(usages) > 0 {
		out = append(out, fmt.Sprintf("%s: usages: [%s]", name, strings.Join(usages, ", ")))
	}
	return out
}

// usagesOf returns a certificate's usages by cfssl's names, and those that the vocabulary lacks.
func usagesOf(c *x509.Certificate) (usages, other []string) {
	for _, u := range keyUsages {
		switch {
		case c.KeyUsage&u.bit == 0:
		case u.name == "":
			other = append(other, u.plain)
		default:
			usages = append(usages, quote(u.name))
		}
	}
	for _, u := range c.ExtKeyUsage {
		switch u {
		case x509.ExtKeyUsageServerAuth:
			usages = append(usages, quote("server auth"))
		case x509.ExtKeyUsageClientAuth:
			usages = append(usages, quote("client auth"))
		case x509.ExtKeyUsageAny:
			usages = append(usages, quote("any"))
		default:
			name := extendedUsages[u]
			if name == "" {
				name = fmt.Sprintf("number %d", u)
			}
			other = append(other, name)
		}
	}
	for _, id := range c.UnknownExtKeyUsage {
		other = append(other, id.String())
	}
	return usages, other
}

// leftExtensions names a certificate's extensions that kcmgen doesn't make.
func (w *writer) leftExtensions(at string, c *x509.Certificate) {
	for _, x := range c.Extensions {
		switch x.Id.String() {
		case "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.35", "2.5.29.37": // key ids, usages, names, CA
		default:
			w.left("certificate %s: the extension %s", at, x.Id)
		}
	}
}

// lifetime is how long a certificate is valid, in hours. Signers begin some minutes early.
func lifetime(c *x509.Certificate) string {
	hours := int((c.NotAfter.Sub(c.NotBefore) + 10*time.Minute) / time.Hour)
	return fmt.Sprintf("%dh", max(1, hours))
}

// attributes are the parts of a subject that the vocabulary has, once each.
var attributes = []struct {
	id   asn1.ObjectIdentifier
	name string
}{
	{asn1.ObjectIdentifier{2, 5, 4, 3}, "CN"},
	{asn1.ObjectIdentifier{2, 5, 4, 10}, "O"},
	{asn1.ObjectIdentifier{2, 5, 4, 11}, "OU"},
	{asn1.ObjectIdentifier{2, 5, 4, 6}, "C"},
	{asn1.ObjectIdentifier{2, 5, 4, 8}, "ST"},
	{asn1.ObjectIdentifier{2, 5, 4, 7}, "L"},
}

// subject writes a subject. at is the path of its certificate; "" to name nothing that is left.
func (w *writer) subject(at string, n pkix.Name) string {
	said := map[string]string{}
	for _, a := range n.Names {
		value := fmt.Sprint(a.Value)
		name := a.Type.String()
		i := slices.IndexFunc(attributes, func(x struct {
			id   asn1.ObjectIdentifier
			name string
		},
		) bool {
			return x.id.Equal(a.Type)
		})
		if i >= 0 {
			name = attributes[i].name
		}
		_, again := said[name]
		if i < 0 || again || value == "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			if at != "" {
				w.left("certificate %s: %s=%s of the subject", at, name, strconv.Quote(value))
			}
			continue
		}
		said[name] = value
	}
	if said["CN"] == "" && at != "" {
		w.left("certificate %s: that its subject has no CN", at)
	}
	var parts []string
	for _, a := range attributes {
		if v, ok := said[a.name]; ok {
			parts = append(parts, a.name+": "+quote(v))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// key writes the kind of a certificate's key, unless kcmgen makes none of it.
func (w *writer) key(at string, c *x509.Certificate) []string {
	k := keyKind(c.PublicKey)
	if k.Algo == "" || !slices.Contains(map[string][]int{"rsa": {2048, 3072, 4096}, "ecdsa": {256, 384, 521}}[k.Algo], k.Size) {
		what := c.PublicKeyAlgorithm.String()
		if k.Size > 0 {
			what += fmt.Sprintf(" of %d bits", k.Size)
		}
		w.left("certificate %s: its key, %s: an export makes an ECDSA key", at, what)
		return nil
	}
	return []string{fmt.Sprintf("key: {algo: %s, size: %d}", quote(k.Algo), k.Size)}
}

// keyKind returns the kind of a public key; the zero Key for one that the vocabulary
// doesn't have.
func keyKind(public any) spec.Key {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return spec.Key{Algo: "rsa", Size: k.N.BitLen()}
	case *ecdsa.PublicKey:
		return spec.Key{Algo: "ecdsa", Size: k.Curve.Params().BitSize}
	}
	return spec.Key{}
}

// CertificatesDiffer says what of two certificates, beside their names, isn't the same, though
// one text in the cluster stands for both; "" if all is.
func CertificatesDiffer(a, b *x509.Certificate) string {
	usages := func(c *x509.Certificate) []string {
		in, other := usagesOf(c)
		return append(in, other...)
	}
	switch {
	case a.Subject.String() != b.Subject.String():
		return "subject"
	case keyKind(a.PublicKey) != keyKind(b.PublicKey):
		return "key"
	case lifetime(a) != lifetime(b):
		return "lifetime"
	case !slices.Equal(usages(a), usages(b)):
		return "list of usages"
	}
	return ""
}
