package shell_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// parsed parses a script that must be valid.
func parsed(t *testing.T, src string) (*text.Set, *shell.Script) {
	t.Helper()
	set := &text.Set{}
	s, err := shell.Parse(set, set.Add("a.sh", src))
	if err != nil {
		t.Fatalf("%q: %v", src, err)
	}
	return set, s
}

// shown returns words as a test writes them: each between < and >.
func shown(set *text.Set, words []text.Text) string {
	var b strings.Builder
	for _, w := range words {
		fmt.Fprintf(&b, "<%s>", set.Show(w))
	}
	return b.String()
}

// last returns the words of the last command.
func last(t *testing.T, src string, env map[string]string) string {
	t.Helper()
	set, s := parsed(t, src)
	known := map[string]text.Text{}
	for name, value := range env {
		known[name] = set.Add("env", value)
	}
	all := s.Commands(known)
	if len(all) == 0 {
		t.Fatalf("%q: no command", src)
	}
	return shown(set, all[len(all)-1].Words)
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		// quotes
		{`p a 'b c' "d e" f\ g "" '' "h\"\$\\\n"`, `<p><a><b c><d e><f g><><><h"$\\n>`},
		{"p a\\\nb \"c\\\nd\" 'e\\\nf' \\\n  g", "<p><ab><cd><e\\\nf><g>"},
		{"p \"a\\\\\\\nb\" a\\\\\\\nb", `<p><a\b><a\b>`},
		{"p a'b'\"c\"d # e", "<p><abcd>"},
		{`p $'a\tb\'\x41\101' $'\u00e9' $'\0'`, "<p><a\tb'AA><$'\\u00e9'><$'\\0'>"},
		{"p a\r\nq b\r\n", "<q><b>"},
		{"p * ~ a?[b] $", "<p><*><~><a?[b]><$>"},
		{"p a{b,c} {d} {1..3}x", "<p><a{b,c}><{d}><{1..3}x>"},
		// what isn't a word
		{"A=1 B= p x >/dev/null 2>&1 </dev/null &", "<p><x>"},
		{"p <(a) x", "<p><<(a)><x>"},
		// expansions
		{`A="x y"; p $A "$A" a$A"b" $A$A`, "<p><x><y><x y><ax><yb><x><yx><y>"},
		{`A=' x '; p a${A}b "${A}" $A`, "<p><a><x><b>< x ><x>"},
		{`A='--a="x y" --b'; p $A`, `<p><--a="x><y"><--b>`},
		{`A=; p $A "$A" ${A} x$A`, "<p><><x>"},
		{"p $A ${A} $A$B --x=$A \"a $A b\"", "<p><$A><${A}><$A$B><--x=$A><a $A b>"},
		{"p $1 \"$@\" $(hostname -i) `id` $((1+2)) $# $?", "<p><$1><$@><$(hostname -i)><`id`><$((1+2))><$#><$?>"},
		{"A=$B; p $A \"x $A\"", "<p><$B><x $B>"},
		{"A=\"$B x\"; p $A", "<p><$B><x>"},
		// operators
		{`p ${A:-x y} "${A:-x y}" ${A:-"x y"} ${A-x} "${A:-'x'}" ${A:-x\ y}`, "<p><x><y><x y><x y><x><'x'><x y>"},
		{`A=; p ${A:-x} "${A-x}" ${A:+x} ${A+y}`, "<p><x><><y>"},
		{`A=1; p ${A:-x} ${A:+x} ${A:?m} ${#A} ${A-x}`, "<p><1><x><1><1><1>"},
		{`p ${A:+x} ${A:?m} ${A%x} ${#A} ${A/x/y}`, "<p><${A:+x}><${A:?m}><${A%x}><${#A}><${A/x/y}>"},
		{`: ${A:=x y}; p "$A"`, "<p><x y>"},
		{`p ${A:=x} $A`, "<p><x><x>"},
		{`A=${A:-x}; p $A`, "<p><x>"},
		{`p ${A:-${B:-x}} ${A:-$B}`, "<p><x><$B>"},
		{`A=a.b.c; p ${A%.*} ${A%%.*} ${A#*.} ${A##*.} ${A%x} ${A#a} ${A%'.c'} ${A#?}`, "<p><a.b><a><b.c><c><a.b.c><.b.c><a.b><.b.c>"},
		{`A=abc; p ${A%[c]} ${A/b/x} ${A:1} ${A^} ${!A}`, "<p><${A%[c]}><${A/b/x}><${A:1}><${A^}><${!A}>"},
		{`A=$(x); p ${A:-d} ${A-d} ${A%y}`, "<p><${A:-d}><$(x)><${A%y}>"},
		{`p ${1:-x} ${#:-x}`, "<p><x><${#:-x}>"},
		// assignments
		{`A=1; A=2 p $A`, "<p><1>"},
		{`A=1; A="$A --v=2"; A+=" --w"; p $A`, "<p><1><--v=2><--w>"},
		{`A+=" x"; p $A`, "<p><${A}><x>"},
		{`A="$A x"; p $A`, "<p><$A><x>"},
		{`export A=1 B="2 3"; readonly C=$B; p $A $B "$C"`, "<p><1><2><3><2 3>"},
		{"#!/bin/sh\nexport A=1 \"B=2 3\" C; p $A \"$B\" $C", "<p><1><2 3><$C>"},
		{`declare -x A=1; declare -i B=1+1; p $A $B`, "<p><1><$B>"},
		{`A=1; unset A; p x$A ${A-d} ${A+e}`, "<p><x><d>"},
		{`A=1; read A; p $A`, "<p><$A>"},
		{`A=1; ((A++)); p $A`, "<p><$A>"},
		{`A=1; p $((A+=1)); p $A`, "<p><$A>"},
		{`A=1; eval x; p $A`, "<p><1>"},
		{`IFS=,; A=a,b; p $A "$A"`, "<p><$A><a,b>"},
		// arrays
		{`A=(--a "--b c"); A+=(--d); p "${A[@]}" ${A[@]} $A "${A[1]}" "x${A[*]}y"`, "<p><--a><--b c><--d><--a><--b><c><--d><--a><--b c><x--a --b c --dy>"},
		{`A=(); p "${A[@]}" x`, "<p><x>"},
		{`A=(a b); p "x${A[@]}y" ${#A[@]}`, "<p><xa><by><${#A[@]}>"},
		{`A=(a); A[1]=b; p "${A[@]}"`, "<p><${A[@]}>"},
		{`B=(x $A); p "${B[@]}"`, "<p><x><$A>"},
		{`set -- k --a; set -- "$@" --b; p "$@" x`, "<p><k><--a><--b><x>"},
		{`set -e; p "$@"`, "<p><$@>"},
	} {
		if got := last(t, c.src, nil); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

func TestBranches(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`A=1; if x; then A=2; fi; p $A`, "<p><$A>"},
		{`A=1; if x; then A=1; fi; p $A`, "<p><1>"},
		{`if x; then A=1; else A=1; fi; p $A`, "<p><1>"},
		{`if x; then A=1; elif y; then A=1; fi; p $A`, "<p><$A>"},
		{`if x; then A=1; p $A; fi`, "<p><1>"},
		{`x && A=1; p $A ${A:-2}`, "<p><$A><${A:-2}>"},
		{`case $x in a) A=1;; *) A=1;; esac; p $A`, "<p><1>"},
		{`case $x in a) A=1;; b) A=1;; esac; p $A`, "<p><$A>"},
		{`case $x in a) A=1;& *) A=2;; esac; p $A`, "<p><$A>"},
		{`for x in a b; do A="$A $x"; p $A; done`, "<p><$A><$x>"},
		{`A=; for x in a b; do A="$A $x"; done; p $A $x`, "<p><$A><$x>"},
		{`while read x; do A=1; done; p $A $x`, "<p><$A><$x>"},
		{`A=1; (A=2); { B=3; }; A=4 | cat; A=5 & p $A $B`, "<p><1><3>"},
		{`A=1; f() { A=2; }; p $A; f; p $A`, "<p><$A>"},
		{`A=1; g() { f; }; f() { A=2; }; g; p $A`, "<p><$A>"},
		{`A=1; f() { local A=2; }; f; p $A`, "<p><1>"},
		{"A=1\nf() {\n B=3\n p $A $B\n}\nA=2", "<p><2><3>"},
		// a default
		{`[ -z "$A" ] && A=x; p $A`, "<p><x>"},
		{`test -z "${A:-}" && export A=x; p $A`, "<p><x>"},
		{`[ -n "$A" ] || A=x; p $A`, "<p><x>"},
		{`[[ -z $A ]] && A=x; p $A`, "<p><x>"},
		{`[[ ! -n $A ]] && A=x; p $A`, "<p><x>"},
		{`[ "x$A" = x ] && A=x; p $A`, "<p><x>"},
		{`[ "$A" = "" ] && A=x; p $A`, "<p><x>"},
		{`[ "$A" ] || A=x; p $A`, "<p><x>"},
		{`[ -z ${A+x} ] && A=x; p $A`, "<p><x>"},
		{`if [ -z "$A" ]; then A=x; fi; p $A`, "<p><x>"},
		{`if [ -n "$A" ]; then B=1; else A=x; B=2; fi; p $A $B`, "<p><x><$B>"},
		{`A=y; [ -z "$A" ] && A=x; p $A`, "<p><y>"},
		{`A=; [ -z "$A" ] && A=x; p $A`, "<p><x>"},
		{`A=$(y); [ -z "$A" ] && A=x; p $A`, "<p><$A>"},
		{`[ -z "$A" ] && B=x; p $B`, "<p><$B>"},
		{`[ -n "$A" ] && A="$A x"; p $A`, "<p><$A>"},
		// what is appended on a condition: the words before it stay
		{`A="x y"; if z; then A="$A z"; fi; p $A`, "<p><x><y><$A>"},
		{`A="x y"; [ -n "$Q" ] && A="$A z"; p $A w`, "<p><x><y><$A><w>"},
		{`A="x y"; if z; then A="$A z"; fi; if w; then A="$A w"; fi; A="$A v"; p $A`, "<p><x><y><$A><v>"},
		{`A="x y"; if z; then A="$A z"; else A+=" w"; fi; p $A`, "<p><x><y><$A>"},
		{`if z; then A="x y"; else A="x z"; fi; p $A`, "<p><x><$A>"},
		{`if z; then A="x yz"; else A="x y"; fi; p $A`, "<p><x><$A>"},
		{`if z; then A="x  y"; else A="x  "; fi; p $A`, "<p><x><$A>"},
		{`A="x y"; case $z in a) A="$A z";; b) A="$A w";; esac; p $A`, "<p><x><y><$A>"},
		{`A="x y"; for z in a b; do A="$A $z"; done; p $A`, "<p><x><y><$A>"},
		{`A="x y"; for z in a b; do if w; then A+=" $z"; p $A; fi; done`, "<p><x><y><$A><$z>"},
		{`A="x y"; while z; do A="$A $z"; A=w; done; p $A`, "<p><$A>"},
		{`A="x y"; while z; do A="$A $z"; read A; done; p $A`, "<p><$A>"},
		{`A="x y"; f() { A="$A $1"; }; f z; f w; p $A`, "<p><x><y><$A>"},
		{`A="x y"; f() { A="$A $1"; }; g() { f a; A=; }; g; p $A`, "<p><$A>"},
		{`A="x y"; f() { local A="$A $1"; }; f z; p $A`, "<p><x><y>"},
		{`A=(x "y z"); if w; then A+=(v); fi; p "${A[@]}"`, "<p><x><y z><${A[@]}>"},
		{`A=(x "y z"); for w in a b; do A=("${A[@]}" $w); done; A+=(v); p "${A[@]}"`, "<p><x><y z><${A[@]}><v>"},
		{`A=(x); if w; then A=y; fi; p "${A[@]}"`, "<p><${A[@]}>"},
		{`A=x; if w; then A=; fi; p $A`, "<p><$A>"},
		{`A=x; if w; then unset A; fi; p $A`, "<p><$A>"},
	} {
		if got := last(t, c.src, nil); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

// TestEnvironment: what files at hand define counts, and the script's own assignments win.
func TestEnvironment(t *testing.T) {
	env := map[string]string{"A": "x y", "B": "1"}
	for src, want := range map[string]string{
		`p $A "$A" ${B:-2} $C`: "<p><x><y><x y><1><$C>",
		`B=3; p $B`:            "<p><3>",
		`B=${B:-4}; p $B`:      "<p><1>",
	} {
		if got := last(t, src, env); got != want {
			t.Errorf("%s\n got %s\nwant %s", src, got, want)
		}
	}
}

// TestAll: every command is there, in the order of the file.
func TestAll(t *testing.T) {
	src := `a | b && c; if d; then e; else f; fi
case x in y) g;; esac
h() { i; }
for x in 1; do j; done; while k; do l; done
(m); { n; } & time o; ! q; A=1 B=$A r
export C=1
s <<EOF
EOF
`
	set, s := parsed(t, src)
	var got []string
	for _, c := range s.Commands(nil) {
		got = append(got, c.Words[0].String())
		if at := set.Pos(c.At); c.Words[0].String() != "r" && src[c.At.Offset:c.At.Offset+1] != c.Words[0].String() {
			t.Errorf("%s is at %v", c.Words[0].String(), at)
		}
		if c.Words[0].String() == "r" && (c.Env["A"].String() != "1" || c.Env["B"].String() != "1") {
			t.Errorf("the environment of r is %v", c.Env)
		}
	}
	if want := strings.Split("abcdefgijklmnoqrs", ""); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPlaces: each byte knows where it is written, also through variables and quotes.
func TestPlaces(t *testing.T) {
	src := "A='--x=1'\nB=\"$A --y\\\n=2\"\nexec p $B \"a\\\"b\" $C\n"
	set, s := parsed(t, src)
	words := s.Commands(nil)[0].Words
	if got := shown(set, words); got != `<exec><p><--x=1><--y=2><a"b><$C>` {
		t.Fatal(got)
	}
	for _, w := range words[:5] {
		for i := range w.Len() {
			if at := w.At(i); src[at.Offset] != w.String()[i] {
				t.Errorf("%s: byte %d is at %v", w.String(), i, set.Pos(at))
			}
		}
	}
	if at := set.Pos(words[2].At(0)); at.Line != 1 || at.Col != 4 {
		t.Errorf("--x is at %v", at)
	}
	if at := set.Pos(words[5].At(0)); at.Line != 4 {
		t.Errorf("$C is at %v", at)
	}
	if h := set.Holes(words[5]); len(h) != 1 || h[0] != (text.Hole{Name: "C", Expr: "$C"}) {
		t.Errorf("%v", h)
	}
}

// TestMasked: the holes of a template stay what they are.
func TestMasked(t *testing.T) {
	set := &text.Set{}
	masked, _ := set.Mask(set.Add("a.sh", "A=##NODE_IP##\np --x=$A --y={{ z }} $(f ##B1##) ${A:-1}\n"))
	s, err := shell.Parse(set, masked)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := shown(set, s.Commands(nil)[0].Words), "<p><--x=##NODE_IP##><--y={{ z }}><$(f ##B1##)><${A:-1}>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestVarsAndSources(t *testing.T) {
	set, s := parsed(t, `A=1; B="$A 2"; x && C=3; D=(a b); unset E; f() { G=1; }
[ -f /etc/x ] && . /etc/x
source "$A/y"
. $H/z
`)
	vars := s.Vars()
	got := map[string]string{}
	for name, v := range vars {
		got[name] = set.Show(v)
	}
	if want := map[string]string{"A": "1", "B": "1 2", "C": "${C}", "D": "${D}"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := shown(set, s.Sources()); got != "</etc/x><1/y><$H/z>" {
		t.Error(got)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"a\nb 'c\n", "2: reached EOF without closing quote `'`"},
		{"if a\n", "1: `if <cond>` must be followed by `then`"},
		{"#!/bin/dash\n\nA=(a)\n", "3: arrays: not in this shell's language"},
		{"a\n\u0080b", "2: control character U+0080"},
		{"a\x00", "1: control character U+0000"},
		{"cat <<A\nb\n", "1: unclosed here-document `A`"},
		{"a\xffb", "1: invalid UTF-8 encoding"},
		{strings.Repeat("(", 100000), "1: nested too deeply"},
		{strings.Repeat("( ", 300) + "a" + strings.Repeat(")", 300), "1: nested too deeply"},
		{strings.Repeat("a && ", 5000) + "a", "1: nested too deeply"},
		{strings.Repeat("if ", 300000), "1: nested too deeply"},
		{strings.Repeat("a | ", 250000) + "a", "1: nested too deeply"},
		{"((" + strings.Repeat("-!", 500000) + "1))", "1: nested too deeply"},
		{"a " + strings.Repeat(`"${A:-`, 170000), "1: nested too deeply"},
		{strings.Repeat("a()", 300000), "1: nested too deeply"},
		{strings.Repeat("time ", 200000), "1: nested too deeply"},
	} {
		set := &text.Set{}
		_, err := shell.Parse(set, set.Add("a.sh", c.src))
		var e *shell.Error
		if !errors.As(err, &e) || err.Error() != c.want {
			t.Errorf("%.40q: %v, want %s", c.src, err, c.want)
			continue
		}
		if got := set.Pos(e.At).Line; got != e.Line {
			t.Errorf("%.40q: at line %d, of %d", c.src, e.Line, got)
		}
	}
	// A bash script without its name, and sh that is bash.
	for _, src := range []string{"A=(a)", "#!/bin/sh\nA=(a)", "#!/usr/bin/env -S bash -e\nA=(a)", "#!/bin/bash\nA=(a)"} {
		parsed(t, src)
	}
}

// TestBounded: values that grow without end become holes, and take no time.
func TestBounded(t *testing.T) {
	for _, src := range []string{
		"A=aaaaaaaaaaaaaaaa\n" + strings.Repeat("A=$A$A\n", 100) + "p $A",
		"A=aaaaaaaaaaaaaaaa\n" + strings.Repeat("A+=$A\n", 100) + "p $A",
		"A=(aaaaaaaaaaaaaaaa)\n" + strings.Repeat("A+=(${A[@]})\n", 100) + "p ${A[@]}",
		"A=$B\n" + strings.Repeat("A=$A$A\n", 100) + "p $A",
		"A=aaaaaaaaaaaaaaaa\n" + strings.Repeat("set -- \"$@\" \"$@\" $A\n", 100) + "p $A",
		"A=$B; B=$A; p $A",
	} {
		set, s := parsed(t, src)
		size := 0
		for _, c := range s.Commands(nil) {
			for _, w := range c.Words {
				size += w.Len()
			}
		}
		if size > 4<<20 {
			t.Errorf("%.40q: %d bytes", src, size)
		}
		_ = set
	}
	for name, src := range map[string]string{
		"cut":       "A=" + strings.Repeat("a", 500000) + "\n" + strings.Repeat("p ${A%b} ${#A}\n", 30000),
		"functions": strings.Repeat("f() { f; A=1; }\nf\n", 50000),
		"calls":     "f() {\n" + strings.Repeat("A=1\nB=1\n", 50000) + "}\n" + strings.Repeat("f\n", 100000),
		"loops":     strings.Repeat("while x; do ", 80) + strings.Repeat("A=1; ", 100000) + strings.Repeat("done; ", 79) + "done",
		"cases":     "case x in\n" + strings.Repeat("a) B=1;;\n", 50000) + "esac",
		"tabs":      "cat <<-E\n" + strings.Repeat("\t", 500000) + "\nE\n",
		"lines":     "cat <<'E'F\n" + strings.Repeat("\\\n", 300000) + "\nEF\n",
		"literals":  "p " + strings.Repeat("\"$A\"\\\n", 100000),
	} {
		begin := time.Now()
		_, s := parsed(t, src)
		s.Commands(nil)
		if took := time.Since(begin); took > 20*time.Second { // it is well below one, unless the machine is busy
			t.Errorf("%s: %v", name, took)
		}
	}
	big := "A='" + strings.Repeat("a b ", 100000) + "'\n" + strings.Repeat("p $A\n", 10000)
	_, s := parsed(t, big)
	if got := len(s.Commands(nil)); got != 10000 {
		t.Error(got)
	}
}
