package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// HostError is an error of one host.
type HostError struct {
	Node string
	Err  error
}

func (e *HostError) Error() string { return e.Node + ": " + e.Err.Error() }

// Unwrap returns the error.
func (e *HostError) Unwrap() error { return e.Err }

// New makes a plan. The error holds every reason why hosts can't be deployed to; the plan
// is complete all the same.
func New(o *Observation) (*Plan, error) {
	p := &Plan{
		Schema: Schema, ID: o.id(), Cluster: o.Cluster.Name, Action: o.Action, Steps: []Step{}, Unchanged: []string{},
		Timing: o.timing(), ReadsLease: o.ReadsLease, ReleasesLease: o.releasesLease(), HandsOver: o.handsOver(),
	}
	leader := o.leader()
	p.Leader = o.Leader.Holder
	if leader != nil {
		p.Leader = leader.Node
	}
	for _, h := range o.Hosts {
		s := h.step()
		if s == nil {
			p.Unchanged = append(p.Unchanged, h.Node)
			continue
		}
		s.Leader = h == leader
		p.Steps = append(p.Steps, *s)
	}
	slices.SortStableFunc(p.Steps, func(a, b Step) int { return cmp.Compare(a.rank(), b.rank()) })
	p.Hosts = o.records(p)
	p.Notes = o.notes(p)
	return p, o.preflight(p)
}

// id returns a hash of the desired generation of each node. The same ID resumes a rollout.
func (o *Observation) id() string {
	sum := sha256.New()
	for _, h := range o.Hosts {
		writeID(sum, h)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func writeID(w io.Writer, h *Host) { fmt.Fprintf(w, "%s=%s\n", h.Node, h.Desired.Generation) }

// timing returns the time limits, which depend on the hosts' flags.
func (o *Observation) timing() Timing {
	gate, soak := o.Cluster.Deploy.Gate+o.checkInterval(), o.Cluster.Deploy.Soak
	lease := o.longest("leader-elect-lease-duration")
	// The lease of a leader that is gone must expire first. Candidates retry with jitter,
	// once to see that and once to take it.
	lead := gate + lease + 6*o.longest("leader-elect-retry-period") + 5*time.Second
	return Timing{
		Gate: SecondsOf(gate), Soak: SecondsOf(soak), Lead: SecondsOf(lead), Lease: SecondsOf(lease), Retry: SecondsOf(o.retryPeriod()), Away: SecondsOf(gate + time.Minute),
		Revert: SecondsOf(lead + 3*soak + 15*time.Second), // later than kcmgen itself would revert
	}
}

// retryPeriod returns the longest time after which any host's leader renews its lease.
func (o *Observation) retryPeriod() time.Duration {
	const flag = "leader-elect-retry-period"
	out := o.longest(flag)
	for _, h := range o.Hosts {
		if h.Current == nil {
			continue
		}
		if d, err := time.ParseDuration(h.running().value(flag)); err == nil {
			out = max(out, d)
		}
	}
	return out
}

// longest returns the longest duration that a flag has on any host.
func (o *Observation) longest(flag string) time.Duration {
	var out time.Duration
	for _, h := range o.Hosts {
		if d, err := time.ParseDuration(h.Desired.value(flag)); err == nil {
			out = max(out, d)
		}
	}
	return out
}

// releasesLease reports whether any host's process releases its lease when it exits.
func (o *Observation) releasesLease() bool {
	for _, h := range slices.Concat(o.Hosts, o.Others) {
		if h.Desired != nil && h.Desired.ReleasesLease() || h.Current != nil && h.running().ReleasesLease() {
			return true
		}
	}
	return false
}

// handsOver reports whether to give back the lease of a leader that is restarted. Where leaders
// do so themselves, or the apiserver chooses them, there is nothing to give back.
func (o *Observation) handsOver() bool {
	return o.Cluster.Deploy.HandOver && o.ReadsLease && !o.releasesLease() && !o.coordinated()
}

// coordinated reports whether the apiserver chooses the leader among any host's processes.
func (o *Observation) coordinated() bool {
	for _, h := range slices.Concat(o.Hosts, o.Others) {
		if h.Desired != nil && h.Desired.Coordinated() || h.Current != nil && h.running().Coordinated() {
			return true
		}
	}
	return false
}

// elects reports whether any host takes part in leader election.
func (o *Observation) elects() bool {
	return slices.ContainsFunc(o.Hosts, func(h *Host) bool { return h.Desired.Elects() })
}

// leader returns the host that holds the lease, by its kernel's hostname or, if no host
// has that any more, by its hostname in the cluster; nil if it is none of these.
func (o *Observation) leader() *Host {
	if o.Leader.Hostname == "" {
		return nil
	}
	for _, name := range []func(*Host) string{
		func(h *Host) string { return h.Snapshot.Name },
		func(h *Host) string { return h.ClusterHostname },
	} {
		i := slices.IndexFunc(o.Hosts, func(h *Host) bool { return name(h) == o.Leader.Hostname })
		if i >= 0 {
			return o.Hosts[i]
		}
	}
	return nil
}

// records returns the records of all hosts that were reached, sorted by name.
func (o *Observation) records(p *Plan) []Record {
	var out []Record
	for _, h := range slices.Concat(o.Hosts, o.Others) {
		if h.Unreached != nil {
			continue
		}
		out = append(out, h.record(p))
	}
	slices.SortFunc(out, func(a, b Record) int { return cmp.Compare(a.Node, b.Node) })
	return out
}

func (h *Host) record(p *Plan) Record {
	r := Record{
		Node: h.Node, Selected: h.Desired != nil, Hostname: h.Snapshot.Name, ClusterHostname: h.ClusterHostname, Unit: h.Unit.Name, Stamp: h.Snapshot.Stamp,
		Runs: h.Snapshot.Runs, UnitSum: h.Snapshot.UnitSum(h.Unit), Unhealthy: h.Unhealthy, Skew: SecondsOf(h.Skew), HealthUnknown: h.HealthUnknown != nil,
	}
	if h.Desired == nil && h.HealthUnknown != nil { // its process was seen running
		r.Unhealthy = ""
	}
	if t := h.Snapshot.Trial; t != nil {
		r.Trial = t.Generation
	}
	if h.Desired == nil {
		return r
	}
	r.Desired, r.Elects = h.Desired.Generation, h.Desired.Elects()
	if st := h.Snapshot.State; st != nil && !st.Ended && st.Rollout == p.ID {
		r.Interrupted = true
		if h.Snapshot.Runs == r.Desired && st.Generation == r.Desired && st.Previous != "-" {
			r.Previous = st.Previous
		}
	}
	return r
}

// UnitSum returns the checksum of the file that starts the process, or None.
func (s *Snapshot) UnitSum(u Unit) string {
	if f := s.Files[u.At(s.At).File]; f.Type != Missing {
		return f.SHA256
	}
	return None
}

// FlagChange is a flag whose value changes. From or To is nil where the flag isn't set.
type FlagChange struct {
	Name string  `json:"name"`
	From *string `json:"from,omitempty"`
	To   *string `json:"to,omitempty"`
}

// step returns what to do on a host, or nil.
func (h *Host) step() *Step {
	differences, stale := h.fileDifferences(), h.staleProcess(&h.Desired.Config)
	s := &Step{Node: h.Node, Address: h.Address, From: h.Snapshot.Runs, To: h.Desired.Generation, Unhealthy: h.Unhealthy}
	if t := h.Snapshot.Trial; t != nil {
		s.Recover = t.Generation
	}
	switch {
	case s.Recover == "" && h.Unhealthy == "" && h.meantSo() && h.staleProcess(h.running()) == "":
		return nil // it goes on with its own unit until something changes
	case s.Recover != "":
		s.Restart = "a deployment of " + Short(s.Recover) + " was never confirmed"
	case s.From == s.To && len(differences) == 0 && stale == "" && (h.Unhealthy == "" || s.To == None):
		return nil
	case s.From == s.To && len(differences) == 0:
		s.Restart = cmp.Or(stale, h.Unhealthy)
	case s.From == s.To:
		s.Restart = "files of its generation were changed on the host"
		s.Files = differences
	default:
		s.Restart = AnotherGeneration
	}
	if s.Stops = s.To == None; s.Stops || s.From == s.To {
		return s
	}
	if i := h.MissingImage(); i != nil {
		s.Image = fmt.Sprintf("%s (%s, %.1f MB)", i.Name, i.Digest[:min(len(i.Digest), 19)], float64(i.Archive.Size)/1e6)
	}
	s.Flags, s.Unit = flagChanges(h.running(), &h.Desired.Config), unitChanges(h.Current, &h.Desired.Config)
	if h.comparesGenerations() {
		s.Files = h.fileChanges(differences)
	} else {
		s.Files = differences
	}
	return s
}

// comparesGenerations reports whether files of the old generation are compared with those
// of the new one.
func (h *Host) comparesGenerations() bool {
	none := h.Snapshot.Runs == None || IsFound(h.Snapshot.Runs)
	return !none || len(h.MissingTrees()) > 0
}

// OldPaths returns the paths whose files must be in OldFiles before [New] is called.
func (h *Host) OldPaths() []string {
	if h.Snapshot.Runs == h.Desired.Generation || h.Desired.Generation == None || !h.comparesGenerations() {
		return nil
	}
	var out []string
	for _, e := range h.Desired.Trees[h.generationDir()].Entries() {
		out = append(out, path.Join(h.Unit.GenerationsDir, h.Snapshot.Runs, e.Path))
	}
	return out
}

// generationDir returns the directory of the new generation.
func (h *Host) generationDir() string { return path.Join(h.Unit.GenerationsDir, h.Desired.Generation) }

// fileChanges compares the files of the old and the new generation by name.
func (h *Host) fileChanges(fromDesired []FileChange) []FileChange {
	var out []FileChange
	for _, e := range h.Desired.Trees[h.generationDir()].Entries() {
		f := h.OldFiles[path.Join(h.Unit.GenerationsDir, h.Snapshot.Runs, e.Path)]
		switch {
		case e.Path == path.Base(h.Unit.File): // shown as flags
		case !f.Regular():
			out = append(out, FileChange{Path: e.Path, Kind: tree.Added})
		case f.SHA256 != e.Sum():
			out = append(out, FileChange{Path: e.Path, Kind: tree.Changed, What: []string{"contents"}})
		}
	}
	for _, c := range fromDesired {
		if !strings.HasPrefix(c.Path, h.Unit.GenerationsDir+"/") {
			out = append(out, c)
		}
	}
	return out
}

func flagChanges(was, want *Config) []FlagChange {
	if was == nil || len(was.Argv) == 0 { // nothing that can be compared
		return nil
	}
	names := map[string]bool{}
	for name := range was.flags {
		names[name] = true
	}
	for name := range want.flags {
		names[name] = true
	}
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

// Holder returns a host that another session is changing, and that session. What was
// observed of such a host may be half done. "" if there is none.
func (o *Observation) Holder() (node, who string) {
	for _, h := range slices.Concat(o.Hosts, o.Others) {
		if h.Unreached == nil && h.Snapshot.Holder != "" {
			return h.Node, h.Snapshot.Holder
		}
	}
	return "", ""
}
