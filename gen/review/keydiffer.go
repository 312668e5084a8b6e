package review

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/plan"
)

// Kinds of certificates and keys, as Certificate.Kind has them.
const (
	ofCA   = "ca"
	ofPair = "key pair"
	ofLeaf = "leaf"
)

// keyChanges is what differs in certificates and keys, as files need it.
type keyChanges struct {
	aspects map[string]map[string]bool // what differs, by the new id
	come    map[string]bool            // new ids
	gone    map[string]bool            // old ids
	made    map[string]bool            // new ids of those that the next export makes
	madeOn  map[string]bool            // nodes that get one of these
	// words are what old and new requests for a certificate have of what differs, by id.
	words map[string]map[string]bool
}

func newKeyChanges() keyChanges {
	return keyChanges{
		map[string]map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]map[string]bool{},
	}
}

// keyed is a certificate with the name that changes give it.
type keyed struct {
	*Certificate
	name string // "ca", "client", "shared/client" …
	node *pair  // that it is of; nil: the cluster's
}

// oldID returns the id that an old certificate has by the new names of nodes.
func (x *differ) oldID(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) == 3 && parts[0] == "nodes" {
		if to, ok := x.renamed[parts[1]]; ok {
			parts[1] = to
		}
	}
	return strings.Join(parts, "/")
}

// keyedBy returns a certificate with its name and its node.
func keyedBy(c *Certificate, nodes map[string]*pair) keyed {
	dir, use := path.Split(c.ID)
	if of, ok := strings.CutPrefix(path.Clean(dir), "nodes/"); ok {
		return keyed{c, use, nodes[of]}
	}
	return keyed{c, c.ID, nil}
}

// compareKeys compares certificates and keys, and says what the next export does about each.
func (x *differ) compareKeys() keyChanges {
	k := newKeyChanges()
	then := map[string]*Certificate{}
	for i := range x.old.Certificates {
		then[x.oldID(x.old.Certificates[i].ID)] = &x.old.Certificates[i]
	}
	signer := x.newSigner(then)
	for i := range x.now.Certificates {
		c := keyedBy(&x.now.Certificates[i], x.byNew)
		old := then[c.ID]
		delete(then, c.ID)
		if old == nil {
			k.come[c.ID] = true
			x.comes(c, k)
			continue
		}
		x.differs(old, c, signer, k)
	}
	for _, id := range slices.Sorted(maps.Keys(then)) {
		c := keyedBy(then[id], x.byOld)
		k.gone[c.ID] = true
		if c.node == nil || c.node.now != nil {
			x.goes(c)
		}
	}
	for i := range x.now.Certificates {
		if c := &x.now.Certificates[i]; k.made[c.ID] {
			for _, n := range c.Nodes {
				k.madeOn[n] = true
			}
		}
	}
	return k
}

// newSigner says why another CA signs; "" if none does, as far as is known.
func (x *differ) newSigner(then map[string]*Certificate) string {
	i := slices.IndexFunc(x.now.Certificates, func(c Certificate) bool { return c.ID == "ca" })
	old := then["ca"]
	if i < 0 || old == nil {
		return ""
	}
	now := &x.now.Certificates[i]
	if old.Given != now.Given || old.PublicKey != now.PublicKey || !now.Given && (old.Subject != now.Subject || old.Key != now.Key) {
		return "another CA signs now"
	}
	return ""
}

// sayKey adds a change of a certificate or a key.
func (x *differ) sayKey(c keyed, aspect string, g gathered) {
	g.Kind, g.Name = OfCertificate, c.name
	if aspect != "" {
		g.Name += "." + aspect
	}
	if g.effect == "" {
		g.effect = effectOfKey(c.Kind, aspect)
	}
	x.changes.add(g, c.node)
}

// effectOfKey returns the name of an effect as gen/flags has it.
func effectOfKey(kind, aspect string) string {
	switch {
	case kind == ofPair:
		return "service-account"
	case kind == ofLeaf && aspect != "":
		return "leaf." + aspect
	case kind == ofLeaf:
		return "leaf"
	case aspect == "key" || aspect == "public key":
		return "ca.key"
	case aspect == "ends" || aspect == "lifetime":
		return "ca.ends"
	}
	return "ca"
}

// comes adds a certificate or a key that there wasn't.
func (x *differ) comes(c keyed, k keyChanges) {
	g := gathered{Change: Change{New: &Value{Text: summary(c.Certificate)}}}
	switch {
	case c.Given:
		g.Export, g.Reason = Keeps, "it is the user's own"
	default:
		g.Export, g.Reason = Makes, "none yet"
		k.made[c.ID] = true
	}
	if c.Kind == ofPair {
		g.Reason += "; the CA's key signed tokens so far"
	}
	if c.node != nil && c.node.old != nil && c.node.old.Name != c.node.now.Name {
		g.Reason += " under the node's new name"
	}
	x.sayKey(c, "", g)
}

// goes adds a certificate or a key that a host or the cluster no longer has.
func (x *differ) goes(c keyed) {
	g := gathered{Change: Change{Old: &Value{Text: summary(c.Certificate)}}}
	if c.Kind != ofLeaf {
		g.Export, g.Reason = Refuses, "an earlier export used it, and the cluster no longer does"
	}
	x.sayKey(c, "", g)
}

// summary describes a certificate or a key on one line.
func summary(c *Certificate) string {
	parts := []string{c.Subject, strings.Join(c.Names, ", "), c.Key, c.Lifetime}
	if c.Given {
		parts = append(parts, "the user's own file")
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// note keeps the words that a request has of what differs.
func (k keyChanges) note(id, aspect string, values ...string) {
	if k.words[id] == nil {
		k.words[id] = map[string]bool{}
	}
	for _, v := range values {
		switch aspect {
		case "subject":
			for _, part := range strings.Split(v, ", ") {
				_, text, _ := strings.Cut(part, "=")
				k.words[id][text] = true
			}
		case "names":
			for _, name := range strings.Split(v, ", ") {
				k.words[id][name] = true
			}
		case "key":
			algo, size, _ := strings.Cut(v, "-")
			k.words[id][algo], k.words[id][size] = true, true
		case "lifetime":
			k.words[id][v] = true
		}
	}
}

// differs adds what differs in one certificate or key.
func (x *differ) differs(old *Certificate, c keyed, signer string, k keyChanges) {
	now := c.Certificate
	said := map[string]bool{}
	k.aspects[now.ID] = said
	aspect := func(name, was, is string, export, reason string) {
		if was == is {
			return
		}
		said[name] = true
		k.note(now.ID, name, was, is)
		if export == Makes {
			k.made[now.ID] = true
		}
		g := gathered{Change: Change{Old: someText(was), New: someText(is), Export: export, Reason: reason}}
		if export == Keeps && !now.Given {
			g.effect = onKept
		}
		x.sayKey(c, name, g)
	}
	made := c.Kind == ofLeaf && !now.Given
	export := Refuses
	if made {
		export = Makes
	}
	if old.ID != now.ID {
		k.come[now.ID], k.gone[old.ID], k.made[now.ID] = true, true, made
		x.sayKey(c, "", gathered{Change: Change{Old: &Value{Text: old.ID}, New: &Value{Text: now.ID}, Export: export, Reason: "none yet under the node's new name"}})
	}
	aspect("kind", old.Kind, now.Kind, Refuses, "it is of another kind")
	if old.Given != now.Given {
		aspect("file", summary(old), summary(now), Refuses, "an export made or used another one before")
		said["file"] = true
	} else {
		x.made(old, now, export, aspect)
	}
	aspect("names", strings.Join(old.Names, ", "), strings.Join(now.Names, ", "), export, "subject alternative names changed")
	x.usages(old, now, export, aspect)
	aspect("public key", old.PublicKey, now.PublicKey, Refuses, "the file in the repository has another key")
	aspect("ends", timeText(old.Ends), timeText(now.Ends), Keeps, "the file in the repository has another end")
	if made && signer != "" {
		k.made[now.ID] = true
		said["issuer"] = true
		x.sayKey(c, "issuer", gathered{Change: Change{Export: Makes, Reason: signer}})
	}
	x.reach(old, c)
}

// made compares what kcmgen makes, and the user's own file has by itself.
func (x *differ) made(old, now *Certificate, export string, aspect func(name, was, is, export, reason string)) {
	aspect("subject", old.Subject, now.Subject, export, fmt.Sprintf("the subject was %s, is %s", old.Subject, now.Subject))
	aspect("key", old.Key, now.Key, export, fmt.Sprintf("the key was %s, is %s", old.Key, now.Key))
	aspect("lifetime", old.Lifetime, now.Lifetime, x.atLifetime(old, now, export), fmt.Sprintf("the lifetime was %s, is %s", old.Lifetime, now.Lifetime))
}

// usages compares usages: two names of one usage are no reason to make a leaf anew, as
// plan.New sees it. A CA's usages are never one.
func (x *differ) usages(old, now *Certificate, export string, aspect func(name, was, is, export, reason string)) {
	wasKey, wasExt := plan.Usages(old.Usages)
	isKey, isExt := plan.Usages(now.Usages)
	reason := "the usages are now " + strings.Join(now.Usages, ", ")
	if wasKey == isKey && slices.Equal(wasExt, isExt) || now.Kind != ofLeaf {
		export, reason = Keeps, "an export takes them for the same"
	}
	aspect("usages", strings.Join(old.Usages, ", "), strings.Join(now.Usages, ", "), export, reason)
}

// atLifetime returns what an export does about another lifetime. A CA keeps its end. A leaf
// ends with its CA at the latest, so two lifetimes beyond that are the same.
func (x *differ) atLifetime(old, now *Certificate, export string) string {
	if now.Kind != ofLeaf {
		return Keeps
	}
	was, err := time.ParseDuration(old.Lifetime)
	is, failed := time.ParseDuration(now.Lifetime)
	if err != nil || failed != nil {
		return export
	}
	for i := range x.old.Certificates {
		if ca := &x.old.Certificates[i]; ca.ID == "ca" {
			if all, err := time.ParseDuration(ca.Lifetime); err == nil {
				was, is = min(was, all), min(is, all)
			}
		}
	}
	if (was - is).Abs() <= time.Minute {
		return Keeps
	}
	return export
}

// reach adds the hosts that get a key or a certificate, or no longer do, besides those that
// come and go themselves.
func (x *differ) reach(old *Certificate, c keyed) {
	had := map[string]bool{}
	for _, n := range old.Nodes {
		if to, ok := x.renamed[n]; ok {
			n = to
		}
		had[n] = true
	}
	has := map[string]bool{}
	for _, n := range c.Nodes {
		has[n] = true
	}
	for _, n := range slices.Sorted(maps.Keys(has)) {
		if p := x.byNew[n]; !had[n] && p != nil && p.old != nil {
			x.changes.add(gathered{effect: onReach, Change: Change{Kind: OfCertificate, Name: c.name + ".nodes", New: &Value{Text: "on this host"}}}, p)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(had)) {
		if p := x.byNew[n]; !has[n] && p != nil && p.old != nil {
			x.changes.add(gathered{effect: onReach, Change: Change{Kind: OfCertificate, Name: c.name + ".nodes", Old: &Value{Text: "on this host"}}}, p)
		}
	}
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
