package adopt

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// cue writes a node in CUE. A key that isn't known goes to what is left: CUE has no field for
// it. at is the node's path.
func (p *podWriter) cue(at string, n *yamltext.Node) string {
	if n.Is(yamltext.Null) {
		return "null"
	}
	var parts []string
	switch n.Kind {
	case yamltext.Map:
		for _, f := range n.Pairs {
			switch key := f.Key.String(); {
			case !f.Key.Known():
				p.left(at+"."+p.w.Set.Show(f.Key), f.Value)
			case f.Value.Is(yamltext.Null): // as without it
			default:
				parts = append(parts, label(key)+": "+p.cue(at+"."+key, f.Value))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yamltext.List:
		for i, e := range n.Items {
			parts = append(parts, p.cue(fmt.Sprintf("%s[%d]", at, i), e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	if s, ok := literal(n); ok {
		return s
	}
	return p.w.holes.expression(n.Value())
}

// literal returns a scalar that is a number or a truth value, as the kubelet reads it, which
// reads YAML 1.1: no is false, and 0644 is 420. It returns false for a text.
func literal(n *yamltext.Node) (string, bool) {
	s := n.Str()
	if !n.Is(yamltext.Scalar) || s == "" || !n.Text.Known() || n.Tag == "str" && !isOldBool(n) {
		return "", false
	}
	return artefact.Literal(s)
}

// isOldBool reports whether a scalar without quotes is a truth value in YAML 1.1 alone. A quote
// is where the node begins, before its text.
func isOldBool(n *yamltext.Node) bool {
	if n.Text.At(0) != n.At || n.Text.Len() > 1 && n.Text.At(0) == n.Text.At(1) {
		return false
	}
	return slices.Contains([]string{"y", "n", "yes", "no", "on", "off"}, strings.ToLower(n.Str()))
}

// isOn reports whether a node is true to the kubelet.
func isOn(n *yamltext.Node) bool {
	s, _ := literal(n)
	return s == "true"
}

// asText writes a field whose value is a text in CUE, and may be a number in YAML.
func (p *podWriter) asText(n *yamltext.Node) string {
	if s, ok := literal(n); ok {
		return quote(s)
	}
	return p.w.holes.expression(n.Value())
}

// onOff writes a truth value.
func (p *podWriter) onOff(n *yamltext.Node) string {
	if n.IsHole() {
		return p.w.holes.expression(n.Value())
	}
	return fmt.Sprint(isOn(n))
}

// plain returns a node in the form of JSON, with samples.
func (p *podWriter) plain(n *yamltext.Node) any {
	if n.Is(yamltext.Null) {
		return nil
	}
	switch n.Kind {
	case yamltext.Map:
		out := map[string]any{}
		for _, f := range n.Pairs {
			out[p.w.Set.Show(f.Key)] = p.plain(f.Value)
		}
		return out
	case yamltext.List:
		out := []any{}
		for _, e := range n.Items {
			out = append(out, p.plain(e))
		}
		return out
	}
	s, typed := literal(n)
	if !typed {
		s = p.w.holes.fill(n.Value(), nil)
	}
	if n.IsHole() {
		sample := p.w.holes.get(p.w.Set.Holes(n.Text)[0])
		typed = sample.literal() == sample.sample // no text in CUE
	}
	var out any
	if typed && json.Unmarshal([]byte(s), &out) == nil {
		return out
	}
	return s
}

// left notes a field that the cluster can't say.
func (p *podWriter) left(path string, n *yamltext.Node) {
	p.leftText(n.Place(), path+": "+p.shown(path[strings.LastIndexByte(path, '.')+1:], n, false))
}

func (p *podWriter) leftText(at text.At, message string) {
	line := oneLine(place(p.w.Set.Pos(at))) + ": " + oneLine(message)
	if !slices.Contains(p.w.out.Left, line) { // nodes may share a file
		p.w.out.Left = append(p.w.out.Left, line)
	}
}

// shown is a node for messages, with "…" in place of what may be a password: values of
// variables and of headers, and command lines. listed: it is in such a list.
func (p *podWriter) shown(field string, n *yamltext.Node, listed bool) string {
	listed = listed || field == "env" || field == "httpHeaders"
	if n.Is(yamltext.Null) {
		return "null"
	}
	var parts []string
	switch {
	case field == "command" || field == "args" || listed && field == "value":
		return "…"
	case n.Kind == yamltext.Map:
		for _, f := range n.Pairs {
			key := p.w.Set.Show(f.Key)
			parts = append(parts, label(key)+": "+p.shown(key, f.Value, listed))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case n.Kind == yamltext.List:
		for _, e := range n.Items {
			parts = append(parts, p.shown(field, e, listed))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case LooksSecret(field) && field != "key": // "key" is part of a reference or a toleration
		return "…"
	}
	if s, ok := literal(n); ok {
		return s
	}
	return quote(p.w.Set.Show(n.Value()))
}
