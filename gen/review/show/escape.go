package show

import (
	"strings"
	"unicode"
)

// code returns a text as a code span of Markdown, which shows it as it is. In it, nothing
// is a mention, a reference or a command.
func code(s string) string {
	s = visible(s)
	if strings.TrimSpace(s) == "" {
		return `""`
	}
	most, run := 0, 0
	for _, r := range s {
		run++
		if r != '`' {
			run = 0
		}
		most = max(most, run)
	}
	fence := strings.Repeat("`", most+1)
	if most > 0 || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " " // one space on each side isn't shown
	}
	return fence + s + fence
}

// plain returns a text as Markdown that shows it as it is: no emphasis, link, HTML, mention
// of a user or reference to an issue comes of it.
func plain(s string) string {
	var b strings.Builder
	rs := []rune(visible(s))
	for i, r := range rs {
		next := ' '
		if i+1 < len(rs) {
			next = rs[i+1]
		}
		switch {
		case strings.ContainsRune("\\`*_[]<>&|", r), i == 0 && strings.ContainsRune("+-=", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case (r == '.' || r == ')') && numeric(rs[:i]): // 1. begins a list
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == ':' && next == '/', r == '.' && i >= 3 && strings.EqualFold(string(rs[i-3:i]), "www"): // http:// and www. become links
			b.WriteByte('\\')
			b.WriteRune(r)
		case strings.ContainsRune("@#!~%$^", r):
			b.WriteByte('\\')
			b.WriteRune(r)
			if next == '"' || unicode.IsLetter(next) || unicode.IsDigit(next) {
				b.WriteString("&#8203;") // GitHub and GitLab look for mentions after Markdown is read
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// numeric reports whether a text is a number.
func numeric(rs []rune) bool {
	for _, r := range rs {
		if r < '0' || r > '9' {
			return false
		}
	}
	return len(rs) > 0
}
