package show

import (
	"strings"
	"unicode"

	"github.com/kcmgen/kcmgen/gen/review"
)

// visible replaces what a terminal or a browser would obey instead of showing it: control
// characters, and those that change the direction of a text. Lines are joined.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(strings.ReplaceAll(s, "\n", ", "), "\t", " "), "\ufffd"))
}

// The longest value, and how much of it precedes the first difference if it is cut.
const (
	longest = 160
	context = 40
)

// values returns two values as they are shown: long ones are cut around the first
// difference. A side that isn't there is "".
func values(c review.Change) (old, now string) {
	a, b := []rune{}, []rune{}
	if c.Old != nil {
		a = []rune(visible(c.Old.Text))
	}
	if c.New != nil {
		b = []rune(visible(c.New.Text))
	}
	if c.Kind == review.OfFile { // lines of files are indented
		if x, y := strings.TrimSpace(string(a)), strings.TrimSpace(string(b)); x != y {
			a, b = []rune(x), []rune(y)
		}
	}
	from := 0
	if len(a) > longest || len(b) > longest {
		same := 0
		for same < len(a) && same < len(b) && a[same] == b[same] {
			same++
		}
		from = max(0, same-context)
	}
	return cut(a, from), cut(b, from)
}

// cut returns the part of a text from a rune on.
func cut(s []rune, from int) string {
	from = min(from, len(s))
	out := string(s[from:min(len(s), from+longest)])
	if from > 0 {
		out = "…" + out
	}
	if from+longest < len(s) {
		out += "…"
	}
	return out
}

// short is a text of a person's length.
func short(s string, most int) string {
	r := []rune(visible(s))
	if len(r) > most {
		return string(r[:most]) + "…"
	}
	return string(r)
}
