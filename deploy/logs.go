package deploy

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/logs"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// LogEntry is an entry of the log of one of a cluster's hosts.
type LogEntry struct {
	Time time.Time `json:"time"` // by this machine's clock
	Node string    `json:"node"`
	Text string    `json:"text"`
	// Leader is what it says of the leader: "leads", "lost"; "" for most.
	Leader string `json:"leader,omitempty"`
	// Known is the known error that it shows.
	Known *KnownError `json:"known,omitempty"`
}

// KnownError is an error of the log that kcmgen can explain.
type KnownError struct {
	ID    string `json:"id"`
	Means string `json:"means"`
	Hint  string `json:"hint"`
}

// LogReader reads the logs of a cluster's hosts, merged by time. It takes no lock on them.
type LogReader struct {
	hosts *Hosts
	lines int
	begin time.Time
	// Unreached are hosts that couldn't be reached by the last read, and why.
	Unreached map[string]error
	// More are hosts of which the last read left lines out.
	More []string

	mu    sync.Mutex
	since map[*machine]time.Time // by the host's clock; not set before it was reached
	last  map[*machine][]string  // the texts of that moment that were read
}

// OpenLogs prepares reading. Each read returns at most a number of lines of each host.
func OpenLogs(c *spec.Cluster, nodes []string, since time.Time, lines int, o Options) *LogReader {
	r := &LogReader{hosts: &Hosts{cluster: c, options: o}, lines: lines, begin: since, since: map[*machine]time.Time{}, last: map[*machine][]string{}}
	for i := range c.Nodes {
		if n := &c.Nodes[i]; slices.Contains(nodes, n.Name) {
			r.hosts.named = append(r.hosts.named, r.hosts.machine(n, nil))
		}
	}
	return r
}

// Close ends the connections.
func (r *LogReader) Close() { r.hosts.Close() }

// Read returns what came since the last call, the oldest first. Hosts without a connection are
// connected.
func (r *LogReader) Read(ctx context.Context) []LogEntry {
	r.Unreached, r.More = map[string]error{}, nil
	var out []LogEntry
	turn := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, m := range r.hosts.named {
		all.Go(func() {
			turn <- struct{}{}
			got, err := r.read(ctx, m)
			<-turn
			r.mu.Lock()
			defer r.mu.Unlock()
			if err != nil {
				r.Unreached[m.node.Name] = m.withNode(err)
				return
			}
			if len(got) > r.lines {
				got = got[len(got)-r.lines:]
				r.More = append(r.More, m.node.Name)
			}
			for _, e := range r.fresh(m, got) {
				out = append(out, m.entry(e))
			}
		})
	}
	all.Wait()
	slices.Sort(r.More)
	slices.SortStableFunc(out, func(a, b LogEntry) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Node, b.Node))
	})
	return out
}

// read reads a host's entries, one more than are wanted if there are more.
func (r *LogReader) read(ctx context.Context, m *machine) (got []host.Entry, err error) {
	ctx, cancel := context.WithTimeout(ctx, hostLimit)
	defer cancel()
	s, err := m.sessionWith(ctx, func() {})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	since, reached := r.since[m]
	r.mu.Unlock()
	if !reached {
		if err := m.readClock(ctx, s); err != nil {
			return nil, err
		}
		since = r.begin.Add(m.host.Skew)
		r.mu.Lock()
		r.since[m] = since
		r.mu.Unlock()
	}
	got, err = s.Entries(ctx, m.host.Unit, since, r.lines+1)
	m.closeIfBroken(err)
	return got, err
}

// readClock sets how far the host's clock is ahead.
func (m *machine) readClock(ctx context.Context, s *host.Session) error {
	asked := m.options.Now()
	seen, err := s.Look(ctx, m.host.Unit, plan.ImageOf{}, []string{m.host.Unit.File}, 0)
	if err != nil {
		return err
	}
	m.host.Skew = seen.Clock.Sub(asked).Round(time.Second)
	if m.host.Skew.Abs() <= time.Second { // it is read to the second
		m.host.Skew = 0
	}
	return nil
}

// fresh returns the entries that an earlier read hasn't returned.
func (r *LogReader) fresh(m *machine, got []host.Entry) []host.Entry {
	known := r.last[m]
	out := slices.DeleteFunc(slices.Clone(got), func(e host.Entry) bool {
		return e.Time.Equal(r.since[m]) && slices.Contains(known, e.Text)
	})
	if n := len(got); n > 0 {
		r.since[m], r.last[m] = got[n-1].Time, nil
		for _, e := range got {
			if e.Time.Equal(r.since[m]) {
				r.last[m] = append(r.last[m], e.Text)
			}
		}
	}
	return out
}

func (m *machine) entry(e host.Entry) LogEntry {
	out := LogEntry{Time: e.Time.Add(-m.host.Skew).UTC(), Node: m.node.Name, Text: e.Text}
	switch logs.Parse(e.Text, e.Time).Leads() {
	case logs.Acquired:
		out.Leader = "leads"
	case logs.Lost:
		out.Leader = "lost"
	}
	if k := logs.Explain(e.Text); k != nil {
		out.Known = &KnownError{k.ID, k.Means, k.Hint}
	}
	return out
}
