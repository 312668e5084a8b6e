package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// notes returns what an operator should know before approving a plan.
func (o *Observation) notes(p *Plan) []string {
	var out []string
	if note := o.leaderNote(p); note != "" {
		out = append(out, note)
	}
	var root []string
	for _, h := range o.Hosts {
		if h.User == "root" {
			root = append(root, h.Node)
		}
		out = append(out, h.notes(p)...)
		for _, note := range []string{h.noteKubelet(o.Cluster.Version), h.noteImage()} {
			if note != "" {
				out = append(out, h.Node+": "+note)
			}
		}
	}
	if len(root) > 0 {
		out = append(out, strings.Join(root, ", ")+": the login is root's; a user with sudo -n leaves a trace of who it was")
	}
	for _, h := range o.Others {
		if note := h.noteAsOther(); note != "" {
			out = append(out, note)
		}
	}
	return append(out, o.onlyWorkingNote(p)...)
}

func (o *Observation) leaderNote(p *Plan) string {
	switch {
	case len(p.Steps) == 0:
	case !o.elects() && slices.ContainsFunc(p.Steps, func(s Step) bool { return !s.Stops }):
		return "leader election is off: no lease shows which instance works"
	case !o.ReadsLease:
		return "without a kubeconfig the leader isn't known: the order is by name, and faults that only a leader shows stay unseen"
	case !o.elects(): // all stop
	case o.Leader.Holder == "":
		return "no instance has led yet: a first deployment"
	case o.leader() == nil:
		return fmt.Sprintf("the leader is %s, none of these hosts", o.Leader.Holder)
	}
	return ""
}

func (h *Host) notes(p *Plan) []string {
	var out []string
	note := func(format string, args ...any) { out = append(out, h.Node+": "+fmt.Sprintf(format, args...)) }
	if h.Skew.Abs() > time.Minute {
		note("its clock is off by %v", h.Skew)
	}
	if f := h.Snapshot.Process.File; h.Snapshot.Runs == None && f != "" {
		note("%s is there, and takes effect again if the host goes back", f)
	}
	if st := h.Snapshot.State; st != nil && !st.Ended && st.Rollout == p.ID && len(p.Steps) > 0 && slices.Contains(p.Unchanged, h.Node) {
		note("an interrupted run brought it here; it goes back, too, if this one fails")
	}
	if runs := h.running(); runs != nil && runs.Elects() && h.Desired.Elects() {
		if was, want := runs.leaseName(), h.Desired.leaseName(); was != want {
			note("its lease was %s and becomes %s: until all hosts have it, two lead", was, want)
		}
	}
	for _, d := range h.Snapshot.Process.DropIns {
		note("%s changes the unit, and isn't kcmgen's: it %s", d, dropInAdvice)
	}
	if h.returnsAgain() {
		note("it went back from %s already, and gets it again", Short(h.Desired.Generation))
	}
	if h.meantSo() && slices.Contains(p.Unchanged, h.Node) {
		note("%s wasn't written by kcmgen, and means what was exported: it stays until something changes", h.Unit.File)
		return out
	}
	if said := h.unknownWordsNote(); said != "" {
		note("%s", said)
	}
	if IsFound(h.Snapshot.Runs) && !h.Snapshot.Process.Masked {
		note("%s wasn't written by kcmgen; it is kept, to go back to", h.Unit.File)
	}
	return out
}

// noteAsOther returns a note about a host that the command doesn't name, or "".
func (h *Host) noteAsOther() string {
	switch {
	case h.Unreached != nil:
		return fmt.Sprintf("not named, and not counted on, since it can't be reached: %v", h.Unreached)
	case h.Snapshot.Trial != nil:
		return fmt.Sprintf("%s: not named, and has %s on trial", h.Node, Short(h.Snapshot.Trial.Generation))
	case h.HealthUnknown != nil:
		return fmt.Sprintf("%s: not named, and whether it is healthy can't be seen: %v", h.Node, h.HealthUnknown)
	case h.Unhealthy != "" && h.Snapshot.Runs != None:
		return fmt.Sprintf("%s: not named, and doesn't work: %s", h.Node, h.Unhealthy)
	}
	return ""
}

// onlyWorkingNote notes that the one host to restart is the only one that works.
func (o *Observation) onlyWorkingNote(p *Plan) []string {
	if len(p.Steps) != 1 || p.Steps[0].Unhealthy != "" || len(o.Cluster.Nodes) == 1 {
		return nil
	}
	for _, r := range p.Hosts {
		if r.Node != p.Steps[0].Node && r.Unhealthy == "" {
			return nil
		}
	}
	return []string{p.Steps[0].Node + " is the only one that works: while it is restarted, none does"}
}
