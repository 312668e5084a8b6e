package render

import (
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestOwners: the files that a pod reads belong to its user, with their directory, and no
// others do. The owner is part of the generation's name.
func TestOwners(t *testing.T) {
	names := map[string]string{}
	for user, change := range map[string]func(*spec.Cluster){
		"root:root":   func(c *spec.Cluster) { c.Pod.Hardened = false },
		"65520:65520": func(c *spec.Cluster) { c.Pod.Hardened = true },
	} {
		c := cluster()
		c.Layout = spec.StaticPod
		change(c)
		out := rendered(t, c, keys.Bundle{})
		seen := 0
		for _, e := range out.Tree.Entries() {
			place, in := strings.CutPrefix(e.Path, "nodes/a")
			if !in {
				continue
			}
			want := "root:root"
			if strings.HasPrefix(place, c.Paths.Generations+"/") && !strings.HasSuffix(place, ".yaml") {
				want = user
			}
			if e.Owner != want {
				t.Errorf("%s belongs to %s, want %s", e.Path, e.Owner, want)
			}
			if want == user {
				seen++
			}
		}
		if seen < 6 {
			t.Errorf("%s: only %d files", user, seen)
		}
		for other, name := range names {
			if name == out.Generations["a"] {
				t.Errorf("%s and %s have one generation", user, other)
			}
		}
		names[user] = out.Generations["a"]
	}
}
