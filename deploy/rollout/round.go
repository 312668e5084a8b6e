package rollout

import (
	"errors"
	"slices"
	"time"
)

// round is a number of actions whose answers are judged together.
type round struct {
	host   int // whose gate or way back it is; -1: the stage's
	asked  []Action
	events []Event
	open   int // answers that are still to come
}

// answer is what came of the first action of a kind on a host; nil if there was none.
func (r round) answer(k Kind, node string) *Event {
	i := slices.IndexFunc(r.asked, func(a Action) bool { return a.Kind == k && a.Node == node })
	if i < 0 {
		return nil
	}
	return &r.events[i]
}

// again is what came of a question that was asked once more: of the apiserver alone.
func (r round) again(node string) *Event {
	i := slices.IndexFunc(r.asked, func(a Action) bool { return a.Kind == Examine && a.Node == node && a.Ask == Apiserver })
	if i < 0 {
		return nil
	}
	return &r.events[i]
}

// lost reports whether a host couldn't be asked.
func (r round) lost() bool {
	for i, a := range r.asked {
		if a.Kind == Examine && r.events[i].Err != nil && !errors.Is(r.events[i].Err, ErrRefused) {
			return true
		}
	}
	return false
}

// ask begins a round, of a host or of the stage (-1).
func (s *State) ask(host int, actions ...Action) {
	s.extend(round{host: host}, actions...)
}

// extend adds actions to a round. It is judged again, as a whole, when they are answered.
func (s *State) extend(r round, actions ...Action) {
	r.asked, r.events = slices.Clip(r.asked), slices.Clone(r.events)
	for _, a := range actions {
		s.last++
		a.ID = s.last
		a.Insist = s.stage >= Ending
		r.asked = append(r.asked, a)
		s.actions = append(s.actions, a)
	}
	r.events = append(r.events, make([]Event, len(actions))...)
	r.open = len(actions)
	s.rounds = append(s.rounds, r)
}

// pause looks again in a while.
func (s *State) pause(host int, d time.Duration) { s.ask(host, Action{Kind: Wait, For: d}) }

// paused: a round that only waited.
func (r round) paused() bool { return r.asked[0].Kind == Wait }
