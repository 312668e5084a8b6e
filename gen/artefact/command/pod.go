package command

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// pods returns the command lines of all pods in a document: of a Pod, a List, or of anything
// that has a pod's template in it.
func (r *reader) pods(doc *yamltext.Node) ([]Command, error) {
	var out []Command
	var failed error
	var walk func(n *yamltext.Node, above *yamltext.Node)
	walk = func(n, above *yamltext.Node) {
		switch n.Kind {
		case yamltext.List:
			for _, e := range n.Items {
				walk(e, nil)
			}
		case yamltext.Map:
			if cs := n.Get("containers"); cs != nil && cs.Kind == yamltext.List {
				c, err := r.podSpec(n, above)
				out = append(out, c...)
				if failed == nil {
					failed = err
				}
				return
			}
			for _, p := range n.Pairs {
				if p.Value != nil {
					walk(p.Value, n)
				}
			}
		}
	}
	if doc != nil {
		walk(doc, nil)
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
		words, err := r.podWords(c)
		if err != nil {
			return nil, err
		}
		image := c.Get("image")
		named := image != nil && looksLikeImage(image.Text) || c.Get("name").Str() == Program
		var got Command
		switch {
		case len(words) > 0 && strings.HasPrefix(words[0].String(), "-") && named:
			got = Command{Args: args(words)}
		case len(words) == 0:
			continue
		default:
			if got, err = r.program(words, podEnv(c)); err != nil {
				if failed == nil {
					failed = err
				}
				continue
			}
		}
		if image != nil {
			got.Image = image.Text
		}
		got.Form, got.At, got.Pod, got.Container = StaticPod, c.At, above, c
		if above != nil && above.Get("kind").Str() != "Pod" {
			got.Form = Workload
		}
		out = append(out, got)
	}
	return out, failed
}

// podWords returns the words of a container's command and args, with variables in the
// kubelet's way: $(A), and $$ for $.
func (r *reader) podWords(container *yamltext.Node) ([]text.Text, error) {
	env := podEnv(container)
	var out []text.Text
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
			return nil, faultf(list.At, "%s is no list: the kubelet refuses the pod", field)
		}
		for _, e := range list.Items {
			switch {
			case e == nil || e.Kind == yamltext.Null:
				out = append(out, text.Text{})
			case e.Kind != yamltext.Scalar:
				return nil, faultf(e.At, "an element of %s is no string: the kubelet refuses the pod", field)
			default:
				out = append(out, r.kubelet(e.Text, env))
			}
		}
	}
	return out, nil
}

// podEnv returns the variables of a container whose values it states.
func podEnv(container *yamltext.Node) map[string]text.Text {
	out := map[string]text.Text{}
	list := container.Get("env")
	if list == nil {
		return out
	}
	for _, e := range list.Items {
		if value := e.Get("value"); value != nil && value.Kind == yamltext.Scalar && e.Get("name").Str() != "" {
			out[e.Get("name").Str()] = value.Text
		}
	}
	return out
}

// kubelet replaces variables as the kubelet does. ${A} isn't one of its own, but something
// else that fills in the file may replace it, and so may $A of a shell.
func (r *reader) kubelet(t text.Text, env map[string]text.Text) text.Text {
	s := t.String()
	if !strings.Contains(s, "$") {
		return t
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
		expr := s[i : i+end+1]
		if value, ok := env[expr[2:end]]; ok && s[i+1] == '(' {
			b.Write(value)
		} else {
			b.Write(r.set.Hole("", expr, t.At(i)))
		}
		i += end
	}
	return b.Text()
}
