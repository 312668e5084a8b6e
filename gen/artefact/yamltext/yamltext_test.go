package yamltext

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

func parse(t testing.TB, in string) (*text.Set, []*Node) {
	t.Helper()
	set := &text.Set{}
	docs, err := Parse(set, set.Add("f", in))
	if err != nil {
		t.Fatalf("%q: %v", in, err)
	}
	return set, docs
}

// outline writes nodes with where each word of a scalar is.
func outline(set *text.Set, n *Node) string {
	switch {
	case n.Is(Null):
		return "null"
	case n.Is(List):
		var items []string
		for _, item := range n.Items {
			items = append(items, outline(set, item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case n.Is(Map):
		var pairs []string
		for k, v := range n.Each() {
			pairs = append(pairs, words(set, k)+": "+outline(set, v))
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	}
	return n.Tag + " " + words(set, n.Text)
}

// words writes each run of letters with its line and column.
func words(set *text.Set, t text.Text) string {
	var b strings.Builder
	inside := false
	for i := range t.Len() {
		c := t.String()[i]
		letter := c > ' '
		if letter && !inside {
			p := set.Pos(t.At(i))
			fmt.Fprintf(&b, "%d:%d=", p.Line, p.Col)
		}
		inside = letter
		switch c {
		case '\n':
			b.WriteString("¶")
		case ' ':
			b.WriteString("·")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a: b", "{1:1=a: str 1:4=b}"},
		{"\ufeffa: b", "{1:4=a: str 1:7=b}"},
		{"a:\r\n  b: c\r\n", "{1:1=a: {2:3=b: str 2:6=c}}"},
		{"a: b c # d\n", "{1:1=a: str 1:4=b·1:6=c}"},
		{"a: b\n  c\n\n  d\ne: f", "{1:1=a: str 1:4=b·2:3=c¶4:3=d, 5:1=e: str 5:4=f}"},
		{"é: ü\nö: x", "{1:1=é: str 1:5=ü, 2:1=ö: str 2:5=x}"},
		{"{é: ü, ö: 'x'}", "{1:2=é: str 1:6=ü, 1:10=ö: str 1:15=x}"},
		{"a: 'b''c d'", "{1:1=a: str 1:5=b'c·1:10=d}"},
		{"a: 'b\n\n  c\n  d'", "{1:1=a: str 1:5=b¶3:3=c·4:3=d}"},
		{`a: "\tb\u0020c\x41 d"`, "{1:1=a: str \t1:7=b·1:14=cA·1:20=d}"},
		{"a: \"b\\\n   c \\\n  \\ d\"", "{1:1=a: str 1:5=bc·\u00b7" + "3:5=d}"},
		{"a: |\n  b\n   c\n\n  d\n\n", "{1:1=a: str 2:3=b¶·3:4=c¶¶5:3=d¶}"},
		{"a: |-\n\n  b\n", "{1:1=a: str ¶3:3=b}"},
		{"a: |1+ # x\n   b\n c\n\n", "{1:1=a: str ··2:4=b¶3:2=c¶¶}"},
		{"a: |\r\n  b\r\n  c\r\n", "{1:1=a: str 2:3=b¶3:3=c¶}"},
		{"a: >\n  b\n  c\n\n  d\n   e\n  f\n", "{1:1=a: str 2:3=b·3:3=c¶5:3=d¶·6:4=e¶7:3=f¶}"},
		{"a: &x !!str # c\n  5", "{1:1=a: str 2:3=5}"},
		{"a: &x 5\nb: *x", "{1:1=a: int 1:7=5, 2:1=b: int 1:7=5}"},
		{"- 1\n- 0.50\n- true\n- ~\n-\n- 2001-01-01\n- yes", "[int 1:3=1, float 2:3=0.50, bool 3:3=true, null, null, str 6:3=2001-01-01, str 7:3=yes]"},
		{"1: a\ntrue: b\n? c\n: d", "{1:1=1: str 1:4=a, 2:1=true: str 2:7=b, 3:3=c: str 4:3=d}"},
		{"x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3", "{1:1=x: {1:8=a: int 1:11=1, 1:14=b: int 1:17=2}, 2:1=y: {4:3=b: int 4:6=3, 1:8=a: int 1:11=1}}"},
		{"- &x {a: 1}\n- &y {a: 2, b: 2}\n- <<: [*x, *y]\n  c: 3", "[{1:7=a: int 1:10=1}, {2:7=a: int 2:10=2, 2:13=b: int 2:16=2}, {4:3=c: int 4:6=3, 1:7=a: int 1:10=1, 2:13=b: int 2:16=2}]"},
		{`{"a": ["b", 1]}`, "{1:3=a: [str 1:9=b, int 1:13=1]}"},
		{"{\n\t\"a\": \"b\"\n}", "{2:3=a: str 2:8=b}"},
		{"'<<': a", "{1:2=<<: str 1:7=a}"},
	} {
		set, docs := parse(t, c.in)
		if got := outline(set, docs[0]); got != c.want || len(docs) != 1 {
			t.Errorf("%q:\ngot  %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestDocuments(t *testing.T) {
	for in, want := range map[string]int{
		"": 0, "# a\n": 0, "---\n---\na: b\n---\n# c\n---\nd\n...\n": 2, "---\nnull\n": 1, "\n\n": 0, "--- a\n--- b": 2,
	} {
		if _, docs := parse(t, in); len(docs) != want {
			t.Errorf("%q: %d documents, want %d", in, len(docs), want)
		}
	}
	set, docs := parse(t, "a: 1\n---\nb: 2\n")
	if got := outline(set, docs[1]); got != "{3:1=b: int 3:4=2}" {
		t.Error(got)
	}
}

func TestHoles(t *testing.T) {
	set := &text.Set{}
	masked, _ := set.Mask(set.Add("f", "a: {{ x }}\nb: pre-{{ y }}-post\nc: !vault |\n  abc\n{{ k }}: !Ref\n  - x\nd: {{ z }}.{{ w }}\n<<: {{ more }}\ne: !unsafe '{{'\n"))
	docs, err := Parse(set, masked)
	if err != nil {
		t.Fatal(err)
	}
	doc := docs[0]
	for key, want := range map[string]string{"a": "{{ x }}", "b": "pre-{{ y }}-post", "c": "!vault in line 3", "d": "{{ z }}.{{ w }}", "<<": "{{ more }}", "e": "{{"} {
		if got := set.Show(doc.Get(key).Value()); got != want {
			t.Errorf("%s: %q", key, got)
		}
	}
	if !doc.Get("a").IsHole() || !doc.Get("c").IsHole() || doc.Get("d").IsHole() || doc.Get("b").IsHole() {
		t.Error("which are holes?")
	}
	if p := set.Pos(doc.Get("d").Text.At(0)); p.Line != 7 || p.Col != 4 {
		t.Error(p)
	}
}

// Places go through a text within a text.
func TestNested(t *testing.T) {
	set, docs := parse(t, "a:\n- |\n  b: 'x'\n  c: |\n    y\n    z\n")
	inner, err := Parse(set, docs[0].Get("a").Items[0].Text)
	if err != nil {
		t.Fatal(err)
	}
	if got := outline(set, inner[0]); got != "{3:3=b: str 3:7=x, 4:3=c: str 5:5=y¶6:5=z¶}" {
		t.Error(got)
	}
}

func TestNil(t *testing.T) {
	var n *Node
	if n.Get("a", "b") != nil || n.Str() != "" || n.Has("a") || !n.Is(Null) || n.Is(Map) || n.IsHole() || n.List() != nil || n.Place() != (text.At{}) {
		t.Error("nil isn't like null")
	}
	_, docs := parse(t, "a: {b: [c], d: }")
	if k, ok := docs[0].Get("a").Key("b"); !ok || k.String() != "b" || !docs[0].Get("a").Has("d") || docs[0].Get("a", "x", "y") != nil {
		t.Error("get")
	}
	if _, ok := docs[0].Key("x"); ok || len(docs[0].Get("a", "b").List()) != 1 {
		t.Error("key")
	}
}

// bomb has anchors that repeat each other.
func bomb(levels, width int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), width), ","))
	}
	return b.String()
}

func TestRefused(t *testing.T) {
	chain := "- &a0 x\n"
	for i := range 300 {
		chain += fmt.Sprintf("- &a%d [*a%d]\n", i+1, i)
	}
	for _, c := range []struct{ in, want string }{
		{"a: 1\nb: 2\na: 3", "3:1: the key a is there again: it is in line 1 too"},
		{"<<: {}\n<<: {}", "2:1: the key << is there again"},
		{`{"a": 1, "a": 2}`, "1:10: the key a is there again"},
		{"a: 1\nb:\n\tc: 2", "3:1: found character that cannot start any token"},
		{"x: 1\na: b: c", "2:1: mapping values are not allowed in this context"},
		{"a:\n  - b\n c: d\n", "3:2: did not find expected"},
		{"a: b\nc:\n  d: e\n e: f\ng: h\n", "4:2: did not find expected"},
		{"x: 1\na: [b\nc: d", "3:1: did not find expected"},
		{"a: b\nc: *d\n", "2:4: there is no anchor called d"},
		{"x: 1\na: 'b", "2:1: found unexpected end of stream"},
		{"x: &a\n  - *a\n", "2:5: the alias *a is within its own anchor"},
		{"x: &a\n  b: {<<: *a}\n", "2:11: the alias *a is within its own anchor"},
		{"a: {b: c}\n<<: d\n", "2:5: the merge key << needs a map"},
		{"a: b\n? [x]\n: y", "2:3: a key that isn't a word"},
		{"a: b\nc: {{ x }}\n", "2:5: a key that isn't a word"},
		{"a: \x01", "1:4: the control character U+0001"},
		{"a: b\nc: \xff", "2:4: this byte isn't UTF-8"},
		{bomb(9, 10), "7:10: there are more than 200000 values"},
		{strings.Repeat("[", 1<<20), "exceeded max depth"},
		{"a: 1\nb: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), "2:204: this is nested deeper than 200"},
		{chain, "201:10: this is nested deeper than 200"},
		{strings.Repeat("- - - - ", 1<<17), "exceeded max depth"},
		{"[" + strings.Repeat("a,", 1<<19) + "]", "there are more than 200000 values"},
	} {
		set := &text.Set{}
		_, err := Parse(set, set.Add("f", c.in))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.40q: %v", c.in, err)
			continue
		}
		p := set.Pos(e.At)
		if got := fmt.Sprintf("%d:%d: %v", p.Line, p.Col, err); !strings.Contains(got, c.want) {
			t.Errorf("%.60q:\ngot  %s\nwant %s", c.in, got, c.want)
		}
	}
}
