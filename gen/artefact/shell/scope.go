package shell

import (
	"slices"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// variable is what is known of a variable. One that the script doesn't set is nil.
type variable struct {
	kind  kind
	array bool
	words []text.Text // one, unless it is an array
	at    text.At     // where it was set last
}

type kind int

const (
	known   kind = iota
	unset        // the script removes it
	unclear      // it depends on what happens when the script runs
)

func scalar(t text.Text, at text.At) *variable {
	return &variable{words: []text.Text{t}, at: at}
}

// filled tells whether a variable has a value that isn't empty.
type filled int

const (
	no filled = iota
	yes
	maybe
)

// filled treats a variable that the script doesn't set as empty, as the script does when
// it provides a default.
func (v *variable) filled() filled {
	switch {
	case v == nil || v.kind == unset:
		return no
	case v.kind == unclear:
		return maybe
	case len(v.words) == 0 || v.words[0].Len() == 0:
		return no
	case onlyHoles(v.words[0]):
		return maybe
	}
	return yes
}

// onlyHoles reports whether a text may be empty once its holes are filled in.
func onlyHoles(t text.Text) bool {
	for range 100 { // more of them don't make it clearer
		if t.Len() == 0 {
			return true
		}
		_, end := hole(t.String(), 0)
		if end == 0 {
			return false
		}
		t = t.From(end)
	}
	return true
}

// hole returns where the hole at a position begins and ends; 0 if there is none.
func hole(s string, i int) (from, end int) {
	const mark = len("\ufdd0")
	if len(s)-i < mark || s[i:i+mark] != text.Reserved[:mark] {
		return 0, 0
	}
	for end = i + mark; end < len(s); end++ {
		if len(s)-end >= mark && s[end:end+mark] == text.Reserved[mark:] {
			return i, end + mark
		}
	}
	return 0, 0
}

func (v *variable) equal(w *variable) bool {
	if v == nil || w == nil {
		return v == w
	}
	same := func(a, b text.Text) bool { return a.String() == b.String() }
	return v.kind == w.kind && v.array == w.array && slices.EqualFunc(v.words, w.words, same)
}

// scope has variables. What a branch of the script sets is in a scope of its own, on top
// of the one before.
type scope struct {
	up  *scope
	own map[string]*variable
}

func (s *scope) get(name string) *variable {
	for ; s != nil; s = s.up {
		if v, ok := s.own[name]; ok {
			return v
		}
	}
	return nil
}

func (s *scope) set(name string, v *variable) {
	if s.own == nil {
		s.own = map[string]*variable{}
	}
	s.own[name] = v
}
