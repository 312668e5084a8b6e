// Package plan decides what a rollout will do. What was observed of hosts goes in, a
// plan comes out: a value without a connection in it, which can be written to a file
// and read again.
package plan

import (
	"slices"
	"time"
)

// Plan is what a rollout will do, in its order. It is what is printed, what is written
// down and what is done.
type Plan struct {
	Schema    int      `json:"schema"`
	ID        string   `json:"id"` // names what is deployed to all hosts: the same again resumes
	Cluster   string   `json:"cluster"`
	Action    string   `json:"action"`           // deploy or rollback
	Leader    string   `json:"leader,omitempty"` // the node's name, or the holder that is no node
	Steps     []Step   `json:"steps"`
	Unchanged []string `json:"unchanged"`
	Timing
	// ReadsLease: the apiserver can be asked who leads.
	ReadsLease bool `json:"readsLease"`
	// Releases: a leader may give its lease back as it ends, so that nobody can count on
	// the time that the lease has left.
	Releases bool `json:"releases,omitempty"`
	// Hosts are those that the plan was made for, by name: what each was seen to be.
	Hosts []Record `json:"hosts"`
	// Notes are worth knowing before one says yes.
	Notes []string `json:"notes,omitempty"`
}

// Schema is the version of a plan's form.
const Schema = 1

// Timing is how long things may take.
type Timing struct {
	Gate   Seconds `json:"gate"`   // until a host is healthy
	Soak   Seconds `json:"soak"`   // that it then has to stay so
	Lead   Seconds `json:"lead"`   // until somebody leads
	Lease  Seconds `json:"lease"`  // for which a lease holds that isn't renewed
	Away   Seconds `json:"away"`   // that the apiserver may be away, in all
	Revert Seconds `json:"revert"` // after which a host goes back by itself
}

// Seconds is a time as JSON has it.
type Seconds float64

// Duration is the same for Go.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// In is a duration in seconds.
func SecondsOf(d time.Duration) Seconds { return Seconds(d.Seconds()) }

// Record is what is written down in a plan of a host that it was made for.
type Record struct {
	Node            string `json:"node"`
	Named           bool   `json:"named"`              // else it is only counted on
	Hostname        string `json:"hostname,omitempty"` // its kernel's, which a lease names
	ClusterHostname string `json:"called,omitempty"`   // the same as the cluster has it
	Unit            string `json:"unit"`               // as systemd knows it
	Stamp           string `json:"stamp"`              // another one where anything was done to the host
	Runs            string `json:"runs"`               // a generation, none or found
	Desired         string `json:"wants,omitempty"`    // a generation or none
	Base            string `json:"base"`               // SHA-256 of the unit's file, or none
	Unhealthy       string `json:"unwell,omitempty"`   // why it doesn't work; "" if it does
	// Skew is by how many seconds its clock is ahead.
	Skew Seconds `json:"skew"`
	// Blind: whether it is healthy can't be asked.
	HealthUnknown bool `json:"blind,omitempty"`
	// Elects: what it is to run takes part in leader election.
	Elects bool `json:"elects,omitempty"`
	// Trial is a generation that runs there and was never confirmed.
	Trial string `json:"trial,omitempty"`
	// Unended: an earlier run of this very rollout brought it where it is, and wasn't
	// ended. Previous is what it had before that, "" if there is nothing to go back to.
	Interrupted bool   `json:"unended,omitempty"`
	Previous    string `json:"previous,omitempty"`
}

// Step is what will be done to one host.
type Step struct {
	Node      string       `json:"node"`
	Address   string       `json:"address"`
	From      string       `json:"from"` // a generation, none or found
	To        string       `json:"to"`
	Files     []FileChange `json:"files,omitempty"`
	Flags     []FlagChange `json:"flags,omitempty"`
	Unit      []string     `json:"unit,omitempty"`  // other lines of the unit: "- " was, "+ " will be
	Restart   string       `json:"restart"`         // why it is restarted
	Stops     bool         `json:"stops,omitempty"` // nothing runs there afterwards
	Unhealthy string       `json:"unwell,omitempty"`
	Leader    bool         `json:"leader,omitempty"`
	Recover   string       `json:"recover,omitempty"` // the generation whose trial never ended
}

// AnotherGeneration is the usual reason for a restart.
const AnotherGeneration = "another generation"

// Usual reports whether a host is restarted for no other reason than that it gets
// another generation.
func (s Step) Usual() bool { return s.Restart == AnotherGeneration }

// rank orders steps: hosts that don't work first, since nothing is lost with them,
// the leader last.
func (s Step) rank() int {
	switch {
	case s.Leader:
		return 2
	case s.Unhealthy == "":
		return 1
	}
	return 0
}

// step is that of a host, nil if nothing is done there.
func (p *Plan) step(node string) *Step {
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Node == node })
	if i < 0 {
		return nil
	}
	return &p.Steps[i]
}

// Short is a generation as people tell it from another.
func Short(generation string) string {
	if len(generation) == 16 {
		return generation[:8]
	}
	return generation
}
