package spec

import (
	"slices"
	"strconv"
	"strings"
)

// Setting is one flag as a user wrote it: a value, or null to leave it out.
type Setting struct {
	Value string
	Omit  bool
}

// Settings are flags by name, without the leading dashes.
type Settings map[string]Setting

// Flag is one flag of a node's command line.
type Flag struct {
	Name  string
	Value string
	// Field is the path of the cluster's field that sets the value.
	Field string
}

func (f Flag) String() string { return "--" + f.Name + "=" + f.Value }

// Bool reports whether strconv.ParseBool parses the value as true.
func (f Flag) Bool() bool {
	b, err := strconv.ParseBool(f.Value)
	return err == nil && b
}

// Flags is a command line, sorted by flag name.
type Flags []Flag

// Get returns the flag of that name.
func (fs Flags) Get(name string) (Flag, bool) {
	i, ok := slices.BinarySearchFunc(fs, name, func(f Flag, n string) int { return strings.Compare(f.Name, n) })
	if !ok {
		return Flag{}, false
	}
	return fs[i], true
}

// Field returns the path of the field that sets a flag; "" if the flag isn't given.
func (fs Flags) Field(name string) string {
	f, _ := fs.Get(name)
	return f.Field
}

// Value returns a flag's value, or fallback if it isn't given.
func (fs Flags) Value(name, fallback string) string {
	if f, ok := fs.Get(name); ok {
		return f.Value
	}
	return fallback
}
