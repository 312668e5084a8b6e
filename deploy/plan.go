package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/live"
)

// Plan is what a rollout will do, in its order. It is what is printed and what is
// done.
type Plan struct {
	Cluster   string   `json:"cluster"`
	Action    string   `json:"action"`           // deploy or rollback
	Leader    string   `json:"leader,omitempty"` // the node's name, or the holder that is no node
	Steps     []Step   `json:"steps"`
	Unchanged []string `json:"unchanged"`
	// Gate and Soak are how long a host may take to be healthy, and has to stay so;
	// Revert is after how long it goes back by itself. All in seconds.
	Gate   float64 `json:"gate"`
	Soak   float64 `json:"soak"`
	Revert float64 `json:"revert"`
	// Notes are worth knowing before one says yes.
	Notes []string `json:"notes,omitempty"`
}

// Step is what will be done to one host.
type Step struct {
	Node    string       `json:"node"`
	Address string       `json:"address"`
	From    string       `json:"from"` // a generation, none or found
	To      string       `json:"to"`
	Files   []FileChange `json:"files,omitempty"`
	Flags   []FlagChange `json:"flags,omitempty"`
	Unit    []string     `json:"unit,omitempty"`  // other lines of the unit: "- " was, "+ " will be
	Restart string       `json:"restart"`         // why it is restarted
	Stops   bool         `json:"stops,omitempty"` // nothing runs there afterwards
	Unwell  string       `json:"unwell,omitempty"`
	Leader  bool         `json:"leader,omitempty"`
	Recover string       `json:"recover,omitempty"` // the generation whose trial never ended
	m       *machine
}

// anotherGeneration is the usual reason for a restart.
const anotherGeneration = "another generation"

// Usual reports whether a host is restarted for no other reason than that it gets
// another generation.
func (s Step) Usual() bool { return s.Restart == anotherGeneration }

// FlagChange is a flag whose value changes: empty is none.
type FlagChange struct {
	Name string  `json:"name"`
	From *string `json:"from,omitempty"`
	To   *string `json:"to,omitempty"`
}

// Plan decides what is to be done. It asks the hosts that change once more: what
// their old generation holds.
func (r *Rollout) Plan(ctx context.Context) (*Plan, error) {
	p := &Plan{Cluster: r.cluster.Name, Action: r.by, Steps: []Step{}, Unchanged: []string{}}
	lease, err := r.first.lease, r.first.err
	if err != nil {
		return nil, err
	}
	steps := make([]*Step, len(r.machines))
	err = r.each(func(m *machine) error {
		tried := make(chan error, 1)
		go func() { tried <- r.tries(ctx, m) }()
		s, err := r.step(ctx, m)
		steps[slices.Index(r.machines, m)] = s
		return cmp.Or(err, <-tried)
	})
	if err != nil {
		return nil, err
	}
	leader := r.leader(lease)
	if leader != nil {
		p.Leader = leader.node.Name
	} else if lease != nil {
		p.Leader = lease.Holder
	}
	for i, s := range steps {
		if s == nil {
			r.machines[i].same = true
			p.Unchanged = append(p.Unchanged, r.machines[i].node.Name)
			continue
		}
		s.Leader = s.m == leader
		p.Steps = append(p.Steps, *s)
	}
	slices.SortStableFunc(p.Steps, func(a, b Step) int { return cmp.Compare(a.rank(), b.rank()) })
	p.Gate, p.Soak, p.Revert = r.cluster.Deploy.Gate.Seconds(), r.cluster.Deploy.Soak.Seconds(), r.revertTime().Seconds()
	p.Notes = r.notesOf(p, lease)
	if len(p.Steps) > 0 {
		p.Notes = append(p.Notes, r.lookBeside(ctx)...)
		p.Notes = append(p.Notes, r.lonely(p)...)
	}
	return p, r.preflight(p)
}

// rank orders steps: hosts that don't work first, since nothing is lost with them,
// the leader last.
func (s Step) rank() int {
	switch {
	case s.Leader:
		return 2
	case s.Unwell == "":
		return 1
	}
	return 0
}

// step is what is to be done to a host, nil if nothing is.
func (r *Rollout) step(ctx context.Context, m *machine) (*Step, error) {
	differs, stale := m.differs(), m.stale()
	s := &Step{Node: m.node.Name, Address: m.report.Address, From: m.seen.Runs, To: m.want.Generation, Unwell: m.unwell, m: m}
	if t := m.seen.Trial; t != nil {
		s.Recover = t.Generation
	}
	switch {
	case s.Recover != "":
		s.Restart = "a deployment of " + short(s.Recover) + " was never confirmed"
	case s.From == s.To && len(differs) == 0 && stale == "" && (m.unwell == "" || s.To == host.None):
		return nil, nil
	case s.From == s.To && len(differs) == 0:
		s.Restart = cmp.Or(stale, m.unwell)
	case s.From == s.To:
		s.Restart = "files of its generation were changed on the host"
		s.Files = differs
	default:
		s.Restart = anotherGeneration
	}
	if s.Stops = s.To == host.None; s.Stops || s.From == s.To {
		return s, nil
	}
	s.Flags, s.Unit = flagChanges(m.was, &m.want.Set), unitChanges(m.was, &m.want.Set)
	if (s.From == host.None || host.IsFound(s.From)) && len(m.missing()) == 0 { // the unit is all that somebody changed
		s.Files = differs
		return s, nil
	}
	var err error
	s.Files, err = r.fileChanges(ctx, m, differs)
	return s, err
}

// fileChanges compares two generations by their files' names.
func (r *Rollout) fileChanges(ctx context.Context, m *machine, differs []FileChange) ([]FileChange, error) {
	top := path.Join(m.unit.Home, m.want.Generation)
	was := path.Join(m.unit.Home, m.seen.Runs)
	var paths []string
	for _, e := range m.want.folders[top].Entries() {
		paths = append(paths, path.Join(was, e.Path))
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	seen, err := m.session.Look(ctx, m.unit, paths, quickRead)
	if err != nil {
		return nil, err
	}
	var out []FileChange
	for _, e := range m.want.folders[top].Entries() {
		f := seen.Files[path.Join(was, e.Path)]
		switch {
		case e.Path == path.Base(m.unit.Start): // its flags are told, or it is new
		case !f.Regular():
			out = append(out, FileChange{Path: e.Path, Kind: tree.Added})
		case f.SHA256 != sumOf(e):
			out = append(out, FileChange{Path: e.Path, Kind: tree.Changed, What: []string{"contents"}})
		}
	}
	for _, c := range differs {
		if !strings.HasPrefix(c.Path, m.unit.Home+"/") {
			out = append(out, c)
		}
	}
	return out, nil
}

func flagChanges(was, want *Set) []FlagChange {
	if was == nil || len(was.Argv) == 0 { // nothing that can be compared
		return nil
	}
	names := maps.Clone(was.flags)
	maps.Copy(names, want.flags)
	var out []FlagChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		from, had := was.flags[name]
		to, has := want.flags[name]
		if had && has && from == to {
			continue
		}
		c := FlagChange{Name: name}
		if had {
			c.From = &from
		}
		if has {
			c.To = &to
		}
		out = append(out, c)
	}
	return out
}

// short is a generation as people tell it from another.
func short(generation string) string {
	if len(generation) == 16 {
		return generation[:8]
	}
	return generation
}

// elects reports whether the cluster has a leader to tell.
func (r *Rollout) elects() bool {
	return slices.ContainsFunc(r.machines, func(m *machine) bool { return m.want != nil && m.want.elects() })
}

// lease asks the apiserver who leads: nil if nobody does, or nobody can be asked.
func (r *Rollout) lease(ctx context.Context) (*live.Lease, error) {
	i := slices.IndexFunc(r.machines, func(m *machine) bool { return m.want != nil && m.want.elects() })
	if r.o.Leader == nil || i < 0 {
		return nil, nil
	}
	namespace, name, err := r.machines[i].want.lease()
	if err != nil {
		return nil, err
	}
	l, err := r.o.Leader.Lease(ctx, namespace, name)
	if errors.Is(err, live.ErrNoLease) || err == nil && l.Holder == "" {
		return nil, nil
	}
	if err != nil {
		return nil, &LeaseError{err}
	}
	return l, nil
}

// LeaseError is an apiserver that doesn't tell who leads.
type LeaseError struct{ Err error }

func (e *LeaseError) Error() string { return "who leads can't be told: " + e.Err.Error() }

// Unwrap returns why.
func (e *LeaseError) Unwrap() error { return e.Err }

// leader is the host that holds a lease, nil if none of this rollout does.
func (r *Rollout) leader(l *live.Lease) *machine {
	if l == nil {
		return nil
	}
	return holder(r.machines, l)
}

// holder is the host that holds a lease: by the name that its kernel has, and where no
// host has that one any more, by the name that it has in the cluster.
func holder(machines []*machine, l *live.Lease) *machine {
	for _, name := range []func(*machine) string{
		func(m *machine) string { return m.seen.Name },
		func(m *machine) string { return cmp.Or(m.node.Hostname, m.node.Name) },
	} {
		i := slices.IndexFunc(machines, func(m *machine) bool { return l.Hostname != "" && name(m) == l.Hostname })
		if i >= 0 {
			return machines[i]
		}
	}
	return nil
}

// leadTime is how long it may take until somebody leads: the lease of one who is gone
// has to run out first.
func (r *Rollout) leadTime() time.Duration {
	// The retry is jittered, and twice: to see it, and to take it.
	return r.cluster.Deploy.Gate + r.leaseTime() + 6*r.longest("leader-elect-retry-period", "2s") + 5*time.Second
}

// leaseTime is how long a lease holds that isn't renewed.
func (r *Rollout) leaseTime() time.Duration { return r.longest("leader-elect-lease-duration", "15s") }

// longest is the longest time that a flag has on any host.
func (r *Rollout) longest(flag, fallback string) time.Duration {
	var out time.Duration
	for _, m := range r.machines {
		if m.want == nil {
			continue
		}
		if d, err := time.ParseDuration(m.want.value(flag, fallback)); err == nil {
			out = max(out, d)
		}
	}
	return out
}

// revertTime is after how long a host goes back by itself: later than anybody who is
// still there would.
func (r *Rollout) revertTime() time.Duration {
	return r.leadTime() + 3*r.cluster.Deploy.Soak + 15*time.Second
}

// notesOf are things to know of a plan.
func (r *Rollout) notesOf(p *Plan, l *live.Lease) []string {
	var out []string
	switch {
	case len(p.Steps) == 0:
	case !r.elects() && slices.ContainsFunc(p.Steps, func(s Step) bool { return !s.Stops }):
		out = append(out, "leader election is off: who works can't be told from a lease")
	case r.o.Leader == nil:
		out = append(out, "without a kubeconfig nobody can tell who leads: the order is by name, and faults that only a leader shows stay unseen")
	case !r.elects(): // all stop
	case l == nil:
		out = append(out, "nobody has led yet: a first deployment")
	case r.leader(l) == nil:
		out = append(out, fmt.Sprintf("the leader is %s, none of these hosts", l.Holder))
	}
	var root []string
	for _, m := range r.machines {
		if m.report.User == "root" {
			root = append(root, m.node.Name)
		}
		if s := time.Duration(m.report.Skew) * time.Second; s.Abs() > time.Minute {
			out = append(out, fmt.Sprintf("%s: its clock is off by %v", m.node.Name, s))
		}
		if f := m.seen.Process.File(); m.seen.Runs == host.None && f != "" {
			out = append(out, fmt.Sprintf("%s: %s is there, and comes to light again if it goes back", m.node.Name, f))
		}
		if st := m.seen.State; st != nil && !st.Ended && st.Rollout == r.id && len(p.Steps) > 0 && slices.Contains(p.Unchanged, m.node.Name) {
			out = append(out, m.node.Name+": an interrupted run brought it here; it goes back, too, if this one fails")
		}
		if m.was != nil && m.was.elects() && m.want.elects() {
			if was, want := m.was.leaseName(), m.want.leaseName(); was != want {
				out = append(out, fmt.Sprintf("%s: its lease was %s and becomes %s: until all hosts have it, two lead", m.node.Name, was, want))
			}
		}
		for _, d := range m.seen.Process.DropIns() {
			out = append(out, fmt.Sprintf("%s: %s changes the unit, and isn't kcmgen's", m.node.Name, d))
		}
		if m.again() {
			out = append(out, fmt.Sprintf("%s: it went back from %s already, and gets it again", m.node.Name, short(m.want.Generation)))
		}
		if host.IsFound(m.seen.Runs) && !m.seen.Process.Masked() {
			out = append(out, fmt.Sprintf("%s: %s was written by somebody else; it is kept, to go back to", m.node.Name, m.unit.Start))
		}
	}
	if len(root) > 0 {
		out = append(out, strings.Join(root, ", ")+": the login is root's; a user with sudo -n leaves a trace of who it was")
	}
	return out
}
