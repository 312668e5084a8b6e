package rollout

import (
	"errors"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// through is an error of asking the apiserver by way of a host.
type through struct{ node string }

func (e through) Error() string    { return e.node + ": connecting onwards: refused" }
func (e through) NodeName() string { return e.node }

// TestWithNode: an error says once whose it is, also where it ends with what was asked by
// way of the same host.
func TestWithNode(t *testing.T) {
	s := &State{plan: &plan.Plan{Hosts: []plan.Record{{Node: "cp-1"}, {Node: "cp-2"}}}}
	away := &ApiserverAwayError{For: 68e9, Err: through{"cp-2"}}
	const seconds = "the apiserver has been away for 1m8s, and nothing is known to be wrong with the host: cp-2: connecting onwards: refused"
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("it ended"), "cp-2: it ended"},
		{through{"cp-2"}, "cp-2: connecting onwards: refused"},
		{through{"cp-1"}, "cp-2: cp-1: connecting onwards: refused"},
		{away, "cp-2: " + seconds},
		{s.withNode(1, away), "cp-2: " + seconds},
		{s.withNode(1, errors.New("it ended")), "cp-2: it ended"},
	} {
		if got := s.withNode(1, c.err); got.Error() != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
