package rollout

import (
	"fmt"
	"strings"
	"time"
)

// Action is something for the caller to do: on a host, at the apiserver, on the screen.
type Action struct {
	// ID is repeated by the [Event] that answers the action. 0: no answer is expected.
	ID   int
	Kind Kind
	Node string // "" for the apiserver, the clock and the whole cluster
	// Uninterruptible: an interruption doesn't cancel the action.
	Uninterruptible bool

	Generation string        // Try, Prolong, Confirm, Undo: which one
	UnitSum    string        // Try: expected SHA-256 of the unit's file, or none
	After      time.Duration // Try, Prolong: until the host goes back by itself
	Lease      Lease         // HandOver: as it was read since the process that holds it is gone
	ExpectNew  bool          // Examine: expect the plan's generation; else the one it ran before
	Ask        Questions     // Examine
	For        time.Duration // Wait
	Step, Text string        // Tell
}

// Kind is what an action does.
type Kind int

// Kinds of actions, and the fields of their events besides the error.
const (
	Tell                Kind = iota // progress, for the operator
	Wait                            // until some time has passed
	ReadLease                       // with the operator's kubeconfig: Lease, Took
	Lock                            // lock a host until the rollout ends: Stamp
	Upload                          // put all files on a host, where none is used yet: Files
	Check                           // have the host's own programs check them
	Try                             // start a generation; the host goes back by itself unless it is confirmed
	Examine                         // check what runs on a host: Health
	HandOver                        // give the lease back for a process that is gone: HandedOver, NotHandedOver
	Prolong                         // restart the timer after which the host goes back by itself
	Confirm                         // end a trial over a new connection: the generation stays
	Revert                          // end a trial: go back to what ran before
	Undo                            // go back from a confirmed generation
	Look                            // read what a host has: Found
	ReadFormerApiserver             // read which apiserver a host used before the rollout: Server
	MarkEnded                       // record on a host that the run ended well
	ReadLog                         // read the end of the log: Lines
)

var kinds = [...]string{
	"tell", "wait", "read lease", "lock", "upload", "check", "try", "examine", "hand over", "prolong", "confirm", "revert", "undo", "look",
	"former apiserver", "mark ended", "read log",
}

func (k Kind) String() string { return kinds[k] }

// Questions are what an Examine action checks, as a bit set.
type Questions int

// The checks of an Examine action.
const (
	Process    Questions = 1 << iota // the process, and errors in its log
	Healthz                          // its own /healthz
	Apiserver                        // read the lease with the host's kubeconfig, through its network
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

// String formats an action for the traces of deploytest.
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

// Event is the result of an action, or an interruption.
type Event struct {
	ID   int // of the action; 0: an interruption
	At   time.Time
	Took time.Duration // ReadLease: how long the answer took
	Err  error

	Stamp string
	Files int
	Lease *Lease // nil: there is no holder
	// HandedOver: the lease had that holder, and has none now. NotHandedOver is why it has it still.
	HandedOver    bool
	NotHandedOver error
	Health        Health
	Found         Found
	Server        string
	Lines         []string
}

// Lease is the leader lease.
type Lease struct {
	Holder   string // hostname_uuid
	Hostname string
	Acquired time.Time
	Renewed  time.Time
	Duration time.Duration
}

// Health is the result of an Examine action.
type Health struct {
	PID      int
	Restarts int // automatic, by systemd
	Running  bool
	Dead     bool   // it has ended and isn't restarted
	Ending   bool   // it is stopping
	Active   string // systemd's state, as "active (running)"
	// ExitReason is how the process last ended; "" if that was a success.
	ExitReason string
	// Mismatch is how the process differs from the expected one; "" if it doesn't.
	Mismatch  string
	Complaint string // an error in its log; "" if there is none
	Healthz   error
	Apiserver error
	// Server is the URL of its apiserver; "" if it isn't known. Then it wasn't asked.
	Server string
	Took   time.Duration // how long the apiserver's answer took
}

// Found is the result of a Look action.
type Found struct {
	Runs      string // a generation, none or found
	UnitSum   string // SHA-256 of the unit's file, or none
	Trial     bool   // a trial is going on
	Known     bool   // systemd has the unit
	Unhealthy string // why it doesn't work; "" if it works
}
