package systemd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"[A]\nB=c\n", "A.B=c@2:1/2:3"},
		{"[A]\r\nB=c\r\n", "A.B=c@2:1/2:3"},
		{"[A]\n  B = c d  \n", "A.B=c d@2:3/2:7"},
		{"[A]\nB=c \\\n  d\nE=f", "A.B=c    d@2:1/2:3 A.E=f@4:1/4:3"}, // white space stays
		{"[A]\nB=c \\\n# x \\\n; y\n d\n", "A.B=c   d@2:1/2:3"},
		{"[A]\nB=c \\\n\nD=e\n", "A.B=c@2:1/2:3 A.D=e@4:1/4:3"}, // an empty line ends it
		{"[A]\nB=c\\\\\nD=e\n", `A.B=c\\@2:1/2:3 A.D=e@3:1/3:3`},
		{"[A]\nB=c \\", "A.B=c@2:1/2:3"},
		{"[A]\nB=\n", "A.B=@2:1/-"},
		{"[A]\nB\n=c\nd=e\nX-F=g\n", "A.X-F=g@5:1/5:5 !2:1 !3:1 !4:1"},
		{"B=c\n[A]\n", "!1:1"},
		{"[A]\nB=c\\\\\n--d\nE=f\n--g\n", `A.B=c\\@2:1/2:3 A.E=f@4:1/4:3 !3:1(B) !5:1`},
		{"\ufeff[A]\nB=c", "A.B=c@2:1/2:3"},
		{"", ""},
		{"[A", `error 1:1: "[A" is no section: it has no ] at its end, and systemd refuses the unit`},
	} {
		set := &text.Set{}
		place := func(at text.At) string {
			p := set.Pos(at)
			return fmt.Sprintf("%d:%d", p.Line, p.Col)
		}
		u, err := Parse(set.Add("u", c.in))
		var got []string
		if err != nil {
			got = append(got, "error "+place(err.(*Error).At)+": "+err.Error()) //nolint:errorlint // its type is documented
			u = &Unit{}
		}
		for _, d := range u.Directives {
			value := "-"
			if d.Value.Len() > 0 {
				value = place(d.Value.At(0))
			}
			got = append(got, fmt.Sprintf("%s.%s=%s@%s/%s", d.Section, d.Name, d.Value, place(d.At), value))
		}
		for _, i := range u.Ignored {
			after := ""
			if i.After != nil {
				after = "(" + i.After.Name + ")"
			}
			got = append(got, "!"+place(i.At)+after)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q:\ngot  %s\nwant %s", c.in, s, c.want)
		}
	}
}

func TestValues(t *testing.T) {
	set := &text.Set{}
	u, err := Parse(set.Add("u", "[Service]\nExecStart=a\nExecStart=b\n[Unit]\nExecStart=c\n"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := Parse(set.Add("d", "[Service]\nExecStart=\nExecStart=d\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Values("Service", "ExecStart"); len(got) != 2 {
		t.Errorf("%d values", len(got))
	}
	u.Add(more)
	if got := u.Values("Service", "ExecStart"); len(got) != 1 || got[0].Value.String() != "d" {
		t.Errorf("%v", got)
	}
	if !u.Has("Unit") || u.Has("Install") {
		t.Error("sections")
	}
}

// TestCommands: systemd 252 itself says the same of each (see TestJudge in gen/artefact/command).
func TestCommands(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"/a b  c", "/a|b|c"},
		{`/a "b c" 'd e' f"g h"i ""`, "/a|b c|d e|fg hi|"},
		{`/a \x41\101\t\s\u00e4\q\\`, "/a|AA\t ä\\q\\"},
		{`/a 'b\'c' "d\"e"`, `/a|b'c|d"e`},
		{`/a \U0001F600 \x4 \9 \400`, `/a|😀|\x4|\9|\400`},
		{"/a b\\", `/a|b\`},
		{"/a $A ${A} x$A ${A}y", "/a|one|two|one two|x$A|one twoy"},
		{`/a "$A" '${A}'`, "/a|one|two|one two"},
		{"/a $EMPTY ${EMPTY} b", "/a||b"},
		{"/a $$A $${A} $ $- a$ ${A ${A:-b} ${}", "/a|$A|${A}|<$>|<$->|a$|${A|${A:-b}|<${}>"},
		{"/a ${B} $B %n %% %- 100%", "/a|<${B}>|<$B>|<%n>|%|%-|100%"},
		{`/a \; ; /b c ;/d`, `/a|; & /b|c|;/d`},
		{"-@/a argv0 b", "[-@]/a|b"},
		{":/a $A ${A} $$", "[:]/a|$A|${A}|$$"},
		{"+!!/a", "[+!!]/a"},
		{"", ""},
		{`/a "b`, "error 1:4: a quote is not closed"},
		{"/a %x", "error 1:4: %x is no specifier of systemd, which refuses the line: %% stands for %"},
	} {
		set := &text.Set{}
		env := map[string]text.Text{"A": set.Add("e", "one two"), "EMPTY": {}}
		lines, err := Commands(set, set.Add("u", c.in), env)
		var got []string
		for _, l := range lines {
			words := []string{l.Program.String()}
			if l.Prefixes != "" {
				words[0] = "[" + l.Prefixes + "]" + words[0]
			}
			for _, a := range l.Args {
				words = append(words, set.Fill(a, func(h text.Hole) string { return "<" + h.Expr + ">" }))
			}
			got = append(got, strings.Join(words, "|"))
		}
		s := strings.Join(got, " & ")
		if err != nil {
			p := set.Pos(err.(*Error).At) //nolint:errorlint // its type is documented
			s = fmt.Sprintf("error %d:%d: %v", p.Line, p.Col, err)
		}
		if s != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.in, s, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`A=b C="d e" "F=g h" 'I=\x41'`, "A=b|C=d e|F=g h|I=A"},
		{"A=%H%%", "A=<%H>%"},
		{"A=1 B-C=2 D 1E=3 F=4", "A=1|F=4|!B-C=2|!D|!1E=3"},
		{`A=1 B=\q C=2`, `A=1|error "\\q" is no escape`}, // and not C
		{`A=1 B=a\ b`, `A=1|error "\\ " is no escape`},
		{"A=$B ${C}", "A=$B|!${C}"}, // no variables here
		{"A=%x B=1", "B=1|!A=%x"},
		{"", ""},
	} {
		set := &text.Set{}
		vars, ignored, err := Environment(set, set.Add("u", c.in))
		var got []string
		for _, v := range vars {
			got = append(got, v.Name+"="+set.Fill(v.Value, func(h text.Hole) string { return "<" + h.Expr + ">" }))
		}
		for _, w := range ignored {
			got = append(got, "!"+w.String())
		}
		if err != nil {
			got = append(got, "error "+err.Error())
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.in, s, c.want)
		}
	}
}

func TestEnvFile(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"A=b\nC = d e  \n", "A=b@1:1|C=d e@2:1"},
		{"A='b $c \\n'\nD=\"e\\\"f\\$g\\h\\\ni\"\n", `A=b $c \n@1:1|D=e"f$g\hi@2:1`},
		{"A=\"b\nc\"\nD=e", "A=b\nc@1:1|D=e@3:1"},
		{"A=\"b\"'c'd  e \n", "A=bcd  e@1:1"},
		{"A=b \"c\" # d\n", `A=b "c" # d@1:1`}, // quotes only begin a value, and # only a line
		{"A=b\\\nc\\d\n", "A=bcd@1:1"},
		{"# A=b\n;C=d\n E=f", "E=f@3:2"},
		{"# a \\\nB=c\nD=e\n", "B=c@2:1!|D=e@3:1"},
		{"export A=b\n1B=c\n", "export A=b@1:1?|1B=c@2:1?"},
		{"A=b\r\nC=d\r\n", "A=b@1:1|C=d@2:1"},
		{"A\nB=\nC", "B=@2:1|-A|-C"},
		{"A='b", "A=b@1:1"},
		{"", ""},
	} {
		set := &text.Set{}
		vars, ignored := EnvLines(set.Add("e", c.in))
		var got []string
		for _, v := range vars {
			p := set.Pos(v.At)
			s := fmt.Sprintf("%s=%s@%d:%d", v.Name, v.Value, p.Line, p.Col)
			if v.Commented {
				s += "!"
			}
			if !v.Valid() {
				s += "?"
			}
			got = append(got, s)
		}
		for _, l := range ignored {
			got = append(got, "-"+l.String())
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%q\ngot  %q\nwant %q", c.in, s, c.want)
		}
	}
}

// inside checks that all bytes of a text come from the file.
func inside(t *testing.T, data string, ts ...text.Text) {
	t.Helper()
	for _, x := range ts {
		for i := range x.Len() {
			if at := x.At(i); int(at.Offset) >= len(data) {
				t.Fatalf("%q: byte %d of %q is at %d", data, i, x, at.Offset)
			}
		}
	}
}

// FuzzParse: a unit is parsed or refused, and so are its commands. All that it has is at a
// place in the file, and isn't longer than that.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "[Service]\nExecStart=/a \\\n  b\n", "[A", "[]\n=", "a=b", "[A]\nB=c\\\\\n--d", "[Service]\r\nExecStart=/a \"b\" %% $A ${A}\r\n", "[Service]\nEnvironment=A=\\x41 'B=c'\nEnvironment=", "\ufeff[A]", "[Service]\nExecStart=@-/a b \\; ; /c", "\\\n\\\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if strings.ContainsAny(data, text.Reserved) {
			return
		}
		set := &text.Set{}
		u, err := Parse(set.Add("u", data))
		if err != nil {
			return
		}
		size := 0
		for _, d := range u.Directives {
			inside(t, data, d.Value)
			size += len(d.Name) + 1 + d.Value.Len()
			env := map[string]text.Text{"A": d.Value}
			if lines, err := Commands(set, d.Value, env); err == nil {
				for _, l := range lines {
					inside(t, data, append(slices.Clone(l.Args), l.Program)...)
				}
			}
			if vars, others, err := Environment(set, d.Value); err == nil {
				inside(t, data, others...)
				for _, v := range vars {
					inside(t, data, v.Value)
				}
			}
		}
		for _, i := range u.Ignored {
			inside(t, data, i.Line)
			size += i.Line.Len()
		}
		if size > len(data) {
			t.Errorf("%q: %d bytes of %d", data, size, len(data))
		}
	})
}

// FuzzEnvFile: what is read is at its place in the file, in the file's order.
func FuzzEnvFile(f *testing.F) {
	for _, s := range []string{"", "A=b\n", "A='b\nc'\n", "A=\"b\\\"c\\\nd\"", "# a \\\nB=c", "A=b\\\nc", "export A=b", "A", "=", "A=b\r\n", "A=\\", "A=\"\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		set := &text.Set{}
		vars, ignored := EnvLines(set.Add("e", data))
		inside(t, data, ignored...)
		last, size := int32(-1), 0
		for _, v := range vars {
			inside(t, data, v.Value)
			if v.At.Offset <= last && len(v.Name) > 0 {
				t.Errorf("%q: %s is at %d after %d", data, v.Name, v.At.Offset, last)
			}
			last = v.At.Offset
			size += len(v.Name) + 1 + v.Value.Len()
		}
		if size > len(data) {
			t.Errorf("%q: %d bytes of %d", data, size, len(data))
		}
	})
}

// TestEmptySection: a drop-in may have a section and nothing in it.
func TestEmptySection(t *testing.T) {
	var set text.Set
	u, err := Parse(set.Add("f", "[Service]\n\n"))
	if err != nil || !u.Has("Service") || u.Has("Unit") {
		t.Errorf("%+v, %v", u, err)
	}
}
