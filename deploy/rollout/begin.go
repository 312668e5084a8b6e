package rollout

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// begin locks all hosts. The first host's lock is taken before the others', so that of two
// rollouts that begin together one gets all.
func (s *State) begin() {
	s.stage = Locking
	if len(s.plan.Steps) == 0 && len(s.hostsWhere(s.endNotRecorded)) == 0 {
		s.finish(nil)
		return
	}
	s.ask(-1, s.on(0, Lock))
}

func (s *State) locked(r round) {
	var errs []error
	for k, e := range r.events {
		i := s.index(r.asked[k].Node)
		if e.Err == nil && e.Stamp != s.plan.Hosts[i].Stamp {
			e.Err = &ChangedError{}
		}
		errs = append(errs, s.withNode(i, e.Err))
	}
	err := errors.Join(errs...)
	first := r.asked[0].Node == s.plan.Hosts[0].Node
	switch {
	case err != nil && len(s.plan.Steps) == 0: // another run is at it, and ends by itself
		s.finish(nil)
	case err != nil:
		s.finish(err)
	case first && len(s.hosts) > 1:
		var rest []Action
		for i := range s.hosts[1:] {
			rest = append(rest, s.on(i+1, Lock))
		}
		s.ask(-1, rest...)
	default:
		s.start()
	}
}

// start goes on once all hosts are locked.
func (s *State) start() {
	if len(s.plan.Steps) == 0 { // a run that was interrupted at its very end
		s.end()
		return
	}
	if err := s.checkTrials(); err != nil {
		s.finish(err)
		return
	}
	s.recover()
}

// unsettled: a host that goes back by itself, any minute, isn't one to count on while one
// that works is restarted.
func (s *State) checkTrials() error {
	if !slices.ContainsFunc(s.plan.Steps, func(p plan.Step) bool { return p.Unhealthy == "" }) {
		return nil
	}
	var errs []error
	for i, h := range s.plan.Hosts {
		if !h.Named && h.Trial != "" {
			errs = append(errs, s.withNode(i, &UnsettledError{h.Trial}))
		}
	}
	return errors.Join(errs...)
}

// recover ends trials that an earlier run left, one host after the other.
func (s *State) recover() {
	s.stage = Recovering
	for _, i := range s.steps {
		if generation := s.step(i).Recover; generation != "" && !s.hosts[i].recovered {
			s.current, s.hosts[i].recovered = i, true
			s.tell(i, "recover", "%s was never confirmed: going back", plan.Short(generation))
			s.askRollback(i, hostRollback{kind: Revert})
			return
		}
	}
	s.current = -1
	s.prepare()
}

// recovered goes on after a trial that an earlier run left, and err is why that couldn't
// be ended.
func (s *State) recovered(i int, err error) {
	if err != nil {
		s.finish(s.withNode(i, fmt.Errorf("going back from %s, which was never confirmed: %w", plan.Short(s.step(i).Recover), err)))
		return
	}
	s.recover()
}

// prepare readies all hosts at once.
func (s *State) prepare() {
	s.stage = Preparing
	var all []Action
	for _, i := range s.steps {
		all = append(all, s.on(i, Prepare))
	}
	s.ask(-1, all...)
}

// heard tells of what is worth it before all answers are there.
func (s *State) answered(a Action, e Event) {
	if a.Kind == Prepare && e.Err == nil && e.Files > 0 {
		s.tell(s.index(a.Node), "staged", "%s, read back and durable", files(e.Files))
	}
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

func (s *State) prepared(r round) {
	errs := make([]error, len(s.hosts)) // by name, whatever their order
	for k, e := range r.events {
		i := s.index(r.asked[k].Node)
		errs[i] = s.withNode(i, e.Err)
	}
	if err := errors.Join(errs...); err != nil {
		s.finish(err)
		return
	}
	s.choose()
}
