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

// ParseMinor parses v1.34, 1.34 or v1.34.2; it ignores the patch. It returns an error if
// there is no data of the version.
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

// ParseRange parses two minor versions, the older first: v1.30..v1.37.
func ParseRange(s string) (older, newer int, err error) {
	from, to, ok := strings.Cut(s, "..")
	if !ok {
		return 0, 0, fmt.Errorf("is %q, not two versions such as v1.30..v1.37", s)
	}
	if older, err = ParseMinor(from); err == nil {
		newer, err = ParseMinor(to)
	}
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("has a version that isn't known: %w", err)
	case older >= newer:
		return 0, 0, fmt.Errorf("is the wrong way round: %s is not older than %s", from, to)
	}
	return older, newer, nil
}

// Explained is what Explain returns about a flag.
type Explained struct {
	Def
	Known      bool         `json:"known"` // to the version asked about
	Since      string       `json:"since"`
	Deprecates string       `json:"deprecatedSince,omitempty"`
	Removed    string       `json:"removedIn,omitempty"`
	Defaults   []ValueSince `json:"defaults"`
	Change     Changing     `json:"onChange"` // what a change of its value does
	Note
}

// ValueSince is a value since a version.
type ValueSince struct {
	Since string `json:"since"`
	Value string `json:"value"`
}

// UnknownError is the error for a flag that no version has.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	names := MinorNames()
	return fmt.Sprintf("no version from %s to %s has a flag %q", names[0], names[len(names)-1], e.Name)
}

// Explain returns what is known about a flag, seen from a minor version. The name may
// have dashes before it and "_" for "-". Explain returns an UnknownError if no version
// has the flag.
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
	e.Change = changing(name, minor)
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

// Lines is what is known about a flag, for a person; minor is the version asked about.
func (e Explained) Lines(minor int) []string {
	out := []string{"--" + e.Name}
	line := func(label, format string, args ...any) {
		out = append(out, fmt.Sprintf("    %-11s %s", label, fmt.Sprintf(format, args...)))
	}
	if !e.Known {
		line("unknown to", "%s", MinorName(minor))
	}
	kind := e.Type
	if b := e.Bounds(); b != "" {
		kind += ", " + b
	}
	line("type", "%s", kind)
	line("default", "%q", e.Default)
	for i := 1; i < len(e.Defaults); i++ {
		line("", "%q before %s", e.Defaults[i-1].Value, e.Defaults[i].Since)
	}
	line("section", "%s", e.Section)
	line("since", "%s", orEarlier(e.Since))
	for _, o := range []struct{ label, format, value string }{
		{"deprecated", "since %s", orEarlier(e.Deprecates)}, {"removed", "in %s", e.Removed},
	} {
		if o.value != "" {
			line(o.label, o.format, o.value)
		}
	}
	for _, o := range []struct{ label, format, value string }{
		{"instead", "--%s", e.ReplacedBy}, {"see", "--%s", e.Successor}, {"note", "%s", e.Note.Note},
	} {
		if o.value != "" {
			line(o.label, o.format, o.value)
		}
	}
	for _, l := range e.Change.lines() {
		line(l[0], "%s", l[1])
	}
	return out
}

// orEarlier adds "or earlier" to the oldest version with data.
func orEarlier(minor string) string {
	if minor == MinorNames()[0] {
		return minor + " or earlier"
	}
	return minor
}
