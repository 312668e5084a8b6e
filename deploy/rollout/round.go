package rollout

import (
	"errors"
	"time"
)

// round is a set of actions whose answers are assessed together.
type round struct {
	host       int // the host it is about; -1: the whole rollout
	asked      []Action
	events     []Event
	unanswered int // answers still missing
}

// find returns the index of the first action with a property; -1: there is none.
func (r *round) find(is func(a *Action) bool) int {
	for i := range r.asked {
		if is(&r.asked[i]) {
			return i
		}
	}
	return -1
}

// answer returns the answer to the first action of a kind on a host; nil if there was none.
func (r *round) answer(k Kind, node string) *Event {
	i := r.find(func(a *Action) bool { return a.Kind == k && a.Node == node })
	if i < 0 {
		return nil
	}
	return &r.events[i]
}

// secondAnswer returns the answer to the second question to a host, which asks only about
// the apiserver; nil if there was none.
func (r *round) secondAnswer(node string) *Event {
	i := r.find(func(a *Action) bool { return a.Kind == Examine && a.Node == node && a.Ask == Apiserver })
	if i < 0 {
		return nil
	}
	return &r.events[i]
}

// lostAnswer reports whether an answer of a host is missing.
func (r *round) lostAnswer() bool {
	for i := range r.asked {
		if r.asked[i].Kind == Examine && r.events[i].Err != nil && !errors.Is(r.events[i].Err, ErrRefused) {
			return true
		}
	}
	return false
}

// ask begins a round about a host, or about the whole rollout (-1).
func (s *State) ask(host int, actions ...Action) {
	s.extend(round{host: host}, actions...)
}

// extend adds actions to a round, which is assessed again once they are answered.
func (s *State) extend(r round, actions ...Action) {
	s.add(&r, actions...)
	s.rounds = append(s.rounds, r)
}

// add has more actions answered before a round is assessed. It leaves the slices of r as
// they are: an earlier state may share them.
func (s *State) add(r *round, actions ...Action) {
	n := len(r.asked) + len(actions)
	asked, events := make([]Action, n), make([]Event, n)
	copy(asked, r.asked)
	copy(events, r.events)
	for i, a := range actions {
		s.lastID++
		a.ID = s.lastID
		a.Uninterruptible = s.stage >= Ending
		asked[len(r.asked)+i] = a
	}
	s.actions = append(s.actions, asked[len(r.asked):]...)
	r.asked, r.events = asked, events
	r.unanswered += len(actions)
}

// pause waits before the next look.
func (s *State) pause(host int, d time.Duration) { s.ask(host, Action{Kind: Wait, For: d}) }

// isPause reports whether the round only waited.
func (r *round) isPause() bool { return r.asked[0].Kind == Wait }
