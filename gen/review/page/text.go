package page

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is the number of characters of a value that are shown.
const longest = 4000

// show returns a text as people can read it: what a screen doesn't show, or what changes
// the order of what it shows, is written as an escape, so that two values that differ look
// different. A long text is cut.
func show(v any) string {
	if p, ok := v.(*string); ok {
		v = *p
	}
	s := fmt.Sprint(v)
	if strings.IndexFunc(s, hidden) < 0 && len(s) <= longest {
		return s
	}
	var b strings.Builder
	shown := 0
	for i := 0; i < len(s); {
		if shown == longest {
			fmt.Fprintf(&b, "… (%s more bytes)", number(len(s)-i))
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case hidden(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
		i += size
		shown++
	}
	return b.String()
}

// hidden reports whether a character has no shape of its own.
func hidden(r rune) bool {
	return r != '\n' && r != '\t' && (r == utf8.RuneError || !unicode.IsPrint(r))
}

// number returns a number with a comma after each third digit.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count returns a number with its noun, which gets an s.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + plural(noun)
}

func plural(noun string) string {
	if strings.HasSuffix(noun, "s") {
		return noun + "es"
	}
	return noun + "s"
}

// percent returns a share from 0 to 1, with enough digits to tell it from none.
func percent(share float64) string {
	switch p := share * 100; {
	case p == 0:
		return "0 %"
	case p < 0.01:
		return "less than 0.01 %"
	case p < 10:
		return strconv.FormatFloat(p, 'g', 2, 64) + " %"
	default:
		return strconv.FormatFloat(p, 'f', 0, 64) + " %"
	}
}

// fit cuts a text to a number of columns of a picture.
func fit(s string, most int) string {
	s = show(s)
	width, cut := 0, 0 // cut is where the text ends if it has to
	for i, r := range s {
		if width <= most-1 {
			cut = i
		}
		if width += columns(r); width > most {
			return s[:cut] + "…"
		}
	}
	return s
}

// columns returns how many columns of a monospaced font a character takes: two if it is
// one of those of East Asia, or a picture.
func columns(r rune) int {
	if unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r >= 0xff00 && r < 0xff61 || r >= 0x1f300 {
		return 2
	}
	return 1
}

// list joins words with commas and "and".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
