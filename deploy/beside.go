package deploy

import (
	"context"
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
		case m.unwell != "" && m.seen.Runs != host.None:
			notes = append(notes, fmt.Sprintf("%s: not named, and doesn't work: %s", m.node.Name, m.unwell))
		}
		r.beside = append(r.beside, m)
	}
	return notes
}

// settledBeside: a host that goes back by itself, any minute, isn't one to count on. It is
// looked at again once it is locked: whoever had it on trial may have ended that.
func (r *Rollout) settledBeside(ctx context.Context) error {
	return each(r.beside, func(m *machine) error {
		if m.seen.Trial == nil {
			return nil
		}
		err := r.look(ctx, m)
		if t := m.seen.Trial; err == nil && t != nil {
			err = &UnsettledError{t.Generation}
		}
		return err
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
	lock := func(m *machine) error { return m.session.Lock(ctx, r.o.Who) }
	if err := all[0].named(lock(all[0])); err != nil {
		return err
	}
	return each(all[1:], lock)
}
