// Package deploytest simulates hosts, a leader election and a clock, for tests of rollouts.
package deploytest

import (
	"fmt"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
)

// Config is how a generation behaves when it runs.
type Config struct {
	// Start: "" works; "ends" ends by itself again and again; "unhealthy" runs unhealthy;
	// "refused" can't be started.
	Start string
	// Lead: "" works; "ends" ends as soon as it leads; "never" never takes the lease.
	Lead string
}

// Host is a simulated host.
type Host struct {
	Name         string
	Unit         string // the generation of its unit file, or none
	Trial        *Trial
	State        *Journal
	Other        bool // the rollout doesn't name it
	pid          int
	starts       int       // processes started so far
	startedAt    time.Time // when the process started; zero: it doesn't run
	running      string    // the generation that runs
	config       Config    // of that generation
	restartAt    time.Time // when systemd restarts it
	restarts     int       // automatic restarts
	dead         bool      // it has ended for good
	locked       bool
	byRollout    bool      // a working host that the rollout restarted, not healthy yet
	failingSince time.Time // since when it doesn't work; zero: it works
}

// Trial is a generation that runs on a host and isn't confirmed.
type Trial struct {
	Journal

	Reverts time.Time // when the host goes back by itself
	after   time.Duration
}

// Journal is a host's record of a generation.
type Journal struct {
	Generation, Previous, Rollout, Action string
	Ended                                 bool
}

// World is a cluster's hosts, its leader election and the time.
type World struct {
	Now      time.Time
	nextTick time.Time         // the next tick
	Configs  map[string]Config // by generation
	Hosts    []*Host
	// HandsOver: the lease of a restarted leader is given back.
	HandsOver bool
	// Outages are outages of the apiserver: from, to, from, to.
	Outages []time.Time
	// Edited is a host whose unit file another program changes just before its turn.
	Edited string
	// Crash holds when a host's process ends, by no fault of its generation.
	Crash map[string]time.Time

	Holder  string // the host that holds the lease
	term    int
	renewed time.Time
	led     time.Time // since when it holds it

	Told func(format string, args ...any) // called with each event of the world
}

// Times of the simulated election and of systemd.
const (
	tick      = 250 * time.Millisecond
	healthy   = 500 * time.Millisecond // from a start to a healthy process
	restarts  = 2 * time.Second        // from an end to the next start
	leaseTime = 3 * time.Second
	retryTime = time.Second
)

// Start is when every world begins.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// NewWorld returns a number of hosts that run a generation. The first leads.
func NewWorld(hosts int, generation string) *World {
	w := &World{Now: Start, nextTick: Start, Configs: map[string]Config{}, Told: func(string, ...any) {}}
	for i := range hosts {
		h := &Host{Name: fmt.Sprintf("cp-%d", i+1), Unit: generation}
		h.State = &Journal{Generation: generation, Previous: "-", Rollout: "earlier", Action: "deploy", Ended: true}
		w.Hosts = append(w.Hosts, h)
		w.start(h)
		h.startedAt = Start.Add(-time.Hour)
	}
	w.Lead(w.Hosts[0].Name)
	return w
}

// fork returns a copy.
func (w *World) fork() *World {
	f := *w
	f.Hosts = make([]*Host, len(w.Hosts))
	for i, h := range w.Hosts {
		f.Hosts[i] = new(*h)
		if h.Trial != nil {
			f.Hosts[i].Trial = new(*h.Trial)
		}
		if h.State != nil {
			f.Hosts[i].State = new(*h.State)
		}
	}
	return &f
}

// Empty returns a number of hosts on which nothing runs.
func Empty(hosts int) *World {
	w := NewWorld(hosts, plan.None)
	for _, h := range w.Hosts {
		h.State = nil
	}
	w.Holder = ""
	return w
}

// Lead gives the lease to a host.
func (w *World) Lead(name string) {
	w.Holder, w.term, w.renewed, w.led = name, w.Host(name).term(), w.Now, w.Now
}

// Leads reports whether a host has led for at least since.
func (w *World) Leads(h *Host, since time.Duration) bool {
	return w.Holder == h.Name && h.pid != 0 && h.term() == w.term && w.Now.Sub(w.led) >= since
}

// Host returns the host of a name.
func (w *World) Host(name string) *Host {
	i := slices.IndexFunc(w.Hosts, func(h *Host) bool { return h.Name == name })
	return w.Hosts[i]
}

// start starts a host's unit.
func (w *World) start(h *Host) {
	h.restartAt = time.Time{}
	h.dead = false
	if h.Unit == plan.None || w.Configs[h.Unit].Start == "refused" {
		h.pid, h.running, h.dead = 0, "", true
		return
	}
	h.starts++
	h.pid, h.running, h.config, h.startedAt = 1000+h.starts, h.Unit, w.Configs[h.Unit], w.Now
}

// restart restarts a unit on request, which resets the count of restarts.
func (w *World) restart(h *Host) {
	h.byRollout = h.byRollout || w.Works(h)
	h.restarts = 0
	w.start(h)
}

// end ends a host's process by itself.
func (w *World) end(h *Host, why string) {
	w.Told("%s: its process ends: %s", h.Name, why)
	h.pid, h.running = 0, ""
	h.restartAt = w.Now.Add(restarts)
}

// Stop ends a host's process for good.
func (w *World) Stop(name string) {
	h := w.Host(name)
	h.pid, h.running, h.restartAt, h.dead = 0, "", time.Time{}, true
}

// Works reports whether a host is healthy.
func (w *World) Works(h *Host) bool {
	return h.pid != 0 && h.config.Start == "" && w.Now.Sub(h.startedAt) >= healthy
}

// Reachable reports whether the apiserver is there.
func (w *World) Reachable() bool {
	for i := 0; i+1 < len(w.Outages); i += 2 {
		if !w.Now.Before(w.Outages[i]) && w.Now.Before(w.Outages[i+1]) {
			return false
		}
	}
	return true
}

// Advance lets time pass.
func (w *World) Advance(to time.Time) {
	for !w.nextTick.After(to) {
		w.Now = w.nextTick
		w.nextTick = w.nextTick.Add(tick)
		w.tick()
	}
	w.Now = to
}

func (w *World) tick() {
	for _, h := range w.Hosts {
		if h.Trial != nil && !w.Now.Before(h.Trial.Reverts) {
			w.Told("%s: %s wasn't confirmed: it goes back by itself", h.Name, h.Trial.Generation)
			w.Revert(h)
		}
		if at, ok := w.Crash[h.Name]; ok && h.pid != 0 && !w.Now.Before(at) && w.Now.Sub(at) < tick {
			w.end(h, "it crashes")
		}
		switch {
		case h.pid == 0 && !h.restartAt.IsZero() && !w.Now.Before(h.restartAt):
			h.restarts++
			w.start(h)
		case h.pid != 0 && h.config.Start == "ends" && w.Now.Sub(h.startedAt) >= healthy/2:
			w.end(h, "at its start")
		}
	}
	w.elect()
	for _, h := range w.Hosts {
		switch works := w.Works(h); {
		case works:
			h.byRollout, h.failingSince = false, time.Time{}
		case h.failingSince.IsZero():
			h.failingSince = w.Now
		}
	}
}

// elect renews the lease, or gives it to another host once it has expired.
func (w *World) elect() {
	if !w.Reachable() {
		w.lose()
		return
	}
	if w.Holder != "" {
		h := w.Host(w.Holder)
		leads := h.pid != 0 && h.term() == w.term
		switch {
		case leads && w.Now.Sub(w.renewed) >= retryTime:
			w.renewed = w.Now
		case leads || w.Now.Sub(w.renewed) < leaseTime:
			return
		}
		if leads {
			return
		}
	}
	for _, h := range w.Hosts {
		if h.pid == 0 || w.Now.Sub(h.startedAt) < healthy || h.config.Start == "ends" || h.config.Lead == "never" {
			continue
		}
		w.Lead(h.Name)
		w.Told("%s: it leads", h.Name)
		if h.config.Lead == "ends" {
			w.end(h, "it can't lead")
		}
		return
	}
}

// lose ends a leader that can't renew its lease.
func (w *World) lose() {
	if w.Holder == "" || w.Now.Sub(w.renewed) < leaseTime {
		return
	}
	if h := w.Host(w.Holder); h.pid != 0 && h.term() == w.term {
		w.end(h, "it couldn't renew its lease")
	}
}

// term distinguishes the processes of a host.
func (h *Host) term() int { return h.starts }

// Try begins a trial of a generation.
func (w *World) Try(h *Host, generation, rollout, by string, after time.Duration) {
	h.Trial = &Trial{Journal{Generation: generation, Previous: h.Unit, Rollout: rollout, Action: by}, w.Now.Add(after), after}
	h.Unit = generation
	w.restart(h)
}

// handOver gives back the lease that an earlier process of the host held.
func (w *World) handOver(h *Host, held rollout.Lease) (bool, error) {
	switch l := w.lease(); {
	case !w.Reachable():
		return false, away()
	case l == nil || l.Holder != held.Holder || !l.Renewed.Equal(held.Renewed):
		return false, nil
	case w.Holder == h.Name && w.term == h.term() && h.pid != 0:
		return false, refused("the process that holds the lease runs")
	}
	w.Holder = ""
	return true, nil
}

// Confirm ends a trial: the host doesn't go back by itself any more.
func (w *World) Confirm(h *Host, generation string) bool {
	switch {
	case h.Trial == nil:
		return h.State != nil && h.State.Generation == generation
	case h.Trial.Generation != generation:
		return false
	case h.Trial.Previous == generation:
		if h.State == nil || h.State.Generation != generation {
			h.State = &Journal{Generation: generation, Previous: "-", Rollout: h.Trial.Rollout, Action: h.Trial.Action}
		}
	default:
		h.State = new(h.Trial.Journal)
	}
	h.Trial = nil
	return true
}

// Revert ends a trial and goes back. It reports whether the old unit was started.
func (w *World) Revert(h *Host) bool {
	if h.Trial == nil {
		return true
	}
	h.Unit, h.Trial = h.Trial.Previous, nil
	w.restart(h)
	return !h.dead || h.Unit == plan.None
}

// Undo goes back from a confirmed generation. heard is false if there is nothing to go
// back to; started is false if the old unit isn't started.
func (w *World) Undo(h *Host, from string) (heard, started bool) {
	switch {
	case h.State == nil || h.State.Generation != from:
		return true, true
	case h.State.Previous == "-" || h.State.Previous == "":
		return false, false
	}
	h.Unit = h.State.Previous
	if h.Unit == plan.None {
		h.State = nil
	} else {
		h.State = &Journal{Generation: h.Unit, Previous: "-", Rollout: h.State.Rollout, Action: "undo"}
	}
	w.restart(h)
	return true, !h.dead || h.Unit == plan.None
}
