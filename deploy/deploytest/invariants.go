package deploytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
)

// reaction is how old a rollout's knowledge of a host may be when it acts.
const reaction = time.Second

// Invariants sets Run.Check to what must be true before each action, whatever happens.
func (r *Run) Invariants() {
	worked := map[string]bool{}
	for _, h := range r.World.Hosts {
		worked[h.Name] = r.World.Works(h)
	}
	r.Check = func(a rollout.Action) error {
		switch a.Kind {
		case rollout.Try:
			if err := r.leaderLast(a); err != nil {
				return err
			}
			return r.othersWork(a, worked)
		case rollout.Revert, rollout.Undo:
			return r.oneAtATime(a)
		case rollout.Confirm:
			return r.confirmedWhole(a)
		case rollout.HandOver:
			return errors.Join(r.gone(a), r.othersWork(a, worked))
		}
		return nil
	}
}

// leaderLast returns an error if a working leader is restarted before another host of the
// plan.
func (r *Run) leaderLast(a rollout.Action) error {
	h := r.World.Host(a.Node)
	if !r.World.Leads(h, reaction) || !r.World.Works(h) {
		return nil
	}
	for _, s := range r.Plan.Steps {
		if s.Node != a.Node && r.State.Result(s.Node).Outcome == "" {
			return fmt.Errorf("%s leads, and %s hasn't got the new generation yet", a.Node, s.Node)
		}
	}
	return nil
}

// othersWork returns an error if a working host is restarted while another one that worked
// doesn't.
func (r *Run) othersWork(a rollout.Action, worked map[string]bool) error {
	w := r.World
	if !w.Works(w.Host(a.Node)) {
		return nil
	}
	for _, h := range w.Hosts {
		stopped := h.Unit == plan.None
		if h.Name != a.Node && worked[h.Name] && !stopped && !w.Works(h) && !h.failingSince.IsZero() && w.Now.Sub(h.failingSince) >= reaction {
			return fmt.Errorf("%s hasn't worked for %v", h.Name, w.Now.Sub(h.failingSince))
		}
	}
	return nil
}

// oneAtATime returns an error if, on the way back, a working host is restarted while the
// restart of another one isn't complete.
func (r *Run) oneAtATime(a rollout.Action) error {
	w := r.World
	if !w.Works(w.Host(a.Node)) {
		return nil
	}
	for _, h := range w.Hosts {
		if h.Name != a.Node && h.byRollout && !w.Works(h) && h.Unit != plan.None && w.Configs[h.Unit].Start == "" && w.Now.Sub(h.startedAt) < Gate && w.Now.Sub(h.failingSince) >= reaction {
			return fmt.Errorf("%s is being restarted", h.Name)
		}
	}
	return nil
}

// gone returns an error if a lease is given back for a process that runs.
func (r *Run) gone(a rollout.Action) error {
	for _, h := range r.World.Hosts {
		if h.pid != 0 && a.Lease.Holder == fmt.Sprintf("%s_%d", h.Name, h.term()) {
			return fmt.Errorf("the process of %s runs, and its lease is given back", a.Lease.Holder)
		}
	}
	return nil
}

// confirmedWhole returns an error unless a confirmed host runs and has been healthy for a
// while.
func (r *Run) confirmedWhole(a rollout.Action) error {
	w := r.World
	h := w.Host(a.Node)
	if a.Generation == plan.None || h.Trial == nil || h.Trial.Generation != a.Generation {
		return nil
	}
	if !h.failingSince.IsZero() && w.Now.Sub(h.failingSince) >= reaction {
		return errors.New("it hasn't been healthy")
	}
	if w.Now.Sub(h.startedAt) < Soak && h.restarts == 0 {
		return fmt.Errorf("it has run for %v only", w.Now.Sub(h.startedAt))
	}
	return nil
}

// Ended returns an error if the hosts don't match the outcome of a run. had is what each
// host ran before.
func (r *Run) Ended(had map[string]string) error {
	_, err := r.State.Done()
	var back *rollout.RolledBackError
	var unseen *rollout.UnseenError
	var stranded *rollout.StrandedError
	var gone rollout.GoneErrors
	for _, h := range r.World.Hosts {
		to := r.desired(h)
		changed := r.State.Result(h.Name).Outcome != ""
		switch {
		case h.Other:
			if h.Unit != had[h.Name] {
				return fmt.Errorf("%s was changed, and the rollout doesn't name it", h.Name)
			}
		case errors.As(err, &stranded) && stranded.Stranded[h.Name] != nil, errors.As(err, &gone):
		case err == nil && h.Unit != to:
			return fmt.Errorf("all is done, and %s has %s", h.Name, h.Unit)
		case (errors.As(err, &back) || errors.As(err, &unseen)) && changed && h.Unit != had[h.Name] && !r.changedEarlier(h):
			return fmt.Errorf("all went back, and %s has %s, where it had %s", h.Name, h.Unit, had[h.Name])
		case h.Trial != nil && changed:
			return fmt.Errorf("the rollout is over (%v), and %s has %s on trial", err, h.Name, h.Trial.Generation)
		case h.Unit != to && h.Unit != had[h.Name] && !r.changedEarlier(h):
			return fmt.Errorf("%s has %s, neither the old nor the new one", h.Name, h.Unit)
		case err == nil && to != plan.None && !h.State.Ended:
			return fmt.Errorf("all is done, and %s hasn't recorded that", h.Name)
		}
	}
	return nil
}

// changedEarlier reports whether an earlier run of the same rollout changed the host.
func (r *Run) changedEarlier(h *Host) bool {
	i := slices.IndexFunc(r.Plan.Hosts, func(p plan.Record) bool { return p.Node == h.Name })
	p := r.Plan.Hosts[i]
	return p.Trial != "" || p.Interrupted
}

func (r *Run) desired(h *Host) string {
	for _, p := range r.Plan.Hosts {
		if p.Node == h.Name {
			return p.Desired
		}
	}
	return ""
}

// Generations returns the generation of each host, by name.
func (w *World) Generations() map[string]string {
	out := map[string]string{}
	for _, h := range w.Hosts {
		out[h.Name] = h.Unit
	}
	return out
}

// Settle lets time pass until every host's timer has fired and a leader is elected.
func (w *World) Settle() error {
	until := w.Now
	for _, h := range w.Hosts {
		if h.Trial != nil && h.Trial.Reverts.After(until) {
			until = h.Trial.Reverts
		}
	}
	for i := 1; i < len(w.Outages); i += 2 {
		if w.Outages[i].After(until) {
			until = w.Outages[i]
		}
	}
	w.Advance(until.Add(2 * leaseTime))
	for _, h := range w.Hosts {
		if h.Trial != nil {
			return fmt.Errorf("%s has %s on trial still", h.Name, h.Trial.Generation)
		}
	}
	return nil
}

// String returns all state that matters in a settled world: two worlds with the same text
// behave alike.
func (w *World) String() string {
	var b strings.Builder
	for _, h := range w.Hosts {
		fmt.Fprintf(&b, "%s %s %v %v %v %v %v", h.Name, h.Unit, w.Works(h), h.dead, h.Other, h.running, w.Holder == h.Name)
		if h.State != nil {
			fmt.Fprintf(&b, " %v", *h.State)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
