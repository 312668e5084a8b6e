package adopt

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// Public is what is known of keys: nothing secret.
type Public struct {
	// Certs are certificates by the path that flags name.
	Certs map[string]*x509.Certificate
	// Client is the certificate in the kubeconfig, and Server the apiserver's URL there.
	Client *x509.Certificate
	Server string
	// Local are paths on this machine of files that flags name, such as the CA's.
	Local map[string]string
	// Tokens is the kind of the service-account key; "" if it isn't known.
	Tokens spec.Key
}

// writeKeys writes the certificates as they are, so that an export makes the same.
func (w *writer) writeKeys() {
	w.writeAPIServer()
	m := w.model
	if w.KeepKeys {
		w.keptKeys()
		return
	}
	var parts []string
	ca := w.Public.Certs[m.Paths.CA]
	at, known := w.Public.Local[m.Paths.CA]
	switch {
	case known:
		lines := []string{"certFile: " + quote(at)}
		if key, ok := w.Public.Local[m.Paths.CAKey]; ok {
			lines = append(lines, "keyFile: "+quote(key))
		}
		parts = append(parts, "ca: {\n"+strings.Join(lines, "\n")+"\n}")
	default:
		comment := "// The CA isn't at hand: an export makes one of its own, which a running cluster doesn't\n// trust. Name its files here first:\n// ca: {certFile: \"…\", keyFile: \"…\"}"
		parts = append(parts, comment)
		if ca != nil {
			parts = append(parts, "ca: "+authority(ca))
		}
		w.out.Notes = append(w.out.Notes, "the CA isn't at hand: name its files in pki.ca before an export for a running cluster")
	}
	if m.PKI.FrontProxy != nil {
		front := "frontProxy: {}"
		if at, ok := w.Public.Local[m.Paths.FrontProxyCA]; ok {
			front = "frontProxy: certFile: " + quote(at)
		} else if c := w.Public.Certs[m.Paths.FrontProxyCA]; c != nil {
			front = "frontProxy: " + authority(c)
		}
		parts = append(parts, front)
	}
	switch at, ok := w.Public.Local[m.Paths.ServiceAccountKey]; {
	case m.PKI.ServiceAccount.UseCA:
		parts = append(parts, `serviceAccount: use: "ca" // one file for both`)
	case ok:
		parts = append(parts, "serviceAccount: keyFile: "+quote(at))
	case w.Public.Tokens.Algo != "":
		parts = append(parts, "serviceAccount: key: "+keyOf(w.Public.Tokens))
	}
	parts = append(parts, w.leaves()...)
	w.line("\npki: {\n%s\n}", strings.Join(parts, "\n"))
}

// keptKeys says where the keys are that stay on the hosts.
func (w *writer) keptKeys() {
	w.line("")
	w.comment("The files that flags name stay as they are on the hosts: kcmgen places none of them.\nTo have it make, place and renew one, name its path here and take its flag away:")
	w.comment("paths: {")
	for _, r := range roleFlags {
		for _, name := range r.flags {
			if v, ok := w.of(name); ok {
				w.comment(fmt.Sprintf("\t%s: %s", r.field, quote(v.filled)))
				break
			}
		}
	}
	w.comment("}")
	if ca, ok := w.of("client-ca-file"); ok && w.Public.Certs[ca.filled] != nil {
		w.comment("pki: ca: subject: " + subject(w.Public.Certs[ca.filled].Subject))
	}
}

// leaves writes the client's and the serving certificate.
func (w *writer) leaves() []string {
	var parts, profiles []string
	serving, client := w.Public.Certs[w.model.Paths.TLSCert], w.Public.Client
	if serving != nil && client != nil && serving.Equal(client) {
		parts = append(parts, "separate: false", "combined: "+w.leaf(serving, "combined"))
		profiles = append(profiles, profile("combined", serving)...)
		serving, client = nil, nil
	}
	if client != nil {
		parts = append(parts, "client: "+w.leaf(client, "client"))
		profiles = append(profiles, profile("client", client)...)
	}
	if serving != nil {
		parts = append(parts, "serving: "+w.leaf(serving, "serving"))
		profiles = append(profiles, profile("serving", serving)...)
	}
	if len(profiles) > 0 {
		parts = append(parts, "profiles: {\n"+strings.Join(profiles, "\n")+"\n}")
	}
	return parts
}

// writeAPIServer writes which apiserver the kubeconfig names.
func (w *writer) writeAPIServer() {
	u, err := url.Parse(w.Public.Server)
	if err != nil || u.Host == "" {
		return
	}
	var lines []string
	port, _ := strconv.Atoi(u.Port())
	switch host := u.Hostname(); {
	case host == "127.0.0.1" || host == "::1":
		lines = append(lines, `endpoint: "local"`)
	case slices.ContainsFunc(w.nodes, func(n *node) bool { return n.Address.IsValid() && n.Address.String() == host }) && len(w.nodes) == 1:
	default:
		lines = append(lines, `endpoint: "loadBalancer" // or "vip"`, "address: "+quote(host))
	}
	if port == 0 {
		port = 443
	}
	if port != 6443 {
		lines = append(lines, fmt.Sprintf("port: %d", port))
	}
	if len(lines) > 0 {
		w.line("apiserver: {\n%s\n}", strings.Join(lines, "\n"))
	}
}

func authority(c *x509.Certificate) string {
	return fmt.Sprintf("{\nsubject: %s\nkey: %s\nexpiry: %s\n}", subject(c.Subject), keyOf(keyKind(c)), quote(lifetime(c)))
}

func (w *writer) leaf(c *x509.Certificate, kind string) string {
	lines := []string{"subject: " + subject(c.Subject), "key: " + keyOf(keyKind(c))}
	var extra []string
	own := map[string]bool{}
	for _, n := range w.nodes {
		own[n.Name] = true
		if n.Address.IsValid() {
			own[n.Address.String()] = true
		}
	}
	names, addresses := 0, 0
	for _, name := range c.DNSNames {
		if own[name] {
			names++
			continue
		}
		extra = append(extra, quote(name))
	}
	for _, ip := range c.IPAddresses {
		if own[ip.String()] {
			addresses++
			continue
		}
		extra = append(extra, quote(ip.String()))
	}
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

// usages are cfssl's names.
func profile(name string, c *x509.Certificate) []string {
	var usages []string
	for _, u := range []struct {
		bit  x509.KeyUsage
		name string
	}{{x509.KeyUsageDigitalSignature, "digital signature"}, {x509.KeyUsageContentCommitment, "content commitment"}, {x509.KeyUsageKeyEncipherment, "key encipherment"}, {x509.KeyUsageDataEncipherment, "data encipherment"}, {x509.KeyUsageKeyAgreement, "key agreement"}} {
		if c.KeyUsage&u.bit != 0 {
			usages = append(usages, quote(u.name))
		}
	}
	for _, u := range c.ExtKeyUsage {
		switch u {
		case x509.ExtKeyUsageServerAuth:
			usages = append(usages, quote("server auth"))
		case x509.ExtKeyUsageClientAuth:
			usages = append(usages, quote("client auth"))
		}
	}
	out := []string{fmt.Sprintf("%s: expiry: %s", name, quote(lifetime(c)))}
	if len(usages) > 0 {
		out = append(out, fmt.Sprintf("%s: usages: [%s]", name, strings.Join(usages, ", ")))
	}
	return out
}

// lifetime is how long a certificate is valid, in hours. Signers begin some minutes early.
func lifetime(c *x509.Certificate) string {
	hours := int((c.NotAfter.Sub(c.NotBefore) + 10*time.Minute) / time.Hour)
	return fmt.Sprintf("%dh", max(1, hours))
}

func subject(n pkix.Name) string {
	var parts []string
	add := func(field string, values []string) {
		if len(values) > 0 {
			parts = append(parts, field+": "+quote(values[0]))
		}
	}
	add("CN", []string{n.CommonName})
	add("O", n.Organization)
	add("OU", n.OrganizationalUnit)
	add("C", n.Country)
	add("ST", n.Province)
	add("L", n.Locality)
	return "{" + strings.Join(parts, ", ") + "}"
}

func keyKind(c *x509.Certificate) spec.Key { return KeyKind(c.PublicKey) }

// KeyKind returns the kind of a public key; the zero Key for one that the vocabulary
// doesn't have.
func KeyKind(public any) spec.Key {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return spec.Key{Algo: "rsa", Size: k.N.BitLen()}
	case *ecdsa.PublicKey:
		return spec.Key{Algo: "ecdsa", Size: k.Curve.Params().BitSize}
	}
	return spec.Key{}
}

func keyOf(k spec.Key) string {
	if k.Algo == "" {
		return "{}"
	}
	return fmt.Sprintf("{algo: %s, size: %d}", quote(k.Algo), k.Size)
}
