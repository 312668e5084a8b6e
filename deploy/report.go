package deploy

import (
	"errors"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// Outcomes of hosts and of rollouts.
const (
	Unchanged  = "unchanged"
	Done       = "done"
	Untouched  = "untouched" // the rollout didn't come to it
	Trying     = "trying"
	RolledBack = "rolled back"
	Stranded   = "stranded" // not back where it was
	Gone       = "gone"     // it worked, and has ended by itself for good
	Failed     = "failed"   // before anything was changed
)

// Report is what became of a rollout.
type Report struct {
	Schema  int          `json:"schema"`
	Kcmgen  string       `json:"kcmgen,omitempty"`
	Cluster string       `json:"cluster"`
	Action  string       `json:"action"` // deploy, rollback
	Who     string       `json:"who"`
	Started time.Time    `json:"started"`
	Seconds float64      `json:"seconds"`
	Outcome string       `json:"outcome"`
	Error   string       `json:"error,omitempty"`
	Leader  string       `json:"leader,omitempty"` // before
	Led     bool         `json:"led"`              // the new configuration has
	Hosts   []HostReport `json:"hosts"`
	Notes   []string     `json:"notes,omitempty"`
}

// HostReport is what became of one host.
type HostReport struct {
	Node    string   `json:"node"`
	Address string   `json:"address,omitempty"`
	User    string   `json:"user,omitempty"`
	Target  *Target  `json:"target,omitempty"`
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	Outcome string   `json:"outcome"`
	Seconds float64  `json:"seconds,omitempty"`
	Skew    float64  `json:"skew"` // of its clock, in seconds
	Reason  string   `json:"reason,omitempty"`
	Log     []string `json:"log,omitempty"`
}

// Target is how a host was reached.
type Target struct {
	Address string   `json:"address"`
	SSH     spec.SSH `json:"ssh"`
}

// Nodes are the hosts' names.
func (r *Report) Nodes() []string {
	var out []string
	for _, h := range r.Hosts {
		out = append(out, h.Node)
	}
	return out
}

const reportSchema = 1

func (r *Rollout) reportOf(p *Plan, err error) *Report {
	out := &Report{
		Schema: reportSchema, Cluster: p.Cluster, Who: r.o.Who, Started: r.started.UTC().Truncate(time.Millisecond),
		Seconds: r.o.Now().Sub(r.started).Seconds(), Leader: p.Leader, Led: r.led, Notes: p.Notes,
		Outcome: outcome(p, err),
	}
	if err != nil {
		out.Error = err.Error()
	}
	planned := map[*machine]bool{}
	for _, s := range p.Steps {
		planned[s.m] = true
	}
	for _, m := range r.machines {
		h := m.report
		switch {
		case h.Outcome != "":
		case planned[m]:
			h.Outcome = Untouched
		default:
			h.Outcome = Unchanged
		}
		out.Hosts = append(out.Hosts, h)
	}
	return out
}

func outcome(p *Plan, err error) string {
	var back *RolledBackError
	var stranded *StrandedError
	switch {
	case errors.As(err, &stranded):
		return Stranded
	case errors.As(err, &back):
		return RolledBack
	case err != nil:
		return Failed
	case len(p.Steps) == 0:
		return Unchanged
	}
	return Done
}
