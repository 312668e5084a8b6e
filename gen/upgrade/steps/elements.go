package steps

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/flags"
)

// The flags whose values are lists of names.
const (
	controllersFlag = "controllers"
	gatesFlag       = "feature-gates"
)

// elements returns the elements of a flag's value.
func (h *holder) elements(name string) []string {
	s, ok := h.flags[name]
	if !ok || s.Omit || s.Value == "" {
		return nil
	}
	return strings.Split(s.Value, ",")
}

func (h *holder) set(name string, elements []string) {
	s := h.flags[name]
	s.Value = strings.Join(elements, ",")
	h.flags[name] = s
}

// controllers changes the names in --controllers to those of this version.
func (p *planner) controllers(h *holder) {
	var kept []string
	var edits []func()
	for _, e := range h.elements(controllersFlag) {
		name := strings.TrimPrefix(e, "-")
		sign := e[:len(e)-len(name)]
		c, has := p.now.Controller(name)
		was, had := p.before.Controller(name)
		switch {
		case name == "*" || has && c.Name == name:
			kept = append(kept, e)
		case has:
			kept = append(kept, sign+c.Name)
			edits = append(edits, func() {
				p.edit(h, edit.RenameElement, controllersFlag, e, sign+c.Name, fmt.Sprintf("the controller's name from v1.%d on", p.renamed(name)))
			})
		case had || goneController(name, p.minor) > 0:
			edits = append(edits, func() {
				p.edit(h, edit.DropElement, controllersFlag, e, "", gone(name, was, p.minor))
			})
		default:
			kept = append(kept, e)
			if p.minor == p.plan.To.Minor {
				p.note(h.field(controllersFlag), false, "v1.%d has no controller %q: kube-controller-manager won't start with it", p.minor, name)
			}
		}
	}
	if len(kept) == 0 && len(edits) > 0 {
		p.note(h.field(controllersFlag), true, "none of its controllers is in v1.%d; an empty list would mean something else: say which ones should run", p.minor)
		delete(h.flags, controllersFlag)
		return
	}
	for _, do := range edits {
		do()
	}
	if len(edits) > 0 {
		h.set(controllersFlag, kept)
	}
}

// renamed returns the first version in which a controller has another name.
func (p *planner) renamed(name string) int {
	for _, minor := range flags.Minors() {
		if c, ok := flags.Of(minor).Controller(name); ok && c.Name != name {
			return minor
		}
	}
	return p.minor
}

// goneController returns the version that removed a controller, at or before minor, or
// 0 if it never existed.
func goneController(name string, minor int) int {
	for m := minor; flags.Of(m) != nil; m-- {
		if _, ok := flags.Of(m).Controller(name); ok {
			return m + 1
		}
	}
	return 0
}

func gone(name string, was flags.Controller, minor int) string {
	out := fmt.Sprintf("v1.%d removed the controller, and refuses its name", goneController(name, minor))
	if was.Cloud {
		out += "; cloud-controller-manager has it"
	}
	return out
}

// gates removes feature gates that this version doesn't know, or that are locked to the
// same value.
func (p *planner) gates(h *holder) {
	var kept []string
	var drops []Edit
	for _, e := range h.elements(gatesFlag) {
		reason, conflict := p.gate(strings.TrimSpace(e))
		switch {
		case conflict != "":
			p.note(h.field(gatesFlag), true, "%s", conflict)
		case reason != "":
			drops = append(drops, Edit{edit.Edit{Op: edit.DropElement, From: strings.TrimSpace(e)}, "", reason})
		default:
			kept = append(kept, e)
			if name := gateName(e); p.minor == p.plan.To.Minor {
				if _, has := p.now.Gate(name); !has {
					p.note(h.field(gatesFlag), false, "v1.%d has no feature gate %q: kube-controller-manager won't start with it", p.minor, name)
				}
			}
		}
	}
	if len(kept) == len(h.elements(gatesFlag)) {
		return
	}
	if all := p.state[0].flags[gatesFlag]; len(kept) == 0 && h.node != nil && all.Value != "" {
		p.note(h.field(gatesFlag), true, "v1.%d ignores all of it, and without it the node gets the value of all nodes, %q: write null here, or that value", p.minor, all.Value)
		delete(h.flags, gatesFlag)
		return
	}
	if len(kept) == 0 && len(drops) > 0 {
		reasons := make([]string, len(drops))
		for i, d := range drops {
			reasons[i] = d.From + ": " + d.Reason
		}
		p.drop(h, gatesFlag, strings.Join(reasons, "; "))
		return
	}
	for _, d := range drops {
		p.edit(h, edit.DropElement, gatesFlag, d.From, "", d.Reason)
	}
	h.set(gatesFlag, kept)
}

// gateName returns the name of a gate, without its value and without the component that
// newer versions allow: "kube:A=true".
func gateName(e string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(e), "=")
	if _, after, ok := strings.Cut(name, ":"); ok {
		name = after
	}
	return strings.TrimSpace(name)
}

// gate returns why a gate can be removed, or what a person has to settle.
func (p *planner) gate(e string) (reason, conflict string) {
	name := gateName(e)
	_, value, _ := strings.Cut(e, "=")
	on, err := strconv.ParseBool(strings.TrimSpace(value))
	g, has := p.now.Gate(name)
	switch {
	case err != nil:
		return "", ""
	case has && g.Locked && g.Default == on:
		return fmt.Sprintf("locked to %v since v1.%d", on, p.locked(name)), ""
	case has && g.Locked:
		return "", fmt.Sprintf("v1.%d locks the feature gate %s to %v, and doesn't start with %s: see whether the cluster can do with it, and take it out", p.locked(name), name, g.Default, e)
	case has:
		return "", ""
	}
	for m := p.minor - 1; flags.Of(m) != nil; m-- {
		if was, ok := flags.Of(m).Gate(name); ok {
			reason = fmt.Sprintf("v1.%d has no such gate; it was %s before, %s", m+1, was.Stage, onOff(was.Default))
			if was.Default != on {
				reason += fmt.Sprintf(", and here it is %v: see what depends on that", on)
			}
			return reason, ""
		}
	}
	return "", ""
}

// locked returns the version since which a gate has been locked.
func (p *planner) locked(name string) int {
	first := p.minor
	for m := p.minor; flags.Of(m) != nil; m-- {
		if g, ok := flags.Of(m).Gate(name); !ok || !g.Locked {
			break
		}
		first = m
	}
	return first
}

func onOff(b bool) string {
	if b {
		return "on by default"
	}
	return "off by default"
}

// gateDefaults notes how many gates that the cluster doesn't set change their default
// or are removed.
func (p *planner) gateDefaults() {
	set := map[string]bool{}
	for _, h := range p.state {
		for _, e := range h.elements(gatesFlag) {
			set[gateName(e)] = true
		}
	}
	on, off, gone := 0, 0, 0
	for _, was := range p.before.FeatureGates {
		g, has := p.now.Gate(was.Name)
		switch {
		case !has:
			gone++
		case g.Default == was.Default || set[g.Name]:
		case g.Default:
			on++
		default:
			off++
		}
	}
	if on+off+gone > 0 {
		p.note("", false, "feature gates that aren't set: %d become true, %d become false, %d are gone (kcmgen flags --diff v1.%d..v1.%d --feature-gates)",
			on, off, gone, p.minor-1, p.minor)
	}
}
