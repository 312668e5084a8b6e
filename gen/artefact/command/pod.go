package command

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// pods returns the command lines of all pods in a document: of a Pod, a List, or of anything
// that has a pod's template in it.
func (r *reader) pods(doc *yamltext.Node) ([]Command, error) {
	var out []Command
	var failed error
	var walk func(n, above, object *yamltext.Node)
	walk = func(n, above, object *yamltext.Node) {
		switch n.Kind {
		case yamltext.List:
			for _, e := range n.Items {
				walk(e, nil, object)
			}
		case yamltext.Map:
			if n.Has("kind") && n.Get("spec").Is(yamltext.Map) {
				object = n
			}
			if cs := n.Get("containers"); cs != nil && cs.Kind == yamltext.List {
				c, err := r.podSpec(n, above)
				for i := range c {
					if c[i].Pod != nil && object != above {
						c[i].Workload = object
					}
				}
				out = append(out, c...)
				if failed == nil {
					failed = err
				}
				return
			}
			for _, p := range n.Pairs {
				if p.Value != nil {
					walk(p.Value, n, object)
				}
			}
		}
	}
	if doc != nil {
		walk(doc, nil, nil)
	}
	if len(out) > 0 {
		failed = nil
	}
	return out, failed
}

// podSpec reads the containers of a pod's spec. above is the map that has it.
func (r *reader) podSpec(spec, above *yamltext.Node) ([]Command, error) {
	var out []Command
	var failed error
	containers := spec.Get("containers").Items
	for _, c := range containers {
		words, notes, err := r.podWords(c)
		if err != nil {
			return nil, err
		}
		image := c.Get("image")
		named := image != nil && r.looksLikeImage(image.Text) || c.Get("name").Str() == r.want
		var got Command
		switch {
		case len(words) > 0 && strings.HasPrefix(words[0].String(), "-") && named:
			got = Command{Args: args(words)}
		case len(words) == 0:
			if named && failed == nil {
				failed = faultf(c.At, "the container has neither command nor args: what starts %s is in its image", r.want)
			}
			continue
		default:
			if got, err = r.program(words, r.podEnv(c)); err != nil {
				if failed == nil {
					failed = err
				}
				continue
			}
		}
		if image != nil { // its name has no $, so ${A} is a mark for what fills in the file
			image.Text, _ = r.kubelet(image.Text, nil)
			got.Image = image.Text
		}
		got.At = c.At
		got.Notes = append(got.Notes, notes...)
		if wrapper(got.Form, StaticPod) != StaticPod { // the pod is that of what starts the program
			got.Image = text.Text{}
			out = append(out, got)
			continue
		}
		got.Form, got.Pod, got.Container = StaticPod, above, c
		if above != nil && above.Get("kind").Str() != "Pod" {
			got.Form = Workload
		}
		out = append(out, got)
	}
	return out, failed
}

// podWords returns the words of a container's command and args, with variables in the
// kubelet's way: $(A), and $$ for $.
func (r *reader) podWords(container *yamltext.Node) ([]text.Text, []Note, error) {
	env := r.podEnv(container)
	var out []text.Text
	var notes []Note
	for _, field := range []string{"command", "args"} {
		list := container.Get(field)
		if list == nil || list.Kind == yamltext.Null {
			continue
		}
		if list.Kind == yamltext.Scalar && list.Text.IsHole() {
			out = append(out, list.Text)
			continue
		}
		if list.Kind != yamltext.List {
			return nil, nil, faultf(list.At, "%s is no list: the kubelet refuses the pod", field)
		}
		for _, e := range list.Items {
			switch {
			case e.Is(yamltext.Null) || e.Is(yamltext.Scalar) && e.Text.Len() == 0: // an empty text has no place
				notes = append(notes, Note{e.Place(), formField, fmt.Sprintf("this element of %s is empty: the kubelet passes an empty argument on, and %s takes flags only, and exits", field, r.want), "a flag, or no such element"})
			case e.Kind != yamltext.Scalar:
				return nil, nil, faultf(e.At, "an element of %s is no string: the kubelet refuses the pod", field)
			case e.Tag != "str" && e.Text.Known():
				return nil, nil, faultf(e.At, "an element of %s is no string: the kubelet refuses the pod. Write \"%s\" in quotes", field, e.Text)
			default:
				word, unset := r.kubelet(e.Text, env)
				out = append(out, r.onLines(word)...)
				if unset.Len() > 0 && !container.Has("envFrom") {
					notes = append(notes, Note{unset.At(0), "", fmt.Sprintf("the container's env has no %s: the kubelet passes it on as it is, unless something else fills it in before", unset), ""})
				}
			}
		}
	}
	return out, notes, nil
}

// podEnv returns the variables of a container. A value may use those before it. One that isn't
// in the file is a hole.
func (r *reader) podEnv(container *yamltext.Node) map[string]text.Text {
	out := map[string]text.Text{}
	for _, e := range container.Get("env").List() {
		name := e.Get("name")
		switch value := e.Get("value"); {
		case name.Str() == "":
		case e.Has("valueFrom"):
			out[name.Str()] = r.set.Hole(name.Str(), "$("+name.Str()+")", name.Place())
		case value.Is(yamltext.Scalar):
			out[name.Str()], _ = r.kubelet(value.Text, out)
		default:
			out[name.Str()] = text.Text{}
		}
	}
	return out
}

// maxValue bounds what variables that use others may grow to: the kernel takes no longer
// argument.
const maxValue = 128 << 10

// kubelet replaces variables as the kubelet does. ${A} isn't one of its own, but something
// else that fills in the file may replace it, and so may $A of a shell. unset is the first
// $(A) that isn't in env.
func (r *reader) kubelet(t text.Text, env map[string]text.Text) (out, unset text.Text) {
	s := t.String()
	if !strings.Contains(s, "$") {
		return t, unset
	}
	var b text.Builder
	for i := 0; i < len(s); i++ {
		end := -1
		if s[i] == '$' && i+1 < len(s) {
			switch s[i+1] {
			case '$':
				b.Byte('$', t.At(i))
				i++
				continue
			case '(':
				end = strings.IndexByte(s[i:], ')')
			case '{':
				if end = strings.IndexByte(s[i:], '}'); strings.ContainsAny(s, " \t") {
					end = -1 // a script of a shell, which replaces it
				}
			}
		}
		if end < 0 {
			b.Byte(s[i], t.At(i))
			continue
		}
		expr := t.Slice(i, i+end+1)
		value, ok := env[expr.String()[2:end]]
		switch {
		case ok && s[i+1] == '(' && b.Len()+value.Len() <= maxValue:
			b.Write(value)
		case s[i+1] == '(' && strings.ContainsAny(s, " \t\n"): // $(command) of a shell
			b.Write(expr)
		default:
			b.Write(r.set.Hole("", r.set.Show(expr), t.At(i)))
			if s[i+1] == '(' && !ok && unset.Len() == 0 {
				unset = expr
			}
		}
		i += end
	}
	return b.Text(), unset
}
