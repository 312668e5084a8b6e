package steps

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// flag sees to one flag that is written in a struct of flags.
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
	case name != gatesFlag: // its newer type takes what the older one did
		p.typed(h, name, def)
	}
}

// typed tells of a flag whose type changed under a value that is written.
func (p *planner) typed(h *holder, name string, def flags.Def) {
	if was, ok := p.before.Flag(name); ok && was.Type != def.Type {
		p.note(h.field(name), false, "--%s is of type %s now, it was %s", name, def.Type, was.Type)
	}
}

// renames reports whether a flag has another name that means the same, and that
// this version knows.
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
			delete(h.flags, l.Name) // what follows is planned as if it were settled
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

// removal tells when a flag goes.
func removal(l flags.Life) string {
	if gone := l.Removed(); gone > 0 {
		return fmt.Sprintf("; removed in v1.%d", gone)
	}
	return ""
}

// instead tells what serves a flag's purpose now.
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

// defaults tells of defaults that change for nodes which are started with them.
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

// Settled reports whether a setting of the edited cluster is what was planned.
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
