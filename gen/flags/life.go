package flags

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// Note is what is known about a flag from documentation, not from its definition.
type Note struct {
	// ReplacedBy is the flag that does the same. Equivalent means that it takes the
	// same values.
	ReplacedBy string `json:"replacedBy,omitempty"`
	Equivalent bool   `json:"equivalent,omitempty"`
	// Successor is a flag that serves the purpose in another way.
	Successor string `json:"successor,omitempty"`
	Noop      bool   `json:"noop,omitempty"` // accepted without an effect
	// NoopFrom is the first minor version without an effect; 0 if all have one.
	NoopFrom int    `json:"noopFrom,omitempty"`
	Note     string `json:"note,omitempty"`
}

// Value is a value since a minor version.
type Value struct {
	From  int
	Value string
}

// Life is the history of a flag over all minor versions that there is data of.
type Life struct {
	Name        string
	First, Last int // minor versions; earlier ones without data may have it too
	Deprecated  int // the first minor that deprecates it; 0 if none does
	Defaults    []Value
	Types       []Value
	Note
}

// Removed is the first minor version without the flag; 0 if the newest has it.
func (l Life) Removed() int {
	if l.Last == Minors()[len(Minors())-1] {
		return 0
	}
	return l.Last + 1
}

// notes are written by hand.
var notes = sync.OnceValue(func() map[string]Note {
	out := map[string]Note{}
	decode("data/notes.json", &out)
	return out
})

// HasNote reports whether there is a note about a flag.
func HasNote(name string) bool { _, ok := notes()[name]; return ok }

var lives = sync.OnceValue(func() map[string]*Life {
	out := map[string]*Life{}
	for _, minor := range Minors() {
		for _, d := range Of(minor).Flags {
			l := out[d.Name]
			if l == nil {
				l = &Life{Name: d.Name, First: minor, Note: notes()[d.Name]}
				out[d.Name] = l
			}
			l.Last = minor
			if d.Deprecated && l.Deprecated == 0 {
				l.Deprecated = minor
			}
			l.Defaults = since(l.Defaults, minor, d.Default)
			l.Types = since(l.Types, minor, d.Type)
		}
	}
	return out
})

// since appends a value unless it equals the last one.
func since(vs []Value, minor int, value string) []Value {
	if n := len(vs); n > 0 && vs[n-1].Value == value {
		return vs
	}
	return append(vs, Value{minor, value})
}

// LifeOf returns the history of a flag; false if no version has it.
func LifeOf(name string) (Life, bool) {
	l, ok := lives()[name]
	if !ok {
		return Life{}, false
	}
	return *l, true
}

// Names are the names of all flags that some version has, sorted.
func Names() []string { return slices.Sorted(maps.Keys(lives())) }

// NoopIn reports whether a minor version takes the flag and does nothing with it.
func (l Life) NoopIn(minor int) bool { return l.Noop || l.NoopFrom > 0 && minor >= l.NoopFrom }

// Instead describes what replaces the flag, with its note; "" if there is neither.
func (n Note) Instead() string {
	dashed := func(names string) string { return "--" + strings.ReplaceAll(names, ", ", ", --") }
	var parts []string
	switch {
	case n.ReplacedBy != "" && n.Equivalent:
		parts = append(parts, dashed(n.ReplacedBy)+", which takes the same values")
	case n.ReplacedBy != "":
		parts = append(parts, dashed(n.ReplacedBy))
	case n.Successor != "":
		parts = append(parts, "perhaps "+dashed(n.Successor))
	}
	if n.Note != "" {
		parts = append(parts, n.Note)
	}
	return strings.Join(parts, ": ")
}

// minorsWith returns the first and the last minor version for which knows is true; 0
// if there is none.
func minorsWith(knows func(m *Minor) bool) (first, last int) {
	for _, n := range Minors() {
		if knows(Of(n)) {
			if first == 0 {
				first = n
			}
			last = n
		}
	}
	return first, last
}

// GateMinors returns the first and the last minor version that have a feature gate; 0
// if none has.
func GateMinors(name string) (first, last int) {
	return minorsWith(func(m *Minor) bool { _, ok := m.Gate(name); return ok })
}

// ControllerMinors returns the first and the last minor version that know a controller
// by a name or an alias; 0 if none does.
func ControllerMinors(name string) (first, last int) {
	return minorsWith(func(m *Minor) bool { _, ok := m.Controller(name); return ok })
}

// OldName returns a minor version's name for a controller that later ones call name; ""
// if it has no such controller.
func OldName(name string, minor int) string {
	for _, n := range Minors() {
		c, ok := Of(n).Controller(name)
		if !ok {
			continue
		}
		for _, alias := range c.Aliases {
			if _, there := Of(minor).Controller(alias); there {
				return alias
			}
		}
	}
	return ""
}

// Exists reports whether some version has a flag of that name.
func Exists(name string) bool { return lives()[name] != nil }
