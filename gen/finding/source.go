package finding

import (
	"fmt"
	"strings"
)

// Pos is a position in a file. Line and Col start at 1; the zero value is no position.
type Pos struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"column,omitempty"`
}

func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Source has the positions of the fields that the user wrote, by path. The label "*"
// stands for a pattern constraint.
type Source map[string]Pos

// At returns the position of a field, or of the nearest field around it.
func (s Source) At(field string) Pos {
	labels := Labels(field)
	for n := len(labels); n >= 0; n-- {
		if p, ok := s.lookup(labels[:n]); ok {
			return p
		}
	}
	return Pos{}
}

// Exact returns the position of a field or, for an element, of its list. It returns
// false if the user didn't write it.
func (s Source) Exact(field string) (Pos, bool) {
	labels := Labels(field)
	if p, ok := s.lookup(labels); ok {
		return p, true
	}
	if n := len(labels) - 1; n > 0 && strings.HasPrefix(labels[n], "[") {
		return s.lookup(labels[:n])
	}
	return Pos{}, false
}

// lookup tries the labels as they are, then with one of them as a pattern.
func (s Source) lookup(labels []string) (Pos, bool) {
	if p, ok := s[Path(labels...)]; ok {
		return p, true
	}
	for i := range labels {
		wild := append(append(append([]string{}, labels[:i]...), "*"), labels[i+1:]...)
		if p, ok := s[Path(wild...)]; ok {
			return p, true
		}
	}
	return Pos{}, false
}
