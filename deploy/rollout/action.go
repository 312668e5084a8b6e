package rollout

import (
	"fmt"
	"strings"
	"time"
)

// Action is something to be done outside: on a host, at the apiserver, on the screen.
type Action struct {
	// ID is named by the [Event] that answers the action. 0: nobody waits for an answer.
	ID   int
	Kind Kind
	Node string // of a host; "" for the apiserver, the clock and the whole cluster
	// Insist: the action is done even if the rollout is interrupted meanwhile.
	Insist bool

	Generation string        // Try, Prolong, Confirm, Undo: which one
	Base       string        // Try: SHA-256 of the unit's file, or none, that is expected
	After      time.Duration // Try, Prolong: until the host goes back by itself
	Next       bool          // Examine: the host is to run what the plan brings; else what it was seen to run
	Ask        Questions     // Examine
	For        time.Duration // Wait
	Step, Text string        // Tell
}

// Kind is what an action does.
type Kind int

// Kinds of actions, and what their events hold beside an error.
const (
	Tell      Kind = iota // something happened, for people who watch
	Wait                  // until some time has passed
	ReadLease             // by the operator's kubeconfig: Lease, Took
	Lock                  // a host, for as long as the rollout lasts: Stamp
	Prepare               // everything lies on the host, and its own programs accept it: Files
	Try                   // make a generation run, and have the host go back by itself unless it is confirmed
	Examine               // what runs on a host: Health
	Prolong               // have the host wait its whole time again before it goes back by itself
	Confirm               // end a trial over a new connection: nothing goes back by itself
	Revert                // end a trial with what ran before it
	Undo                  // leave a confirmed generation for the one before it
	Look                  // what a host has: Found
	Former                // the apiserver that a host asked before the rollout: Server
	MarkEnded             // write down on a host that the run ended well
	ReadLog               // the end of the log: Lines
)

var kinds = [...]string{
	"tell", "wait", "read lease", "lock", "prepare", "try", "examine", "prolong", "confirm", "revert", "undo", "look",
	"former apiserver", "mark ended", "read log",
}

func (k Kind) String() string { return kinds[k] }

// Questions are what an examination asks.
type Questions int

// What can be asked of a host, apart or together.
const (
	Process    Questions = 1 << iota // the process, and what its log complains of
	Healthz                          // its own /healthz
	Apiserver                        // the lease, with its own kubeconfig and through its network
	Everything = Process | Healthz | Apiserver
)

func (q Questions) String() string {
	var out []string
	for i, word := range []string{"process", "healthz", "apiserver"} {
		if q&(1<<i) != 0 {
			out = append(out, word)
		}
	}
	return strings.Join(out, "+")
}

// String is an action as a script shows it.
func (a Action) String() string {
	var b strings.Builder
	if a.Node != "" {
		b.WriteString(a.Node + ": ")
	}
	switch a.Kind {
	case Tell:
		fmt.Fprintf(&b, "%s: %s", a.Step, a.Text)
	case Wait:
		fmt.Fprintf(&b, "wait %v", a.For)
	case Examine:
		fmt.Fprintf(&b, "examine %s", a.Ask)
	case Try, Prolong, Confirm, Undo:
		fmt.Fprintf(&b, "%s %s", a.Kind, a.Generation)
	default:
		b.WriteString(a.Kind.String())
	}
	return b.String()
}

// Event is what came of an action, or what happened without one.
type Event struct {
	ID   int // of the action; 0: it isn't an answer
	At   time.Time
	Took time.Duration // ReadLease: how long the answer did
	Err  error

	Stamp  string
	Files  int
	Lease  *Lease // nil: nobody holds it
	Health Health
	Found  Found
	Server string
	Lines  []string
}

// Lease says who leads.
type Lease struct {
	Holder   string // hostname_uuid
	Hostname string
	Renewed  time.Time
	Duration time.Duration
}

// Health is what an examination saw of a host.
type Health struct {
	PID      int
	Restarts int // by systemd itself
	Running  bool
	Dead     bool   // it has ended, and isn't started again
	Ending   bool   // it is on its way to end
	Active   string // in systemd's words
	// Ended is how the process ended last, where that wasn't well.
	ExitReason string
	// Mismatch is why what runs isn't what is to run; "" if it is.
	Mismatch  string
	Complaint string // what its log complains of; "" if of nothing
	Healthz   error
	Apiserver error
	// Server is the apiserver that it asks; "" if that isn't known, and it wasn't asked.
	Server string
	Took   time.Duration // how long the apiserver's answer did
}

// Found is what a look saw on a host.
type Found struct {
	Runs      string // a generation, none or found
	Base      string // SHA-256 of the unit's file, or none
	Trial     bool   // one is going on
	Known     bool   // systemd has the unit
	Unhealthy string // why it doesn't work; "" if it does
}
