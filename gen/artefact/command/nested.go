package command

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// part is a document within another one, such as a file that a script writes.
type part struct {
	name string // "" if it isn't known
	// target is the path on the host to which the document is written; "" if it isn't known.
	target text.Text
	text   text.Text
	note   *Note // for the command that it starts; may be nil
}

// nested reads documents that belong together: a unit may have its drop-ins and environment
// files beside it.
func (r *reader) nested(parts []part) ([]Command, error) {
	outside := maps.Clone(r.env)
	defer func() { r.env, r.envIndex = outside, nil }() // another host's document may have files of the same names
	all := make([]*loaded, 0, len(parts))
	from := map[*loaded]part{}
	for i, p := range parts {
		name := cmp.Or(p.name, fmt.Sprintf("part %d of %s", i+1, r.set.Name(p.text.At(0))))
		l := &loaded{Input: Input{Name: name}, text: p.text}
		r.classify(l)
		if _, given := outside[name]; given && p.name != "" && l.environment {
			continue // the file itself is at hand
		}
		all, from[l] = append(all, l), p
	}
	r.environments(all)
	reading := r.reading
	r.units(all)
	r.reading = reading
	var out []Command
	var failed error
	for _, l := range all {
		if len(l.docs) == 0 && l.err == nil && l.unit == nil && !l.environment {
			l.docs, l.err = r.document(l.text)
		}
		for _, c := range l.docs {
			if note := from[l].note; note != nil {
				c.Notes = append(c.Notes, *note)
			}
			if to := from[l].target; c.Target.Len() == 0 && strings.HasPrefix(to.String(), "/") {
				c.Target = to
			}
			out = append(out, c)
		}
		switch {
		case failed != nil:
		case l.err != nil:
			failed = l.err
		case l.unit != nil && len(l.docs) == 0:
			failed = faultf(l.text.At(0), "the unit has no ExecStart=")
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	c, ok, err := r.fromVariables(all)
	switch {
	case ok:
		return []Command{c}, nil
	case err != nil:
		return nil, err
	case failed == nil && len(all) > 0:
		failed = faultf(all[0].text.At(0), "none of its variables holds flags")
	}
	return nil, failed
}

// parts returns the strings in a document that may be documents themselves, each with the
// name of the file that it is for, if that is beside it.
func (r *reader) parts(doc *yamltext.Node) []part {
	var out []part
	var walk func(n *yamltext.Node, name, dir string, at text.Text)
	walk = func(n *yamltext.Node, name, dir string, at text.Text) {
		switch {
		case n.Is(yamltext.Scalar):
			if r.mayBePart(n.Text) {
				out = append(out, part{name: dir + name, target: at, text: n.Text})
			}
		case n.Is(yamltext.List):
			for _, e := range n.List() {
				walk(e, name, dir, at)
			}
		default:
			own, to := cmp.Or(n.Get("path").Str(), n.Get("name").Str()), n.Get("path").Value()
			for key, value := range n.Each() {
				in, called, path := dir, cmp.Or(own, name), first(to, at)
				switch key.String() {
				case "dropins": // of Ignition and Butane
					in = own + ".d/"
				case "content", "contents", "inline", "source", "local":
				default:
					called, path = cmp.Or(own, key.String()), text.Text{}
				}
				walk(value, called, in, path)
			}
		}
	}
	walk(doc, "", "", text.Text{})
	return out
}

// mayBePart reports whether a string may be a document that starts the program, or one that
// belongs to it.
func (r *reader) mayBePart(t text.Text) bool {
	s := t.String()
	if !strings.Contains(s, "\n") {
		return strings.Contains(s, "--"+k3sArgKey) // such as a command of cloud-init
	}
	if strings.Contains(s, Program) || strings.Contains(s, "controllerManager") {
		return true
	}
	masked, _ := r.mask(t)
	return isUnit(masked.String()) || strings.Contains(s, "--") && isEnvironment(masked)
}
