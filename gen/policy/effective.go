package policy

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Effective returns what each node of a cluster starts, by name, as an organisation's own
// rules see it.
func Effective(c *spec.Cluster) []spec.EffectiveNode {
	minor := flags.Of(c.Version.Minor)
	out := make([]spec.EffectiveNode, 0, len(c.Nodes))
	for i := range c.Nodes {
		n := &c.Nodes[i]
		node := spec.EffectiveNode{Name: n.Name, Layout: c.LayoutOf(n)}
		for _, f := range NodeFlags(c.For(n), n) {
			def, _ := minor.Flag(f.Name)
			node.Flags = append(node.Flags, spec.EffectiveFlag{Name: f.Name, Value: typedValue(def.Type, f.Value), Field: f.Field})
		}
		out = append(out, node)
	}
	return out
}

// typedValue returns a flag's value as a switch or a number, if it is one. kind is pflag's
// name of the flag's type; "" for a flag that isn't known.
func typedValue(kind, text string) any {
	switch {
	case kind == "bool":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint"):
		if n, err := strconv.ParseInt(text, 0, 64); err == nil { // as pflag parses it
			return json.Number(strconv.FormatInt(n, 10))
		}
	case strings.HasPrefix(kind, "float"):
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			if data, err := json.Marshal(n); err == nil { // not for NaN
				return json.Number(data)
			}
		}
	}
	return text
}
