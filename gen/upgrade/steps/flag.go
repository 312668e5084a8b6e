package steps

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// flag plans the edits and notes for one flag in a struct of flags.
func (p *planner) flag(h *holder, name string) {
	life, ever := flags.LifeOf(name)
	def, has := p.now.Flag(name)
	_, had := p.before.Flag(name)
	switch {
	case !ever || !has && life.First > p.minor:
		if p.minor == p.plan.To.Minor {
			p.note(h.field(name), false, "v1.%d has no flag --%s: kube-controller-manager won't start with it", p.minor, name)
		}
	case p.renames(life) && !h.flags[name].Omit:
		p.rename(h, life)
	case !has:
		p.drop(h, name, fmt.Sprintf("removed in v1.%d", life.Removed())+instead(life))
	case life.NoopIn(p.minor):
		p.drop(h, name, "taken, and without effect"+removal(life)+instead(life))
	case def.Deprecated && p.minor == life.Deprecated && had:
		p.note(h.field(name), false, "--%s is deprecated%s%s", name, removal(life), instead(life))
	case name != gatesFlag: // its newer type accepts the same values
		p.noteType(h, name, def)
	}
}

// noteType notes that the type of a flag changed.
func (p *planner) noteType(h *holder, name string, def flags.Def) {
	if was, ok := p.before.Flag(name); ok && was.Type != def.Type {
		p.note(h.field(name), false, "--%s is of type %s now, it was %s", name, def.Type, was.Type)
	}
}

// renames reports whether a flag has an equivalent replacement in this version.
func (p *planner) renames(l flags.Life) bool {
	_, has := p.now.Flag(l.ReplacedBy)
	return l.ReplacedBy != "" && l.Equivalent && has
}

func (p *planner) rename(h *holder, l flags.Life) {
	old := h.flags[l.Name]
	why := "the same flag by its newer name" + removal(l)
	for _, other := range p.state {
		if other != h && h.node != nil { // a node's own flags win over those of all
			continue
		}
		if s, ok := other.flags[l.ReplacedBy]; ok && s != old {
			p.note(h.field(l.Name), true, "--%s and --%s are one flag, and %s has another value: keep one of them", l.Name, l.ReplacedBy, "cluster."+other.field(l.ReplacedBy))
			delete(h.flags, l.Name) // plan the rest as if this were settled
			return
		}
	}
	if _, both := h.flags[l.ReplacedBy]; both {
		p.drop(h, l.Name, "--"+l.ReplacedBy+" says the same"+removal(l))
		return
	}
	p.edit(h, edit.Rename, l.Name, "", l.ReplacedBy, why)
	delete(h.flags, l.Name)
	h.flags[l.ReplacedBy] = old
}

func (p *planner) drop(h *holder, name, reason string) {
	p.edit(h, edit.Drop, name, h.flags[name].Value, "", reason)
	delete(h.flags, name)
}

// removal returns when a flag is removed, as the end of a message.
func removal(l flags.Life) string {
	if gone := l.Removed(); gone > 0 {
		return fmt.Sprintf("; removed in v1.%d", gone)
	}
	return ""
}

// instead returns what replaces a flag, as the end of a message.
func instead(l flags.Life) string {
	switch words := l.Instead(); {
	case words == "":
		return ""
	case l.ReplacedBy == "" && l.Successor == "":
		return "; " + words
	default:
		return "; instead: " + words
	}
}

// defaults notes changes of defaults, for nodes that don't set the flag.
func (p *planner) defaults() {
	if p.before == p.now {
		return
	}
	for _, def := range p.now.Flags {
		was, had := p.before.Flag(def.Name)
		life, _ := flags.LifeOf(def.Name)
		if !had || was.Default == def.Default || life.NoopIn(p.minor) {
			continue
		}
		var at []string
		for i := range p.c.Nodes {
			if _, given := p.flags(&p.c.Nodes[i]).Get(def.Name); !given {
				at = append(at, p.c.Nodes[i].Name)
			}
		}
		switch len(at) {
		case 0:
		case len(p.c.Nodes):
			p.note("", false, "the default of --%s becomes %q, it was %q", def.Name, def.Default, was.Default)
		default:
			p.note("", false, "the default of --%s becomes %q on %s, it was %q", def.Name, def.Default, strings.Join(at, ", "), was.Default)
		}
	}
}

// Settled reports whether the flags of the edited cluster are as planned, or else
// returns the first field that isn't.
func (p *Plan) Settled(c *spec.Cluster) (field string, ok bool) {
	for _, h := range stateOf(c) {
		want := p.Expected[finding.Path(h.path...)]
		for _, name := range h.names() {
			if w, ok := want[name]; !ok || w != h.flags[name] {
				return h.field(name), false
			}
		}
		for name := range want {
			if _, ok := h.flags[name]; !ok {
				return h.field(name), false
			}
		}
	}
	return "", true
}
