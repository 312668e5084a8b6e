package bounds

import "bytes"

// Limits of a text that is small for a parser, a formatter and what else walks over it.
const (
	maxLength  = 64 << 10
	maxOpen    = 200
	maxPerLine = 2000
)

// LongText reports whether a file may take much to parse and to format: it is long, nested
// deeply, or has a long line, as far as its bytes say. It doesn't know strings and comments,
// so some files are called long that aren't.
func LongText(src []byte) bool {
	open, deepest := 0, 0
	for _, c := range src {
		switch c {
		case '{', '[', '(':
			open++
			deepest = max(deepest, open)
		case '}', ']', ')':
			open = max(0, open-1)
		}
	}
	if len(src) > maxLength || deepest > maxOpen {
		return true
	}
	for line := range bytes.Lines(src) {
		if len(line) > maxPerLine {
			return true
		}
	}
	return false
}
