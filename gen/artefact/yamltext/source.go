package yamltext

import (
	"strings"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// source finds places in a text by the lines and columns of the library.
type source struct {
	t     text.Text
	s     string
	lines []int // where each begins

	// Where the last search ended: a long line isn't counted again for each of its nodes.
	line, column, offset int
}

func newSource(t text.Text) *source {
	s := &source{t: t, s: t.String(), lines: []int{0}}
	for i := 0; i < len(s.s); {
		n := lineBreak(s.s, i)
		i += max(n, 1)
		if n > 0 {
			s.lines = append(s.lines, i)
		}
	}
	return s
}

// lineBreak returns the length of the line break at a position, 0 if there is none. YAML
// has more of them than other texts.
func lineBreak(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	switch s[i] {
	case '\n':
		return 1
	case '\r':
		if strings.HasPrefix(s[i:], "\r\n") {
			return 2
		}
		return 1
	case 0xc2:
		if strings.HasPrefix(s[i:], "\u0085") {
			return 2
		}
	case 0xe2:
		if strings.HasPrefix(s[i:], "\u2028") || strings.HasPrefix(s[i:], "\u2029") {
			return 3
		}
	}
	return 0
}

// breakValue is what a line break is in a value.
func breakValue(s string) string {
	if len(s) == 3 {
		return s
	}
	return "\n"
}

// lineStart returns where a line begins, which counts from 1.
func (s *source) lineStart(line int) int {
	return s.lines[min(max(line, 1), len(s.lines))-1]
}

// at returns the offset of a line and a column in characters, which count from 1.
func (s *source) at(line, column int) int {
	if line != s.line || column < s.column {
		s.line, s.column, s.offset = line, 1, s.lineStart(line)
	}
	for s.column < column && s.offset < len(s.s) && lineBreak(s.s, s.offset) == 0 {
		_, n := utf8.DecodeRuneInString(s.s[s.offset:])
		s.offset += n
		s.column++
	}
	return s.offset
}

const nameCharacters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"

// content returns where a node's content begins, behind its anchor and its tag.
func (s *source) content(i int) int {
	for i < len(s.s) && (s.s[i] == '&' || s.s[i] == '!') {
		stop := func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }
		if s.s[i] == '&' { // an anchor's name has fewer characters than a tag
			stop = func(r rune) bool { return !strings.ContainsRune(nameCharacters, r) }
		}
		end := strings.IndexFunc(s.s[i+1:], stop)
		if end < 0 {
			return len(s.s)
		}
		i = s.blanks(i + 1 + end)
	}
	return i
}

// blanks skips blanks, line breaks and comments.
func (s *source) blanks(i int) int {
	for i < len(s.s) {
		switch n := lineBreak(s.s, i); {
		case n > 0:
			i += n
		case s.s[i] == ' ' || s.s[i] == '\t':
			i++
		case s.s[i] == '#' && i > 0 && strings.IndexByte(" \t\r\n", s.s[i-1]) >= 0:
			for i < len(s.s) && lineBreak(s.s, i) == 0 {
				i++
			}
		default:
			return i
		}
	}
	return i
}
