// Package rollout decides what to do next while hosts go from one generation to another.
// It is a state machine: [State.Step] takes an event and returns actions. It has no clock,
// no network and no goroutine.
package rollout

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// Stage is the stage of a rollout.
type Stage int

// Stages, in their order. A rollout that fails before Choosing has changed nothing, and goes
// to Inspecting; from Choosing, Sparing or Trying it goes to Returning.
const (
	Begun      Stage = iota
	Locking          // all hosts of the cluster, the first before the others
	Recovering       // end trials of an earlier run
	Preparing        // stage all files on all hosts; nothing is started
	Choosing         // the next host: the leader may have changed
	Sparing          // wait for the spares: all other healthy instances, one of which can lead meanwhile
	Trying           // one host, from its restart until it is confirmed
	Ending           // record on the hosts that the run ended well
	Returning        // one host after the other goes back
	Settling         // hosts that went back must stay healthy
	Inspecting       // a last look at all hosts
	Finished
)

var stages = [...]string{
	"begun", "locking", "recovering", "preparing", "choosing", "sparing", "trying", "ending", "returning", "settling", "inspecting", "finished",
}

func (s Stage) String() string { return stages[s] }

// State is a rollout at one moment. It is a value: [State.Step] returns a new one and
// leaves the old one unchanged.
type State struct {
	plan    *plan.Plan // never changed
	poll    time.Duration
	now     time.Time
	stage   Stage
	hosts   []host // as in the plan
	steps   []int  // hosts still to come
	current int    // the host being changed; -1: none
	done    []int  // hosts that this run has changed and confirmed

	rounds  []round
	lastID  int      // ID of the last action
	actions []Action // of this step

	absence         outage // of the apiserver, until the rollout ends or goes back
	stopwatch       stopwatch
	led             bool      // the new configuration has led
	announcedLeader string    // the last leader that was reported
	leaderID        string    // the lease's holder, if that is the current host's old process; else ""
	handOvers       int       // how often it was tried to give that lease back
	lease           *Lease    // as last read with a holder
	leaseSince      time.Time // when it was first read with that holder and that renewal
	leaderless      time.Duration
	announcedWait   string // the last host that was reported as waited for

	cause        error // why it goes back or ends
	back         rollback
	inspectUntil time.Time // when the last look ends
	err          error     // how it ended
}

// processID identifies a process: it changes if the process ends or is restarted.
type processID struct{ pid, restarts int }

// host is what is known of a host.
type host struct {
	phase     Phase
	runs      string // the generation before the rollout
	unitSum   string
	unhealthy string // why it doesn't work with that; "" if it works

	begun           time.Time
	reverts         time.Time // when it goes back by itself, during a trial
	prolongID       int       // ID of the open Prolong action; 0: none
	handOverID      int       // ID of the open HandOver action; 0: none
	passedProcess   processID // its process when it passed its gate; zero: it hasn't
	excused         bool      // its process ended by an outage and isn't back yet
	server          string    // the URL where the apiserver has answered it
	formerApiserver *string   // its apiserver's URL before the rollout; nil: not read
	confirmAttempts int       // of confirming it
	postponed       bool      // it was chosen once, waited for a spare, and was put back
	markRetried     bool      // MarkEnded was sent twice
	refused         bool      // it refused the trial, or went back itself
	recovered       bool      // the trial of an earlier run is ended
	gate            gate
	back            hostRollback
	result          Result
}

// Phase is the phase of a host.
type Phase int

// Phases of a host.
const (
	Waiting    Phase = iota // not its turn
	Starting                // told to run the new generation
	OnTrial                 // runs it, in its gate
	Confirming              // healthy, told to keep it
	Confirmed
	GoingBack  // told to go back
	Looking    // asked what it has now
	Reverted   // runs what it had, in its gate
	ReadingLog // its log is being read
)

// Result is the outcome of a host.
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
	Untouched  = "untouched" // the rollout didn't reach it
	Unfinished = "trying"
	RolledBack = "rolled back"
	Stranded   = "stranded" // not back where it was
	Gone       = "gone"     // it worked, and its process ended for good
	Failed     = "failed"   // before anything was changed
)

// New returns a rollout of a plan. poll is the time between two looks at a host.
func New(p *plan.Plan, poll time.Duration) State {
	s := State{plan: p, poll: poll, current: -1}
	for _, h := range p.Hosts {
		s.hosts = append(s.hosts, host{runs: h.Runs, unitSum: h.UnitSum, unhealthy: h.Unhealthy})
	}
	for _, step := range p.Steps {
		s.steps = append(s.steps, s.index(step.Node))
	}
	return s
}

// Step takes an event. It returns the next state and the actions to do: concurrently, but
// in order on each host. The first event begins the rollout; a later one without an ID
// interrupts it, with its error as the reason.
func (s State) Step(e Event) (State, []Action) {
	n := s.Clone()
	out := n.Advance(e)
	return n, out
}

// Advance is Step in place.
func (s *State) Advance(e Event) []Action {
	if e.At.After(s.now) { // answers may arrive out of order
		s.now = e.At
	}
	s.actions = nil
	s.handle(e)
	return s.actions
}

// Stage returns the rollout's stage.
func (s State) Stage() Stage { return s.stage }

// Done reports whether the rollout is finished, and its error.
func (s State) Done() (bool, error) { return s.stage == Finished, s.err }

// Leaderless returns how long the lease had no living holder, in all changes of the leader that
// were seen: from the last renewal that was read to the next holder's first.
func (s State) Leaderless() time.Duration { return s.leaderless }

// NewConfigLed reports whether an instance with the new configuration has led.
func (s State) NewConfigLed() bool { return s.led }

// Result returns the outcome of a host.
func (s State) Result(node string) Result { return s.hosts[s.index(node)].result }

// Clone returns a copy: advancing one of them in place leaves the other unchanged.
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

func (s *State) handle(e Event) {
	switch {
	case s.stage == Begun:
		s.begin()
		return
	case e.ID == 0:
		s.interrupt(e.Err)
		return
	case s.prolonged(e), s.handedOver(e):
		return
	}
	for k := range s.rounds {
		i := s.rounds[k].find(func(a *Action) bool { return a.ID == e.ID })
		if i < 0 {
			continue
		}
		r := &s.rounds[k]
		r.events[i] = e
		r.unanswered--
		s.answered(r, r.asked[i], e)
		if r.unanswered == 0 {
			whole := *r
			s.rounds = slices.Delete(s.rounds, k, k+1)
			s.decide(whole)
		}
		return
	}
}

// decide goes on after all answers of a round.
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

// decideHost goes on after a round about one host.
func (s *State) decideHost(i int, r round) {
	switch s.hosts[i].phase {
	case Starting:
		s.tried(i, r.events[0])
	case OnTrial, Reverted:
		s.assessGate(i, r)
	case ReadingLog:
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

// interrupt stops the rollout, in the stages where that is possible. The way back can't be
// interrupted.
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

// finish ends a rollout with an error or nil, after a last look if anything was changed.
func (s *State) finish(err error) {
	s.cause = err
	s.inspect()
}

func (s *State) index(node string) int {
	for i := range s.plan.Hosts {
		if s.plan.Hosts[i].Node == node {
			return i
		}
	}
	return -1
}

func (s *State) step(i int) *plan.Step {
	for k := range s.plan.Steps {
		if step := &s.plan.Steps[k]; step.Node == s.plan.Hosts[i].Node {
			return step
		}
	}
	return nil
}

// tell reports progress of a host, or of the whole rollout (-1).
func (s *State) tell(i int, step, format string, args ...any) {
	a := Action{Kind: Tell, Step: step, Text: fmt.Sprintf(format, args...)}
	if i >= 0 {
		a.Node = s.plan.Hosts[i].Node
	}
	s.actions = append(s.actions, a)
}

func (s *State) hostAction(i int, k Kind) Action { return Action{Kind: k, Node: s.plan.Hosts[i].Node} }

// withNode adds the node's name to an error, unless it has it.
func (s *State) withNode(i int, err error) error {
	node := s.plan.Hosts[i].Node
	var he *plan.HostError
	var itself interface{ NodeName() string }
	var away *ApiserverAwayError // it ends with what was asked by way of a host, maybe of this one
	switch {
	case err == nil:
		return nil
	case errors.As(err, &away):
		if he, ok := err.(*plan.HostError); ok {
			return he
		}
	case errors.As(err, &he) || errors.As(err, &itself) && itself.NodeName() == node:
		return err
	}
	return &plan.HostError{Node: node, Err: err}
}

// withoutNode removes the node's name from an error of this host.
func (s *State) withoutNode(i int, err error) error {
	if he := (*plan.HostError)(nil); errors.As(err, &he) && he.Node == s.plan.Hosts[i].Node {
		return he.Err
	}
	return err
}

// hostsWhere returns the indices of the hosts with a property.
func (s *State) hostsWhere(is func(i int) bool) []int {
	var out []int
	for i := range s.hosts {
		if is(i) {
			out = append(out, i)
		}
	}
	return out
}

func (s *State) isSelected(i int) bool { return s.plan.Hosts[i].Selected }

// elects reports whether the cluster has a leader and the lease can be read.
func (s *State) elects() bool {
	return s.plan.ReadsLease && slices.ContainsFunc(s.plan.Hosts, func(h plan.Record) bool { return h.Selected && h.Elects })
}

// holder returns the host that holds a lease, by its kernel's hostname or, if no host has
// that any more, by its hostname in the cluster; -1 if it is none of these.
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
