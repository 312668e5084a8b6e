package config

import (
	"slices"
	"strings"

	"cuelang.org/go/cue"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// firstUnknown returns the outermost field on a path that the schema doesn't have. For a
// misspelt field, CUE sometimes reports a field inside it.
func (x *explainer) firstUnknown(field string) string {
	v := x.schema()
	labels := finding.Labels(field)
	for n, l := range labels {
		next, ok := partOf(v, l)
		if !ok {
			return finding.Path(labels[:n+1]...)
		}
		v = next
	}
	return field
}

// partOf returns the schema of a label: a field of that name, a pattern, or any element.
func partOf(v cue.Value, label string) (cue.Value, bool) {
	if strings.HasPrefix(label, "[") {
		next := v.LookupPath(cue.MakePath(cue.AnyIndex))
		return next, next.Exists()
	}
	v = notNull(v)
	next := v.LookupPath(cue.MakePath(cue.Str(label).Optional()))
	if !next.Exists() {
		next = v.LookupPath(cue.MakePath(cue.AnyString))
	}
	return next, next.Exists()
}

// notNull returns the struct of a schema that is null or a struct, whose fields CUE
// doesn't look up otherwise.
func notNull(v cue.Value) cue.Value {
	op, parts := v.Expr()
	if op != cue.OrOp {
		return v
	}
	for _, part := range parts {
		if part.IncompleteKind() == cue.StructKind {
			return part
		}
	}
	return v
}

// siblings returns the fields that the schema has at a path, sorted.
func (x *explainer) siblings(labels []string) []string {
	v := x.schema()
	for _, l := range labels {
		v, _ = partOf(v, l)
	}
	var out []string
	it, err := notNull(v).Fields(cue.Optional(true))
	if err != nil {
		return nil
	}
	for it.Next() {
		out = append(out, it.Selector().Unquoted())
	}
	slices.Sort(out)
	return out
}
