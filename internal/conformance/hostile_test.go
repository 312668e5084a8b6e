package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// hostileValues returns 360 flag values that a parser could misread. None is refused: they
// have no control characters.
func hostileValues() []string {
	values := []string{
		"", " ", "  ", "a b", " leading", "trailing ", " both ", "a  b", `"`, `""`, `"a"`, `"a`, `a"`, `'`, `''`, `'a'`, `'a`, `a'`, `"'"'`, `\`, `\\`, `\\\`, `a\`, `\a`, `\n`, `\t`, `\x41`, `\x00`,
		`\u0041`, `\U00000041`, `\101`, `\s`, `\"`, `\'`, `\;`, `\ `, `" \`, "%", "%%", "%%%", "%n", "%i", "%H", "%h/x", "100%", "%%n", "%{x}", "$", "$$", "$$$", "$HOME", "$$HOME", "${HOME}", "$${HOME}", "${", "$}",
		"${HOME", "$HOME$HOME", "a$HOME", "a ${HOME} b", "$(id)", "`id`", ";", " ; ", "a ; b", "; /bin/sh -c id", "#", " # a", "#a", "a #b", "//", "=", "==", "=a", "a=b", "--", "-", "--v=9", " --v=9", "- a", "-",
		"@", "!", "!!", "+", ":", "|", "||", "&", "&&", "<", ">", ">>", "<<EOF", "*", "?", "[a]", "{a,b}", "~", "~root", "^", "!a", "(a)", "a,b", ",", ",,", "é", "ü ñ", "漢字", "🙂", "👩‍👩‍👧", "e\u0301",
		"\u00a0", "a\u00a0b", "\u200b", "\u200e\u202eabc", "\ufeff", "\ufeffa", "\u3000", "\u00ad", "\U000e0041", "\U0010fffd",
		"yes", "no", "on", "off", "y", "n", "true", "True", "null", "~", "Null", "1e3", "0x10", "0o7", "1_000", "012", ".inf", ".nan", "+1", "2026-01-01", "12:30:45", "!!str a", "&a b", "*a", "- a", "? a", ": a", "a: b", "a:", "{}", "[]",
		"{a: b}", "[a, b]", "| a", "> a", "%YAML 1.2", "---", "...", "@generation@", "@a", "`a", "key: \"v\"", "'a': b", "a # b", "<<: *a", "\\u2028", "{{.A}}", "a\\nExecStart=/bin/sh", "ExecStart=/bin/sh", "[Service]", "RUN id",
		strings.Repeat("x", 1500), strings.Repeat("x ", 750), strings.Repeat(`"`, 1000), strings.Repeat(`\`, 999), strings.Repeat("%", 1000), strings.Repeat("$", 1000), strings.Repeat("漢", 500), strings.Repeat(`\x41`, 375),
		strings.Repeat("word ", 300), strings.Repeat("é ", 600), strings.Repeat("--v=9 ", 250),
	}
	// The seed is fixed: a failure can be repeated.
	r := rand.New(rand.NewPCG(19, 18))
	pieces := []string{" ", "  ", `"`, `'`, `\`, "%", "$", "${", "}", "{", ";", "#", "=", "-", "--", "%n", "$$", `\x41`, `\n`, `\"`, "a", "Z", "0", "é", "漢", "🙂", "\u00a0", "\u3000", ":", ",", "&", "|", "*", "~", "@", "`", "(", "<"}
	for len(values) < 360 {
		var b strings.Builder
		for range 1 + r.IntN(24) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		values = append(values, b.String())
	}
	return values
}

// hostileFlags returns CUE for a cluster's flags with these values, and the arguments in the
// order of the command line.
func hostileFlags(values []string) (string, []string) {
	var cue strings.Builder
	var args []string
	// A version without data accepts flags of every name and value.
	cue.WriteString("version: \"v1.99.0\"\nflags: {\n")
	for i, v := range values {
		name := fmt.Sprintf("zz-%04d", i)
		fmt.Fprintf(&cue, "%q: %s\n", name, quoted(v))
		args = append(args, "--"+name+"="+v)
	}
	cue.WriteString("}\n")
	return cue.String(), args
}

// refusedRunes are the characters that no value may have: control characters (also C1), the
// replacement character, line separators, and noncharacters (systemd ignores a line with
// one).
func refusedRunes() []rune {
	var out []rune
	for r := rune(0); r < 0xa0; r++ {
		if r < ' ' || r >= 0x7f {
			out = append(out, r)
		}
	}
	return append(out, '\ufffd', '\u2028', '\u2029', '\ufdd0', '\ufdef', '\ufffe', '\uffff', '\U0001fffe', '\U0010ffff')
}

// refusal returns the error that a character would cause.
func refusal(r rune) string {
	switch {
	case r == '\u2028' || r == '\u2029':
		return "line separators"
	case r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe:
		return "noncharacters"
	}
	return "control characters"
}
