package config

import (
	"slices"

	"cuelang.org/go/cue"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// firstUnknown is the first field on the way to one that the schema doesn't have: of a
// misspelt one CUE sometimes tells by what is in it.
func (x *explainer) firstUnknown(field string) string {
	v := x.schema()
	labels := finding.Labels(field)
	for n, l := range labels {
		next, ok := child(v, l)
		if !ok {
			return finding.Path(labels[:n+1]...)
		}
		v = next
	}
	return field
}

// child is what the schema has for a label: a field of that name, or a pattern.
func child(v cue.Value, label string) (cue.Value, bool) {
	next := v.LookupPath(cue.MakePath(cue.Str(label).Optional()))
	if !next.Exists() {
		next = v.LookupPath(cue.MakePath(cue.AnyString))
	}
	return next, next.Exists()
}

// siblings are the fields that the schema has at a path.
func (x *explainer) siblings(labels []string) []string {
	v := x.schema()
	for _, l := range labels {
		v, _ = child(v, l)
	}
	var out []string
	it, err := v.Fields(cue.Optional(true))
	if err != nil {
		return nil
	}
	for it.Next() {
		out = append(out, it.Selector().Unquoted())
	}
	slices.Sort(out)
	return out
}
