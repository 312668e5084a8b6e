package plan

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Accepted are changes that the user accepted on the command line: ids of key material,
// and Name.
type Accepted map[string]bool

// Name accepts a tree of a cluster with another name.
const Name = "name"

// nodeGone begins the words that accept that a node is gone.
const nodeGone = "node/"

// NodeGone returns the key of Accepted with which a node may be gone.
func NodeGone(node string) string { return nodeGone + node }

// GoneNode returns the node of a key that NodeGone returned.
func GoneNode(word string) (node string, ok bool) {
	node, ok = strings.CutPrefix(word, nodeGone)
	if !ok || node == "" {
		return "", false
	}
	return node, true
}

// Acceptable returns the valid keys of Accepted, but those of NodeGone.
func Acceptable() []string { return append(trusted(), Name) }

// trusted returns the ids of keys that others trust.
func trusted() []string { return []string{keys.CA, keys.FrontProxyCA, keys.ServiceAccount} }

// OtherClusterError is the error of a tree that an export of another cluster wrote.
type OtherClusterError struct{ Cluster, Made string }

func (e *OtherClusterError) Error() string {
	return fmt.Sprintf("its tree is that of cluster %s: manifest.json says so", e.Made)
}

// ChangeKind is how a trusted key changes.
type ChangeKind int

// Kinds of changes.
const (
	Lost     ChangeKind = iota // the one that an earlier export made is gone: a new one would be made
	Replaced                   // the tree has another one
	Changed                    // the cluster names another one
	Ended                      // the cluster no longer has one
	Left                       // the cluster no longer has a node
)

// Change is a change of a trusted key, or a node that is gone, with the ID of NodeGone.
type Change struct {
	ID       string
	Kind     ChangeKind
	Field    string // the cluster's field; for Changed
	Old, New string // fingerprints of public keys; "" if unknown
	// Key and Public are paths in the tree of copies of the private key and of its
	// public file; for Lost and Replaced.
	Key, Public string
}

// TrustError is the error of changes of trusted keys, and of nodes that are gone, that the
// user didn't accept.
type TrustError struct{ Changes []Change }

func (e *TrustError) Error() string {
	var lines []string
	for _, c := range e.Changes {
		lines = append(lines, c.String())
	}
	return strings.Join(lines, "\n")
}

// meaning has the names of trusted keys, and the effect of a change on those that trust
// the old one.
var meaning = map[string]struct{ name, effect string }{
	keys.CA:             {"CA", "every client has to trust the new one first, or it refuses what that signs"},
	keys.FrontProxyCA:   {"front-proxy CA", "the front proxy is refused until its certificate comes from the new one"},
	keys.ServiceAccount: {"service-account key", "tokens signed with the old one stop working, unless the apiserver verifies with both"},
}

func (c Change) String() string {
	if node, ok := GoneNode(c.ID); ok {
		return fmt.Sprintf("node %s: the last export had it, and the cluster no longer has it: what runs on its host runs on, and its certificates stay valid", node)
	}
	m := meaning[c.ID]
	file := keys.CertPath(c.ID)
	if c.ID == keys.ServiceAccount {
		file = keys.KeyPath(c.ID)
	}
	switch {
	case c.Kind == Lost && c.Key != "":
		return fmt.Sprintf("pki/%s: the %s made earlier is gone, and a copy of its key lies in %s", c.ID, m.name, c.Key)
	case c.Kind == Lost:
		return fmt.Sprintf("pki/%s: the %s made earlier is gone, and no copy of its key lies here; if another is made, %s", c.ID, m.name, m.effect)
	case c.Kind == Replaced && c.Old == c.New && c.Old != "":
		return fmt.Sprintf("%s is not the file that the last export wrote, though it has the same key", file)
	case c.Kind == Replaced:
		return fmt.Sprintf("%s is not the %s that the last export wrote%s: %s", file, m.name, c.fingerprints(), m.effect)
	case c.Kind == Ended:
		return fmt.Sprintf("pki/%s: the last export had a %s, and the cluster no longer has one", c.ID, m.name)
	}
	return fmt.Sprintf("%s: another %s than the last export's%s: %s", c.Field, m.name, c.fingerprints(), m.effect)
}

func (c Change) fingerprints() string {
	switch {
	case c.Old != "" && c.Old == c.New:
		return " (the same key under another name)"
	case c.Old != "" && c.New != "":
		return fmt.Sprintf(" (%s, was %s)", c.New, c.Old)
	case c.New != "":
		return fmt.Sprintf(" (%s)", c.New)
	}
	return ""
}

// Fingerprint returns the fingerprint of a public key, in the form of kubeadm's CA
// hashes: "sha256:" and hex of the SHA-256 of its PKIX DER.
func Fingerprint(key crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Follow plans a cluster after an earlier export. A trusted key may change only if the
// user accepted that, in accepted or, by the new fingerprint, in the cluster; otherwise
// Follow returns a TrustError. The plan has the accepted changes. It returns an
// OtherClusterError for another cluster's tree, and a Conflict as New does.
func Follow(c *spec.Cluster, past Past, have, given keys.Bundle, accepted Accepted, now time.Time) (*Plan, error) {
	if past.Cluster != "" && past.Cluster != c.Name && !accepted[Name] {
		return nil, &OtherClusterError{c.Name, past.Cluster}
	}
	have = past.without(have, accepted)
	p, err := New(c, have, given, now)
	var conflict *Conflict
	if errors.As(err, &conflict) {
		return nil, past.explain(conflict)
	}
	if err != nil {
		return nil, err
	}
	t := trustCheck{plan: p, past: past, have: have, given: given}
	var refused []Change
	for _, id := range trusted() {
		change := t.change(id)
		switch {
		case change == nil:
		case accepted[id] || change.New != "" && c.PKI.Accept[id] == change.New:
			p.Accepted = append(p.Accepted, *change)
		default:
			refused = append(refused, *change)
		}
	}
	if len(refused) > 0 {
		return nil, &TrustError{refused}
	}
	return p, nil
}

// trustCheck compares a plan with what the last export wrote.
type trustCheck struct {
	plan        *Plan
	past        Past
	have, given keys.Bundle
}

// change returns how a plan changes a trusted key, or nil.
func (t trustCheck) change(id string) *Change {
	written, ok := t.past.publicFile(id)
	byCA := id == keys.ServiceAccount && !ok && t.past.tokensByCA(t.plan.Cluster)
	if !ok && !byCA {
		return nil
	}
	c := &Change{ID: id, Kind: Changed, Field: fieldOf(id)}
	if byCA {
		return t.fromCA(c)
	}
	old := t.past.public(id)
	if old != nil {
		c.Old = Fingerprint(old)
	}
	it, ok := t.item(id)
	switch {
	case !ok && id == keys.ServiceAccount:
		c.Field = "pki.serviceAccount.use"
		c.New = t.signer()
		return c
	case !ok:
		c.Kind = Ended
		return c
	case it.Reason != "":
		if c.Kind = Lost; !t.past.made(id) {
			c.Kind = Changed
		}
		c.Key, c.Public = t.past.copies(id)
		return c
	case !it.Given:
		c.Kind = Replaced
	}
	return t.compared(c, written, old, t.pair(it))
}

// compared returns c if a pair differs from what the last export wrote, else nil.
func (t trustCheck) compared(c *Change, written PastFile, old crypto.PublicKey, p keys.Pair) *Change {
	var key crypto.PublicKey
	same := false
	if c.ID == keys.ServiceAccount {
		k, err := p.Private()
		if err != nil {
			return nil // a missing file, which vet reports
		}
		key, same = k.Public(), isSum(k.Public(), written.Sum)
	} else {
		cert, err := p.Certificate()
		if err != nil {
			return nil
		}
		key, same = cert.PublicKey, sumOf(p.Cert) == written.Sum
		if was := t.past.certificate(c.ID); was != nil && c.Kind == Changed && keys.Equal(old, key) && bytes.Equal(was.RawSubject, cert.RawSubject) {
			same = true // its certificate was renewed
		}
	}
	if same {
		return nil
	}
	c.New = Fingerprint(key)
	if c.Kind == Replaced {
		c.Key, c.Public = t.past.copies(c.ID)
	}
	return c
}

// fromCA returns the change of tokens that the CA's key signed so far, or nil.
func (t trustCheck) fromCA(c *Change) *Change {
	it, ok := t.item(keys.ServiceAccount)
	if !ok {
		return nil // it still does, or there are no tokens
	}
	c.Field = "pki.serviceAccount"
	if it.Reason == "" {
		if k, err := t.pair(it).Private(); err == nil {
			c.New = Fingerprint(k.Public())
		}
	}
	if old := t.past.public(keys.CA); old != nil {
		c.Old = Fingerprint(old)
	}
	return c
}

func (t trustCheck) item(id string) (Item, bool) {
	for _, it := range t.plan.Items {
		if it.ID == id {
			return it, true
		}
	}
	return Item{}, false
}

func (t trustCheck) pair(it Item) keys.Pair {
	if it.Given {
		return t.given[it.ID]
	}
	return t.have[it.ID]
}

// signer returns the fingerprint of the plan's CA; "" if it is unknown.
func (t trustCheck) signer() string {
	it, ok := t.item(keys.CA)
	if !ok || it.Reason != "" {
		return ""
	}
	cert, err := t.pair(it).Certificate()
	if err != nil {
		return ""
	}
	return Fingerprint(cert.PublicKey)
}

// fieldOf returns the cluster's field that names a trusted key.
func fieldOf(id string) string {
	return map[string]string{
		keys.CA: "pki.ca.certFile", keys.FrontProxyCA: "pki.frontProxy.certFile", keys.ServiceAccount: "pki.serviceAccount.keyFile",
	}[id]
}
