package text

import (
	"slices"
	"strings"
	"testing"
)

func TestPos(t *testing.T) {
	set := &Set{}
	a, b := set.Add("a", "one\ntwo\n"), set.Add("b", "\ufeffx\n")
	for _, c := range []struct {
		at   At
		want Pos
	}{
		{a.At(0), Pos{"a", 1, 1}},
		{a.At(3), Pos{"a", 1, 4}}, // a newline ends its line
		{a.At(4), Pos{"a", 2, 1}},
		{a.At(99), Pos{"a", 2, 4}},
		{b.At(0), Pos{"b", 1, 4}}, // columns are bytes, of the mark too
		{At{9, 0}, Pos{}},
	} {
		if got := set.Pos(c.at); got != c.want {
			t.Errorf("%v: %v, expected %v", c.at, got, c.want)
		}
	}
	if b.String() != "x\n" {
		t.Errorf("a byte order mark stays: %q", b.String())
	}
}

func TestText(t *testing.T) {
	set := &Set{}
	a := set.Add("a", " key = value \r\n")
	before, after, ok := a.Cut("=")
	if !ok || before.TrimSpace().String() != "key" || after.TrimSpace().String() != "value" {
		t.Errorf("%q %q %v", before, after, ok)
	}
	if p := set.Pos(after.TrimSpace().At(0)); p.Col != 8 {
		t.Errorf("the value is at %v", p)
	}
	if _, rest, ok := a.Cut("nothing"); ok || rest.Len() > 0 {
		t.Error("it is cut at what it doesn't have")
	}
	joined := Join(a.Slice(1, 4), Literal("+", a.At(5)), a.Slice(7, 12))
	if joined.String() != "key+value" || joined.At(3) != a.At(5) || joined.At(4) != a.At(7) {
		t.Errorf("%q", joined)
	}
	var lines []string
	for _, l := range set.Add("b", "a\n\nb").Lines() {
		lines = append(lines, l.String())
	}
	if !slices.Equal(lines, []string{"a\n", "\n", "b"}) {
		t.Errorf("%q", lines)
	}
	if (Text{}).At(0) != (At{}) || (Text{}).TrimSpace().Len() != 0 || len((Text{}).Lines()) != 0 {
		t.Error("an empty text")
	}
}

func TestHoles(t *testing.T) {
	set := &Set{}
	a := set.Add("a", "x")
	h := set.Hole("", "${POD_CIDR}", a.At(0))
	again := set.Hole("other", "${POD_CIDR}", a.At(0))
	if h.String() != again.String() {
		t.Error("one expression is two holes")
	}
	b := Join(Literal("--a=", a.At(0)), h, Literal(",", a.At(0)), set.Hole("B", "{{ b }}", a.At(0)))
	if got := set.Show(b); got != "--a=${POD_CIDR},{{ b }}" {
		t.Error(got)
	}
	if got := set.Parts(b); !slices.Equal(got, []string{"--a=", "${POD_CIDR}", ",", "{{ b }}", ""}) {
		t.Errorf("%q", got)
	}
	if hs := set.Holes(b); len(hs) != 2 || hs[0].Name != "POD_CIDR" || hs[1].Name != "B" {
		t.Errorf("%v", hs)
	}
	if b.Known() || b.IsHole() || !h.IsHole() || Join(h, h).IsHole() {
		t.Error("what is a hole")
	}
	got := set.Replace(b, func(h Hole) (string, bool) { return "10.0.0.0/8", h.Name == "POD_CIDR" })
	if set.Show(got) != "--a=10.0.0.0/8,{{ b }}" {
		t.Error(set.Show(got))
	}
	for s, want := range map[string]string{"$(hostname -i)": "hostname", "{{ .Values.a }}": "Values.a", "%i": "i", "$@": "value", "": "value"} {
		if got := nameOf(s); got != want {
			t.Errorf("the name of %q is %q, expected %q", s, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a {{ b }} c", "a <{{ b }}> c"},
		{"a {{ b }}{{ c }}", "a <{{ b }}><{{ c }}>"},
		{"{% if a %}\nb\n  {% endif %}  \nc", "b\nc"},
		{"a \\\n{% if a %}\r\nb \\\n{%- endif %}\nc", "a \\\nb \\\nc"},
		{"a {% if b %}c{% endif %} d", "a c d"},
		{"{{- if .A }}\na: b\n{{- end }}\n", "a: b\n"},
		{"{{/* a }} */}}b", "b"},
		{"{# a #}b ${#c[@]} #}", "b ${#c[@]} #}"},
		{"{{ range $k, $v := .A }}x", "x"},
		{"{{ $x := 1 }}\ny", "y"},
		{"a: {b: {c: d}}", "a: {b: {c: d}}"},
		{"a: {{b: {c: d}}}", "a: {{b: {c: d}}}"},
		{"<% if a %>\nx<%= b %>\n<% end -%>\n", "x<<%= b %>>\n"},
		{"%{ if a ~}\nb\n%{ endif ~}\nc", "b\nc"},
		{"##A_B## ### ##a## @@CD@@ @@ __EF__ __a__ __A", "<##A_B##> ### ##a## <@@CD@@> @@ <__EF__> __a__ __A"},
		{"${{ github.x }}", "$<{{ github.x }}>"},
		{"{{", "{{"},
		{"{{ " + strings.Repeat("x", 500) + " }}", "{{ " + strings.Repeat("x", 500) + " }}"},
		{"nothing", "nothing"},
		{"", ""},
	} {
		set := &Set{}
		masked, _ := set.Mask(set.Add("a", c.in))
		got := set.Fill(masked, func(h Hole) string { return "<" + h.Expr + ">" })
		if got != c.want {
			t.Errorf("%q: %q, expected %q", c.in, got, c.want)
		}
	}
	set := &Set{}
	_, seen := set.Mask(set.Add("a", "a\n{{ b }} <%= c %> {{ d }}"))
	if len(seen) != 2 || set.Pos(seen[Jinja]) != (Pos{"a", 2, 1}) || set.Pos(seen[ERB]) != (Pos{"a", 2, 9}) {
		t.Errorf("%v", seen)
	}
}

// FuzzMask: what isn't a hole is as it was, at its place, and in its order. Masking again
// changes nothing.
func FuzzMask(f *testing.F) {
	for _, s := range []string{"", "a {{ b }} c", "{% if a %}\nb\n{% endif %}", "<%= a %>", "%{a}", "##A_B##", "@@CD@@", "__EF__", "{{/* a */}}", "{{- /* */ -}}", "{{", "}}", "{{{{ a }}}}", "{# #}", "{{ {{ a }} }}", "{{\"{{\"}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if strings.ContainsAny(data, Reserved) {
			return // such a file isn't read
		}
		set := &Set{}
		masked, _ := set.Mask(set.Add("a", data))
		s, last := masked.String(), int32(-1)
		for i := 0; i < len(s); i++ {
			at := masked.At(i)
			if at.Offset < last || int(at.Offset) >= len(data) {
				t.Fatalf("%q: byte %d of %q is at %d after %d", data, i, s, at.Offset, last)
			}
			last = at.Offset
			if strings.HasPrefix(s[i:], open) {
				i += strings.Index(s[i:], shut) + len(shut) - 1
				continue
			}
			if data[at.Offset] != s[i] {
				t.Fatalf("%q: byte %d of %q is %q at %d", data, i, s, s[i], at.Offset)
			}
		}
		if set.Show(masked) == "" && strings.TrimSpace(data) != "" && !strings.ContainsAny(data, "{<%\ufeff") {
			t.Errorf("%q is masked entirely", data)
		}
	})
}

// TestHoleWithinHole: an expression that has a hole in it is shown as it is written.
func TestHoleWithinHole(t *testing.T) {
	var set Set
	file := set.Add("f", "$B%n")
	inner := set.Hole("n", "%n", file.At(2))
	outer := set.Hole("B", "$B"+inner.String(), file.At(0))
	if got := set.Show(outer); got != "$B%n" {
		t.Errorf("%q", got)
	}
}
