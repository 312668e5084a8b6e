package rollout

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// begin locks all hosts. It locks the first host before the others, so that of two
// rollouts that begin together one gets all locks.
func (s *State) begin() {
	s.stage = Locking
	if len(s.plan.Steps) == 0 && len(s.hostsWhere(s.endNotRecorded)) == 0 {
		s.finish(nil)
		return
	}
	s.ask(-1, s.hostAction(0, Lock))
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
	case err != nil && len(s.plan.Steps) == 0: // another run is active, and records its own end
		s.finish(nil)
	case err != nil:
		s.finish(err)
	case first && len(s.hosts) > 1:
		var rest []Action
		for i := range s.hosts[1:] {
			rest = append(rest, s.hostAction(i+1, Lock))
		}
		s.ask(-1, rest...)
	default:
		s.start()
	}
}

// start goes on once all hosts are locked.
func (s *State) start() {
	if len(s.plan.Steps) == 0 { // only the end of an interrupted run is missing
		s.end()
		return
	}
	if err := s.checkTrials(); err != nil {
		s.finish(err)
		return
	}
	s.recover()
}

// checkTrials returns an error if a host that the command doesn't name is on trial: it may
// go back by itself while a host that works is restarted.
func (s *State) checkTrials() error {
	if !slices.ContainsFunc(s.plan.Steps, func(p plan.Step) bool { return p.Unhealthy == "" }) {
		return nil
	}
	var errs []error
	for i, h := range s.plan.Hosts {
		if !h.Selected && h.Trial != "" {
			errs = append(errs, s.withNode(i, &UnsettledError{h.Trial}))
		}
	}
	return errors.Join(errs...)
}

// recover ends trials of an earlier run, one host after the other.
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

// recovered goes on after the trial of an earlier run. err is why it couldn't be ended.
func (s *State) recovered(i int, err error) {
	if err != nil {
		s.finish(s.withNode(i, fmt.Errorf("going back from %s, which was never confirmed: %w", plan.Short(s.step(i).Recover), err)))
		return
	}
	s.recover()
}

// prepare stages and checks all hosts at once.
func (s *State) prepare() {
	s.stage = Preparing
	var all []Action
	for _, i := range s.steps {
		all = append(all, s.hostAction(i, Upload))
	}
	s.ask(-1, all...)
}

// answered reports progress before the round is complete, and has a host that is staged
// checked.
func (s *State) answered(r *round, a Action, e Event) {
	if a.Kind == ReadLease && e.Err == nil {
		s.followLease(e.Lease)
	}
	if a.Kind != Upload || e.Err != nil {
		return
	}
	i := s.index(a.Node)
	if e.Files > 0 {
		s.tell(i, "staged", "%s, read back and durable", files(e.Files))
	}
	s.add(r, s.hostAction(i, Check))
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

func (s *State) prepared(r round) {
	errs := make([]error, len(s.hosts)) // in the order of the hosts
	for k, e := range r.events {
		i := s.index(r.asked[k].Node)
		if e.Err != nil { // of its upload or its check
			errs[i] = s.withNode(i, e.Err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		s.finish(err)
		return
	}
	s.choose()
}
