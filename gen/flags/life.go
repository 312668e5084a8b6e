package flags

import (
	"maps"
	"slices"
	"sync"
)

// Note is what people know of a flag and no compiled option tells.
type Note struct {
	// ReplacedBy is the flag that does the same; Equivalent says that its values
	// mean the same too.
	ReplacedBy string `json:"replacedBy,omitempty"`
	Equivalent bool   `json:"equivalent,omitempty"`
	// Successor serves the purpose in another way.
	Successor string `json:"successor,omitempty"`
	Noop      bool   `json:"noop,omitempty"` // it is taken, and does nothing
	Note      string `json:"note,omitempty"`
}

// Value is a value from a minor version on.
type Value struct {
	From  int
	Value string
}

// Life is a flag over all minor versions that there is data of.
type Life struct {
	Name        string
	First, Last int // minor versions; the first that there is data of may not be its first
	Deprecated  int // the first that calls it so; 0: none
	Defaults    []Value
	Types       []Value
	Note
}

// Removed is the minor version that no longer has the flag; 0: the newest has it.
func (l Life) Removed() int {
	if l.Last == Minors()[len(Minors())-1] {
		return 0
	}
	return l.Last + 1
}

var lives = sync.OnceValue(func() map[string]*Life {
	notes := map[string]Note{}
	decode("data/notes.json", &notes)
	out := map[string]*Life{}
	for _, minor := range Minors() {
		for _, d := range Of(minor).Flags {
			l := out[d.Name]
			if l == nil {
				l = &Life{Name: d.Name, First: minor, Note: notes[d.Name]}
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

// since appends a value unless it is the one that holds already.
func since(vs []Value, minor int, value string) []Value {
	if n := len(vs); n > 0 && vs[n-1].Value == value {
		return vs
	}
	return append(vs, Value{minor, value})
}

// LifeOf returns the life of a flag, if any version has it.
func LifeOf(name string) (Life, bool) {
	l, ok := lives()[name]
	if !ok {
		return Life{}, false
	}
	return *l, true
}

// Names are the names of all flags that some version has, sorted.
func Names() []string { return slices.Sorted(maps.Keys(lives())) }
