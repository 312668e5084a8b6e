package deploy

import (
	"context"
	"fmt"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// NoWayBackError is a host that has nothing to go back to.
type NoWayBackError struct{ Detail string }

func (e *NoWayBackError) Error() string { return "there is nothing to go back to: " + e.Detail }

// PlanBack decides what takes the hosts to the generation before the one they run:
// unit, certificates and keys together.
func (r *Rollout) PlanBack(ctx context.Context) (*Plan, error) {
	err := r.each(func(m *machine) error {
		w, err := r.before(ctx, m)
		if err != nil {
			return err
		}
		m.want, m.report.To = w, w.Generation
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.first.lease, r.first.err = r.lease(ctx) // what is elected is known only now
	return r.Plan(ctx)
}

// before is what a host ran before what it runs.
func (r *Rollout) before(ctx context.Context, m *machine) (*Want, error) {
	if t := m.seen.Trial; t != nil {
		return nil, &NoWayBackError{"a deployment is going on, or wasn't ended; kcmgen deploy ends it"}
	}
	st := m.seen.State
	switch {
	case st == nil:
		return nil, &NoWayBackError{"kcmgen hasn't deployed anything here"}
	case st.Generation != m.seen.Runs:
		return nil, &NoWayBackError{fmt.Sprintf("%s isn't the one of generation %s any more", m.unit.Start, st.Generation)}
	case st.Previous == "" || st.Previous == "-":
		return nil, &NoWayBackError{"it went back already"}
	case st.Previous == host.None:
		return &Want{Set: Set{Generation: host.None}}, nil
	}
	dir := m.unit.Home + "/" + st.Previous
	unit, err := m.session.Text(ctx, dir+"/"+m.unit.Name)
	if err != nil {
		return nil, &NoWayBackError{err.Error()}
	}
	set, err := newSet(st.Previous, unit, func(p string) ([]byte, error) { return m.session.Text(ctx, p) })
	if set == nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &Want{Set: *set}, nil
}
