package spec

import (
	"strings"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

// PlainLine reports whether every parser reads a text as one line: it is UTF-8 without
// control characters, line separators (which end a line in YAML 1.1) and noncharacters
// (systemd ignores a line that has one).
func PlainLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' ||
			r == '\ufffd' || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe
	})
}

// PlainText is PlainLine for text of more than one line.
func PlainText(s string) bool {
	return PlainLine(strings.NewReplacer("\n", "", "\t", "").Replace(s))
}

var dnsName = lazy.Regexp(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// IsName reports whether a text is a DNS-1123 subdomain, as names of clusters and nodes
// must be: the schema's #Name.
func IsName(s string) bool { return len(s) <= 253 && dnsName().MatchString(s) }

// ShellWord quotes a text as one word for sh, if it needs quotes.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_./@:+=-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
