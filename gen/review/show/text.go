package show

import (
	"bufio"
	"cmp"
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/review"
)

// text writes a difference for a terminal.
type text struct {
	w       *bufio.Writer
	sources []string // URLs, in the order of their numbers
	numbers map[string]int
}

func (t *text) say(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) }

func (t *text) difference(d *review.Difference) {
	t.numbers = map[string]int{}
	t.say("%s → %s: %s", visible(side(d.Base)), visible(side(d.Head)), summary(d))
	for i := range d.Clusters {
		t.cluster(&d.Clusters[i])
	}
	if len(d.Shared)+len(d.Untouched)+len(d.Notes) > 0 {
		t.say("")
	}
	for _, s := range d.Shared {
		t.say("shared: %s is read by %s", visible(s.File), visible(list(s.Clusters, 10)))
	}
	if len(d.Untouched) > 0 {
		t.say("untouched: %s", visible(list(d.Untouched, 10)))
	}
	for _, n := range d.Notes {
		t.say("note: %s", visible(n))
	}
	if len(t.sources) > 0 {
		t.say("\nsources")
	}
	for i, s := range t.sources {
		t.say("  [%d] %s", i+1, visible(s))
	}
}

func (t *text) cluster(c *review.ClusterDifference) {
	t.say("\n%s: %s", visible(c.Name), became(c))
	if u := c.Upgrade; u != nil {
		t.say("  upgrade of Kubernetes: %s → %s", visible(u.From), visible(u.To))
		for _, n := range u.Notes {
			t.say("    %s", visible(n))
		}
	}
	for _, r := range append(risks(), "") {
		some := byRisk(c.Changes, r)
		if len(some) > 0 {
			t.say("  %s", cmp.Or(r, "unknown risk"))
		}
		for _, one := range joined(some) {
			t.change(one, total(c))
		}
	}
	if len(c.Come)+len(c.Gone) > 0 {
		t.say("  findings")
	}
	for _, f := range c.Come {
		t.finding("new ", f)
	}
	for _, f := range c.Gone {
		t.finding("gone", f)
	}
	if len(c.Nodes) > 0 {
		t.say("  hosts")
	}
	for _, line := range nodeGroups(c) {
		t.say("    %s", visible(line))
	}
}

// became says what became of a cluster, with its old name.
func became(c *review.ClusterDifference) string {
	out := state(c.State)
	if c.OldName != "" {
		out = "renamed, was " + visible(c.OldName)
	}
	return out
}

// change writes what differs on one line, and what that does on the next.
func (t *text) change(c review.Change, total int) {
	old, now := values(c)
	parts := []string{arrow(withOrigin(old, c.Old), withOrigin(now, c.New))}
	if c.Way != "" {
		parts = append(parts, short(c.Way, longest))
	}
	if c.Own {
		parts = append(parts, "kcmgen's own defaults changed")
	}
	on := hosts(c.Nodes, total)
	if c.Kind == review.OfMembership && len(c.Nodes) == 1 {
		on = "" // the subject names it
	}
	for _, s := range []string{on, where(c)} {
		if s != "" {
			parts = append(parts, short(s, 2*longest))
		}
	}
	if parts[0] == "" {
		parts = parts[1:]
	}
	t.say("    %s: %s", short(subject(c), 8*longest), strings.Join(parts, "; "))
	if o := outcome(c); o != "" {
		t.say("      %s", short(o, 4*longest))
	}
	t.say("      %s", short(t.effect(c), 8*longest))
}

// arrow joins two values. The side that isn't there is left out.
func arrow(old, now string) string {
	switch {
	case old == "" && now == "":
		return ""
	case old == "":
		return "new: " + now
	case now == "":
		return "gone: " + old
	}
	return old + " → " + now
}

// withOrigin is a value as text, with who set it; "" if there is none.
func withOrigin(shown string, v *review.Value) string {
	if v == nil {
		return ""
	}
	if shown == "" {
		shown = `""`
	}
	if o := origin(v); o != "" {
		return fmt.Sprintf("%s (%s)", shown, o)
	}
	return shown
}

// effect is what a change does, with its classes and the number of its source.
func (t *text) effect(c review.Change) string {
	out := strings.Join(c.Classes, ", ") + ": " + c.Text
	if c.Part != "" {
		out = c.Part + ", " + out
	}
	if c.Source == "" {
		return out
	}
	n, known := t.numbers[c.Source]
	if !known {
		t.sources = append(t.sources, c.Source)
		n = len(t.sources)
		t.numbers[c.Source] = n
	}
	return fmt.Sprintf("%s [%d]", out, n)
}

func (t *text) finding(word string, f finding.Finding) {
	t.say("    %s %s %s %s%s", word, severity(f), visible(f.Rule), short(position(f), longest), short(f.Message, 4*longest))
}

// severity is that of a finding; one that is accepted is waived.
func severity(f finding.Finding) string {
	if f.Waived != "" {
		return "waived"
	}
	return string(f.Severity)
}

// position says where a finding is, with ": " after it; "" if it is nowhere.
func position(f finding.Finding) string {
	out := f.Pos.String()
	if f.Node != "" {
		out = strings.TrimSpace(out + " node " + f.Node)
	}
	if out == "" {
		return ""
	}
	return out + ": "
}
