package shell_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// writer makes scripts from a grammar. Every variable that it uses is set, so that all
// words are known.
type writer struct{ *rand.Rand }

func (w writer) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w writer) variable() string { return w.pick("A", "B", "C", "D", "E") }

// some joins a few texts.
func (w writer) some(most int, f func() string) string {
	var b strings.Builder
	for range w.IntN(most + 1) {
		b.WriteString(f())
	}
	return b.String()
}

// expansion is a $ with what follows. Quotes in ${…} mean different things there.
func (w writer) expansion(depth int, quoted bool) string {
	v := w.variable()
	word := func() string {
		if depth > 2 {
			return "w"
		}
		return w.some(3, func() string {
			s := []string{"x", "y z", " ", "-", `\$`, `\\`, w.expansion(depth+1, quoted), `"q r"`, `\}`}
			if quoted {
				s = append(s, "'q'", `\q`, `\"`)
			} else {
				s = append(s, "'q  r'", `\ `, `\q`)
			}
			return w.pick(s...)
		})
	}
	switch w.IntN(9) {
	case 0, 1:
		return "$" + v + w.pick("/", "-", " ", ".")
	case 2:
		return "${" + v + "}"
	case 3:
		return "${" + v + w.pick(":-", "-", ":+", "+") + word() + "}"
	case 4:
		return "${UNSET" + w.pick(":-", "-") + word() + "}"
	case 5:
		return "${NEW" + w.pick(":=", "=") + word() + "}"
	case 6:
		return "${" + v + w.pick("%", "%%", "#", "##") + w.pick("*b", "a*", "?", "'a'", "--", `"b "`, "*=*") + "}"
	case 7:
		return "${#" + v + "}"
	}
	return "${" + v + w.pick(":?", "?", ":-") + "}"
}

func (w writer) word() string {
	part := func() string {
		switch w.IntN(6) {
		case 0:
			return w.pick("a", "--flag=", "b", `\ `, `\\`, `\"`, `\'`, `\$`, "=", "x#y", "\\\n", "*", "é", "\u2028")
		case 1:
			return "'" + w.some(4, func() string { return w.pick("a", " ", "  b", `"`, `\`, "$A", "\n", "\\\n", "#") }) + "'"
		case 2, 3:
			return `"` + w.some(4, func() string {
				return w.pick("a", " ", " b ", `\"`, `\\`, `\$`, "\\`", `\n`, "'", "\n", "\\\n", "#", w.expansion(0, true), w.expansion(0, true))
			}) + `"`
		}
		return w.expansion(0, false)
	}
	return part() + w.some(3, part)
}

// line is a statement before the last one.
func (w writer) line() string {
	v := w.variable()
	switch w.IntN(12) {
	case 0:
		return v + `="$` + v + w.pick(" ", "  ", "\t", "") + w.expansion(0, true) + `"`
	case 1:
		return ": " + w.word()
	case 2:
		return "export " + v + "=" + w.word()
	case 3:
		return w.pick(`[ -z "$`+v+`" ] && `, `test -n "$`+v+`" || `) + v + "=" + w.word()
	case 4:
		return `if [ -n "$` + v + `" ]; then ` + v + "=" + w.word() + "; else " + v + "=" + w.word() + "; fi"
	case 5:
		return "(" + v + "=" + w.word() + ")"
	case 6:
		return v + "=" + w.word() + " true"
	case 7:
		return "case x in y) " + v + `="$` + v + `";; esac`
	case 8:
		return "set -- " + w.word() + ` "$` + v + `"; ` + v + `="$*"`
	}
	return v + "=" + w.word() + w.pick("", " "+w.variable()+"="+w.word(), " # a comment")
}

func (w writer) script() string {
	var b strings.Builder
	for _, name := range []string{"A", "B", "C", "D", "E"} {
		fmt.Fprintf(&b, "%s='%s'\n", name, w.some(4, func() string {
			return w.pick("a", "b", " ", "  ", "--x=1", `"`, `\`, "\n", "\t", "$A", "=", "`")
		}))
	}
	for range w.IntN(8) {
		b.WriteString(w.line() + "\n")
	}
	b.WriteString("printargs")
	for range 1 + w.IntN(5) {
		b.WriteString(w.pick(" ", "  ", " \\\n", "\t") + w.word())
	}
	b.WriteString(w.pick("", " >/dev/fd/1", " # end") + "\n")
	return b.String()
}

// judged runs scripts with dash, each in a subshell, and returns the words that they pass
// to printargs; nil for one that dash can't run.
func judged(t *testing.T, scripts []string) [][]string {
	t.Helper()
	dash, err := exec.LookPath("dash")
	if err != nil {
		t.Skip("not run here: dash (apt-get install dash)")
	}
	var b strings.Builder
	b.WriteString("printargs() { printf '%d\\0' $#; for a; do printf '%s\\0' \"$a\"; done; }\n")
	for i, s := range scripts {
		fmt.Fprintf(&b, "printf 'begin %d\\0'\n(\n%s)\n", i, s)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/env", "-i", dash)
	cmd.Dir = t.TempDir() // without files, so that * is *
	cmd.Stdin = strings.NewReader(b.String())
	out, err := cmd.Output()
	if err != nil {
		t.Logf("dash: %v", err)
	}
	got := make([][]string, len(scripts))
	for i := range scripts {
		_, after, ok := strings.Cut(string(out), fmt.Sprintf("begin %d\x00", i))
		count, after, _ := strings.Cut(after, "\x00")
		n, err := strconv.Atoi(count)
		if !ok || err != nil {
			continue
		}
		got[i] = append([]string{}, strings.SplitN(after, "\x00", n+1)[:n]...)
	}
	return got
}

// read returns the words of printargs as this package has them, and whether all are known.
func read(t *testing.T, src string) (words []string, known bool) {
	t.Helper()
	_, s := parsed(t, src)
	all := s.Commands(nil)
	words, known = []string{}, true
	for _, w := range all[len(all)-1].Words[1:] {
		words = append(words, w.String())
		known = known && w.Known()
	}
	return words, known
}

// TestJudge compares words with those of dash.
func TestJudge(t *testing.T) {
	w := writer{rand.New(rand.NewPCG(1, 2))}
	compared, broken, unknown := 0, 0, 0
	for range 8 {
		scripts := make([]string, 100)
		for i := range scripts {
			scripts[i] = w.script()
		}
		for i, want := range judged(t, scripts) {
			if want == nil {
				continue
			}
			got, all := read(t, scripts[i])
			if !all { // such as the length of a text with accents
				unknown++
				continue
			}
			compared++
			if !slices.Equal(got, want) {
				t.Errorf("%s\n got %q\ndash %q", scripts[i], got, want)
			}
			if !slices.Equal(fields(got), want) {
				broken++
			}
		}
	}
	if compared < 400 {
		t.Errorf("only %d scripts were compared", compared)
	}
	if broken < compared/4 {
		t.Errorf("words without quotes differ in %d of %d scripts only", broken, compared)
	}
	if unknown > compared/4 {
		t.Errorf("%d scripts have unknown words", unknown)
	}
	t.Logf("%d scripts, %d of them differ without quotes; %d have unknown words", compared, broken, unknown)
}

// TestJudgeAppends: whatever branches a script takes, the words that are known before the
// first hole come first.
func TestJudgeAppends(t *testing.T) {
	w := writer{rand.New(rand.NewPCG(3, 4))}
	words := func() string {
		return w.some(3, func() string { return w.pick(" ", "  ") + w.pick("--a", "--b=1", "c") })
	}
	var line func(depth int) string
	line = func(depth int) string {
		v := w.pick("A", "B")
		test := w.pick("true", "false", `[ -n "$A" ]`, `[ -z "$B" ]`)
		inner := func() string {
			if depth > 1 {
				return v + `="$` + v + words() + `"`
			}
			return line(depth + 1)
		}
		switch w.IntN(9) {
		case 0:
			return v + `="--x` + words() + `"`
		case 1:
			return "if " + test + "; then " + inner() + "; fi"
		case 2:
			return "if " + test + "; then " + inner() + "; else " + inner() + "; fi"
		case 3:
			return test + " && " + v + `="$` + v + words() + `"`
		case 4:
			return "case $A in *b*) " + inner() + ";; *) " + inner() + ";; esac"
		case 5:
			return "for x in 1 2; do " + inner() + "; done"
		case 6:
			return "f() { " + inner() + "; }; f"
		}
		return v + `="$` + v + words() + `"`
	}
	compared, long := 0, 0
	scripts := make([]string, 500)
	for i := range scripts {
		scripts[i] = "A=\"--x" + words() + "\"\nB='--y'\n"
		for range w.IntN(8) {
			scripts[i] += line(0) + "\n"
		}
		scripts[i] += "printargs $A -- $B\n"
	}
	for i, want := range judged(t, scripts) {
		if want == nil {
			continue
		}
		got, all := read(t, scripts[i])
		if n := slices.IndexFunc(got, func(s string) bool { return strings.ContainsAny(s, text.Reserved) }); n >= 0 {
			got = got[:n]
		}
		compared++
		if !all && len(got) > 0 {
			long++
		}
		if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("%s\n got %q\ndash %q", scripts[i], got, want)
		}
	}
	if compared < 400 || long < 100 {
		t.Errorf("%d scripts were compared, and %d have a known begin only", compared, long)
	}
}

// fields is a reader that is wrong: it splits values in quotes too.
func fields(words []string) []string { return strings.Fields(strings.Join(words, " ")) }

// TestJudgeHeredocs compares here-documents with what dash passes on.
func TestJudgeHeredocs(t *testing.T) {
	w := writer{rand.New(rand.NewPCG(3, 4))}
	var scripts []string
	for range 300 {
		assign := w.script()
		assign = assign[:strings.LastIndex(assign, "printargs")]
		stop := w.pick("EOF", "EOF", "EOF", "'EOF'", `"EOF"`, `\EOF`, `E"O"F`, "E'OF'")
		body := w.some(8, func() string {
			s := []string{"a", " b", "\n", "\n", "\\\n", "'", `"`, `\$`, `\\`, "\\`", `\"`, `\n`, "\t", "\n\t", "EOF ", "é"}
			if !strings.ContainsAny(stop, `'"\`) {
				s = append(s, w.expansion(0, true), w.expansion(0, true))
			}
			return w.pick(s...)
		})
		scripts = append(scripts, assign+"cat <<"+w.pick("", "-")+stop+"\n"+body+"\nEOF\n")
	}
	asked := slices.Clone(scripts)
	for i, s := range asked {
		asked[i] = strings.Replace(s, "cat <<", "printf '1\\0'; cat <<", 1) + "printf '\\0'\n"
	}
	compared := 0
	for i, want := range judged(t, asked) {
		if want == nil {
			continue
		}
		_, s := parsed(t, scripts[i])
		docs := s.Heredocs(nil)
		if len(docs) == 1 && !docs[0].Body.Known() {
			continue
		}
		compared++
		if len(docs) != 1 || docs[0].Body.String() != want[0] {
			t.Errorf("%s\n got %q\ndash %q", scripts[i], docs[0].Body.String(), want[0])
		}
	}
	if compared < 100 {
		t.Errorf("only %d were compared", compared)
	}
	t.Logf("%d here-documents", compared)
}

func FuzzParse(f *testing.F) {
	w := writer{rand.New(rand.NewPCG(5, 6))}
	for range 30 {
		f.Add(w.script())
	}
	for _, s := range []string{
		"A=(a b)\np \"${A[@]}\"", "cat <<-E >f\n\t$A\n\tE\n", "for x in $y; do f; done", "f() { A=1; }; f",
		"[[ -z $A ]] && A=1", "case a in b) ;; esac", "cat <<'E' | sudo tee f\na\nE\n", "p $'\\x41' {a,b} $((A=1))", "a\r\n\\\r\nb",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		set := &text.Set{}
		s, err := shell.Parse(set, set.Add("a.sh", src))
		if err != nil {
			return
		}
		all := s.Sources()
		for _, c := range s.Commands(s.Vars()) {
			all = append(all, c.Words...)
		}
		for _, d := range s.Heredocs(nil) {
			all = append(all, d.Body, d.File)
		}
		size := 0
		for _, w := range all {
			size += w.Len()
			for i := range w.Len() {
				if at := w.At(i); at.File != 0 || int(at.Offset) > len(src) || at.Offset < 0 {
					t.Fatalf("%v is outside", at)
				}
			}
		}
		if size > 8<<20 {
			t.Fatalf("%d bytes of %d", size, len(src))
		}
	})
}
