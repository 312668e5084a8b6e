package flags

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxNames is how many names a text has.
const maxNames = 8

// named joins names. It leaves out those above maxNames, and quotes those that a terminal
// can't show as they are.
func named(names []string) string {
	const longest = 100
	var out []string
	for _, n := range names[:min(len(names), maxNames)] {
		if len(n) > longest {
			n = strings.ToValidUTF8(n[:longest], "") + "…"
		}
		if q := strconv.Quote(n); q != `"`+n+`"` {
			n = q
		}
		out = append(out, n)
	}
	if more := len(names) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

// difference says which elements of a list come and go; it begins with " ".
func difference(old, new string) string {
	out := ""
	if come := without(new, old); len(come) > 0 {
		out += " Added: " + named(come) + "."
	}
	if gone := without(old, new); len(gone) > 0 {
		out += " Removed: " + named(gone) + "."
	}
	return out
}

// controllers is the effect of a change of --controllers. It says which controllers start
// and stop; those that a feature gate or a cloud provider decides count as started.
func (d *effectData) controllers(e entry, old, new string, minor int) Effect {
	m := Of(nearest(minor))
	was, is := Elements(old), Elements(new)
	var start, stop []string
	for _, c := range m.Controllers {
		switch before, after := m.Runs(c, was), m.Runs(c, is); {
		case !before && after:
			start = append(start, c.Name)
		case before && !after:
			stop = append(stop, c.Name)
		}
	}
	var out Effect
	switch {
	case len(start)+len(stop) == 0 && len(without(old, new))+len(without(new, old)) > 0:
		out = d.effect(e, way{Classes: []string{RestartOnly}, Text: "The list is another, and starts the same controllers."})
	case len(start)+len(stop) == 0:
		out = d.unchanged(e)
	case len(stop) > 0:
		out = d.effect(e, e.Ways[off])
	default:
		out = d.effect(e, e.Ways[on])
	}
	if len(stop) > 0 {
		out.Text += " Stops: " + named(stop) + "."
	}
	if len(start) > 0 {
		out.Text += " Starts: " + named(start) + "."
	}
	return out
}

// gates is the effect of a change of --feature-gates. It says which gates change, and how
// stable they are.
func (d *effectData) gates(e entry, old, new string, minor int) Effect {
	m := Of(nearest(minor))
	was, err := m.ParseGates(old)
	is, failed := m.ParseGates(new)
	if err != nil || failed != nil {
		return d.effect(e, way{})
	}
	var change []string
	alpha, locked, turned := false, false, off
	for _, g := range m.FeatureGates {
		before, after := m.On(g.Name, was), m.On(g.Name, is)
		if before == after || g.Name == allAlpha || g.Name == allBeta {
			continue
		}
		word := "off"
		if after {
			word, turned = "on", on
			alpha = alpha || g.Stage == "ALPHA"
		}
		locked = locked || g.Locked && after != g.Default
		change = append(change, fmt.Sprintf("%s %s (%s)", g.Name, word, g.Words()))
	}
	unknown := m.unknownGates(slices.Concat(was, is))
	var out Effect
	switch {
	case len(change)+len(unknown) == 0:
		out = d.unchanged(e)
	case len(change) == 0:
		out = d.effect(e, way{})
	default:
		out = d.effect(e, e.Ways[turned])
	}
	if alpha {
		out.Risk = HighRisk
		out.Text += " A gate of stage alpha can lose data, and may be gone in the next version."
	}
	if locked {
		out.Risk = HighRisk
		out.Text += " The process ends at its start: locked gates can't be set."
	}
	if len(change) > 0 {
		out.Text += " Turns " + named(change) + "."
	}
	if len(unknown) > 0 {
		out.Text += fmt.Sprintf(" Unknown to %s: %s.", MinorName(m.Number()), named(unknown))
	}
	return out
}

// unknownGates returns the names that this version doesn't know, sorted.
func (m *Minor) unknownGates(settings []GateSetting) []string {
	var out []string
	for _, s := range settings {
		if _, ok := m.Gate(s.Name); !ok {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nearest is the nearest minor version that there is data of.
func nearest(minor int) int {
	all := Minors()
	return min(max(minor, all[0]), all[len(all)-1])
}
