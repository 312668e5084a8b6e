package deploy

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// GoneError is a host that worked, and whose process has ended for good: a program that
// ends with 0 isn't started again where Restart= is on-failure.
type GoneError struct{ State, Unit string }

func (e *GoneError) Error() string {
	return "it worked when this began; now it is " + e.State + ", and systemd doesn't start it again"
}

// GoneErrors are such hosts after a rollout that went well otherwise, by node.
type GoneErrors map[string]*GoneError

// Unit is what the unit of these hosts is called; of one cluster, they have one.
func (e GoneErrors) Unit() string {
	for _, err := range e {
		return err.Unit
	}
	return ""
}

func (e GoneErrors) Error() string {
	var out []string
	for _, node := range slices.Sorted(maps.Keys(e)) {
		out = append(out, node+": "+e[node].Error())
	}
	return strings.Join(out, "\n")
}

// lost reports whether a host has ended for good that is to run. state is its unit's,
// outcome what became of it.
func lost(state host.State, outcome string, worked, stops bool) bool {
	switch {
	case !state.Over():
		return false
	case outcome == Done, stops:
		return !stops
	case outcome == Stranded: // that was said
		return false
	}
	return worked
}

// stops reports whether a host is to run nothing: it leaves the cluster, or went back to
// that.
func (m *machine) stops() bool {
	if m.back != "" {
		return m.back == host.None
	}
	return m.want != nil && m.want.Generation == host.None
}

// goneLimit bounds the look: a host whose line was cut has been told of already.
const goneLimit = 10 * time.Second

// gone looks at all hosts once a rollout is over, and notes those that have ended for
// good: what a host is reported to be, it is.
func (r *Rollout) gone(ctx context.Context) GoneErrors {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goneLimit)
	defer cancel()
	all := slices.Concat(r.machines, r.beside)
	states := make([]host.State, len(all))
	_ = each(all, func(m *machine) error {
		states[slices.Index(all, m)] = r.atRest(ctx, m)
		return nil
	})
	out := GoneErrors{}
	for i, m := range all {
		if lost(states[i], m.report.Outcome, m.unwell == "", m.stops()) {
			err := &GoneError{states[i].Active(), m.unit.Name}
			r.tell(m, "gone", "%v", err)
			if i < len(r.machines) { // else it wasn't named, and may be somebody's at work
				out[m.node.Name] = err
				m.report.Outcome, m.report.Reason = Gone, err.Error()
			}
		}
	}
	return out
}

// atRest is a host's unit once it isn't on its way to end any more; nothing if the host
// can't be asked.
func (r *Rollout) atRest(ctx context.Context, m *machine) host.State {
	for m.session != nil {
		p, err := m.session.Probe(ctx, m.unit, "", time.Second)
		if err != nil {
			break
		}
		if !p.Process.Ending() {
			return p.Process
		}
		select {
		case <-ctx.Done():
			return host.State{}
		case <-time.After(r.o.Poll):
		}
	}
	return host.State{}
}

// withGone adds hosts that have ended for good to what became of a rollout.
func (r *Rollout) withGone(err error, gone GoneErrors) error {
	if len(gone) == 0 {
		return err
	}
	var stranded *StrandedError
	switch {
	case err == nil:
		return gone
	case !errors.As(err, &stranded):
		stranded = &StrandedError{Err: err, Stranded: map[string]error{}, ByHand: map[string]string{}}
	}
	for node, g := range gone {
		stranded.Stranded[node], stranded.ByHand[node] = g, "systemctl start "+unitOf(r.cluster).Name
	}
	return stranded
}
