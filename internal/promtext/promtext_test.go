package promtext_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/internal/promtext"
)

type (
	samples  = map[string][]promtext.Sample
	families = []promtext.Family
	labels   = map[string]string
)

// same compares values: NaN is NaN.
var same = cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })

// TestRead: what is asked for is read, and nothing else.
func TestRead(t *testing.T) {
	one := func(labels labels, value float64) []promtext.Sample {
		return []promtext.Sample{{Labels: labels, Value: value}}
	}
	for _, c := range []struct {
		name, page string
		want       samples
	}{
		{"of each kind", "# HELP g A gauge.\n# TYPE g gauge\ng 1\n# TYPE c_total counter\nc_total 2\n# TYPE u untyped\nu 3\nother 4\n", samples{"g": one(labels{}, 1), "c_total": one(labels{}, 2), "u": one(labels{}, 3)}},
		{"without a type", "g 1\n", samples{"g": one(labels{}, 1)}},
		{"in their order", "g{a=\"2\"} 1\nother 1\ng{a=\"1\"} 2\n", samples{"g": {{labels{"a": "2"}, 1}, {labels{"a": "1"}, 2}}}},
		{"several labels", `g{code="200",host="10.0.0.1:6443",method="GET",} 12` + "\n", samples{"g": one(labels{"code": "200", "host": "10.0.0.1:6443", "method": "GET"}, 12)}},
		{"blanks", " \tg\t{ a = \"1\" , b = \"2\" }\t 1\n", samples{"g": one(labels{"a": "1", "b": "2"}, 1)}},
		{"a time", "g 1 1395066363000\n", samples{"g": one(labels{}, 1)}},
		{"escapes", `g{a="\\ \" \n } , é",b=""} 1` + "\n", samples{"g": one(labels{"a": "\\ \" \n } , é", "b": ""}, 1)}},
		{"a label like a line", `other{a="\ng 5\n"} 1` + "\n", samples{}},
		{"no number, and too large ones", "g NaN\nu +Inf\nc_total -Inf\n", samples{"g": one(labels{}, math.NaN()), "u": one(labels{}, math.Inf(1)), "c_total": one(labels{}, math.Inf(-1))}},
		{"small and large ones", "g 4.8320896e+07\nu -1e-300\nc_total +16\n", samples{"g": one(labels{}, 48320896), "u": one(labels{}, -1e-300), "c_total": one(labels{}, 16)}},
		{"the same one twice", "g 1\ng 2\n", samples{"g": {{labels{}, 1}, {labels{}, 2}}}},
		{"no newline at the end", "g 1", samples{"g": one(labels{}, 1)}},
		{"a histogram", "# TYPE g histogram\ng_bucket{le=\"1\"} 1\ng_bucket{le=\"+Inf\"} 2\ng_sum 3\ng_count 2\n", samples{}},
		{"a summary", "# TYPE g summary\ng{quantile=\"0.5\"} 1\ng_sum 3\ng_count 2\n", samples{}},
		{"names that only begin like it", "g_other 1\nother_g 2\ngg 3\nG 4\n", samples{}},
		{"a type without samples", "# TYPE g gauge\n", samples{}},
		{"comments and empty lines", "\n\n# g 1\n#g 1\n# EOF\n#\n\n", samples{}},
		{"an empty page", "", samples{}},
		{"another text", "<html>\n<h1>404 page not found</h1>\n", samples{}},
		{"no text", "\x00\x01\xff\xfe\n\x00g 1\n", samples{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"at once": strings.NewReader(c.page), "byte by byte": iotest.OneByteReader(strings.NewReader(c.page)),
				"with the end": iotest.DataErrReader(strings.NewReader(c.page)),
			} {
				got, err := promtext.Read(r, int64(len(c.page)), "g", "c_total", "u")
				if diff := cmp.Diff(c.want, got, same); err != nil || diff != "" {
					t.Errorf("%s: %v\n-want +got\n%s", name, err, diff)
				}
			}
		})
	}
}

// TestUnreadable: what isn't the format is an error in one line, without what a terminal
// would obey, and not a long one.
func TestUnreadable(t *testing.T) {
	for name, c := range map[string]struct{ page, says string }{
		"no number":         {"g one\n", `expected float as value, got`},
		"no value":          {"g{} \n", `expected float as value, got`},
		"a number in Go":    {"g 1_000\n", `got`},
		"a power of two":    {"g 0x10\n", `got`},
		"a carriage return": {"g 1\r\n", `got`},
		"a label's end":     {"g{a=\"1} 2\n", `contains unescaped new-line`},
		"a label's value":   {"g{a=1} 2\n", `expected '\"' at start of label value`},
		"a label twice":     {"g{a=\"1\",a=\"2\"} 2\n", `duplicate label names`},
		"no UTF-8":          {"g{a=\"\xff\"} 2\n", `invalid label value`},
		"a type twice":      {"# TYPE g gauge\n# TYPE g gauge\ng 1\n", `second TYPE line`},
		"a type too late":   {"g 1\n# TYPE g gauge\n", `second TYPE line`},
		"another type":      {"# TYPE g gauges\ng 1\n", `unknown metric type`},
		"another name":      {"g{\"other\"} 1\n", `expected '=' after label name`},
		"an escape":         {"g{a=\"\\\x1b[31m\"} 1\n", `invalid escape sequence`},
		"a line's end":      {"g{a=\"\\\n\"} 1\n", `invalid escape sequence`},
		"a long value":      {"g " + strings.Repeat("x", 60<<10) + "\n", `got \"xxx`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := promtext.Read(strings.NewReader("other 1\nother 2\n"+c.page), 1<<20, "g")
			if err == nil || !strings.HasPrefix(err.Error(), "it isn't Prometheus' text format: ") || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, %v: want %s", got, err, c.says)
			}
			if text := err.Error(); strings.ContainsAny(text, "\n\r\x1b") || len(text) > 500 {
				t.Errorf("%.600q", text)
			}
		})
	}
}

// TestBroken: an error of the connection is returned as it is.
func TestBroken(t *testing.T) {
	gone := errors.New("gone")
	r := io.MultiReader(strings.NewReader("g 1\nother"), iotest.ErrReader(gone))
	if got, err := promtext.Read(r, 100, "g"); !errors.Is(err, gone) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	r = io.MultiReader(strings.NewReader("g 1\n"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if got, err := promtext.Read(r, 100, "g"); !errors.Is(err, io.ErrUnexpectedEOF) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// TestWrite: a page has a type before its samples, and is the same each time.
func TestWrite(t *testing.T) {
	all := families{
		{Name: "kcmgen_up", Help: `Whether it answers, by \ host.`, Samples: []promtext.Sample{{labels{"node": "cp-1", "cluster": "a\"b\\c\nd"}, 1}, {nil, math.NaN()}}},
		{Name: "kcmgen_none", Help: "Without samples."},
		{Name: "kcmgen_errors_total", Help: "Errors.", Counter: true, Samples: []promtext.Sample{{Value: 1e21}}},
	}
	const want = `# HELP kcmgen_up Whether it answers, by \\ host.
# TYPE kcmgen_up gauge
kcmgen_up{cluster="a\"b\\c\nd",node="cp-1"} 1
kcmgen_up NaN
# HELP kcmgen_errors_total Errors.
# TYPE kcmgen_errors_total counter
kcmgen_errors_total 1e+21
`
	for range 20 {
		var out strings.Builder
		if err := promtext.Write(&out, all); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Fatalf("-want +got\n%s", diff)
		}
	}
	full := errors.New("full")
	if err := promtext.Write(brokenWriter{full}, all); !errors.Is(err, full) {
		t.Errorf("a write that failed: %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// TestWriteRead: what is written is read again, whatever the values and the labels are.
func TestWriteRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "Z", "9", " ", "\t", "\n", "\r", "\"", "\\", "\\n", "{", "}", ",", "=", "#", "# TYPE m0 gauge\n", "é", "\U0001f600", "\u2028", "\x00", "\x1b"}
	text := func() (out string) {
		for range random.IntN(6) {
			out += pieces[random.IntN(len(pieces))]
		}
		return out
	}
	special := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 0.1}
	value := func() float64 {
		if i := random.IntN(2 * len(special)); i < len(special) {
			return special[i]
		}
		return math.Float64frombits(random.Uint64())
	}
	for range 300 {
		var all families
		var names []string
		want := samples{}
		for i := range random.IntN(5) {
			f := promtext.Family{Name: fmt.Sprintf("m%d", i), Help: "Help.", Counter: random.IntN(2) == 0}
			for range random.IntN(4) {
				s := promtext.Sample{Labels: labels{}, Value: value()}
				for _, name := range []string{"node", "le", "quantile", "_x"}[:random.IntN(5)] {
					s.Labels[name] = text()
				}
				f.Samples = append(f.Samples, s)
			}
			all, names = append(all, f), append(names, f.Name)
			if len(f.Samples) > 0 {
				want[f.Name] = f.Samples
			}
		}
		var page strings.Builder
		if err := promtext.Write(&page, all); err != nil {
			t.Fatal(err)
		}
		got, err := promtext.Read(strings.NewReader(page.String()), int64(page.Len()), names...)
		if diff := cmp.Diff(want, got, same); err != nil || diff != "" {
			t.Fatalf("%v\n%s\n-want +got\n%s", err, page.String(), diff)
		}
	}
}
