package flags

import (
	"fmt"
	"strconv"
	"strings"
)

// MinorName writes a minor version, such as v1.34.
func MinorName(minor int) string { return fmt.Sprintf("v1.%d", minor) }

// MinorNames are the minor versions that there is data of, the oldest first.
func MinorNames() []string {
	var out []string
	for _, minor := range Minors() {
		out = append(out, MinorName(minor))
	}
	return out
}

// ParseMinor reads v1.34, 1.34 or v1.34.2, of which the patch makes no difference.
func ParseMinor(s string) (int, error) {
	parts := strings.Split(strings.TrimPrefix(strings.TrimSpace(s), "v"), ".")
	if len(parts) == 2 || len(parts) == 3 {
		if minor, err := strconv.Atoi(parts[1]); err == nil && parts[0] == "1" && Of(minor) != nil {
			return minor, nil
		}
	}
	names := MinorNames()
	return 0, fmt.Errorf("there is no data of %q: it begins with %s and ends with %s", s, names[0], names[len(names)-1])
}

// Explained is what is known of one flag.
type Explained struct {
	Def
	Known      bool         `json:"known"` // to the version asked about
	Since      string       `json:"since"`
	Deprecates string       `json:"deprecatedSince,omitempty"`
	Removed    string       `json:"removedIn,omitempty"`
	Defaults   []ValueSince `json:"defaults"`
	Note
}

// ValueSince is a value from a version on.
type ValueSince struct {
	Since string `json:"since"`
	Value string `json:"value"`
}

// UnknownError is a name that no version has a flag of.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	names := MinorNames()
	return fmt.Sprintf("no version from %s to %s has a flag %q", names[0], names[len(names)-1], e.Name)
}

// Explain says what is known of a flag, for those who run a minor version. A name is
// read as the command line reads it. It returns an UnknownError where no version has it.
func Explain(minor int, name string) (Explained, error) {
	name = strings.ReplaceAll(strings.TrimLeft(name, "-"), "_", "-")
	life, ok := LifeOf(name)
	if !ok {
		return Explained{}, &UnknownError{name}
	}
	e := Explained{Since: MinorName(life.First), Note: life.Note}
	for _, v := range life.Defaults {
		e.Defaults = append(e.Defaults, ValueSince{MinorName(v.From), v.Value})
	}
	if e.Def, e.Known = Of(minor).Flag(name); !e.Known {
		e.Def, _ = Of(life.Last).Flag(name)
	}
	if life.Deprecated > 0 {
		e.Deprecates = MinorName(life.Deprecated)
	}
	if gone := life.Removed(); gone > 0 {
		e.Removed = MinorName(gone)
	}
	return e, nil
}
