// Package plan decides what a rollout will do. It turns an observation of hosts into a
// plan: a value that can be written to a file and read again.
package plan

import (
	"slices"
	"time"
)

// Plan is what a rollout will do, in order. The same value is printed, written and carried
// out.
type Plan struct {
	Schema    int      `json:"schema"`
	ID        string   `json:"id"` // hash of what all hosts should have; the same ID resumes
	Cluster   string   `json:"cluster"`
	Action    string   `json:"action"`           // deploy or rollback
	Leader    string   `json:"leader,omitempty"` // the node's name, or the holder if it is no node
	Steps     []Step   `json:"steps"`
	Unchanged []string `json:"unchanged"`
	Timing
	// ReadsLease: there is a kubeconfig to read the lease with.
	ReadsLease bool `json:"readsLease"`
	// ReleasesLease: a leader may release its lease when it exits, so the lease may end
	// before its time.
	ReleasesLease bool `json:"releases,omitempty"`
	// HandsOver: the lease of a leader that is restarted is given back once its process is gone.
	HandsOver bool `json:"handover,omitempty"`
	// Hosts records the state of each host when the plan was made, sorted by name.
	Hosts []Record `json:"hosts"`
	// Notes are what an operator should know before approving the plan.
	Notes []string `json:"notes,omitempty"`
}

// Schema is the version of the plan format.
const Schema = 1

// Timing holds the time limits of a rollout.
type Timing struct {
	Gate   Seconds `json:"gate"`   // until a host is healthy
	Soak   Seconds `json:"soak"`   // how long it must stay healthy
	Lead   Seconds `json:"lead"`   // until an instance leads
	Lease  Seconds `json:"lease"`  // validity of a lease that isn't renewed
	Retry  Seconds `json:"retry"`  // after which a leader renews its lease
	Away   Seconds `json:"away"`   // total time the apiserver may be away
	Revert Seconds `json:"revert"` // after which a host goes back by itself
}

// Seconds is a duration in JSON.
type Seconds float64

// Duration converts s.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// SecondsOf converts a duration.
func SecondsOf(d time.Duration) Seconds { return Seconds(d.Seconds()) }

// Record is the state of a host when the plan was made.
type Record struct {
	Node            string `json:"node"`
	Selected        bool   `json:"named"`              // the command names it; else it is only a spare
	Hostname        string `json:"hostname,omitempty"` // the kernel's, which a lease names
	ClusterHostname string `json:"called,omitempty"`   // the cluster's name for it
	Unit            string `json:"unit"`               // as systemd knows it
	Stamp           string `json:"stamp"`              // changes when the host is changed
	Runs            string `json:"runs"`               // a generation, none or found
	Desired         string `json:"wants,omitempty"`    // a generation or none
	UnitSum         string `json:"base"`               // SHA-256 of the unit's file, or none
	Unhealthy       string `json:"unwell,omitempty"`   // why it doesn't work; "" if it does
	// Skew is how far its clock is ahead of the operator's.
	Skew Seconds `json:"skew"`
	// HealthUnknown: its health can't be checked.
	HealthUnknown bool `json:"blind,omitempty"`
	// Elects: what it should run takes part in leader election.
	Elects bool `json:"elects,omitempty"`
	// Trial is a generation that runs there and was never confirmed.
	Trial string `json:"trial,omitempty"`
	// Interrupted: an earlier run of this rollout changed the host and never finished.
	// Previous is the generation before that; "" if there is nothing to go back to.
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
	Unit      []string     `json:"unit,omitempty"`  // other lines of the unit: "- " before, "+ " after
	Image     string       `json:"image,omitempty"` // the pod's, if it is brought to the host
	Restart   string       `json:"restart"`         // why it is restarted
	Stops     bool         `json:"stops,omitempty"` // nothing runs on the host afterwards
	Unhealthy string       `json:"unwell,omitempty"`
	Leader    bool         `json:"leader,omitempty"`
	Recover   string       `json:"recover,omitempty"` // the generation whose trial never ended
}

// AnotherGeneration is the usual reason for a restart.
const AnotherGeneration = "another generation"

// Usual reports whether the new generation is the only reason for the restart.
func (s Step) Usual() bool { return s.Restart == AnotherGeneration }

// Brings returns the lines about what comes to the host besides files and flags: an image, and
// other lines of the unit.
func (s Step) Brings() []string {
	if s.Image == "" {
		return s.Unit
	}
	return append([]string{"brings the image " + s.Image}, s.Unit...)
}

// rank orders steps: unhealthy hosts first, since they can't get worse, the leader last.
func (s Step) rank() int {
	switch {
	case s.Leader:
		return 2
	case s.Unhealthy == "":
		return 1
	}
	return 0
}

// step returns the step of a node, or nil.
func (p *Plan) step(node string) *Step {
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Node == node })
	if i < 0 {
		return nil
	}
	return &p.Steps[i]
}

// Short abbreviates a generation to 8 characters for display.
func Short(generation string) string {
	if len(generation) == 16 {
		return generation[:8]
	}
	return generation
}
