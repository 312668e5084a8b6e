package deploy

import (
	"context"
	"fmt"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// Retirement is what leaving a cluster means for a host.
type Retirement struct {
	Node    string `json:"node"`
	Address string `json:"address"`
	Unit    string `json:"unit"`
	Runs    string `json:"runs"` // a generation, or none
	Folder  string `json:"folder"`
	Active  string `json:"active"` // in systemd's words
}

// PlanRetirement says what there is to stop and to remove on the one host of a rollout.
func (r *Rollout) PlanRetirement() (*Retirement, error) {
	m := r.machines[0]
	if host.IsFound(m.seen.Runs) {
		return nil, m.named(fmt.Errorf("%s wasn't written by kcmgen: stop and remove it by hand", m.unit.Start))
	}
	return &Retirement{
		Node: m.node.Name, Address: m.report.Address, Unit: m.unit.Start, Runs: m.seen.Runs,
		Folder: m.unit.Home, Active: m.seen.Process.Active(),
	}, nil
}

// Retire stops kube-controller-manager on the one host of a rollout, and removes what
// kcmgen put there. What others wrote, and kcmgen kept, stays.
func (r *Rollout) Retire(ctx context.Context) (*Report, error) {
	m := r.machines[0]
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hostLimit)
	defer cancel()
	_, err := m.session.Lock(ctx, m.unit, r.o.Who)
	if err == nil {
		err = m.session.Retire(ctx, m.unit)
	}
	m.report.To, m.report.Outcome = host.None, Done
	if err != nil {
		m.report.Outcome, m.report.Reason = Failed, oneLine(err.Error())
	}
	report := r.reportOf(&Plan{Cluster: r.cluster.Name, Steps: []Step{{m: m}}}, err)
	return report, m.named(err)
}
