package finding

import (
	"strconv"
	"strings"
)

// Label quotes a label if CUE needs it quoted.
func Label(s string) string {
	switch letters, plain := classes(s); {
	case letters && s != "" && (s[0] < '0' || s[0] > '9') || s == "*" || strings.HasPrefix(s, "["):
		return s
	case plain: // as strconv.Quote does, in less time
		return `"` + s + `"`
	}
	return strconv.Quote(s)
}

// classes reports whether a text has only characters of identifiers, and whether it has only
// those and others that no quoting changes.
func classes(s string) (identifier, plain bool) {
	identifier, plain = true, true
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '#', c == '$':
			identifier = identifier && (c != '#' || s[0] == '#')
		case c == '-', c == '.', c == '/', c == ':', c == '@', c == ' ', c == ',', c == '=', c == '+':
			identifier = false
		default:
			return false, false
		}
	}
	return identifier && strings.LastIndexByte(s, '#') < 1, plain
}

// Path joins labels to a path as CUE writes it: nodes."cp-1".address. An index
// is a label of the form [0].
func Path(labels ...string) string {
	var b strings.Builder
	for i, l := range labels {
		if i > 0 && !strings.HasPrefix(l, "[") {
			b.WriteByte('.')
		}
		b.WriteString(Label(l))
	}
	return b.String()
}

// Labels splits a path into its labels: it is the inverse of Path.
func Labels(path string) []string {
	out := make([]string, 0, 4)
	for i := 0; i < len(path); {
		n := labelAt(path[i:])
		if n == 0 {
			i++ // a dot, or a bracket or a quotation mark that nothing closes
			continue
		}
		l := path[i : i+n]
		if l[0] == '"' {
			if u, err := strconv.Unquote(l); err == nil {
				l = u
			}
		}
		out = append(out, l)
		i += n
	}
	return out
}

// labelAt returns the length of the label at a text's begin; 0 if there is none.
func labelAt(s string) int {
	switch s[0] {
	case '.':
		return 0
	case '"':
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return 0
	case '[':
		digits := len(s[1:]) - len(strings.TrimLeft(s[1:], "0123456789"))
		if digits > 0 && digits+1 < len(s) && s[digits+1] == ']' {
			return digits + 2
		}
		return 0
	}
	if n := strings.IndexAny(s, `.["`); n >= 0 {
		return n
	}
	return len(s)
}
