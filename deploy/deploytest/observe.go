package deploytest

import (
	"fmt"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Settings of all simulated clusters.
const (
	Gate = 5 * time.Second
	Soak = time.Second
	Poll = 500 * time.Millisecond
)

var unit = plan.Unit{GenerationsDir: "/etc/kubernetes/kcmgen", File: "/etc/systemd/system/kcm.service", Name: "kcm.service", ProgramsDir: "/usr/local/lib/kcmgen"}

// configs are the configurations of generations, created on demand.
type configs map[string]*plan.Desired

func (s configs) of(generation string) *plan.Desired {
	if generation == plan.None {
		return plan.DesiredNone()
	}
	if s[generation] == nil {
		text := fmt.Sprintf("[Service]\nExecStart=/bin/kcm --leader-elect-lease-duration=%v --leader-elect-retry-period=%v --v=%d\n", leaseTime, retryTime, len(generation))
		s[generation] = plan.DesiredFromHost(unit, generation, []byte(text), nil)
	}
	return s[generation]
}

// Observe returns the observation for a plan that gives each host a generation.
func (w *World) Observe(action, generation string, known configs) *plan.Observation {
	c := &spec.Cluster{Name: "prod"}
	c.Deploy.Gate, c.Deploy.Soak, c.Deploy.HandOver = Gate, Soak, w.HandsOver
	o := &plan.Observation{Cluster: c, Action: action, ReadsLease: true}
	for _, h := range w.Hosts {
		c.Nodes = append(c.Nodes, spec.Node{Name: h.Name})
		seen := w.observe(h, known)
		if h.Other {
			o.Others = append(o.Others, seen)
			continue
		}
		seen.Desired = known.of(generation)
		o.Hosts = append(o.Hosts, seen)
	}
	if w.Holder != "" {
		o.Leader = plan.Leader{Holder: w.Holder + "_1", Hostname: w.Holder}
	}
	return o
}

func (w *World) observe(h *Host, known configs) *plan.Host {
	out := &plan.Host{Node: h.Name, ClusterHostname: h.Name, Unit: unit, Snapshot: &plan.Snapshot{Files: map[string]plan.File{}}}
	s := out.Snapshot
	s.Root, s.Name, s.Runs, s.Stamp = true, h.Name, h.Unit, h.stamp()
	s.KBytes, s.Inodes = -1, -1
	if h.Trial != nil {
		s.Trial = h.Trial.plan()
	}
	if h.State != nil {
		s.State = h.State.plan()
	}
	s.Files["/bin/kcm"] = plan.File{Type: "regular file", Owner: "root:root", Mode: "755"}
	s.Files[unit.File] = plan.File{Type: plan.Missing}
	if h.Unit != plan.None {
		set := known.of(h.Unit)
		out.Current = &set.Config
		s.Unit = set.Unit
		s.Files[unit.File] = plan.File{Type: "regular file", Owner: "root:root", Mode: "644", Size: int64(len(set.Unit)), SHA256: sum(set.Unit)}
	}
	s.Process = plan.Process{Known: h.Unit != plan.None, Enabled: true, Running: h.pid != 0, Active: h.active(), PID: h.pid, Restarts: h.restarts}
	if h.pid != 0 {
		s.Process.Args = known.of(h.running).Argv
	}
	switch {
	case h.Unit == plan.None:
		out.Unhealthy = "it has no " + unit.Name + " yet"
	case h.pid == 0:
		out.Unhealthy = unit.Name + " is " + h.active()
	case !w.Works(h):
		out.Unhealthy = "it isn't healthy"
	}
	return out
}

func sum(unit []byte) string { return tree.Entry{Data: unit}.Sum() }

func (j *Journal) plan() *plan.Journal {
	return &plan.Journal{Generation: j.Generation, Previous: j.Previous, Rollout: j.Rollout, Action: j.Action, Ended: j.Ended}
}

// stamp changes when the host is changed.
func (h *Host) stamp() string { return fmt.Sprintf("%s %v %v", h.Unit, h.Trial, h.State) }

func (h *Host) active() string {
	switch {
	case h.pid != 0:
		return "active (running)"
	case h.dead:
		return "inactive (dead)"
	}
	return "activating (auto-restart)"
}
