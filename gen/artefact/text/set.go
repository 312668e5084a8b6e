package text

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A hole is written as its number between two noncharacters. They are printable to every
// parser that reads a text, and stay together in a word.
const (
	open = "\ufdd0"
	shut = "\ufdd1"
)

// Reserved are the characters that a file must not have.
const Reserved = open + shut

// Pos is a position in a file. Line and column start at 1; the column is in bytes.
type Pos struct {
	File      string
	Line, Col int
}

// Set has the files that texts come from, and the holes in them. It is safe for concurrent
// use, apart from Add.
type Set struct {
	files []file
	mu    sync.RWMutex // for what follows
	holes []Hole
	known map[string]int // expression to its index in holes
}

type file struct {
	name  string
	lines []int32 // where each begins
}

// Hole is a value that isn't known.
type Hole struct {
	Name string // such as POD_CIDR
	Expr string // as it is written, such as ${POD_CIDR}
}

// bom is a mark at the begin of a file that some editors write.
const bom = "\ufeff"

// Add adds a file and returns its text, without a byte order mark. name is what messages
// call it.
func (s *Set) Add(name, data string) Text {
	f := file{name: name, lines: []int32{0}}
	t := Text{data, make([]At, len(data))}
	n := int32(len(s.files)) //nolint:gosec // a handful of files
	for i := range len(data) {
		t.at[i] = At{n, int32(i)} //nolint:gosec // files have a bounded size
		if data[i] == '\n' {
			f.lines = append(f.lines, int32(i+1)) //nolint:gosec // as above
		}
	}
	s.files = append(s.files, f)
	if strings.HasPrefix(data, bom) {
		return t.From(len(bom))
	}
	return t
}

// Pos returns the position of a place.
func (s *Set) Pos(at At) Pos {
	if int(at.File) >= len(s.files) {
		return Pos{}
	}
	f := s.files[at.File]
	line, exact := slices.BinarySearchFunc(f.lines, at.Offset, func(a, b int32) int { return cmp.Compare(a, b) })
	if !exact {
		line--
	}
	return Pos{f.name, line + 1, int(at.Offset-f.lines[line]) + 1}
}

// Name is what messages call the file of a place.
func (s *Set) Name(at At) string { return s.Pos(at).File }

// Hole returns a text for an unknown value. name may be "": then it is taken from the
// expression.
func (s *Set) Hole(name, expr string, at At) Text {
	expr = s.Show(Text{s: expr}) // a hole may be within another
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.known[expr]; ok {
		return Literal(open+strconv.Itoa(i)+shut, at)
	}
	if s.known == nil {
		s.known = map[string]int{}
	}
	s.known[expr] = len(s.holes)
	s.holes = append(s.holes, Hole{cmp.Or(name, nameOf(expr)), expr})
	return Literal(open+strconv.Itoa(len(s.holes)-1)+shut, at)
}

// Holes returns the holes of a text, in their order.
func (s *Set) Holes(t Text) []Hole {
	var out []Hole
	for rest := t.s; ; {
		_, after, ok := strings.Cut(rest, open)
		number, more, closed := strings.Cut(after, shut)
		if !ok || !closed {
			return out
		}
		if h, ok := s.hole(number); ok {
			out = append(out, h)
		}
		rest = more
	}
}

// hole returns the hole of a mark's number.
func (s *Set) hole(number string) (Hole, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(s.holes) {
		return Hole{}, false
	}
	return s.holes[n], true
}

// Show returns a text with its holes as they are written.
func (s *Set) Show(t Text) string { return s.Fill(t, func(h Hole) string { return h.Expr }) }

// Fill returns a text with something in place of each hole.
func (s *Set) Fill(t Text, with func(Hole) string) string {
	if t.Known() {
		return t.s
	}
	var b strings.Builder
	rest := t.s
	for {
		before, after, ok := strings.Cut(rest, open)
		b.WriteString(before)
		number, more, closed := strings.Cut(after, shut)
		h, known := s.hole(number)
		if !ok || !closed || !known {
			return b.String()
		}
		b.WriteString(with(h))
		rest = more
	}
}

// nameOf makes a name of an expression: its first word of letters, digits and "_".
func nameOf(expr string) string {
	in := func(r rune) bool {
		return r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	for _, word := range strings.FieldsFunc(expr, func(r rune) bool { return !in(r) }) {
		if word = strings.Trim(word, "."); word != "" {
			return word
		}
	}
	return "value"
}

// Parts returns a text in parts: what is known and, at odd indices, holes as they are
// written.
func (s *Set) Parts(t Text) []string {
	if t.Known() {
		return []string{t.s}
	}
	const sep = "\x00"
	return strings.Split(s.Fill(t, func(h Hole) string { return sep + h.Expr + sep }), sep)
}

// Replace returns a text with something in place of those holes for which there is.
func (s *Set) Replace(t Text, with func(Hole) (string, bool)) Text {
	if t.Known() {
		return t
	}
	var b Builder
	for i := 0; i < len(t.s); {
		n := 0
		if strings.HasPrefix(t.s[i:], open) {
			n = strings.Index(t.s[i:], shut) + len(shut)
		}
		if n < len(shut) {
			b.Byte(t.s[i], t.at[i])
			i++
			continue
		}
		mark := t.Slice(i, i+n)
		if hs := s.Holes(mark); len(hs) == 1 {
			if value, ok := with(hs[0]); ok {
				mark = Literal(value, t.at[i])
			}
		}
		b.Write(mark)
		i += n
	}
	return b.Text()
}
