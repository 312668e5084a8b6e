package review_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/pki"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/review"
)

const plainCluster = `package prod

import "github.com/kcmgen/kcmgen/schemas/v1_37"

cluster: v1_37.#Cluster & {
	name:    "prod"
	version: "v1.37.1"
	layout:  "systemd"
	nodes: {
		"cp-1": address: "10.0.0.11"
		"cp-2": address: "10.0.0.12"
		"cp-3": address: "10.0.0.13"
	}
	networks: {
		pods: ["10.200.0.0/16"]
		services: ["10.32.0.0/16"]
		nodes: ["10.0.0.0/24"]
	}
	apiserver: flags: "service-cluster-ip-range": "10.32.0.0/16"
	// more
}
`

// TestAgreesWithPlan: what Compare says an export makes anew is what a plan makes after an
// export of the old cluster, and what it says is refused is.
func TestAgreesWithPlan(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	old := load(t, plainCluster)
	first, err := plan.New(old, keys.Bundle{}, keys.Bundle{}, now)
	if err != nil {
		t.Fatal(err)
	}
	have, err := pki.Issue(context.Background(), first, keys.Bundle{}, now)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new string }{
		"nothing":          {"// more", "// less"},
		"a flag":           {"// more", "flags: v: 4"},
		"lifetime":         {"// more", `pki: profiles: serving: expiry: "720h"`},
		"beyond the CA":    {"// more", `pki: profiles: serving: expiry: "800000h"`},
		"the CA's life":    {"// more", `pki: ca: expiry: "97600h"`},
		"the CA's subject": {"// more", `pki: ca: subject: CN: "another"`},
		"the CA's key":     {"// more", `pki: ca: key: {algo: "rsa", size: 4096}`},
		"the tokens' key":  {"// more", `pki: serviceAccount: key: {algo: "rsa", size: 4096}`},
		"a leaf's key":     {"// more", `pki: client: key: {algo: "rsa", size: 3072}`},
		"subject":          {"// more", `pki: serving: subject: CN: "kcm"`},
		"a name":           {"// more", `pki: serving: sans: extra: ["kcm.example.org"]`},
		"usages":           {"// more", `pki: profiles: serving: usages: ["digital signature", "key encipherment", "server auth"]`},
		"same usages":      {"// more", `pki: profiles: serving: usages: ["signing", "server auth"]`},
		"one leaf":         {"// more", "pki: separate: false"},
		"shared":           {"// more", `pki: scope: "cluster"`},
		"tokens by the CA": {"// more", `pki: serviceAccount: use: "ca"`},
		"front proxy":      {"// more", `pki: frontProxy: subject: CN: "front"`},
		"an address":       {`"10.0.0.12"`, `"10.0.0.22"`},
		"a node's name":    {`"cp-2"`, `"cp-9"`},
		"a node goes":      {"\t\t\"cp-3\": address: \"10.0.0.13\"\n", ""},
		"a node comes":     {`"cp-3": address: "10.0.0.13"`, "\"cp-3\": address: \"10.0.0.13\"\n\t\t\"cp-4\": address: \"10.0.0.14\""},
	} {
		t.Run(name, func(t *testing.T) {
			changed := load(t, strings.Replace(plainCluster, c.old, c.new, 1))
			want, refused := map[string]bool{}, false
			p, err := plan.New(changed, have, keys.Bundle{}, now.Add(time.Hour))
			var conflict *plan.Conflict
			switch {
			case errors.As(err, &conflict):
				refused = true
			case err != nil:
				t.Fatal(err)
			default:
				for _, it := range p.ToMake() {
					want[it.ID] = true
				}
			}
			d := compare(t, plainCluster, strings.Replace(plainCluster, c.old, c.new, 1))
			got, refuses := madeAnew(d)
			if refused != refuses {
				t.Fatalf("a plan is refused: %v (%v); Compare says %v", refused, err, refuses)
			}
			if !refused && !maps.Equal(got, want) {
				t.Errorf("a plan makes %v; Compare says %v", slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
			}
		})
	}
}

// madeAnew returns the ids of what an export makes, and whether it refuses something.
func madeAnew(d *review.Difference) (ids map[string]bool, refuses bool) {
	ids = map[string]bool{}
	for _, c := range d.Clusters {
		for _, one := range c.Changes {
			id, _, _ := strings.Cut(one.Name, ".")
			switch {
			case one.Kind != review.OfCertificate:
			case one.Export == review.Refuses:
				refuses = true
			case one.Export == review.Makes && len(one.Nodes) == 0:
				ids[id] = true
			case one.Export == review.Makes:
				for _, n := range one.Nodes {
					ids["nodes/"+n+"/"+id] = true
				}
			}
		}
	}
	return ids, refuses
}
