package systemdtest

import "strings"

// envFile makes an environment file with quotes of all kinds.
func (g generator) envFile() string {
	var b strings.Builder
	for range g.IntN(7) {
		b.WriteString(g.one("", "", "", " ", "\t", "# a comment\n", "; one \\ two\n", "#\n", "\n", "\\\n", "no assignment\n"))
		b.WriteString(g.one("", "", "", "", "export ") + g.name() + g.one("", "", "", " ") + "=" + g.one("", "", " ", "\t") + g.envValue())
		b.WriteString(g.one("\n", "\n", "\n", "\r\n", "\r", " \n", "\t\n"))
	}
	out := b.String()
	if g.some(5) {
		out = strings.TrimRight(out, "\r\n")
	}
	if g.some(8) {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	return out
}

func (g generator) envValue() string {
	var b strings.Builder
	for range g.IntN(4) {
		switch g.IntN(4) {
		case 0:
			b.WriteString(`"` + g.envInner(`"`) + `"`)
		case 1:
			b.WriteString("'" + g.envInner("'") + "'")
		default:
			b.WriteString(g.one("x", "a b", " ", "  ", "\t", "--a --b", `\`+"\n", `\`+"\n  ", `\"`, `\'`, `\x41`, `\\`, `\ `, "#", " # no comment", ";", "$A", "${A}", "$$", "=", "%n", "%%", "é"))
		}
	}
	if g.some(15) {
		b.WriteString(g.one(`"`, "'", `\`)) // it goes on to the next one
	}
	return b.String()
}

func (g generator) envInner(quote string) string {
	var b strings.Builder
	for range g.IntN(5) {
		b.WriteString(g.one("a b", " ", "\t", "\n", "\n  ", "x", "--a", " --b", `\`+"\n", `\"`, `\\`, "\\`", `\$`, `\'`, `\n`, `\x41`, "#", "\n# x\n", ";", "$A", "=", "é", map[string]string{`"`: "'", "'": `"`}[quote]))
	}
	return b.String()
}
