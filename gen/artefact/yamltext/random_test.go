package yamltext

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// plain turns nodes into values as the library decodes them into strings.
func plain(n *Node) any {
	switch {
	case n.Is(List):
		out := []any{}
		for _, item := range n.Items {
			out = append(out, plain(item))
		}
		return out
	case n.Is(Map):
		out := map[string]any{}
		for k, v := range n.Each() {
			out[k.String()] = plain(v)
		}
		return out
	case n.Is(Scalar):
		return n.Str()
	}
	return nil
}

// decoded is the library's own opinion.
func decoded(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return decoded(n.Content[0])
	case yaml.AliasNode:
		return decoded(n.Alias)
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, decoded(c))
		}
		return out
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			out[n.Content[i].Value] = decoded(n.Content[i+1])
		}
		return out
	}
	if n.ShortTag() == "!!null" {
		return nil
	}
	return n.Value
}

// writer writes random documents in all styles.
type writer struct {
	*rand.Rand
	keys int
}

func (w *writer) pick(from ...string) string { return from[w.IntN(len(from))] }

func (w *writer) word() string {
	return w.pick("a", "bc", "--x=y", "10.0.0.0/8", "ü", "true", "1.50", "x#y", "it's", "q\"q", "日本", "a:b", "z")
}

// value writes what comes after "key:" or "-" in a block of an indentation.
func (w *writer) value(indent, depth int) string {
	pad := strings.Repeat(" ", indent+1+w.IntN(3))
	switch n := w.IntN(10); {
	case n == 0 && depth > 0:
		return " " + w.flow(depth)
	case n < 3 && depth > 0:
		return w.comment() + w.block(len(pad), depth-1)
	case n == 3:
		return w.lines(pad)
	case n == 4:
		return " " + w.quoted("\n", pad) + w.comment()
	case n == 5:
		out := " " + w.word()
		for range w.IntN(3) {
			out += w.pick(" ", "  ", "\n"+pad, " \n\n"+pad, "\n \n"+pad) + w.word()
		}
		return out + w.comment()
	case n == 6:
		return w.comment()
	}
	return " " + w.pick("", "&x ", "!!str ") + w.word() + w.comment()
}

func (w *writer) comment() string { return w.pick("\n", " # ü 'c'\n", "\n# d\n", " \n") }

// lines writes a literal or folded scalar.
func (w *writer) lines(pad string) string {
	out := " " + w.pick("|", ">") + w.pick("", "-", "+") + w.pick("", " # c") + "\n" + w.pick("", "\n")
	for range 1 + w.IntN(4) {
		out += pad + w.word() + w.pick("", " ", " "+w.word()) + w.pick("\n", "\n\n", "\n"+pad+"  "+w.word()+"\n", "\n"+pad+"\tx\n")
	}
	return out
}

func (w *writer) quoted(lines ...string) string {
	quote := w.pick("'", `"`)
	var out strings.Builder
	for range w.IntN(5) {
		word := w.word()
		switch quote {
		case "'":
			word = strings.ReplaceAll(word, "'", "''")
		default:
			word = strings.ReplaceAll(word, `"`, w.pick(`\"`, `\x22`, `\u0022`)) + w.pick("", `\n`, `\t`, `\U0001F600`, `\ `, `\\`, `\/`)
		}
		out.WriteString(word + w.pick(" ", "", "  "))
		if len(lines) > 0 && w.IntN(3) == 0 {
			if quote == `"` {
				out.WriteString(w.pick("", `\`))
			}
			out.WriteString(w.pick("\n", "\n\n", "\n \n") + lines[1])
		}
	}
	return quote + out.String() + quote
}

func (w *writer) flow(depth int) string {
	var items []string
	object := w.IntN(2) == 0
	for range w.IntN(4) {
		item := w.pick("x", "1", w.quoted(), w.quoted())
		if depth > 1 && w.IntN(3) == 0 {
			item = w.flow(depth - 1)
		}
		if object {
			item = w.key() + ": " + item
		}
		items = append(items, item)
	}
	if object {
		return "{" + strings.Join(items, w.pick(", ", " , ")) + "}"
	}
	return "[" + strings.Join(items, w.pick(",", ", ")) + "]"
}

func (w *writer) key() string {
	w.keys++
	return w.pick(fmt.Sprint("k", w.keys), fmt.Sprint("'é''", w.keys, "'"), fmt.Sprint(`"\t`, w.keys, `"`), fmt.Sprint(w.keys))
}

// block writes a list or a map.
func (w *writer) block(indent, depth int) string {
	var out strings.Builder
	object := w.IntN(3) > 0
	for range 1 + w.IntN(4) {
		out.WriteString(strings.Repeat(" ", indent))
		if object {
			out.WriteString(w.key() + ":")
		} else {
			out.WriteString("-")
		}
		out.WriteString(w.value(indent, depth))
	}
	return out.String()
}

// All values are as the library decodes them, and all bytes are found.
func TestRandom(t *testing.T) {
	w := &writer{Rand: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // it makes test data
	good := 0
	for range 3000 {
		in := w.block(0, 3)
		if w.IntN(4) == 0 {
			in = strings.ReplaceAll(in, "\n", "\r\n")
		}
		var doc yaml.Node
		if yaml.Unmarshal([]byte(in), &doc) != nil {
			continue
		}
		good++
		set := &text.Set{}
		docs, err := Parse(set, set.Add("f", in))
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if got, want := plain(docs[0]), decoded(&doc); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\n%q\n%v\n%v", in, in, got, want)
		}
		found(t, in)
	}
	if good < 1000 {
		t.Errorf("only %d documents are YAML", good)
	}
}

// found checks that each byte of each scalar is where it says.
func found(t *testing.T, in string) {
	t.Helper()
	var doc yaml.Node
	if yaml.Unmarshal([]byte(in), &doc) != nil {
		return
	}
	in = strings.TrimPrefix(in, "\ufeff")
	set := &text.Set{}
	s := newSource(set.Add("f", in))
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			value, exact := s.align(n)
			if value.String() != n.Value || !exact {
				t.Fatalf("%s\n%q: %q became %q, found: %v", in, in, n.Value, value, exact)
			}
			for i := range value.Len() {
				if c := in[value.At(i).Offset]; c != n.Value[i] && c != '\\' && lineBreak(in, int(value.At(i).Offset)) == 0 {
					t.Fatalf("%s\n%q: byte %d of %q is %q", in, in, i, n.Value, c)
				}
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(&doc)
}

func FuzzParse(f *testing.F) {
	w := &writer{Rand: rand.New(rand.NewPCG(3, 4))} //nolint:gosec // it makes test data
	for range 200 {
		f.Add(w.block(0, 3))
	}
	f.Add("a: &a [*a]\n--- |2\n   x\n--- >1-\n  x\n\n b\n<<: {}")
	f.Fuzz(func(t *testing.T, in string) {
		set := &text.Set{}
		docs, err := Parse(set, set.Add("f", in))
		if err != nil {
			inside(t, in, err.(*Error).At) //nolint:errorlint,forcetypeassert // it is always one
			return
		}
		left := maxNodes
		for _, doc := range docs {
			visit(t, in, doc, &left)
		}
		found(t, in)
	})
}

func inside(t *testing.T, in string, at text.At) {
	if at.Offset < 0 || int(at.Offset) >= max(1, len(in)) {
		t.Fatalf("%q: %d isn't inside", in, at.Offset)
	}
}

// visit visits all nodes, of which there are at most so many.
func visit(t *testing.T, in string, n *Node, left *int) {
	if *left--; *left < 0 {
		t.Fatalf("%q: too many nodes", in)
	}
	inside(t, in, n.At)
	for i := range n.Text.Len() {
		inside(t, in, n.Text.At(i))
	}
	for _, item := range n.Items {
		visit(t, in, item, left)
	}
	for k, v := range n.Each() {
		for i := range k.Len() {
			inside(t, in, k.At(i))
		}
		visit(t, in, v, left)
	}
}
