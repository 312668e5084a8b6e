package deploy

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// NoWayBackError is a host that has nothing to go back to.
type NoWayBackError struct{ Detail string }

func (e *NoWayBackError) Error() string { return "there is nothing to go back to: " + e.Detail }

// PlanBack decides what takes the hosts to the generation before the one they run:
// unit, certificates and keys together.
func (r *Rollout) PlanBack(ctx context.Context) (*Plan, error) {
	done := r.wentBack()
	err := r.each(func(m *machine) (err error) {
		if done(m) {
			m.want, err = r.asItIs(ctx, m)
		} else {
			m.want, err = r.before(ctx, m)
		}
		if err == nil {
			m.report.To = m.want.Generation
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	wants := map[string]*Want{}
	for _, m := range r.machines {
		wants[m.node.Name] = m.want
	}
	r.id, r.by = idOf(wants), rollback
	r.first.lease, r.first.err = r.lease(ctx) // what is elected is known only now
	return r.Plan(ctx)
}

const rollback = "rollback"

// wentBack tells hosts that have gone back already, in a run that was interrupted or
// was for them alone. Where all have, those have that did it last, in a run that didn't
// end: else each goes back once more.
func (r *Rollout) wentBack() func(*machine) bool {
	back := func(m *machine) bool {
		return m.seen.State != nil && m.seen.State.By == rollback && m.seen.Trial == nil
	}
	if slices.ContainsFunc(r.machines, func(m *machine) bool { return m.seen.State == nil || m.seen.State.By != rollback }) {
		return back
	}
	latest := "" // of runs that ended
	for _, m := range r.machines {
		if m.seen.State.Ended {
			latest = max(latest, m.seen.State.Since)
		}
	}
	return func(m *machine) bool { return back(m) && !m.seen.State.Ended && m.seen.State.Since >= latest }
}

// again: a rollback takes the host to what one took it back from.
func (m *machine) again() bool {
	st := m.seen.State
	return st != nil && st.By == rollback && st.Ended && m.seen.Trial == nil && st.Previous == m.want.Generation && m.seen.Runs != m.want.Generation
}

// asItIs is what a host runs already.
func (r *Rollout) asItIs(ctx context.Context, m *machine) (*Want, error) {
	if m.seen.Runs == host.None {
		return &Want{Set: Set{Generation: host.None}}, nil
	}
	return r.wantOn(ctx, m, m.seen.Runs, m.seen.Unit), nil
}

// before is what a host ran before what it runs.
func (r *Rollout) before(ctx context.Context, m *machine) (*Want, error) {
	st := m.seen.State
	switch t := m.seen.Trial; {
	case t != nil && t.By == rollback: // it was on its way
		return r.kept(ctx, m, t.Generation)
	case t != nil:
		return nil, &NoWayBackError{"a deployment is going on, or wasn't ended; kcmgen deploy ends it"}
	case st == nil:
		return nil, &NoWayBackError{"kcmgen hasn't deployed anything here"}
	case st.Generation != m.seen.Runs:
		return nil, &NoWayBackError{fmt.Sprintf("%s isn't the one of generation %s any more", m.unit.Start, st.Generation)}
	case st.Previous == "" || st.Previous == "-":
		return nil, &NoWayBackError{"it went back already"}
	}
	return r.kept(ctx, m, st.Previous)
}

// kept is a generation that lies on a host.
func (r *Rollout) kept(ctx context.Context, m *machine, generation string) (*Want, error) {
	if generation == host.None {
		return &Want{Set: Set{Generation: host.None}}, nil
	}
	unit, err := m.session.Text(ctx, path.Join(m.unit.Home, generation, m.unit.Name))
	if err != nil {
		return nil, &NoWayBackError{err.Error()}
	}
	return r.wantOn(ctx, m, generation, unit), nil
}

// wantOn is what a unit of a host asks for, as far as it can be told.
func (r *Rollout) wantOn(ctx context.Context, m *machine, generation string, unit []byte) *Want {
	set, err := newSet(generation, unit, func(p string) ([]byte, error) { return m.session.Text(ctx, p) })
	if set == nil || err != nil && host.IsFound(generation) {
		set = &Set{Generation: generation, Unit: unit} // somebody else's, and beyond us
	}
	return &Want{Set: *set}
}
