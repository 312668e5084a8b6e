// Package systemdtest makes units and environment files for tests that compare what this
// module reads in them with what systemd does. They are full of quotes, escapes, variables and
// continued lines.
package systemdtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
)

// Case is a unit of its own, with the files that belong to it.
type Case struct {
	Name string // of the unit, with .service
	Unit string
	// DropIns are files in the directory NAME.d, by their name.
	DropIns map[string]string
	// Env are environment files by their path on the host.
	Env map[string]string
}

// Cases makes n units, which a seed decides. Each starts the program once, with the first
// argument Mark + OUT/NAME: see Print. dir is where its environment files are on the host.
func Cases(seed uint64, n int, program, out, dir string) []Case {
	list := make([]Case, 0, n)
	for i := range n {
		g := generator{rand.New(rand.NewPCG(seed, uint64(i)))} //nolint:gosec // no secret, and i isn't negative
		name := fmt.Sprintf("case-%04d.service", i)
		list = append(list, g.unit(name, fmt.Sprintf("%s %s%s/%s", program, Mark, out, name), dir))
	}
	return list
}

// Mark begins the first argument of a case. The name of the file to write follows it.
const Mark = "print:"

// Print writes the arguments after the first one of a program that a case starts, each with a
// NUL at its end, to the file that the first one names. It returns false, and writes nothing,
// if that has no Mark.
func Print(args []string) (bool, error) {
	if len(args) < 2 || !strings.HasPrefix(args[1], Mark) {
		return false, nil
	}
	var b strings.Builder
	for _, a := range args[2:] {
		b.WriteString(a + "\x00")
	}
	name := strings.TrimPrefix(args[1], Mark)
	if err := os.WriteFile(name+".new", []byte(b.String()), 0o600); err != nil {
		return true, err
	}
	return true, os.Rename(name+".new", name)
}

type generator struct{ *rand.Rand }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

// some is true in one of n cases.
func (g generator) some(n int) bool { return g.IntN(n) == 0 }

// unit makes a unit. start is the begin of its command.
func (g generator) unit(name, start, dir string) Case {
	c := Case{Name: name, DropIns: map[string]string{}, Env: map[string]string{}}
	exec := "ExecStart=" + g.one("", "", "", "-", "+", ":", "!", "@", "-@", ":-")
	command := g.command(exec, start)
	var b strings.Builder
	b.WriteString("[Unit]\nDescription=a \\\n  b\n[Service]\nType=oneshot\n")
	lines := g.environment(c.Env, dir+"/"+name)
	switch g.IntN(5) {
	case 0: // the command is reset
		lines = append(lines, "ExecStart=/bin/false "+g.one("a", `"a b"`, `\\`, "${A}"), "ExecStart="+g.one("", " ", " \t"))
	case 1: // in a drop-in
		c.DropIns["10-exec.conf"] = "[Service]\nExecStart=\n" + command + "\n"
		lines, command = append(lines, "ExecStart=/bin/false"), ""
	}
	for _, l := range append(lines, command) {
		if l != "" {
			b.WriteString(g.one("", "", "", "# a comment \\\n", "; another\n", "\n", "  \t\n") + l + "\n")
		}
	}
	c.Unit = b.String()
	if g.some(4) {
		c.DropIns["20-environment.conf"] = "[Service]\n" + strings.Join(g.environment(c.Env, dir+"/"+name+".more"), "\n") + "\n"
	}
	if g.some(8) {
		c.Unit = strings.ReplaceAll(c.Unit, "\n", "\r\n")
	}
	if g.some(8) {
		c.Unit = strings.TrimRight(c.Unit, "\r\n")
	}
	return c
}

// command makes a line ExecStart= with words of all kinds.
func (g generator) command(exec, start string) string {
	program, first, _ := strings.Cut(start, " ")
	if strings.Contains(exec, "@") {
		program += " " + g.one("argv0", `"argv 0"`, "a$A", `\x41`)
	}
	var b strings.Builder
	b.WriteString(exec + program + g.gap() + first)
	for range g.IntN(9) {
		b.WriteString(g.gap() + g.word())
	}
	if g.some(6) {
		b.WriteString(g.gap() + ";" + g.gap() + "/bin/true " + g.word())
	}
	b.WriteString(g.one("", "", " ", "\t", " \\\n  # the end\n", ` \ `, " a\\\t"))
	return b.String()
}

// gap makes white space between two words.
func (g generator) gap() string {
	return g.one(" ", " ", " ", "  ", "\t", " \\\n", " \\\n  ", "\\\n", "\\\n\t", " \\\n# a comment\n  ", " \\\n  ; one \\\n  # two\n ", "\\\n \\\n ")
}

// word makes a word of an ExecStart line.
func (g generator) word() string {
	var b strings.Builder
	if g.some(2) {
		b.WriteString(g.one("--flag=", "--f=a,b=", "-v="))
	}
	for i := range 1 + g.IntN(3) {
		switch g.IntN(5) {
		case 0:
			b.WriteString(`"` + g.inner(`"`) + `"`)
		case 1:
			b.WriteString("'" + g.inner("'") + "'")
		default:
			b.WriteString(g.bare(i == 0))
		}
	}
	return b.String()
}

// bare makes a part of a word outside of quotes.
func (g generator) bare(first bool) string {
	out := g.one("a", "b1", "é", "a=b", "%%", "%n", "%N", "100%%", "%-", "%.", "$$", "$$A", "${A}", "${B}", "${C}", "${D}", "${UNSET}", "${E", "$A", "$B", "$C", "$UNSET", "$A-b", "$", "}", "${A:-x}", "${}",
		`\x41`, `\101`, `\t`, `\n`, `\s`, `\\`, `\"`, `\'`, `\u00e4`, `\q`, `\x4`, `\9`, `\$`, `\%%`, `\a`, "*", "~", "|", ">", "&", "#", "a#b", "a;b", "=", ":")
	if first && g.some(12) {
		out = g.one(`\;`, ";x", `";"`, "''", `""`)
	}
	return out
}

// inner makes what is within quotes.
func (g generator) inner(quote string) string {
	var b strings.Builder
	for range g.IntN(4) {
		b.WriteString(g.one("a b", " ", "\t", "x", "%%", "$$", "${A}", "$A", "${C}", `\t`, `\\`, `\x41`, `\"`, `\'`, `\q`, "#", ";", "=", map[string]string{`"`: "'", "'": `"`}[quote], "é", " \\\n  x"))
	}
	return b.String()
}

// environment makes lines Environment= and EnvironmentFile=.
func (g generator) environment(files map[string]string, at string) []string {
	var out []string
	for range g.IntN(4) {
		line := "Environment="
		for range g.IntN(4) {
			line += g.assignment() + g.one(" ", " ", "\t", " \\\n  ", " \\\n # x\n")
		}
		out = append(out, line)
	}
	for i := range g.IntN(3) {
		name := fmt.Sprintf("%s.%d.env", at, i)
		if g.some(6) {
			out = append(out, "EnvironmentFile=-"+name+".missing")
		}
		files[name] = g.envFile()
		out = append(out, "EnvironmentFile="+g.one("", "-")+name)
		if g.some(10) {
			out = append(out, "EnvironmentFile=")
		}
	}
	return out
}

func (g generator) name() string {
	return g.one("A", "B", "C", "D", "A", "B", "C", "D", "E", "AB", "_A", "1A", "A-B", "A.B", "")
}

// assignment makes a word of Environment=.
func (g generator) assignment() string {
	value := g.one("x", "", "a=b", `\x41`, `\t`, `"x y"`, "'x y'", `"a"b'c'`, "%n", "%%", "$B", "${B}", "$$", "--a --b", `\q`, `a\ b`, "é", "--c='d e'", `\\`)
	switch g.IntN(4) {
	case 0:
		return `"` + g.name() + "=" + strings.ReplaceAll(value, `"`, `\"`) + `"`
	case 1:
		return "'" + g.name() + "=" + strings.ReplaceAll(value, "'", `\'`) + "'"
	}
	return g.name() + "=" + value
}
