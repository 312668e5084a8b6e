package adopt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// holes gives unknown values a name in CUE and a sample.
type holes struct {
	set    *text.Set
	byExpr map[string]*hole
	all    []*hole
}

type hole struct {
	name, expr string
	sample     string
	at         text.Pos
	// typed: a flag has it as its whole value, and so decides its sample.
	typed bool
	list  bool // its value is a list
	used  bool // the cluster refers to it
}

// flagUse is the flag whose value has a hole.
type flagUse struct {
	name string
	def  flags.Def
}

func newHoles(set *text.Set) *holes { return &holes{set: set, byExpr: map[string]*hole{}} }

// get returns the hole of an expression, with a name of its own.
func (h *holes) get(x text.Hole) *hole {
	if found, ok := h.byExpr[x.Expr]; ok {
		return found
	}
	name := cueName(x.Name)
	for _, o := range h.all { // $A, ${A} and $(A) are one
		if o.name == name && isVariable(o.expr, x.Name) && isVariable(x.Expr, x.Name) {
			h.byExpr[x.Expr] = o
			return o
		}
	}
	for n := 2; slices.ContainsFunc(h.all, func(o *hole) bool { return o.name == name }); n++ {
		name = fmt.Sprintf("%s_%d", cueName(x.Name), n)
	}
	out := &hole{name: name, expr: x.Expr, sample: fmt.Sprintf("sample%d", len(h.all))}
	h.byExpr[x.Expr] = out
	h.all = append(h.all, out)
	return out
}

func isVariable(expr, name string) bool {
	return strings.Trim(expr, "${}()") == name
}

// cueName makes a name that CUE takes as a field without quotes.
func cueName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	name = strings.Trim(name, "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "value" + name
	}
	return name
}

// fill returns a text with samples. use is the flag whose value it is; nil if none.
func (h *holes) fill(t text.Text, use *flagUse) string {
	whole := t.IsHole()
	return h.set.Fill(t, func(x text.Hole) string {
		found := h.get(x)
		if use != nil && !found.typed {
			found.sample, found.typed = sampleOf(use, whole, found.sample), whole
			found.list = whole && use.name == "controllers" // of which the vocabulary takes a list
			if !whole && isPath(t.String()) && !strings.HasPrefix(t.String(), "/") && h.set.Holes(t)[0] == x {
				found.sample = "/" + strings.TrimPrefix(found.sample, "/") // a directory
			}
		}
		if found.at.Line == 0 {
			found.at = h.set.Pos(t.At(0))
		}
		return found.sample
	})
}

// referred takes the holes that the fields of the cluster refer to, be they in its comments or
// in what is left, too.
func (h *holes) referred(body string) {
	found := map[string]bool{}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(strings.TrimSpace(line), "//") {
			continue
		}
		for _, m := range valueRef().FindAllStringSubmatch(line, -1) {
			found[m[1]] = true
		}
	}
	for _, x := range h.all {
		x.used = found[x.name]
	}
}

var valueRef = lazy.Regexp(`\bvalues\.([A-Za-z_][A-Za-z0-9_]*)`)

// open are the holes that the cluster refers to, by name.
func (h *holes) open() []*hole {
	out := slices.DeleteFunc(slices.Clone(h.all), func(x *hole) bool { return !x.used })
	slices.SortFunc(out, func(a, b *hole) int { return strings.Compare(a.name, b.name) })
	return out
}

// names are those of unknown values that the cluster refers to, sorted.
func (h *holes) names() []string {
	var out []string
	for _, x := range h.open() {
		out = append(out, x.name)
	}
	return out
}

// samples returns CUE that gives each a sample; nil if there is none.
func (h *holes) samples(pkg string) []byte {
	if len(h.open()) == 0 {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "package %s\n\nvalues: {\n", pkg)
	for _, x := range h.open() {
		fmt.Fprintf(&b, "\t%s: %s\n", x.name, x.literal())
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// literal is the sample in CUE, of the type that its use has.
func (x *hole) literal() string {
	if x.typed && (isNumber(x.sample) || x.sample == "true" || x.sample == "false") {
		return x.sample
	}
	if x.list {
		return "[" + quote(x.sample) + "]"
	}
	return quote(x.sample)
}

// expression returns a text in CUE: a string, or a reference to what isn't known.
func (h *holes) expression(t text.Text) string {
	switch {
	case t.Known():
		return quote(t.String())
	case t.IsHole():
		return "values." + h.get(h.set.Holes(t)[0]).name
	}
	parts := h.set.Parts(t)
	found := h.set.Holes(t)
	var b strings.Builder
	b.WriteByte('"')
	for i, p := range parts {
		if i%2 == 0 {
			q := quote(p)
			b.WriteString(q[1 : len(q)-1])
			continue
		}
		fmt.Fprintf(&b, `\(values.%s)`, h.get(found[i/2]).name)
	}
	b.WriteByte('"')
	return b.String()
}
