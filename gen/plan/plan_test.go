package plan_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/pki"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const year = 8760 * time.Hour

func cluster(names ...string) *spec.Cluster {
	ecdsa := spec.Key{Algo: "ecdsa", Size: 256}
	leaf := func(profile string) spec.Leaf {
		return spec.Leaf{Subject: spec.Subject{CN: "system:kube-controller-manager"}, Key: ecdsa, Profile: profile, SANs: spec.SANs{Nodes: "own", Names: true}}
	}
	c := &spec.Cluster{
		Name: "test", Layout: spec.Systemd, Hardened: true, Generations: true,
		PKI: spec.PKI{
			CA:             spec.Authority{Subject: spec.Subject{CN: "ca"}, Key: ecdsa, Expiry: 10 * year},
			ServiceAccount: spec.ServiceAccount{Key: ecdsa},
			Separate:       true, Client: leaf("client"), Serving: leaf("serving"), Combined: leaf("combined"),
			Profiles: map[string]spec.SigningProfile{
				"client":   {Usages: []string{"digital signature", "client auth"}, Expiry: year},
				"serving":  {Usages: []string{"digital signature", "server auth"}, Expiry: year},
				"combined": {Usages: []string{"signing", "key encipherment", "server auth", "client auth"}, Expiry: year},
			},
		},
		Paths: spec.Paths{
			CA: "/ca", CAKey: "/cakey", TLSCert: "/cert", TLSKey: "/key", Kubeconfig: "/conf", ServiceAccountKey: "/sa", FrontProxyCA: "/front",
		},
	}
	for i, n := range names {
		c.Nodes = append(c.Nodes, spec.Node{Name: n, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i)})}})
	}
	return c
}

// issue makes all key material of a cluster at a time.
func issue(t *testing.T, c *spec.Cluster, have keys.Bundle, now time.Time) keys.Bundle {
	t.Helper()
	p, err := plan.New(c, have, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	b, err := pki.Issue(context.Background(), p, have, now)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// made returns the ids that a plan makes, with their reasons.
func made(p *plan.Plan) map[string]string {
	out := map[string]string{}
	for _, it := range p.ToMake() {
		out[it.ID] = it.Reason
	}
	return out
}

const (
	aClient  = "nodes/a/client"
	aServing = "nodes/a/serving"
)

// TestReasons: what is made again after a change, with a reason that names the change.
// Everything else is kept.
func TestReasons(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*spec.Cluster)
		at     time.Duration // after the first export
		want   map[string]string
	}{
		"nothing":              {func(*spec.Cluster) {}, 0, nil},
		"a flag":               {func(c *spec.Cluster) { c.Flags = spec.Settings{"v": {Value: "4"}} }, 0, nil},
		"the name":             {func(c *spec.Cluster) { c.Name = "other" }, 0, nil},
		"the version":          {func(c *spec.Cluster) { c.Version.Minor = 38 }, 0, nil},
		"the layout":           {func(c *spec.Cluster) { c.Layout = spec.StaticPod }, 0, nil},
		"a path":               {func(c *spec.Cluster) { c.Paths.TLSKey = "/other" }, 0, nil},
		"the endpoint":         {func(c *spec.Cluster) { c.APIServer.Endpoint = "local" }, 0, nil},
		"the CA's lifetime":    {func(c *spec.Cluster) { c.PKI.CA.Expiry = 20 * year }, 0, nil},
		"two thirds of a life": {func(*spec.Cluster) {}, year*2/3 - 6*time.Minute, nil},
		"a third is left":      {func(*spec.Cluster) {}, year*2/3 - 5*time.Minute, map[string]string{aClient: "third", aServing: "third"}},
		"it has ended":         {func(*spec.Cluster) {}, year, map[string]string{aClient: "ended", aServing: "ended"}},
		"the clock is behind":  {func(*spec.Cluster) {}, -time.Hour, map[string]string{aClient: "begins", aServing: "begins"}},
		"the address":          {func(c *spec.Cluster) { c.Nodes[0].Addresses[0] = netip.MustParseAddr("10.0.0.9") }, 0, map[string]string{aClient: "+10.0.0.9 -10.0.0.1", aServing: "+10.0.0.9 -10.0.0.1"}},
		"another address": {func(c *spec.Cluster) {
			c.Nodes[0].Addresses = append(c.Nodes[0].Addresses, netip.MustParseAddr("fd00::1"))
		}, 0, map[string]string{aClient: "+fd00::1", aServing: "+fd00::1"}},
		"an extra name":   {func(c *spec.Cluster) { c.PKI.Serving.SANs.Extra = []string{"localhost"} }, 0, map[string]string{aServing: "+localhost"}},
		"no node name":    {func(c *spec.Cluster) { c.PKI.Serving.SANs.Names = false }, 0, map[string]string{aServing: "-a"}},
		"the common name": {func(c *spec.Cluster) { c.PKI.Client.Subject.CN = "x" }, 0, map[string]string{aClient: "subject was CN=system:kube-controller-manager, is CN=x"}},
		"an organization": {func(c *spec.Cluster) { c.PKI.Serving.Subject.OU = "x" }, 0, map[string]string{aServing: "OU=x"}},
		"the key size":    {func(c *spec.Cluster) { c.PKI.Client.Key.Size = 384 }, 0, map[string]string{aClient: "key was ecdsa-256, is ecdsa-384"}},
		"the usages":      {func(c *spec.Cluster) { c.PKI.Serving.Profile = "combined" }, 0, map[string]string{aServing: "usages"}},
		"the lifetime": {func(c *spec.Cluster) {
			c.PKI.Profiles["client"] = spec.SigningProfile{Usages: c.PKI.Profiles["client"].Usages, Expiry: 2 * year}
		}, 0, map[string]string{aClient: "lifetime was 8760h, is 17520h"}},
		"one for both":  {func(c *spec.Cluster) { c.PKI.Separate = false }, 0, map[string]string{"nodes/a/combined": "none yet"}},
		"one for all":   {func(c *spec.Cluster) { c.PKI.Shared = true }, 0, map[string]string{"shared/client": "none yet", "shared/serving": "none yet"}},
		"a node more":   {func(c *spec.Cluster) { *c = *cluster("a", "b") }, 0, map[string]string{"nodes/b/client": "none yet", "nodes/b/serving": "none yet"}},
		"a front proxy": {func(c *spec.Cluster) { a := c.PKI.CA; c.PKI.FrontProxy = &a }, 0, map[string]string{"front-proxy-ca": "none yet"}},
		"no token key":  {func(c *spec.Cluster) { c.Flags = spec.Settings{"service-account-private-key-file": {Omit: true}} }, 0, nil},
		"no serving": {func(c *spec.Cluster) {
			c.Flags = spec.Settings{"tls-cert-file": {Omit: true}, "tls-private-key-file": {Omit: true}}
		}, 0, nil},
		"two changes at one": {func(c *spec.Cluster) { c.PKI.Client.Key.Size = 521; c.PKI.Serving.Key.Size = 384 }, 0, map[string]string{aClient: "ecdsa-521", aServing: "ecdsa-384"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			have := issue(t, cluster("a"), nil, start)
			c := cluster("a")
			tc.change(c)
			p, err := plan.New(c, have, nil, start.Add(tc.at))
			if err != nil {
				t.Fatal(err)
			}
			got := made(p)
			if diff := cmp.Diff(slices.Sorted(maps.Keys(tc.want)), slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("made (-want +got):\n%s", diff)
			}
			for id, why := range tc.want {
				if !strings.Contains(got[id], why) {
					t.Errorf("%s is made because %q, want a reason with %q", id, got[id], why)
				}
			}
		})
	}
}

// TestDamage: damaged key material is made again, except keys that others trust, which
// are a conflict.
func TestDamage(t *testing.T) {
	have := issue(t, cluster("a"), nil, start)
	other := issue(t, cluster("a"), nil, start)
	cross := func(id string) keys.Pair { return keys.Pair{Cert: have[id].Cert, Key: other[id].Key} }
	for name, tc := range map[string]struct {
		id       string
		pair     keys.Pair
		conflict bool
		want     string
	}{
		"leaf with another key":   {aClient, cross(aClient), false, "not the certificate's"},
		"leaf without a key":      {aClient, keys.Pair{Cert: have[aClient].Cert}, false, "private key is missing"},
		"leaf that is no PEM":     {aClient, keys.Pair{Cert: []byte("x"), Key: have[aClient].Key}, false, "can't be read"},
		"leaf of another CA":      {aClient, other[aClient], false, "another CA"},
		"CA with another key":     {keys.CA, cross(keys.CA), true, "not the certificate's"},
		"CA without a key":        {keys.CA, keys.Pair{Cert: have[keys.CA].Cert}, true, "missing"},
		"CA that is no PEM":       {keys.CA, keys.Pair{Cert: []byte("x"), Key: have[keys.CA].Key}, true, "no PEM certificate"},
		"CA without certificate":  {keys.CA, keys.Pair{Key: have[keys.CA].Key}, true, "certificate is missing"},
		"CA that is gone":         {keys.CA, keys.Pair{}, false, "gone"},
		"leaf that is gone":       {aClient, keys.Pair{}, false, "gone"},
		"token key that is gone":  {keys.ServiceAccount, keys.Pair{}, false, "gone"},
		"token key half gone":     {keys.ServiceAccount, keys.Pair{Public: []byte("x")}, true, "private key is missing"},
		"token key that is empty": {keys.ServiceAccount, keys.Pair{Key: keys.NewSecret([]byte("x"))}, true, "can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			b := maps.Clone(have)
			b[tc.id] = tc.pair
			p, err := plan.New(cluster("a"), b, nil, start)
			var c *plan.Conflict
			switch {
			case tc.conflict != errors.As(err, &c):
				t.Fatalf("error is %v, want a conflict: %v", err, tc.conflict)
			case tc.conflict && !strings.Contains(err.Error(), tc.want):
				t.Errorf("conflict %q doesn't say %q", err, tc.want)
			case !tc.conflict && !strings.Contains(made(p)[tc.id], tc.want):
				t.Errorf("made because %q, want a reason with %q", made(p)[tc.id], tc.want)
			}
		})
	}
}

// TestNothingTrustedIsLost: an export never removes a CA or token key that only out/ has.
func TestNothingTrustedIsLost(t *testing.T) {
	c := cluster("a")
	front := c.PKI.CA
	c.PKI.FrontProxy = &front
	have, other := issue(t, c, nil, start), issue(t, c, nil, start)
	for name, tc := range map[string]struct {
		change   func(*spec.Cluster)
		given    keys.Bundle
		conflict bool
	}{
		"the same CA by its files":        {func(c *spec.Cluster) { c.PKI.CA.CertFile, c.PKI.CA.KeyFile = "c", "k" }, keys.Bundle{keys.CA: have[keys.CA]}, false},
		"the same CA without its key":     {func(c *spec.Cluster) { c.PKI.CA.CertFile = "c" }, keys.Bundle{keys.CA: {Cert: have[keys.CA].Cert}}, true},
		"another CA":                      {func(c *spec.Cluster) { c.PKI.CA.CertFile, c.PKI.CA.KeyFile = "c", "k" }, keys.Bundle{keys.CA: other[keys.CA]}, true},
		"another subject":                 {func(c *spec.Cluster) { c.PKI.CA.Subject.CN = "x" }, nil, true},
		"another key size":                {func(c *spec.Cluster) { c.PKI.CA.Key.Size = 384 }, nil, true},
		"no front proxy any more":         {func(c *spec.Cluster) { c.PKI.FrontProxy = nil }, nil, true},
		"tokens signed by the CA":         {func(c *spec.Cluster) { c.PKI.ServiceAccount.UseCA = true }, nil, true},
		"the same token key by its file":  {func(c *spec.Cluster) { c.PKI.ServiceAccount.KeyFile = "k" }, keys.Bundle{keys.ServiceAccount: have[keys.ServiceAccount]}, false},
		"another token key":               {func(c *spec.Cluster) { c.PKI.ServiceAccount.KeyFile = "k" }, keys.Bundle{keys.ServiceAccount: other[keys.ServiceAccount]}, true},
		"a token key of another size":     {func(c *spec.Cluster) { c.PKI.ServiceAccount.Key.Size = 521 }, nil, true},
		"the flag for the token key goes": {func(c *spec.Cluster) { c.Flags = spec.Settings{"service-account-private-key-file": {Omit: true}} }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster("a")
			front := c.PKI.CA
			c.PKI.FrontProxy = &front
			tc.change(c)
			p, err := plan.New(c, have, tc.given, start)
			var conflict *plan.Conflict
			if errors.As(err, &conflict) != tc.conflict {
				t.Fatalf("error is %v, want a conflict: %v", err, tc.conflict)
			}
			if err != nil {
				return
			}
			for _, id := range []string{keys.CA, keys.FrontProxyCA, keys.ServiceAccount} {
				if !slices.ContainsFunc(p.Items, func(it plan.Item) bool { return it.ID == id && it.Reason == "" }) {
					t.Errorf("%s is not kept", id)
				}
			}
		})
	}
}

// TestDates: for CAs of random ages, a leaf begins five minutes before its creation and
// ends with its CA at the latest. It is renewed when a third of its lifetime is left, to
// the second.
func TestDates(t *testing.T) {
	c := cluster("a")
	have := issue(t, c, nil, start)
	ca, err := have[keys.CA].Certificate()
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		c.PKI.Profiles["client"] = spec.SigningProfile{Usages: []string{"client auth"}, Expiry: time.Hour + time.Duration(rnd.Int64N(int64(10*year)))}
		now := start.Add(time.Duration(rnd.Int64N(int64(10*year - time.Hour))))
		b := issue(t, c, keys.Bundle{keys.CA: have[keys.CA], keys.ServiceAccount: have[keys.ServiceAccount]}, now)
		cert, err := b[aClient].Certificate()
		if err != nil {
			t.Fatal(err)
		}
		if cert.NotAfter.After(ca.NotAfter) {
			t.Fatalf("ends %s, its CA %s", cert.NotAfter, ca.NotAfter)
		}
		if d := now.Sub(cert.NotBefore); d < plan.Backdate || d >= plan.Backdate+time.Second {
			t.Fatalf("begins %s before it was made", d)
		}
		if cert.NotAfter.Equal(ca.NotAfter) {
			continue // renewing it would gain nothing
		}
		renew := cert.NotAfter.Add(-cert.NotAfter.Sub(cert.NotBefore) / 3)
		for at, want := range map[time.Duration]bool{-time.Second: false, time.Second: true} {
			p, err := plan.New(c, b, nil, renew.Add(at))
			if err != nil {
				t.Fatal(err)
			}
			if _, got := made(p)[aClient]; got != want {
				t.Fatalf("%s after the renewal time: renewed is %v", at, got)
			}
		}
	}
}

// TestTokenKeyIsTheCAs: the file of a CA that kcmgen made can't be the token key.
func TestTokenKeyIsTheCAs(t *testing.T) {
	made := issue(t, cluster("a"), nil, start)
	have := keys.Bundle{keys.CA: made[keys.CA]}
	c := cluster("a")
	c.PKI.ServiceAccount.KeyFile = "k"
	for id, refused := range map[string]bool{keys.CA: true, keys.ServiceAccount: false} {
		_, err := plan.New(c, have, keys.Bundle{keys.ServiceAccount: {Key: made[id].Key}}, start)
		var conflict *plan.Conflict
		if errors.As(err, &conflict) != refused {
			t.Errorf("the key of %s for tokens: %v, want it refused: %v", id, err, refused)
		}
	}
}
