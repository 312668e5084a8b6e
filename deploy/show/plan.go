package show

import (
	"fmt"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Plan returns what will be done, and the plan's notes.
func Plan(p *plan.Plan) []Line {
	if len(p.Steps) == 0 {
		return Notes(p)
	}
	var out lines
	order := ""
	if len(p.Steps) > 1 {
		order = ", one after the other"
	}
	out.say("%s: %s changes %s%s", p.Cluster, p.Action, plural(len(p.Steps), "host"), order)
	for i, s := range p.Steps {
		head := fmt.Sprintf("  %d. %s (%s)  %s → %s", i+1, s.Node, s.Address, Short(s.From), Short(s.To))
		if s.Stops {
			head += ", stop: it had none before"
		} else {
			head += ", restart"
		}
		switch {
		case s.Leader && len(p.Steps) > 1:
			head += ", the leader last"
		case s.Leader:
			head += ", the leader"
		}
		out = append(out, Line{Text: head, Style: Bold})
		out.step(s)
	}
	if len(p.Unchanged) > 0 {
		out.say("  unchanged: %s", strings.Join(p.Unchanged, ", "))
	}
	out.say("each has up to %v to become healthy and must stay so for %v; without an operator to confirm it, it goes back by itself after %v",
		rounded(p.Gate), rounded(p.Soak), rounded(p.Revert))
	return append(out, Notes(p)...)
}

func rounded(s plan.Seconds) time.Duration { return s.Duration().Round(time.Second) }

func (l *lines) step(s plan.Step) {
	if s.Recover != "" {
		l.say("       first ends the trial of %s, which was not confirmed", Short(s.Recover))
	}
	if s.Unhealthy != "" {
		l.say("       isn't healthy now: %s", s.Unhealthy)
	}
	l.changes("       ", s.Files, s.Flags, s.Brings())
	if !s.Usual() {
		l.say("       restart: %s", s.Restart)
	}
}

func (l *lines) changes(indent string, files []plan.FileChange, flags []plan.FlagChange, unit []string) {
	plain := map[tree.Kind][]string{}
	for _, f := range files {
		if len(f.What) == 0 || len(f.What) == 1 && f.What[0] == "contents" {
			plain[f.Kind] = append(plain[f.Kind], f.Path)
			continue
		}
		line := string(f.Kind) + " " + f.Path + ": " + strings.Join(f.What, " and ")
		if f.Want != "" {
			line += fmt.Sprintf(" is %s, not %s", f.Have, f.Want)
		}
		l.say("%s%s", indent, line)
	}
	for _, kind := range []tree.Kind{tree.Added, tree.Changed} {
		if names := plain[kind]; len(names) > 0 {
			l.say("%s%s %s", indent, kind, strings.Join(names, ", "))
		}
	}
	for _, f := range flags {
		switch {
		case f.From == nil:
			l.say(indent+"+ --%s=%s", f.Name, *f.To)
		case f.To == nil:
			l.say(indent+"- --%s=%s", f.Name, *f.From)
		default:
			l.say(indent+"~ --%s=%s, was %s", f.Name, *f.To, *f.From)
		}
	}
	for _, u := range unit {
		l.say("%s%s", indent, u)
	}
}

// Drift returns how a host of a cluster differs from the last export; nothing if it doesn't.
func Drift(cluster string, d plan.Drift) []Line {
	if d.InSync() {
		return nil
	}
	var out lines
	out.say("%s: %s (%s): runs %s, exported is %s", cluster, d.Node, d.Address, Short(d.Runs), Short(d.Desired))
	if d.Trial != "" {
		out.say("    trial: %s isn't confirmed", Short(d.Trial))
	}
	if d.Holder != "" {
		out.say("    it is being changed by %s", d.Holder)
	}
	out.changes("    ", d.Files, d.Flags, d.Unit)
	for _, f := range d.DropIns {
		out.say("    drop-in %s changes the unit", f)
	}
	if d.Process != "" {
		out.say("    process: %s", d.Process)
	}
	return out
}

// Unchanged returns the line of a cluster where nothing was to be done.
func Unchanged(cluster string, nodes []string) Line {
	return Line{Text: fmt.Sprintf("%s: nothing to do: %s unchanged and healthy", cluster, strings.Join(nodes, ", "))}
}
