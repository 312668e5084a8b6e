package plan_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// trusting is a cluster with all keys that others can trust.
func trusting() *spec.Cluster {
	c := cluster("a")
	front := c.PKI.CA
	c.PKI.FrontProxy = &front
	return c
}

// disk is an exported tree in memory, of which the tests change files.
type disk struct {
	cluster string
	sums    map[string]string // of files that aren't secret
	files   map[string][]byte
	secret  map[string]bool
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// written returns the tree of a cluster's keys: pki/, and the copies below nodes/.
func written(t *testing.T, cluster string, b keys.Bundle, copies bool) *disk {
	t.Helper()
	d := &disk{cluster, map[string]string{}, map[string][]byte{}, map[string]bool{}}
	public := func(at string, data []byte) { d.files[at], d.sums[at] = data, sum(data) }
	private := func(at string, key keys.Secret) {
		if !key.Empty() {
			d.files[at], d.secret[at] = key.Reveal(), true
		}
	}
	for id, pair := range b {
		if id == keys.ServiceAccount {
			pub, err := pair.Identity()
			if err != nil {
				t.Fatal(err)
			}
			public(keys.PublicPath(id), pub)
		} else {
			public(keys.CertPath(id), pair.Cert)
		}
		private(keys.KeyPath(id), pair.Key)
	}
	if copies {
		public("nodes/a/g/ca.crt", b[keys.CA].Cert)
		private("nodes/a/g/ca.key", b[keys.CA].Key)
		private("nodes/a/g/sa.key", b[keys.ServiceAccount].Key)
		public("nodes/a/g/front-proxy-ca.crt", b[keys.FrontProxyCA].Cert)
		private("nodes/b/g/front-proxy-ca.key", b[keys.FrontProxyCA].Key) // not in the real layout, so that each has a copy
		private("nodes/a/g/client.key", b[aClient].Key)
	}
	return d
}

// follow plans with the files of the tree now.
func (d *disk) follow(c *spec.Cluster, given keys.Bundle, accepted plan.Accepted) (*plan.Plan, error) {
	past, have := plan.Past{Cluster: d.cluster}, keys.Bundle{}
	paths := maps.Clone(d.sums)
	for p := range d.secret {
		paths[p] = ""
	}
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		f := plan.PastFile{Path: p, Sum: paths[p]}
		if d.secret[p] {
			f.Secret = keys.NewSecret(d.files[p])
		} else {
			f.Data = d.files[p]
		}
		past.Files = append(past.Files, f)
		have.Add(p, f.Data, f.Secret)
	}
	return plan.Follow(c, past, have, given, accepted, start)
}

// verdict is the result of an export: "kept", or why it is refused.
func verdict(p *plan.Plan, err error, id string) string {
	var changed *plan.TrustError
	var conflict *plan.Conflict
	switch {
	case errors.As(err, &changed):
		for _, c := range changed.Changes {
			if c.ID == id {
				out := map[plan.ChangeKind]string{plan.Lost: "lost", plan.Replaced: "replaced", plan.Changed: "another", plan.Ended: "ended"}[c.Kind]
				if c.Key != "" {
					out += ", copy"
				}
				return out
			}
		}
		return "refused because of another"
	case errors.As(err, &conflict):
		out := "conflict"
		if conflict.Lost != "" {
			out += " " + conflict.Lost
		}
		if conflict.Lost == ".key" && conflict.Key != "" || conflict.Lost == ".crt" && conflict.Public != "" {
			out += ", copy"
		}
		return out
	case err != nil:
		return err.Error()
	}
	for _, it := range p.Items {
		if it.ID == id && it.Reason != "" {
			return "made: " + it.Reason
		}
	}
	return "kept"
}

// TestTrustStates: the result for each trusted pair and each state of its two files,
// with and without copies below nodes/.
func TestTrustStates(t *testing.T) {
	have, other := issue(t, trusting(), nil, start), issue(t, trusting(), nil, start)
	type state struct{ public, private string }
	authority := map[state]string{ // what is the same for a CA with copies
		{"", ""}: "kept", {"missing", ""}: "conflict .crt, copy", {"", "missing"}: "conflict .key, copy", {"missing", "missing"}: "lost, copy",
		{"other", ""}: "conflict .*", {"", "other"}: "conflict .*", {"other", "other"}: "replaced, copy",
		{"garbage", ""}: "conflict .*", {"", "garbage"}: "conflict .*", {"garbage", "garbage"}: "conflict .*",
		{"missing", "other"}: "conflict .crt, copy", {"other", "missing"}: "conflict .key, copy", {"missing", "garbage"}: "conflict .crt, copy",
		{"garbage", "missing"}: "conflict .key, copy", {"other", "garbage"}: "conflict .*", {"garbage", "other"}: "conflict .*",
	}
	pair := map[state]string{ // the public half of a service-account key follows from it
		{"", ""}: "kept", {"missing", ""}: "kept", {"other", ""}: "kept", {"garbage", ""}: "kept",
		{"", "missing"}: "conflict .key, copy", {"other", "missing"}: "conflict .key, copy", {"garbage", "missing"}: "conflict .key, copy", {"missing", "missing"}: "lost, copy",
		{"", "other"}: "replaced, copy", {"missing", "other"}: "replaced, copy", {"other", "other"}: "replaced, copy", {"garbage", "other"}: "replaced, copy",
		{"", "garbage"}: "conflict .key, copy", {"missing", "garbage"}: "conflict .key, copy", {"other", "garbage"}: "conflict .key, copy", {"garbage", "garbage"}: "conflict .key, copy",
	}
	for _, id := range []string{keys.CA, keys.FrontProxyCA, keys.ServiceAccount} {
		table, public := authority, keys.CertPath(id)
		if id == keys.ServiceAccount {
			table, public = pair, keys.PublicPath(id)
		}
		if len(table) != 16 {
			t.Fatalf("%d states of %s", len(table), id)
		}
		for s, want := range table {
			for _, copies := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %q %q %v", id, s.public, s.private, copies), func(t *testing.T) {
					d := written(t, "test", have, copies)
					from := written(t, "test", other, copies)
					for at, how := range map[string]string{public: s.public, keys.KeyPath(id): s.private} {
						switch how {
						case "missing":
							delete(d.files, at)
						case "other":
							d.files[at] = from.files[at]
						case "garbage":
							d.files[at] = []byte("garbage")
						}
					}
					want := want
					if !copies {
						want = strings.TrimSuffix(want, ", copy")
					}
					p, err := d.follow(trusting(), nil, nil)
					if got := verdict(p, err, id); got != want {
						t.Errorf("%s, want %s (%v)", got, want, err)
					}
					// Only that pair's change is accepted, and none of a pair that
					// doesn't match.
					p, err = d.follow(trusting(), nil, plan.Accepted{id: true})
					accepted := map[string]string{"kept": "kept", "replaced": "kept", "lost": "made: the one made earlier is gone"}
					after, ok := accepted[strings.TrimSuffix(want, ", copy")]
					if !ok {
						after = want
					}
					if got := verdict(p, err, id); got != after {
						t.Errorf("accepted: %s, want %s (%v)", got, after, err)
					}
					for _, o := range []string{keys.CA, keys.FrontProxyCA, keys.ServiceAccount} {
						if _, err := d.follow(trusting(), nil, plan.Accepted{o: true}); o != id && want != "kept" && err == nil {
							t.Errorf("a change of %s passes where one of %s is accepted", id, o)
						}
					}
				})
			}
		}
	}
}

// TestTrustGiven: the user's own files changed, or the cluster no longer names them.
func TestTrustGiven(t *testing.T) {
	one, two := issue(t, trusting(), nil, start), issue(t, trusting(), nil, start)
	year3 := start.Add(3 * year)
	renewed := issue(t, trusting(), nil, year3)
	own := func(c *spec.Cluster) { *c = *trusting() }
	byFiles := func(c *spec.Cluster) {
		c.PKI.CA.CertFile, c.PKI.CA.KeyFile = "c", "k"
		c.PKI.FrontProxy.CertFile = "f"
		c.PKI.ServiceAccount.KeyFile = "s"
	}
	files := func(b keys.Bundle) keys.Bundle {
		return keys.Bundle{keys.CA: b[keys.CA], keys.FrontProxyCA: {Cert: b[keys.FrontProxyCA].Cert}, keys.ServiceAccount: b[keys.ServiceAccount]}
	}
	with := func(b keys.Bundle, id string, p keys.Pair) keys.Bundle {
		b = maps.Clone(b)
		b[id] = p
		return b
	}
	fingerprint := func(b keys.Bundle, id string) string {
		if id == keys.ServiceAccount {
			k, _ := b[id].Private()
			return plan.Fingerprint(k.Public())
		}
		cert, _ := b[id].Certificate()
		return plan.Fingerprint(cert.PublicKey)
	}
	for name, tc := range map[string]struct {
		change func(*spec.Cluster)
		given  keys.Bundle
		want   map[string]string // by id; the others are kept
	}{
		"the same":               {byFiles, files(one), nil},
		"another CA":             {byFiles, with(files(one), keys.CA, two[keys.CA]), map[string]string{keys.CA: "another"}},
		"another front proxy":    {byFiles, with(files(one), keys.FrontProxyCA, two[keys.FrontProxyCA]), map[string]string{keys.FrontProxyCA: "another"}},
		"another token key":      {byFiles, with(files(one), keys.ServiceAccount, two[keys.ServiceAccount]), map[string]string{keys.ServiceAccount: "another"}},
		"all others":             {byFiles, files(two), map[string]string{keys.CA: "another", keys.FrontProxyCA: "another", keys.ServiceAccount: "another"}},
		"a later CA":             {byFiles, with(files(one), keys.CA, renewed[keys.CA]), map[string]string{keys.CA: "another"}},
		"files that aren't here": {byFiles, keys.Bundle{keys.CA: {}, keys.FrontProxyCA: {}, keys.ServiceAccount: {}}, nil},
		"none any more":          {own, nil, map[string]string{keys.CA: "conflict"}},
		"no front proxy":         {func(c *spec.Cluster) { byFiles(c); c.PKI.FrontProxy = nil }, files(one), map[string]string{keys.FrontProxyCA: "ended"}},
		"tokens by the CA": {func(c *spec.Cluster) {
			byFiles(c)
			c.PKI.ServiceAccount = spec.ServiceAccount{UseCA: true, Key: c.PKI.ServiceAccount.Key}
		}, files(one), map[string]string{keys.ServiceAccount: "another"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := written(t, "test", files(one), false)
			for _, id := range []string{keys.CA, keys.FrontProxyCA, keys.ServiceAccount} {
				delete(d.files, keys.KeyPath(id)) // the user's own keys aren't copied to pki/
				delete(d.secret, keys.KeyPath(id))
			}
			c := trusting()
			tc.change(c)
			p, err := d.follow(c, tc.given, nil)
			all := plan.Accepted{}
			for _, id := range []string{keys.CA, keys.FrontProxyCA, keys.ServiceAccount} {
				want, changes := tc.want[id]
				if !changes {
					want = map[bool]string{true: "kept", false: "refused for another's sake"}[len(tc.want) == 0]
				}
				if got := verdict(p, err, id); got != want && want != "refused for another's sake" {
					t.Errorf("%s: %s, want %s (%v)", id, got, want, err)
				}
				all[id] = changes
			}
			if p, err = d.follow(c, tc.given, plan.Accepted{keys.CA: true, keys.FrontProxyCA: true, keys.ServiceAccount: true}); err != nil {
				t.Fatalf("all accepted: %v", err)
			}
			if name == "none any more" || name == "no front proxy" {
				return // there is no new fingerprint
			}
			if len(p.Accepted) != len(tc.want) {
				t.Errorf("%d changes were accepted, want %d", len(p.Accepted), len(tc.want))
			}
			c.PKI.Accept = map[string]string{}
			for id := range tc.want {
				c.PKI.Accept[id] = "sha256:" + strings.Repeat("0", 64)
			}
			if _, err = d.follow(c, tc.given, nil); (err != nil) != (len(tc.want) > 0) {
				t.Errorf("the fingerprint of another key: %v", err)
			}
			for id := range tc.want {
				if c.PKI.Accept[id] = fingerprint(tc.given, id); c.PKI.ServiceAccount.UseCA {
					c.PKI.Accept[id] = fingerprint(tc.given, keys.CA)
				}
			}
			if _, err = d.follow(c, tc.given, nil); err != nil {
				t.Errorf("accepted by its fingerprint: %v", err)
			}
		})
	}
}

// TestTrustRenewed: a CA with a new certificate for the same key and name is the same
// CA, if the old certificate is still there.
func TestTrustRenewed(t *testing.T) {
	c := trusting()
	b := issue(t, c, nil, start)
	c.PKI.CA.CertFile, c.PKI.CA.KeyFile = "c", "k"
	given := keys.Bundle{keys.CA: b[keys.CA]}
	d := written(t, "test", keys.Bundle{keys.CA: b[keys.CA]}, true)
	delete(d.files, "pki/ca.key")
	delete(d.secret, "pki/ca.key")
	c.PKI.FrontProxy = nil
	given[keys.CA] = keys.Pair{Cert: append([]byte("# renewed\n"), b[keys.CA].Cert...), Key: b[keys.CA].Key}
	if _, err := d.follow(c, given, nil); err != nil {
		t.Errorf("other bytes, same key: %v", err)
	}
}

// TestTrustOfAnotherCluster: the tree of another cluster is refused.
func TestTrustOfAnotherCluster(t *testing.T) {
	d := written(t, "stage", issue(t, trusting(), nil, start), true)
	_, err := d.follow(trusting(), nil, plan.Accepted{keys.CA: true, keys.ServiceAccount: true, keys.FrontProxyCA: true})
	var other *plan.OtherClusterError
	if !errors.As(err, &other) || other.Made != "stage" {
		t.Errorf("the tree of stage: %v", err)
	}
	if p, err := d.follow(trusting(), nil, plan.Accepted{plan.Name: true}); err != nil || len(p.ToMake()) != 0 {
		t.Errorf("after it was renamed: %v", err)
	}
}

// TestTrustOfTokens: tokens that the CA's key signed get their own key.
func TestTrustOfTokens(t *testing.T) {
	c := cluster("a")
	b := issue(t, c, nil, start)
	delete(b, keys.ServiceAccount)
	d := written(t, "test", b, false)
	d.files["nodes/a/g/sa.key"], d.secret["nodes/a/g/sa.key"] = b[keys.CA].Key.Reveal(), true
	p, err := d.follow(c, nil, nil)
	if got := verdict(p, err, keys.ServiceAccount); got != "another" {
		t.Errorf("a key of their own: %s (%v)", got, err)
	}
	if p, err = d.follow(c, nil, plan.Accepted{keys.ServiceAccount: true}); err != nil || len(p.Accepted) != 1 {
		t.Errorf("accepted: %v", err)
	}
	c.PKI.ServiceAccount.UseCA = true
	if _, err := d.follow(c, nil, nil); err != nil {
		t.Errorf("as before: %v", err)
	}
}
