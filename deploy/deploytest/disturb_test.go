package deploytest_test

import (
	"reflect"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/deploytest"
	"github.com/kcmgen/kcmgen/deploy/rollout"
)

// disturb returns the ways to disturb action n, but for those that are known to have the
// same result as another one. unchanged counts the actions since one that changed a host.
func (s scene) disturb(n int, kind rollout.Kind, unchanged *int) []trial {
	trials := []trial{{scene: s, cutAfter: n}}
	switch {
	case changes(kind):
		*unchanged = 0
		trials = append(trials, trial{scene: s, loseAnswer: n}, trial{scene: s, loseAction: n})
	case kind == rollout.Wait: // it has no answer
		*unchanged++
		trials = append(trials, trial{scene: s, loseAction: n})
	default: // its answer is all that it leaves
		*unchanged++
		trials = append(trials, trial{scene: s, loseAnswer: n})
	}
	if *unchanged%6 == 0 { // between changes, only time passes
		trials = append(trials, trial{scene: s, cutAfter: n, immediately: true})
	}
	return trials
}

// changes reports whether an action changes a simulated host.
func changes(kind rollout.Kind) bool {
	switch kind {
	case rollout.Lock, rollout.Try, rollout.Prolong, rollout.Confirm, rollout.Revert, rollout.Undo, rollout.MarkEnded:
		return true
	}
	return false
}

// TestChanges: the model test leaves out disturbances of actions that change nothing, so
// these have to leave the hosts as they are.
func TestChanges(t *testing.T) {
	done := map[rollout.Kind]int{}
	for _, s := range scenes() {
		r := &deploytest.Run{World: s.world()}
		var before *deploytest.Run
		r.Check = func(rollout.Action) error { before = r.Fork(); return nil }
		r.Told = func(a rollout.Action, _ rollout.Event) {
			if a.Kind == rollout.Tell {
				return
			}
			done[a.Kind]++
			if same := reflect.DeepEqual(before.World.Hosts, r.World.Hosts); !same && !changes(a.Kind) {
				t.Fatalf("%v changes a host", a)
			}
		}
		if _, err := r.Go("deploy", "new"); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
	}
	for k := rollout.Wait; k <= rollout.ReadLog; k++ {
		if k != rollout.ReadFormerApiserver && done[k] == 0 { // that is asked during outages of some kinds only
			t.Errorf("no scene does: %v", k)
		}
	}
}
