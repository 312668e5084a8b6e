package finding

import (
	"fmt"
	"strings"
)

// Pos is a place in a file. Line and Col count from 1; the zero value is no place.
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

// Source tells where the user wrote the fields of a cluster, by path. A label
// of "*" stands for a pattern constraint.
type Source map[string]Pos

// At returns the place of a field, or of the nearest one around it.
func (s Source) At(field string) Pos {
	labels := Labels(field)
	for n := len(labels); n >= 0; n-- {
		if p, ok := s.lookup(labels[:n]); ok {
			return p
		}
	}
	return Pos{}
}

// Exact returns the place of a field that the user wrote, its own or its list's.
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
