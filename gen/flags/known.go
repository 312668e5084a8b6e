package flags

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Def is the definition of a flag in one minor version of kube-controller-manager, read
// from its compiled options.
type Def struct {
	Name       string   `json:"name"`
	Type       string   `json:"type"` // pflag's name of the type
	Default    string   `json:"default"`
	Section    string   `json:"section"` // of --help
	Deprecated bool     `json:"deprecated,omitempty"`
	Hidden     bool     `json:"hidden,omitempty"` // --help leaves it out
	Allowed    []string `json:"allowed,omitempty"`
	// AllowedWithGate are more values, by the feature gate that allows them, such as
	// "DisableCloudProviders=false".
	AllowedWithGate map[string][]string `json:"allowedWithGate,omitempty"`
	Min             *float64            `json:"min,omitempty"`
	Max             *float64            `json:"max,omitempty"`
	MinDuration     string              `json:"minDuration,omitempty"`
	NoOptDefVal     string              `json:"noOptDefVal,omitempty"` // what --name alone means
	Shorthand       string              `json:"shorthand,omitempty"`
}

// Controller is a controller that --controllers can name.
type Controller struct {
	Name         string   `json:"name"`
	Aliases      []string `json:"aliases,omitempty"`
	OffByDefault bool     `json:"offByDefault,omitempty"`
	Gates        []string `json:"gates,omitempty"` // feature gates that it needs
	// UnknownWhileOff means that its name is refused while one of its gates is off.
	UnknownWhileOff bool `json:"unknownWhileOff,omitempty"`
	Cloud           bool `json:"cloud,omitempty"` // of a cloud provider in the tree
}

// Gate is a feature gate of one minor version.
type Gate struct {
	Name    string `json:"name"`
	Default bool   `json:"default"`
	Stage   string `json:"stage"`
	Locked  bool   `json:"locked,omitempty"` // to its default
	// Needs are the gates that must be on if this one is.
	Needs []string `json:"needs,omitempty"`
	// Emulated is the gate while this version emulates an earlier minor, by that
	// minor, where it differs. That minor's own program may differ again.
	Emulated map[int]Emulated `json:"emulated,omitempty"`
	// CompatibleFrom is the lowest minor of --min-compatibility-version that inverts
	// the default; 0 if none does.
	CompatibleFrom int `json:"compatibleFrom,omitempty"`
}

// Emulated is a feature gate while an earlier minor is emulated.
type Emulated struct {
	Default bool   `json:"default"`
	Stage   string `json:"stage"`
	Locked  bool   `json:"locked,omitempty"`
}

// Minor is what one minor version of kube-controller-manager knows.
type Minor struct {
	Version      string       `json:"version"` // with the patch
	Flags        []Def        `json:"flags"`   // sorted by name, as the others
	Controllers  []Controller `json:"controllers"`
	FeatureGates []Gate       `json:"featureGates"`
}

// Number is the minor version: 37 of v1.37.1.
func (m *Minor) Number() int {
	digits, _, _ := strings.Cut(strings.TrimPrefix(m.Version, "v1."), ".")
	n, _ := strconv.Atoi(digits) // a test ensures that the data has a version
	return n
}

// Flag returns the flag of that name. m may be nil; then there is none.
func (m *Minor) Flag(name string) (Def, bool) {
	if m == nil {
		return Def{}, false
	}
	// slices.BinarySearchFunc would copy a definition for each comparison.
	i := sort.Search(len(m.Flags), func(i int) bool { return m.Flags[i].Name >= name })
	if i == len(m.Flags) || m.Flags[i].Name != name {
		return Def{}, false
	}
	return m.Flags[i], true
}

func (m *Minor) has(flag string) bool { _, ok := m.Flag(flag); return ok }

// Controller returns the controller with a name or an alias.
func (m *Minor) Controller(name string) (Controller, bool) {
	for _, c := range m.Controllers {
		if c.Name == name || slices.Contains(c.Aliases, name) {
			return c, true
		}
	}
	return Controller{}, false
}

// Gate returns the feature gate of that name.
func (m *Minor) Gate(name string) (Gate, bool) {
	i, ok := slices.BinarySearchFunc(m.FeatureGates, name, func(g Gate, n string) int { return strings.Compare(g.Name, n) })
	if !ok {
		return Gate{}, false
	}
	return m.FeatureGates[i], true
}

//go:embed data
var data embed.FS

// Minors are the minor versions that there is data of, ascending: 37 is v1.37.
var Minors = sync.OnceValue(func() []int {
	entries, err := data.ReadDir("data")
	if err != nil {
		panic(err) // an embedded directory can't fail to be read
	}
	var out []int
	for _, e := range entries {
		digits, ok := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".json"), "v1.")
		if n, err := strconv.Atoi(digits); ok && err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
})

var parsed sync.Map // minor to func() *Minor

// Of returns a minor version, or nil if there is no data of it. It reads the data once,
// on first use.
func Of(minor int) *Minor {
	if !slices.Contains(Minors(), minor) {
		return nil
	}
	read, _ := parsed.LoadOrStore(minor, sync.OnceValue(func() *Minor {
		m := &Minor{}
		decode(fmt.Sprintf("data/v1.%d.json", minor), m)
		return m
	}))
	return read.(func() *Minor)()
}

// decode parses embedded JSON; it panics on errors, which tests rule out.
func decode(name string, v any) {
	text, err := data.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
}

// Rows returns a row for each flag: its name, type and default, which says whether the flag
// is deprecated or hidden.
func Rows(defs []Def) [][]string {
	var rows [][]string
	for _, d := range defs {
		last := d.Default
		if d.Deprecated {
			last += "  (deprecated)"
		}
		if d.Hidden {
			last += "  (hidden)"
		}
		rows = append(rows, []string{"--" + d.Name, d.Type, last})
	}
	return rows
}

// ControllerRows returns a row for each controller: its name, other names, and how it is.
func (m *Minor) ControllerRows() [][]string {
	var rows [][]string
	for _, c := range m.Controllers {
		rows = append(rows, []string{c.Name, strings.Join(c.Aliases, ","), c.Words()})
	}
	return rows
}

// GateRows returns a row for each feature gate: its name, default, and how it is.
func (m *Minor) GateRows() [][]string {
	var rows [][]string
	for _, g := range m.FeatureGates {
		rows = append(rows, []string{g.Name, fmt.Sprint(g.Default), g.Words()})
	}
	return rows
}
