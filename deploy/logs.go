package deploy

import (
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

// LogReader reads the logs of a cluster's hosts, merged by time.
type LogReader struct {
	hosts *Hosts
	lines int
	// Unreached are hosts that can't be reached, and why.
	Unreached map[string]error

	since map[*machine]time.Time // by the host's clock
	last  map[*machine][]string  // the texts of that moment that were read
}

// OpenLogs connects to hosts. Each read returns at most a number of lines of each.
func OpenLogs(ctx context.Context, c *spec.Cluster, nodes []string, since time.Time, lines int, o Options) *LogReader {
	r := &LogReader{
		hosts: &Hosts{cluster: c, options: o}, lines: lines, Unreached: map[string]error{},
		since: map[*machine]time.Time{}, last: map[*machine][]string{},
	}
	for i := range c.Nodes {
		if n := &c.Nodes[i]; slices.Contains(nodes, n.Name) {
			r.hosts.named = append(r.hosts.named, r.hosts.machine(n, nil))
		}
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, m := range r.hosts.named {
		all.Go(func() {
			err := m.connectForLogs(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.Unreached[m.node.Name] = m.withNode(err)
				return
			}
			r.since[m] = since.Add(m.host.Skew)
		})
	}
	all.Wait()
	return r
}

// connectForLogs connects, and reads the host's clock.
func (m *machine) connectForLogs(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, hostLimit)
	defer cancel()
	if err := m.connect(ctx); err != nil {
		return err
	}
	asked := m.options.Now()
	seen, err := m.session.Look(ctx, m.host.Unit, plan.ImageOf{}, []string{m.host.Unit.File}, 0)
	if err == nil {
		m.host.Skew = seen.Clock.Sub(asked).Round(time.Second)
		if m.host.Skew.Abs() <= time.Second { // the clock is read to the second
			m.host.Skew = 0
		}
	}
	return err
}

// Close ends the connections.
func (r *LogReader) Close() { r.hosts.Close() }

// Read returns what came since the last call, the oldest first. A host whose connection breaks
// is connected to again by the next call, or is among Unreached.
func (r *LogReader) Read(ctx context.Context) []LogEntry {
	var mu sync.Mutex
	var out []LogEntry
	var all sync.WaitGroup
	for _, m := range r.hosts.named {
		if _, ok := r.since[m]; !ok {
			continue
		}
		since := r.since[m]
		all.Go(func() {
			limited, cancel := context.WithTimeout(ctx, hostLimit)
			defer cancel()
			var got []host.Entry
			s, err := m.liveSession(limited)
			if err == nil {
				got, err = s.Entries(limited, m.host.Unit, since, r.lines)
			}
			m.closeIfBroken(err)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.Unreached[m.node.Name] = m.withNode(err)
				return
			}
			delete(r.Unreached, m.node.Name)
			for _, e := range r.fresh(m, got) {
				out = append(out, m.entry(e))
			}
		})
	}
	all.Wait()
	slices.SortStableFunc(out, func(a, b LogEntry) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Node, b.Node)
	})
	return out
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
