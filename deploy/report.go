package deploy

import (
	"errors"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Report is the outcome of a rollout.
type Report struct {
	Schema  int       `json:"schema"`
	Kcmgen  string    `json:"kcmgen,omitempty"`
	Cluster string    `json:"cluster"`
	Action  string    `json:"action"` // deploy, rollback
	Who     string    `json:"who"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Outcome string    `json:"outcome"`
	Error   string    `json:"error,omitempty"`
	Leader  string    `json:"leader,omitempty"` // before the rollout
	Led     bool      `json:"led"`              // the new configuration has led
	// Leaderless is for how long the lease had no living holder, in seconds.
	Leaderless float64      `json:"leaderless,omitempty"`
	Hosts      []HostReport `json:"hosts"`
	Notes      []string     `json:"notes,omitempty"`
}

// HostReport is the outcome of one host.
type HostReport struct {
	Node    string   `json:"node"`
	Address string   `json:"address,omitempty"`
	User    string   `json:"user,omitempty"`
	Target  *Target  `json:"target,omitempty"`
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	Outcome string   `json:"outcome"`
	Seconds float64  `json:"seconds,omitempty"`
	Skew    float64  `json:"skew"` // how far its clock is ahead, in seconds
	Reason  string   `json:"reason,omitempty"`
	Log     []string `json:"log,omitempty"`
}

// Target is how a host was reached.
type Target struct {
	Address string   `json:"address"`
	SSH     spec.SSH `json:"ssh"`
}

// Nodes returns the hosts' names.
func (r *Report) Nodes() []string {
	var out []string
	for _, h := range r.Hosts {
		out = append(out, h.Node)
	}
	return out
}

const reportSchema = 1

// report returns the outcome of a plan.
func (h *Hosts) report(p *plan.Plan, s rollout.State, err error) *Report {
	out := &Report{
		Schema: reportSchema, Cluster: p.Cluster, Who: h.options.Who, Started: h.started.UTC().Truncate(time.Millisecond),
		Seconds: h.options.Now().Sub(h.started).Seconds(), Leader: p.Leader, Led: s.NewConfigLed(), Leaderless: s.Leaderless().Seconds(), Notes: p.Notes,
		Outcome: outcomeOf(p, err),
	}
	if err != nil {
		out.Error = err.Error()
	}
	for _, m := range h.named {
		r, planned := m.report(), slices.ContainsFunc(p.Steps, func(s plan.Step) bool { return s.Node == m.node.Name })
		result := s.Result(m.node.Name)
		r.Outcome, r.Reason, r.Log, r.Seconds = result.Outcome, result.Reason, result.Log, result.Seconds
		switch {
		case r.Outcome != "":
		case planned:
			r.Outcome = rollout.Untouched
		default:
			r.Outcome = rollout.Unchanged
		}
		out.Hosts = append(out.Hosts, r)
	}
	return out
}

// report returns what is known of a host before anything is done to it.
func (m *machine) report() HostReport {
	r := HostReport{
		Node: m.node.Name, Address: m.host.Address, User: m.host.User, From: m.host.Snapshot.Runs,
		Skew: m.host.Skew.Round(time.Second).Seconds(),
	}
	if m.node.Address().IsValid() {
		r.Target = &Target{m.node.Address().String(), m.node.SSH}
	}
	if m.host.Desired != nil {
		r.To = m.host.Desired.Generation
	}
	return r
}

func outcomeOf(p *plan.Plan, err error) string {
	var back *rollout.RolledBackError
	var stranded *rollout.StrandedError
	switch {
	case errors.As(err, &stranded):
		return rollout.Stranded
	case errors.As(err, &back):
		return rollout.RolledBack
	case err != nil:
		return rollout.Failed
	case len(p.Steps) == 0:
		return rollout.Unchanged
	}
	return rollout.Done
}
