package deploy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
)

// Retirement is what retiring stops and removes on a host.
type Retirement struct {
	Node      string `json:"node"`
	Address   string `json:"address"`
	Unit      string `json:"unit"`
	Runs      string `json:"runs"` // a generation, or none
	Directory string `json:"directory"`
	Active    string `json:"active"` // systemd's state, as "active (running)"
}

// PlanRetirement returns what to stop and remove on the one host.
func (h *Hosts) PlanRetirement() (*Retirement, error) {
	m := h.named[0]
	snapshot := m.host.Snapshot
	u := m.host.Unit.At(snapshot.At)
	if plan.IsFound(snapshot.Runs) {
		return nil, m.withNode(fmt.Errorf("%s wasn't written by kcmgen: stop and remove it by hand", u.File))
	}
	return &Retirement{
		Node: m.node.Name, Address: m.host.Address, Unit: u.File, Runs: snapshot.Runs,
		Directory: u.GenerationsDir, Active: snapshot.Process.Active,
	}, nil
}

// Retire stops kube-controller-manager on the one host and removes what kcmgen installed.
// Foreign units that kcmgen kept stay.
func (h *Hosts) Retire(ctx context.Context) (*Report, error) {
	m := h.named[0]
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limits[rollout.Upload])
	defer cancel()
	_, err := m.session.Lock(ctx, m.host.Unit, h.options.Who)
	if err == nil {
		err = m.session.Retire(ctx, m.host.Unit)
	}
	r := m.report()
	r.To, r.Outcome = plan.None, rollout.Done
	if err != nil {
		r.Outcome, r.Reason = rollout.Failed, strings.Join(strings.Fields(err.Error()), " ")
	}
	out := &Report{
		Schema: reportSchema, Cluster: h.cluster.Name, Who: h.options.Who, Started: h.started.UTC().Truncate(time.Millisecond),
		Seconds: h.options.Now().Sub(h.started).Seconds(), Outcome: r.Outcome, Hosts: []HostReport{r},
	}
	if err != nil {
		out.Error = err.Error()
	}
	return out, m.withNode(err)
}
