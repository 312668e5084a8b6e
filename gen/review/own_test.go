package review

import (
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestOwnFieldOfAPod: a field that came with a generation of defaults is kcmgen's own, in both
// directions, and not if the generation is the same or the user's value differs from it.
func TestOwnFieldOfAPod(t *testing.T) {
	const field = "spec.automountServiceAccountToken"
	cluster := func(d spec.Defaults, value string) *Cluster {
		n := Node{Name: "cp-1", Layout: "staticPod"}
		if value != "" {
			n.Settings = []Setting{{Kind: OfPod, Name: field, Value: value}}
		}
		return &Cluster{Name: "x", Kubernetes: "v1.37.1", Defaults: string(d), Nodes: []Node{n}}
	}
	first, second := spec.Defaults2026x1, spec.Defaults2026x2
	for name, c := range map[string]struct {
		old, now *Cluster
		own      bool
	}{
		"it comes":             {cluster(first, ""), cluster(second, "false"), true},
		"it goes":              {cluster(second, "false"), cluster(first, ""), true},
		"the same generation":  {cluster(second, ""), cluster(second, "false"), false},
		"another value":        {cluster(first, ""), cluster(second, "true"), false},
		"the user had another": {cluster(first, "true"), cluster(second, "false"), false},
		"no generation known":  {cluster("", ""), cluster(second, "false"), false},
	} {
		t.Run(name, func(t *testing.T) {
			d := Compare(&Sources{Clusters: []*Cluster{c.old}}, &Sources{Clusters: []*Cluster{c.now}}, nil)
			found := false
			for _, one := range d.Clusters[0].Changes {
				if one.Kind == OfPod && one.Name == field {
					found = true
					if one.Own != c.own {
						t.Errorf("own is %v", one.Own)
					}
				}
			}
			if !found {
				t.Errorf("the field isn't in %+v", d.Clusters[0].Changes)
			}
		})
	}
}
