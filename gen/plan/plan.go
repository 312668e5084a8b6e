// Package plan decides which keys and certificates an export keeps and which it makes,
// why, and which files each node gets. A plan is a value, so that what is printed is what
// is done.
package plan

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Kind of an item.
type Kind int

// Kinds of key material.
const (
	Authority Kind = iota
	KeyPair        // no certificate
	Leaf
)

// Item is one key or certificate of a plan.
type Item struct {
	ID      string
	Kind    Kind
	Subject spec.Subject
	Hosts   []string // subject alternative names: addresses, then names
	Key     spec.Key
	Profile string
	Usages  []string
	Expiry  time.Duration
	Given   bool   // the user's own file
	Kept    bool   // Given, and an earlier export made it: its copy stays
	Reason  string // why it is made; "" if the existing one is kept
	// Cut is the CA's end, if that comes before the end of a leaf's lifetime.
	Cut time.Time
}

// Use is the use of a leaf: "client", "serving", or "combined".
func (it Item) Use() string { return path.Base(it.ID) }

// Node is the node of a leaf; "" if all nodes share it.
func (it Item) Node() string {
	if scope, of := path.Split(path.Dir(it.ID)); scope == "nodes/" {
		return of
	}
	return ""
}

// Uses returns the extended key usages that a leaf needs.
func (it Item) Uses() []x509.ExtKeyUsage {
	switch it.Use() {
	case "client":
		return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	case "serving":
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
}

// Host says what one node gets.
type Host struct {
	Node    *spec.Node
	Flags   spec.Flags
	Placed  []spec.Role // files on the host
	InImage []spec.Role // files in the image instead
	Client  string      // id of the leaf in the kubeconfig
	Serving string      // id of the leaf of --tls-cert-file
}

// Plan is everything that an export makes of a cluster.
type Plan struct {
	Cluster *spec.Cluster
	Items   []Item // authorities first, then what they sign
	Hosts   []Host // by node name
	// Accepted are changes of trusted keys that the user accepted.
	Accepted []Change
}

// ToMake returns the items that the export makes.
func (p *Plan) ToMake() []Item {
	var out []Item
	for _, it := range p.Items {
		if it.Reason != "" {
			out = append(out, it)
		}
	}
	return out
}

// Conflict is the error of existing key material that contradicts the cluster, and that
// can't be replaced without locking clients out: the user must decide.
type Conflict struct {
	ID     string
	Reason string
	Lost   string // suffix of the missing or damaged file, to restore from a backup
	// Key and Public are paths in the tree of copies of its private key and of its
	// public file; "" if there are none.
	Key, Public string
	Given       bool // it was the user's own, not made by kcmgen
}

func (c *Conflict) Error() string { return fmt.Sprintf("pki/%s: %s", c.ID, c.Reason) }

// New plans a cluster. have is the key material in out/, given are the user's own files.
// It returns a Conflict if the user must decide.
func New(c *spec.Cluster, have, given keys.Bundle, now time.Time) (*Plan, error) {
	p := newPlan(c)
	b := builder{plan: p, have: have, given: given, now: now}
	b.ca = sync.OnceValues(func() (*x509.Certificate, error) { return b.signer().Certificate() })
	for _, step := range []func() error{b.authorities, b.serviceAccount, b.leaves} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Outline returns what a cluster's tree holds, regardless of what exists: items without a
// reason, and hosts.
func Outline(c *spec.Cluster) *Plan {
	p := newPlan(c)
	p.Items = append(p.Items, newAuthority(keys.CA, c.PKI.CA))
	if c.PKI.FrontProxy != nil {
		p.Items = append(p.Items, newAuthority(keys.FrontProxyCA, *c.PKI.FrontProxy))
	}
	if sa := c.PKI.ServiceAccount; !sa.UseCA && p.any(spec.ServiceAccountKey) {
		p.Items = append(p.Items, newServiceAccount(sa))
	}
	p.Items = append(p.Items, p.leaves()...)
	return p
}

func newAuthority(id string, a spec.Authority) Item {
	return Item{ID: id, Kind: Authority, Subject: a.Subject, Key: a.Key, Expiry: a.Expiry, Given: a.Existing(), Usages: []string{"cert sign", "crl sign", "digital signature"}}
}

func newServiceAccount(sa spec.ServiceAccount) Item {
	return Item{ID: keys.ServiceAccount, Kind: KeyPair, Key: sa.Key, Given: sa.KeyFile != ""}
}

func newPlan(c *spec.Cluster) *Plan {
	p := &Plan{Cluster: c}
	for i := range c.Nodes {
		p.Hosts = append(p.Hosts, newHost(c, &c.Nodes[i]))
	}
	return p
}

// Leaves returns the end-entity certificates that a cluster's hosts need, regardless of
// out/.
func Leaves(c *spec.Cluster) []Item { return newPlan(c).leaves() }

// HostWith returns what a node would get if it had a layout.
func HostWith(c *spec.Cluster, n *spec.Node, l spec.Layout) Host {
	as := *n
	as.Layout = l
	return newHost(c, &as)
}

func newHost(c *spec.Cluster, n *spec.Node) Host {
	c = c.For(n)
	h := Host{Node: n, Flags: policy.NodeFlags(c, n)}
	for _, r := range policy.Placed(c, h.Flags) {
		if c.Layout == spec.StaticPod && c.Image.Copies(r) {
			h.InImage = append(h.InImage, r)
		} else {
			h.Placed = append(h.Placed, r)
		}
	}
	scope := "nodes/" + n.Name + "/"
	if c.PKI.Shared {
		scope = "shared/"
	}
	h.Client, h.Serving = scope+"client", scope+"serving"
	if !c.PKI.Separate {
		h.Client, h.Serving = scope+"combined", scope+"combined"
	}
	return h
}

// Has reports whether the host or its image gets a file of this role.
func (h Host) Has(r spec.Role) bool {
	return slices.Contains(h.Placed, r) || slices.Contains(h.InImage, r)
}

// Materials returns the ids of the keys and certificates of which the host or its image gets
// a file.
func (h Host) Materials(c *spec.Cluster) []string {
	var out []string
	for _, r := range append(append([]spec.Role{}, h.Placed...), h.InImage...) {
		switch r {
		case spec.CA, spec.CAKey:
			out = append(out, keys.CA)
		case spec.FrontProxyCA:
			out = append(out, keys.FrontProxyCA)
		case spec.TLSCert, spec.TLSKey:
			out = append(out, h.Serving)
		case spec.KubeconfigFile:
			out = append(out, h.Client, keys.CA)
		case spec.ServiceAccountKey:
			id := keys.ServiceAccount
			if c.PKI.ServiceAccount.UseCA {
				id = keys.CA
			}
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p *Plan) any(r spec.Role) bool {
	return slices.ContainsFunc(p.Hosts, func(h Host) bool { return h.Has(r) })
}

type builder struct {
	plan        *Plan
	have, given keys.Bundle
	now         time.Time
	ca          func() (*x509.Certificate, error) // of signer, parsed once
}

// authorities adds the cluster's CA and, if there is one, the front proxy's.
func (b *builder) authorities() error {
	pki := b.plan.Cluster.PKI
	if err := b.authority(keys.CA, pki.CA); err != nil {
		return err
	}
	if pki.FrontProxy != nil {
		return b.authority(keys.FrontProxyCA, *pki.FrontProxy)
	}
	if old, ok := b.have[keys.FrontProxyCA]; ok && !old.Key.Empty() {
		return &Conflict{ID: keys.FrontProxyCA, Reason: "an earlier export made a CA here, and the cluster no longer has one"}
	}
	return nil
}

func (b *builder) authority(id string, a spec.Authority) error {
	it := newAuthority(id, a)
	old, made := b.have[id]
	switch {
	case it.Given && !old.Key.Empty() && !covers(b.given[id], old):
		return &Conflict{ID: id, Reason: "an earlier export made a CA here, and the cluster's files don't hold it"}
	case it.Given:
		it.Kept = !old.Key.Empty()
	case !made:
		it.Reason = "none yet"
	case old.Gone():
		it.Reason = "the one made earlier is gone"
	case old.Key.Empty():
		return &Conflict{ID: id, Reason: "the CA's private key is missing", Lost: ".key"}
	case len(old.Cert) == 0:
		return &Conflict{ID: id, Reason: "the CA's certificate is missing", Lost: ".crt"}
	default:
		if err := old.Matches(); err != nil {
			return &Conflict{ID: id, Reason: "the CA made earlier is spoilt: " + err.Error(), Lost: ".*"}
		}
		if why := authorityDiffers(old, it); why != "" {
			return &Conflict{ID: id, Reason: why}
		}
	}
	b.plan.Items = append(b.plan.Items, it)
	return nil
}

func (b *builder) serviceAccount() error {
	sa := b.plan.Cluster.PKI.ServiceAccount
	it := newServiceAccount(sa)
	old, made := b.have[keys.ServiceAccount]
	if !old.Key.Empty() && (sa.UseCA || it.Given && !covers(b.given[keys.ServiceAccount], old)) {
		return &Conflict{ID: keys.ServiceAccount, Reason: "an earlier export made a service-account key here, and the cluster now uses another"}
	}
	// vet compares the user's own files; the CA may be one made here.
	if it.Given && sameKey(b.given[keys.ServiceAccount], b.signer()) && !b.plan.Cluster.PKI.CA.Existing() {
		return &Conflict{ID: keys.ServiceAccount, Reason: `the service-account keyFile holds the CA's key; if that is meant, say use: "ca"`}
	}
	if sa.UseCA || !b.plan.any(spec.ServiceAccountKey) && !made {
		return nil
	}
	switch {
	case it.Given:
		it.Kept = !old.Key.Empty()
	case !made:
		it.Reason = "none yet"
	case old.Gone():
		it.Reason = "the one made earlier is gone"
	case old.Key.Empty():
		return &Conflict{ID: keys.ServiceAccount, Reason: "the service-account private key is missing", Lost: ".key"}
	default:
		key, err := old.Private()
		if err != nil {
			return &Conflict{ID: keys.ServiceAccount, Reason: "the key made earlier can't be read: " + err.Error(), Lost: ".key"}
		}
		if got := KeyOf(key.Public()); got != it.Key {
			return &Conflict{ID: keys.ServiceAccount, Reason: fmt.Sprintf("the key made earlier is %s, the cluster says %s: tokens signed with it would become invalid", got, it.Key)}
		}
	}
	b.plan.Items = append(b.plan.Items, it)
	return nil
}

// leaves adds the leaves, with the reason to make each.
func (b *builder) leaves() error {
	ca, err := b.ca()
	for _, it := range b.plan.leaves() {
		it.Reason = b.leafReason(it)
		if it.Reason != "" && err == nil && b.now.Add(it.Expiry-Backdate).After(ca.NotAfter) {
			it.Cut = ca.NotAfter
		}
		b.plan.Items = append(b.plan.Items, it)
	}
	return nil
}

// leaves returns the certificates that a kubeconfig or a serving flag needs.
func (p *Plan) leaves() []Item {
	var out []Item
	seen := map[string]bool{}
	for _, h := range p.Hosts {
		for _, need := range []struct {
			id   string
			want bool
		}{
			{h.Client, h.Has(spec.KubeconfigFile)},
			{h.Serving, h.Has(spec.TLSCert) || h.Has(spec.TLSKey)},
		} {
			if need.want && !seen[need.id] {
				seen[need.id] = true
				out = append(out, p.leaf(need.id, h.Node))
			}
		}
	}
	return out
}

func (p *Plan) leaf(id string, n *spec.Node) Item {
	c := p.Cluster
	l := c.PKI.Combined
	switch path.Base(id) {
	case "client":
		l = c.PKI.Client
	case "serving":
		l = c.PKI.Serving
	}
	prof := c.PKI.Profiles[l.Profile]
	return Item{
		ID: id, Kind: Leaf, Subject: l.Subject, Hosts: hosts(c, n, l.SANs), Key: l.Key,
		Profile: l.Profile, Usages: prof.Usages, Expiry: prof.Expiry,
	}
}

// hosts returns the subject alternative names, sorted, each once. For a certificate that
// all nodes share, "own" means all of them.
func hosts(c *spec.Cluster, own *spec.Node, s spec.SANs) []string {
	var out []string
	for _, e := range s.Extra {
		if a, err := netip.ParseAddr(e); err == nil {
			e = a.Unmap().String() // as the certificate has it
		}
		out = append(out, e)
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if s.Nodes == spec.NoNodes || s.Nodes == spec.OwnNode && n.Name != own.Name && !c.PKI.Shared {
			continue
		}
		for _, a := range n.Addresses {
			out = append(out, a.String())
		}
		if s.Names {
			out = append(out, n.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
