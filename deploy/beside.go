package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// besideLimit bounds how long a host is waited for that nobody named.
const besideLimit = 15 * time.Second

// lookBeside connects to the hosts of the cluster that nobody named. They are locked as
// the named are, so that of two rollouts with different hosts the second waits, and they
// have to work while one of the named is restarted. One that can't be reached is noted:
// it may be why the others were named.
func (r *Rollout) lookBeside(ctx context.Context) []string {
	var all []*machine
	for i := range r.cluster.Nodes {
		n := &r.cluster.Nodes[i]
		if !slices.ContainsFunc(r.machines, func(m *machine) bool { return m.node.Name == n.Name }) {
			all = append(all, newMachine(r.cluster, n, nil))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, besideLimit)
	defer cancel()
	errs := make([]error, len(all))
	var waiting sync.WaitGroup
	for i, m := range all {
		waiting.Go(func() {
			if errs[i] = r.connect(ctx, m); errs[i] == nil {
				errs[i] = r.look(ctx, m)
			}
		})
	}
	waiting.Wait()
	var notes []string
	for i, m := range all {
		switch {
		case errs[i] != nil:
			m.hangUp()
			notes = append(notes, fmt.Sprintf("not named, and not counted on, since it can't be reached: %v", m.named(errs[i])))
			continue
		case m.seen.Trial != nil:
			notes = append(notes, fmt.Sprintf("%s: not named, and has %s on trial", m.node.Name, short(m.seen.Trial.Generation)))
		case m.walled != nil: // its process is seen all the same
			m.unwell = ""
			notes = append(notes, fmt.Sprintf("%s: not named, and whether it is healthy can't be seen: %v", m.node.Name, m.walled))
		case m.unwell != "" && m.seen.Runs != host.None:
			notes = append(notes, fmt.Sprintf("%s: not named, and doesn't work: %s", m.node.Name, m.unwell))
		}
		r.beside = append(r.beside, m)
	}
	return notes
}

// settledBeside: a host that goes back by itself, any minute, isn't one to count on while
// one that works is restarted.
func (r *Rollout) settledBeside(p *Plan) error {
	if !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Unwell == "" }) {
		return nil
	}
	return each(r.beside, func(m *machine) error {
		if t := m.seen.Trial; t != nil {
			return &UnsettledError{t.Generation}
		}
		return nil
	})
}

// UnsettledError is a host that nobody named, with a trial that nobody ended.
type UnsettledError struct{ Generation string }

func (e *UnsettledError) Error() string {
	return fmt.Sprintf("it has %s on trial, and is restarted when it goes back by itself", short(e.Generation))
}

// lockAll keeps everybody else from changing any host of the cluster. The first host's
// lock is taken first, so that of two rollouts that begin together one gets all.
func (r *Rollout) lockAll(ctx context.Context) error {
	all := slices.SortedFunc(slices.Values(slices.Concat(r.machines, r.beside)), func(a, b *machine) int {
		return strings.Compare(a.node.Name, b.node.Name)
	})
	lock := func(m *machine) error { return r.lock(ctx, m) }
	if err := each(all[:1], lock); err != nil {
		return err
	}
	return each(all[1:], lock)
}

// Busy returns why nothing can be done to the hosts just now: somebody else does, and what
// is seen of them is half done. nil where nobody does.
func (r *Rollout) Busy() error {
	for _, m := range slices.Concat(r.machines, r.beside) {
		if m.seen.Holder != "" {
			return m.named(&host.LockedError{Holder: m.seen.Holder})
		}
	}
	return nil
}

// lonely notes a host that is the only one to work, and is to be restarted.
func (r *Rollout) lonely(p *Plan) []string {
	if len(p.Steps) != 1 || p.Steps[0].Unwell != "" || len(r.cluster.Nodes) == 1 {
		return nil
	}
	for _, m := range slices.Concat(r.machines, r.beside) {
		if m != p.Steps[0].m && m.unwell == "" {
			return nil
		}
	}
	return []string{p.Steps[0].Node + " is the only one that works: while it is restarted, none does"}
}

// lock takes a host's lock, where the plan still holds for it.
func (r *Rollout) lock(ctx context.Context, m *machine) error {
	stamp, err := m.session.Lock(ctx, m.unit, r.o.Who)
	if err == nil && stamp != m.seen.Stamp {
		err = errChanged
	}
	return err
}

// errChanged is a host that somebody, or its own timer, has done something to.
var errChanged = errors.New("it isn't any more what the plan was made for")

// Replan reports whether a rollout that failed would do with a plan made anew: nothing
// was changed.
func Replan(err error) bool { return errors.Is(err, errChanged) }
