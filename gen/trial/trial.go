// Package trial makes trial certificates of a cluster and verifies them as their readers
// will. So a CA that doesn't work is found before an export makes anything.
package trial

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// Authorities are the existing CAs, the user's or kcmgen's own; nil for one that is
// missing, or that an export will make.
type Authorities struct{ CA, FrontProxy *x509.Certificate }

// Run returns the verification errors of the certificates that an export would make, at
// the time now and at their end. It ignores files that are no CA and CAs that have
// expired, which other rules report.
func Run(c *spec.Cluster, a Authorities, now time.Time) []vet.Refusal {
	var out []vet.Refusal
	if signs(a.CA, now) {
		t, err := newTrial("pki.ca", a.CA, now)
		if err != nil {
			return []vet.Refusal{{Authority: "pki.ca", Leaf: "trial", Err: err}}
		}
		for _, group := range groups(c) {
			out = append(out, t.group(group)...)
		}
	}
	if c.PKI.FrontProxy != nil && signs(a.FrontProxy, now) {
		t, err := newTrial("pki.frontProxy", a.FrontProxy, now)
		if err != nil {
			return append(out, vet.Refusal{Authority: "pki.frontProxy", Leaf: "trial", Err: err})
		}
		out = append(out, t.group([]leaf{{
			kind: "front proxy", subject: spec.Subject{CN: "front-proxy-client"}, expiry: year,
			uses: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, usages: []string{"digital signature", "client auth"},
		}})...)
	}
	return out
}

const year = 8760 * time.Hour

func signs(ca *x509.Certificate, now time.Time) bool {
	return ca != nil && ca.IsCA && (ca.KeyUsage == 0 || ca.KeyUsage&x509.KeyUsageCertSign != 0) && !now.After(ca.NotAfter)
}

// leaf describes a trial certificate.
type leaf struct {
	kind, node string
	subject    spec.Subject
	hosts      []string
	usages     []string
	uses       []x509.ExtKeyUsage
	expiry     time.Duration
}

// groups returns the leaves by kind; those of one kind differ in their names only. It
// includes the apiserver's certificates: kcmgen doesn't make them, but the kubeconfig
// trusts the CA for them.
func groups(c *spec.Cluster) [][]leaf {
	var kinds []string
	byKind := map[string][]leaf{}
	add := func(l leaf) {
		if byKind[l.kind] == nil {
			kinds = append(kinds, l.kind)
		}
		byKind[l.kind] = append(byKind[l.kind], l)
	}
	for _, it := range plan.Leaves(c) {
		add(leaf{
			kind: it.Use(), node: it.Node(), subject: it.Subject, hosts: it.Hosts,
			usages: it.Usages, uses: it.Uses(), expiry: it.Expiry,
		})
	}
	if !slices.ContainsFunc(kinds, func(kind string) bool { return slices.Contains(byKind[kind][0].uses, x509.ExtKeyUsageClientAuth) }) {
		return grouped(kinds, byKind) // kcmgen makes no kubeconfig
	}
	for i := range c.Nodes {
		u, err := url.Parse(c.Endpoint(&c.Nodes[i]))
		if err != nil || u.Hostname() == "" {
			continue
		}
		add(leaf{
			kind: "apiserver", node: c.Nodes[i].Name, subject: spec.Subject{CN: "kube-apiserver"}, hosts: []string{u.Hostname()},
			usages: []string{"digital signature", "key encipherment", "server auth"}, uses: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, expiry: year,
		})
	}
	return grouped(kinds, byKind)
}

func grouped(kinds []string, byKind map[string][]leaf) [][]leaf {
	var out [][]leaf
	for _, kind := range kinds {
		out = append(out, byKind[kind])
	}
	return out
}

// trial signs with a copy of the CA that has another key: the real one may not be on
// this machine, and should sign nothing for a test. A verifier uses the CA's key only for
// the leaf's signature, and doesn't verify a root's own signature, so the result is the
// same. The rule key-strength checks the real key.
type trial struct {
	authority string
	ca        *x509.Certificate
	caKey     *ecdsa.PrivateKey
	key       *ecdsa.PrivateKey
	now       time.Time
}

func newTrial(authority string, ca *x509.Certificate, now time.Time) (*trial, error) {
	caKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	standIn := *ca
	standIn.PublicKey, standIn.PublicKeyAlgorithm = caKey.Public(), x509.ECDSA
	return &trial{authority, &standIn, caKey, key, now}, nil
}

// group tries leaves that differ in their names only. First it tries one certificate with
// all names, since constraints apply to each name separately. Only if that is refused
// because of a name does it try each leaf, up to the first that is refused.
func (t *trial) group(ls []leaf) []vet.Refusal {
	all := ls[0]
	all.node = ""
	all.hosts = nil
	for _, l := range ls {
		all.hosts = append(all.hosts, l.hosts...)
	}
	slices.Sort(all.hosts)
	all.hosts = slices.Compact(all.hosts)
	refused := t.leaf(all)
	if !slices.ContainsFunc(refused, byName) {
		return refused
	}
	for _, l := range ls {
		if r := t.leaf(l); len(r) > 0 {
			return r
		}
	}
	return nil // only the one with all names has too many for a verifier
}

// byName reports whether a refusal may depend on the names.
func byName(r vet.Refusal) bool {
	var critical x509.UnhandledCriticalExtension
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(r.Err, &critical):
		return false
	case errors.As(r.Err, &invalid):
		return invalid.Reason == x509.CANotAuthorizedForThisName || invalid.Reason == x509.TooManyConstraints
	}
	return true
}

// leaf returns the verification errors of one leaf.
func (t *trial) leaf(l leaf) []vet.Refusal {
	cert, err := t.sign(l)
	if err != nil {
		return []vet.Refusal{t.refusal(l, l.uses[0], err)}
	}
	var out []vet.Refusal
	for _, use := range l.uses {
		if !admits(cert, use) {
			continue // the profile lacks the usage: certificate-profile
		}
		for _, at := range []time.Time{t.now, cert.NotAfter} {
			if err := keys.Verify(cert, t.ca, use, at); err != nil {
				out = append(out, t.refusal(l, use, err))
				break
			}
		}
	}
	return out
}

func admits(cert *x509.Certificate, use x509.ExtKeyUsage) bool {
	return len(cert.ExtKeyUsage) == 0 || slices.Contains(cert.ExtKeyUsage, use) || slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny)
}

func (t *trial) refusal(l leaf, use x509.ExtKeyUsage, err error) vet.Refusal {
	return vet.Refusal{Authority: t.authority, Leaf: l.kind, Node: l.node, Use: use, Err: err}
}

// sign makes a leaf as an export does.
func (t *trial) sign(l leaf) (*x509.Certificate, error) {
	end := t.now.Add(max(l.expiry, time.Hour) - plan.Backdate) // certificate-lifetime reports less
	if end.After(t.ca.NotAfter) {
		end = t.ca.NotAfter
	}
	ku, eku := plan.Usages(l.usages)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: name(l.subject), NotBefore: t.now.Add(-plan.Backdate), NotAfter: end,
		KeyUsage: ku, ExtKeyUsage: eku, BasicConstraintsValid: true,
	}
	template.IPAddresses, template.DNSNames = split(l.hosts)
	der, err := x509.CreateCertificate(rand.Reader, template, t.ca, t.key.Public(), t.caKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// split splits a leaf's names into addresses and DNS names.
func split(hosts []string) (ips []net.IP, names []string) {
	for _, h := range hosts {
		if a, err := netip.ParseAddr(h); err == nil {
			ips = append(ips, a.AsSlice())
		} else {
			names = append(names, h)
		}
	}
	return ips, names
}

func name(s spec.Subject) pkix.Name {
	list := func(v string) []string {
		if v == "" {
			return nil
		}
		return []string{v}
	}
	return pkix.Name{
		CommonName: s.CN, Organization: list(s.O), OrganizationalUnit: list(s.OU),
		Country: list(s.C), Province: list(s.ST), Locality: list(s.L),
	}
}
