// Package rollout decides what happens next while hosts are taken from one generation to
// another. It does nothing itself: a [State] takes what happened and says what is to be
// done. There is no clock here, no network and no goroutine.
package rollout

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// Stage is what a rollout is at.
type Stage int

// Stages, in their order. A rollout that fails before Choosing has changed nothing, and goes
// to Inspecting; from Choosing, Sparing or Trying it goes to Returning.
const (
	Begun      Stage = iota
	Locking          // all hosts of the cluster, the first before the others
	Recovering       // trials that an earlier run left are ended
	Preparing        // everything is put on all hosts, and nothing of it runs
	Choosing         // the host to take next: who leads may have changed
	Sparing          // until all other hosts work, so that this one can be restarted
	Trying           // one host, from its restart until it is confirmed
	Ending           // that the run ended well is written down
	Returning        // one host after the other goes back
	Settling         // those that went back have to stay healthy
	Inspecting       // a last look at all hosts
	Finished
)

var stages = [...]string{
	"begun", "locking", "recovering", "preparing", "choosing", "sparing", "trying", "ending", "returning", "settling", "inspecting", "finished",
}

func (s Stage) String() string { return stages[s] }

// State is a rollout at one moment. It is a value: [State.Step] returns another one, and
// leaves the one that it was asked of as it is.
type State struct {
	plan    *plan.Plan // never changed
	poll    time.Duration
	now     time.Time
	stage   Stage
	hosts   []host // as in the plan
	steps   []int  // hosts that are still to come
	current int    // the host that is changed now; -1: none is
	done    []int  // hosts that have the new generation by this run

	rounds  []round
	last    int      // ID of the last action
	actions []Action // of this step

	absence         outage // of the apiserver, until the rollout ends or goes back
	watch           stopwatch
	led             bool   // the new configuration has led
	announcedLeader string // whose lead was told
	announcedWait   string // whom it was said to wait for

	cause error // why it goes back, or ends
	back  rollback
	until time.Time // when the last look ends at the latest
	err   error     // how it ended
}

// pulse is a process at one moment: it changes if the process ends.
type pulse struct{ pid, restarts int }

// host is what is known of a host by now.
type host struct {
	phase     Phase
	runs      string // the generation that it had when the rollout began with it
	base      string
	unhealthy string // why it doesn't work with that; "" if it does

	begun        time.Time
	reverts      time.Time // when it goes back by itself, once it is on trial
	prolongID    int       // ID of the action that puts that off; 0: none is on its way
	settled      pulse     // its process, once the new generation was healthy
	excused      bool      // its process ended, and not by a fault of the host
	server       string    // where it was seen to get the apiserver's answers
	formerServer *string   // where it asked before the rollout; nil: that wasn't looked for
	tries        int       // to confirm it
	chosen       bool      // it was chosen, had to wait, and was put back to be chosen again
	markRetried  bool      // it was asked twice to write down that the run ended
	refused      bool      // it didn't do what it was told to try, or took it back itself
	recovered    bool      // the trial that an earlier run left is ended
	gate         gate
	back         hostRollback
	result       Result
}

// Phase is what one host is at.
type Phase int

// Phases of a host.
const (
	Waiting    Phase = iota // the rollout hasn't come to it
	Starting                // it was told to run the new generation
	OnTrial                 // it runs it, and is looked at
	Confirming              // it is healthy, and told to stay so
	Confirmed
	GoingBack // it was told to run what it had
	Looking   // it is seen what it has by now
	Reverted  // it has what it had, and is looked at
	Explained // its log is read, to say why it failed
)

// Result is what became of a host.
type Result struct {
	Outcome string // "" if nothing was done to it
	Reason  string
	Log     []string
	Seconds float64
}

// Outcomes of hosts and of rollouts.
const (
	Unchanged  = "unchanged"
	Done       = "done"
	Untouched  = "untouched" // the rollout didn't come to it
	Unfinished = "trying"
	RolledBack = "rolled back"
	Stranded   = "stranded" // not back where it was
	Gone       = "gone"     // it worked, and has ended by itself for good
	Failed     = "failed"   // before anything was changed
)

// New is a rollout that does what a plan says. poll is how long it waits before it looks
// again.
func New(p *plan.Plan, poll time.Duration) State {
	s := State{plan: p, poll: poll, current: -1}
	for _, h := range p.Hosts {
		s.hosts = append(s.hosts, host{runs: h.Runs, base: h.Base, unhealthy: h.Unhealthy})
	}
	for _, step := range p.Steps {
		s.steps = append(s.steps, s.index(step.Node))
	}
	return s
}

// Step takes an event. It returns the rollout afterwards, and what is to be done: all at
// once, and in this order on each host. The first event begins the rollout; one without
// an ID that comes later interrupts it, with its error as the reason.
func (s State) Step(e Event) (State, []Action) {
	n := s.Clone()
	out := n.Advance(e)
	return n, out
}

// Advance is Step in place, for who needs no earlier state.
func (s *State) Advance(e Event) []Action {
	if e.At.After(s.now) { // answers may overtake each other by a moment
		s.now = e.At
	}
	s.actions = nil
	s.take(e)
	return s.actions
}

// Stage is what the rollout is at.
func (s State) Stage() Stage { return s.stage }

// Done reports whether nothing is to be done any more, and how it ended.
func (s State) Done() (bool, error) { return s.stage == Finished, s.err }

// Led reports whether the new configuration has led.
func (s State) Led() bool { return s.led }

// Result is what became of a host.
func (s State) Result(node string) Result { return s.hosts[s.index(node)].result }

// Clone is the same state apart: to go on with one of them in place leaves the other as it is.
func (s State) Clone() State {
	s.hosts = slices.Clone(s.hosts)
	s.steps = slices.Clone(s.steps)
	s.done = slices.Clip(s.done)
	s.actions = slices.Clone(s.actions)
	s.back.todo = slices.Clone(s.back.todo)
	s.rounds = slices.Clone(s.rounds)
	for i := range s.rounds {
		s.rounds[i].events = slices.Clone(s.rounds[i].events)
	}
	return s
}

func (s *State) take(e Event) {
	switch {
	case s.stage == Begun:
		s.begin()
		return
	case e.ID == 0:
		s.interrupt(e.Err)
		return
	case s.prolonged(e):
		return
	}
	for k := range s.rounds {
		i := slices.IndexFunc(s.rounds[k].asked, func(a Action) bool { return a.ID == e.ID })
		if i < 0 {
			continue
		}
		r := &s.rounds[k]
		r.events[i] = e
		r.open--
		s.answered(r.asked[i], e)
		if r.open == 0 {
			whole := *r
			s.rounds = slices.Delete(s.rounds, k, k+1)
			s.decide(whole)
		}
		return
	}
}

// judge goes on with what a whole round of answers tells.
func (s *State) decide(r round) {
	if r.host >= 0 {
		s.decideHost(r.host, r)
		return
	}
	switch s.stage {
	case Locking:
		s.locked(r)
	case Preparing:
		s.prepared(r)
	case Choosing:
		s.chosen(r)
	case Sparing:
		s.sparesExamined(r)
	case Ending:
		s.marked(r)
	case Returning:
		s.rollbackExamined(r)
	case Inspecting:
		s.inspected(r)
	default:
		panic(fmt.Sprintf("%v: nothing is asked for the whole rollout", s.stage))
	}
}

// judgeHost does the same for a host that something is done to.
func (s *State) decideHost(i int, r round) {
	switch s.hosts[i].phase {
	case Starting:
		s.tried(i, r.events[0])
	case OnTrial, Reverted:
		s.assessGate(i, r)
	case Explained:
		s.explained(i, r)
	case Confirming:
		s.confirmedOrNot(i, r)
	case GoingBack:
		s.rollbackAnswered(i, r.events[0])
	case Looking:
		s.looked(i, r.events[0])
	default:
		panic(fmt.Sprintf("%s: nothing is asked in phase %d", s.plan.Hosts[i].Node, s.hosts[i].phase))
	}
}

// interrupt stops the rollout where it can be stopped: whoever interrupts it doesn't
// interrupt the way back.
func (s *State) interrupt(err error) {
	switch s.stage {
	case Locking, Recovering, Preparing:
		s.rounds = nil
		s.finish(err)
	case Choosing, Sparing, Trying:
		s.rounds = nil
		s.fail(s.current, err)
	}
}

// finish ends a rollout with what came of it, after a last look where something was
// changed.
func (s *State) finish(err error) {
	s.cause = err
	s.inspect()
}

func (s *State) index(node string) int {
	return slices.IndexFunc(s.plan.Hosts, func(h plan.Record) bool { return h.Node == node })
}

func (s *State) step(i int) *plan.Step {
	k := slices.IndexFunc(s.plan.Steps, func(p plan.Step) bool { return p.Node == s.plan.Hosts[i].Node })
	if k < 0 {
		return nil
	}
	return &s.plan.Steps[k]
}

// tell says what happened with a host, or with the whole rollout (-1).
func (s *State) tell(i int, step, format string, args ...any) {
	a := Action{Kind: Tell, Step: step, Text: fmt.Sprintf(format, args...)}
	if i >= 0 {
		a.Node = s.plan.Hosts[i].Node
	}
	s.actions = append(s.actions, a)
}

func (s *State) on(i int, k Kind) Action { return Action{Kind: k, Node: s.plan.Hosts[i].Node} }

// named says which host an error is of, unless it does so itself.
func (s *State) withNode(i int, err error) error {
	var he *plan.HostError
	var itself interface{ NodeName() string }
	switch {
	case err == nil || errors.As(err, &he):
		return err
	case errors.As(err, &itself) && itself.NodeName() == s.plan.Hosts[i].Node:
		return err
	}
	return &plan.HostError{Node: s.plan.Hosts[i].Node, Err: err}
}

// own is an error of a host without its name, for where that is said already.
func (s *State) withoutNode(i int, err error) error {
	if he := (*plan.HostError)(nil); errors.As(err, &he) && he.Node == s.plan.Hosts[i].Node {
		return he.Err
	}
	return err
}

// all are the indices of hosts that something holds of.
func (s *State) hostsWhere(is func(i int) bool) []int {
	var out []int
	for i := range s.hosts {
		if is(i) {
			out = append(out, i)
		}
	}
	return out
}

func (s *State) isNamed(i int) bool { return s.plan.Hosts[i].Named }

// elects reports whether the cluster has a leader to see.
func (s *State) elects() bool {
	return s.plan.ReadsLease && slices.ContainsFunc(s.plan.Hosts, func(h plan.Record) bool { return h.Named && h.Elects })
}

// holder is the host that holds a lease: by the name that its kernel has, and where no
// host has that one any more, by the name that it has in the cluster. -1: none of these.
func (s *State) holder(l *Lease, among func(plan.Record) bool) int {
	if l == nil || l.Hostname == "" {
		return -1
	}
	for _, name := range []func(plan.Record) string{
		func(h plan.Record) string { return h.Hostname },
		func(h plan.Record) string { return h.ClusterHostname },
	} {
		i := slices.IndexFunc(s.plan.Hosts, func(h plan.Record) bool { return among(h) && name(h) == l.Hostname })
		if i >= 0 {
			return i
		}
	}
	return -1
}
