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

// HostError is what is wrong with one host.
type HostError struct {
	Node string
	Err  error
}

func (e *HostError) Error() string { return e.Node + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *HostError) Unwrap() error { return e.Err }

// New decides what is to be done. The error names every reason why hosts can't take it;
// the plan shows then what they would have got.
func New(o *Observation) (*Plan, error) {
	p := &Plan{
		Schema: Schema, ID: o.id(), Cluster: o.Cluster.Name, Action: o.Action, Steps: []Step{}, Unchanged: []string{},
		Timing: o.timing(), ReadsLease: o.ReadsLease, Releases: o.releases(),
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

// ID names what hosts are to have, by node: the same again is the same rollout, resumed.
func (o *Observation) id() string {
	sum := sha256.New()
	for _, h := range o.Hosts {
		writeID(sum, h)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func writeID(w io.Writer, h *Host) { fmt.Fprintf(w, "%s=%s\n", h.Node, h.Desired.Generation) }

// timing is how long things may take with these hosts' flags.
func (o *Observation) timing() Timing {
	gate, soak := o.Cluster.Deploy.Gate, o.Cluster.Deploy.Soak
	lease := o.longest("leader-elect-lease-duration")
	// The lease of one who is gone has to run out first. The retry is jittered, and twice:
	// to see it, and to take it.
	lead := gate + lease + 6*o.longest("leader-elect-retry-period") + 5*time.Second
	return Timing{
		Gate: SecondsOf(gate), Soak: SecondsOf(soak), Lead: SecondsOf(lead), Lease: SecondsOf(lease), Away: SecondsOf(gate + time.Minute),
		Revert: SecondsOf(lead + 3*soak + 15*time.Second), // later than an operator who is still there would
	}
}

// longest is the longest time that a flag has on any host.
func (o *Observation) longest(flag string) time.Duration {
	var out time.Duration
	for _, h := range o.Hosts {
		if d, err := time.ParseDuration(h.Desired.value(flag)); err == nil {
			out = max(out, d)
		}
	}
	return out
}

// releases reports whether any host's process gives its lease back as it ends.
func (o *Observation) releases() bool {
	for _, h := range slices.Concat(o.Hosts, o.Others) {
		if h.Desired != nil && h.Desired.Releases() || h.Current != nil && h.Current.Releases() {
			return true
		}
	}
	return false
}

// elects reports whether the cluster has a leader to tell.
func (o *Observation) elects() bool {
	return slices.ContainsFunc(o.Hosts, func(h *Host) bool { return h.Desired.Elects() })
}

// leader is the host that holds the lease: by the name that its kernel has, and where no
// host has that one any more, by the name that it has in the cluster. nil: none of these.
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

// records are what is written down of the hosts.
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
		Node: h.Node, Named: h.Desired != nil, Hostname: h.Snapshot.Name, ClusterHostname: h.ClusterHostname, Unit: h.Unit.Name, Stamp: h.Snapshot.Stamp,
		Runs: h.Snapshot.Runs, Base: h.Snapshot.Base(h.Unit), Unhealthy: h.Unhealthy, Skew: SecondsOf(h.Skew), HealthUnknown: h.HealthUnknown != nil,
	}
	if h.Desired == nil && h.HealthUnknown != nil { // its process is seen all the same
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

// Base is the checksum of the unit's file, or None.
func (s *Snapshot) Base(u Unit) string {
	if f := s.Files[u.Start]; f.Type != Missing {
		return f.SHA256
	}
	return None
}

// FlagChange is a flag whose value changes: empty is none.
type FlagChange struct {
	Name string  `json:"name"`
	From *string `json:"from,omitempty"`
	To   *string `json:"to,omitempty"`
}

// step is what is to be done to a host, nil if nothing is.
func (h *Host) step() *Step {
	differs, stale := h.fileDifferences(), h.staleProcess()
	s := &Step{Node: h.Node, Address: h.Address, From: h.Snapshot.Runs, To: h.Desired.Generation, Unhealthy: h.Unhealthy}
	if t := h.Snapshot.Trial; t != nil {
		s.Recover = t.Generation
	}
	switch {
	case s.Recover != "":
		s.Restart = "a deployment of " + Short(s.Recover) + " was never confirmed"
	case s.From == s.To && len(differs) == 0 && stale == "" && (h.Unhealthy == "" || s.To == None):
		return nil
	case s.From == s.To && len(differs) == 0:
		s.Restart = cmp.Or(stale, h.Unhealthy)
	case s.From == s.To:
		s.Restart = "files of its generation were changed on the host"
		s.Files = differs
	default:
		s.Restart = AnotherGeneration
	}
	if s.Stops = s.To == None; s.Stops || s.From == s.To {
		return s
	}
	s.Flags, s.Unit = flagChanges(h.Current, &h.Desired.Config), unitChanges(h.Current, &h.Desired.Config)
	if h.comparesGenerations() {
		s.Files = h.fileChanges(differs)
	} else {
		s.Files = differs
	}
	return s
}

// compared reports whether files of the old generation are compared with those of the
// new one. Else the unit is all that somebody changed.
func (h *Host) comparesGenerations() bool {
	none := h.Snapshot.Runs == None || IsFound(h.Snapshot.Runs)
	return !none || len(h.MissingTrees()) > 0
}

// OldFiles are the paths of a host whose files have to be in [Host].Old before [New] is
// called.
func (h *Host) OldPaths() []string {
	if h.Snapshot.Runs == h.Desired.Generation || h.Desired.Generation == None || !h.comparesGenerations() {
		return nil
	}
	var out []string
	for _, e := range h.Desired.Trees[h.generationDir()].Entries() {
		out = append(out, path.Join(h.Unit.Home, h.Snapshot.Runs, e.Path))
	}
	return out
}

// generation is the directory of the generation that the host gets.
func (h *Host) generationDir() string { return path.Join(h.Unit.Home, h.Desired.Generation) }

// fileChanges compares two generations by their files' names.
func (h *Host) fileChanges(differs []FileChange) []FileChange {
	var out []FileChange
	for _, e := range h.Desired.Trees[h.generationDir()].Entries() {
		f := h.OldFiles[path.Join(h.Unit.Home, h.Snapshot.Runs, e.Path)]
		switch {
		case e.Path == path.Base(h.Unit.Start): // its flags are told, or it is new
		case !f.Regular():
			out = append(out, FileChange{Path: e.Path, Kind: tree.Added})
		case f.SHA256 != e.Sum():
			out = append(out, FileChange{Path: e.Path, Kind: tree.Changed, What: []string{"contents"}})
		}
	}
	for _, c := range differs {
		if !strings.HasPrefix(c.Path, h.Unit.Home+"/") {
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

// Holder returns why nothing can be done to the hosts just now: another session changes
// one, and what is seen of it is half done. "" where none does.
func (o *Observation) Holder() (node, who string) {
	for _, h := range slices.Concat(o.Hosts, o.Others) {
		if h.Unreached == nil && h.Snapshot.Holder != "" {
			return h.Node, h.Snapshot.Holder
		}
	}
	return "", ""
}
