package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
)

// TestKeptReason: a plan keeps a leaf until the time that the reason names, and no longer.
func TestKeptReason(t *testing.T) {
	have := issue(t, trusting(), nil, start)
	at := func(now time.Time) map[string]plan.Item {
		p, err := plan.New(trusting(), have, nil, now)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]plan.Item{}
		for _, it := range p.Items {
			out[it.ID] = it
		}
		return out
	}
	leaves := 0
	for id, it := range at(start) {
		text := it.KeptReason(have)
		if it.Kind != plan.Leaf {
			if !strings.HasPrefix(text, "the one made earlier") {
				t.Errorf("%s: %s", id, text)
			}
			continue
		}
		leaves++
		_, from, ok := strings.Cut(text, "an export renews it from ")
		end, err := time.Parse(time.RFC3339, from)
		if !ok || err != nil {
			t.Fatalf("%s: %s: %v", id, text, err)
		}
		if why := at(end.Add(-time.Second))[id].Reason; why != "" {
			t.Errorf("%s is made anew before %s: %s", id, from, why)
		}
		if at(end)[id].Reason == "" {
			t.Errorf("%s isn't made anew at %s", id, from)
		}
	}
	if leaves == 0 {
		t.Error("there is no leaf")
	}
}

func TestKeptReasonGiven(t *testing.T) {
	have := issue(t, trusting(), nil, start)
	it := plan.Item{ID: keys.CA, Kind: plan.Authority, Given: true}
	if text := it.KeptReason(have); !strings.HasPrefix(text, "the user's own file, and ends at 20") {
		t.Error(text)
	}
	it = plan.Item{ID: keys.ServiceAccount, Kind: plan.KeyPair}
	if text := it.KeptReason(have); text != "the one made earlier" {
		t.Error(text)
	}
}

func TestGoneNode(t *testing.T) {
	for word, want := range map[string]string{plan.NodeGone("cp-3"): "cp-3", "node/": "", "node": "", "ca": "", "": ""} {
		if node, ok := plan.GoneNode(word); node != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", word, node, ok)
		}
	}
	if (plan.Change{ID: plan.NodeGone("cp-3"), Kind: plan.Left}).String() == "" {
		t.Error("it says nothing")
	}
}
