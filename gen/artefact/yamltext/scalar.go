package yamltext

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// scalar returns the decoded value of a scalar, each byte with its place.
func (s *source) scalar(n *yaml.Node) text.Text {
	out, _ := s.align(n)
	return out
}

// align also reports whether each byte was found. If not, the rest is where the last byte
// was.
func (s *source) align(n *yaml.Node) (text.Text, bool) {
	a := aligner{source: s, i: s.content(s.at(n.Line, n.Column)), value: n.Value}
	style := n.Style &^ (yaml.TaggedStyle | yaml.FlowStyle)
	mark, quoted := map[yaml.Style]byte{yaml.DoubleQuotedStyle: '"', yaml.SingleQuotedStyle: '\'', yaml.LiteralStyle: '|', yaml.FoldedStyle: '>'}[style]
	exact := !quoted || a.i < len(s.s) && s.s[a.i] == mark
	switch {
	case !exact:
	case style == yaml.LiteralStyle || style == yaml.FoldedStyle:
		a.block()
	default:
		if quoted {
			a.i++
		}
		a.flow(mark)
	}
	exact = exact && a.value == ""
	a.out.Literal(a.value, a.t.At(a.i))
	return a.out.Text(), exact
}

// aligner finds a decoded value in its source.
type aligner struct {
	*source
	i     int    // the next byte of the source
	value string // what is to be found
	out   text.Builder
}

// take takes bytes of the value that stand for what is at a position.
func (a *aligner) take(n, at int) {
	a.out.Literal(a.value[:n], a.t.At(at))
	a.value = a.value[n:]
}

// same takes bytes that are in the source as in the value.
func (a *aligner) same(n int) bool {
	if a.i+n > len(a.s) || !strings.HasPrefix(a.value, a.s[a.i:a.i+n]) {
		return false
	}
	a.out.Write(a.t.Slice(a.i, a.i+n))
	a.value = a.value[n:]
	a.i += n
	return true
}

// flow takes a plain or quoted value.
func (a *aligner) flow(quote byte) {
	for a.value != "" && a.i < len(a.s) {
		ok := false
		switch c := a.s[a.i]; {
		case c == ' ' || c == '\t' || lineBreak(a.s, a.i) > 0:
			ok = a.space(false)
		case c == '\'' && quote == c && strings.HasPrefix(a.s[a.i:], "''") && a.value[0] == c:
			a.take(1, a.i)
			a.i += 2
			ok = true
		case c == '\\' && quote == '"':
			ok = a.escape()
		default:
			ok = a.same(1)
		}
		if !ok {
			return
		}
	}
}

// space takes blanks and folded line breaks. All breaks stay if the first was escaped.
func (a *aligner) space(escaped bool) bool {
	end := a.i
	var breaks []int
	for end < len(a.s) {
		n := lineBreak(a.s, end)
		if n == 0 && a.s[end] != ' ' && a.s[end] != '\t' {
			break
		}
		if n > 0 {
			breaks = append(breaks, end)
		}
		end += max(n, 1)
	}
	if len(breaks) == 0 && !escaped {
		return a.same(end - a.i)
	}
	if !escaped && breakValue(a.s[breaks[0]:breaks[0]+lineBreak(a.s, breaks[0])]) == "\n" {
		if len(breaks) == 1 {
			if a.value[0] != ' ' {
				return false
			}
			a.take(1, breaks[0])
		}
		breaks = breaks[1:]
	}
	for _, at := range breaks {
		if !a.newline(at) {
			return false
		}
	}
	a.i = end
	return true
}

// newline takes the line break at a position as it is in values.
func (a *aligner) newline(at int) bool {
	want := breakValue(a.s[at : at+lineBreak(a.s, at)])
	if !strings.HasPrefix(a.value, want) {
		return false
	}
	a.take(len(want), at)
	return true
}

// escape takes what a backslash begins.
func (a *aligner) escape() bool {
	if n := lineBreak(a.s, a.i+1); n > 0 {
		a.i += 1 + n
		return a.space(true)
	}
	length := 2
	if a.i+1 < len(a.s) {
		length += map[byte]int{'x': 2, 'u': 4, 'U': 8}[a.s[a.i+1]]
	}
	_, n := utf8.DecodeRuneInString(a.value)
	a.take(n, a.i)
	a.i = min(a.i+length, len(a.s))
	return true
}

// block takes a literal or folded value, whose lines are indented.
func (a *aligner) block() {
	a.i = a.lineEnd(a.i)
	a.i += lineBreak(a.s, a.i)
	// Leading empty lines are in both styles what they are in the source.
	content := strings.TrimLeft(a.value, "\n\u2028\u2029")
	for len(a.value) > len(content) {
		at := a.lineEnd(a.i)
		if lineBreak(a.s, at) == 0 || !a.newline(at) {
			return
		}
		a.i = at + lineBreak(a.s, at)
	}
	// The indentation may be given relative to what isn't known here. It is what the first
	// line has more than its value.
	indent := blanksAt(a.s[a.i:]) - blanksAt(a.value)
	for a.value != "" {
		a.i += min(max(indent, 0), blanksAt(a.s[a.i:]))
		if !a.same(a.lineEnd(a.i)-a.i) || a.value == "" || !a.breaks(indent) {
			return
		}
	}
}

// breaks takes the line breaks after a line, up to the next line with content.
func (a *aligner) breaks(indent int) bool {
	n := lineBreak(a.s, a.i)
	if n == 0 {
		return false
	}
	if a.value[0] == ' ' {
		a.take(1, a.i)
		a.i += n
		return true
	}
	at := []int{a.i}
	for a.i += n; ; {
		end := a.i + min(max(indent, 0), blanksAt(a.s[a.i:]))
		n := lineBreak(a.s, end)
		if n == 0 {
			break
		}
		at = append(at, end)
		a.i = end + n
	}
	taken := 0
	for ; strings.HasPrefix(a.value, "\n"); taken++ {
		a.take(1, at[min(taken, len(at)-1)])
	}
	return taken > 0
}

// lineEnd returns where the line of a position ends, before its break.
func (a *aligner) lineEnd(i int) int {
	for i < len(a.s) && lineBreak(a.s, i) == 0 {
		i++
	}
	return i
}

// blanksAt counts the blanks that a text begins with.
func blanksAt(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }
