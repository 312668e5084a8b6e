package page_test

import (
	"bytes"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/page"
)

// nasty has what ends tags, attributes, scripts and comments, and what turns text around.
const nasty = "</script></style></title><script>alert(1)</script><img src=x onerror=alert(1)>\" onload=\"alert(1)' x=' --> <!-- {{.}} javascript:alert(1) \u202egnp.exe\u2066 \x00\xff\u0000 مرحبا שלום 漢字 &lt;&amp;"

// hostile returns a difference each of whose strings is a value, or ends with it.
func hostile(value string) *review.Difference {
	d := sample()
	fill(reflect.ValueOf(d).Elem(), value)
	d.Clusters = d.Clusters[:1]
	c := &d.Clusters[0]
	c.State, c.OldName, c.Upgrade = review.Changed, value, &review.Upgrade{From: value, To: value, Notes: []string{value}}
	for _, side := range []*review.Cluster{c.Old, c.New} {
		fill(reflect.ValueOf(side).Elem(), value)
		for i := range side.Nodes {
			side.Nodes[i].Name += string(rune('a' + i))
		}
	}
	c.New.Nodes[0].Text += "more\n" + value
	c.New.Nodes[0].Endpoint += "other"
	c.Nodes = nil
	return d
}

// fill sets every string in v.
func fill(v reflect.Value, value string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() != reflect.TypeFor[finding.Severity]() {
			v.SetString(value)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), value)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), value)
			}
		}
	}
}

// tags are those of which a page has as many, whatever the values are. Of others it has
// more or fewer, as values make groups of nodes or ranges.
var tags = []string{"<script", "</script", "<style", "</style", "<!--", "<img", "<body", "<iframe", "<meta", "<link", "<form", "<object", "<base"}

// clean returns the number of tags of a page whose values are harmless.
var clean = sync.OnceValue(func() map[string]int {
	var b bytes.Buffer
	if err := page.Write(&b, hostile("x"), nil, page.Options{}); err != nil {
		panic(err)
	}
	out := map[string]int{}
	for _, tag := range tags {
		out[tag] = strings.Count(strings.ToLower(b.String()), tag)
	}
	return out
})

// inert reports what is wrong with a page: a value that became HTML, or a character that
// isn't shown.
func inert(t *testing.T, got []byte, value string) {
	t.Helper()
	had := clean()
	low := strings.ToLower(string(got))
	for _, tag := range tags {
		if has := strings.Count(low, tag); has != had[tag] {
			t.Errorf("%d of %q, expected %d, for %q", has, tag, had[tag], value)
		}
	}
	if !utf8.Valid(got) {
		t.Errorf("it isn't UTF-8, for %q", value)
	}
	for _, r := range string(got) {
		if unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Cc, r) && r != '\n' && r != '\t' {
			at := strings.IndexRune(string(got), r)
			t.Errorf("it has %U, for %q, behind %q", r, value, got[max(at-200, 0):at])
			break
		}
	}
	if bytes.Contains(got, []byte("ZgotmplZ")) {
		t.Errorf("a value stands where none may, for %q", value)
	}
}

func TestHostile(t *testing.T) {
	for _, value := range []string{nasty, "", "x", "\r\n", "`${alert(1)}`", "https://x\" onclick=alert(1)", "10.0.0.0/8", "::/0", "10.0.0.0/33", "1e99h", strings.Repeat("a", 100_000)} {
		inert(t, write(t, hostile(value), nil, page.Options{}), value)
	}
}

func FuzzWrite(f *testing.F) {
	for _, value := range []string{nasty, "", "</script>", "10.0.0.0/8", "fd00::/108", "8760h", "https://example.org/\"><script>", "\u202e", "on\nload"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := write(t, hostile(value), nil, page.Options{})
		inert(t, got, value)
		if !bytes.Equal(got, write(t, hostile(value), nil, page.Options{})) {
			t.Errorf("the second page is another one, for %q", value)
		}
	})
}
