package flags

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Def is one flag as a minor version of kube-controller-manager has it, read from
// its compiled options.
type Def struct {
	Name       string   `json:"name"`
	Type       string   `json:"type"` // pflag's word for it
	Default    string   `json:"default"`
	Section    string   `json:"section"` // of --help
	Deprecated bool     `json:"deprecated,omitempty"`
	Hidden     bool     `json:"hidden,omitempty"` // --help leaves it out
	Allowed    []string `json:"allowed,omitempty"`
	// AllowedWithGate are further values, by the setting of a feature gate that
	// they need, such as "DisableCloudProviders=false".
	AllowedWithGate map[string][]string `json:"allowedWithGate,omitempty"`
	Min             *float64            `json:"min,omitempty"`
	Max             *float64            `json:"max,omitempty"`
	MinDuration     string              `json:"minDuration,omitempty"`
	NoOptDefVal     string              `json:"noOptDefVal,omitempty"` // what --name alone means
	Shorthand       string              `json:"shorthand,omitempty"`
}

// Controller is one that --controllers can name.
type Controller struct {
	Name         string   `json:"name"`
	Aliases      []string `json:"aliases,omitempty"`
	OffByDefault bool     `json:"offByDefault,omitempty"`
	Gates        []string `json:"gates,omitempty"` // feature gates that it needs
	// UnknownWhileOff: while one of its gates is off, its name is refused.
	UnknownWhileOff bool `json:"unknownWhileOff,omitempty"`
	Cloud           bool `json:"cloud,omitempty"` // of a cloud provider in the tree
}

// Gate is one feature gate.
type Gate struct {
	Name    string `json:"name"`
	Default bool   `json:"default"`
	Stage   string `json:"stage"`
	Locked  bool   `json:"locked,omitempty"` // to its default
	// Needs are the gates that have to be on where this one is.
	Needs []string `json:"needs,omitempty"`
	// Emulated is what it is where this version emulates an earlier minor, if that
	// differs. It isn't always what that minor's own program has.
	Emulated map[int]Emulated `json:"emulated,omitempty"`
	// CompatibleFrom is the minor of --min-compatibility-version from which on the
	// default is the other one.
	CompatibleFrom int `json:"compatibleFrom,omitempty"`
}

// Emulated is a feature gate where an earlier minor is emulated.
type Emulated struct {
	Default bool   `json:"default"`
	Stage   string `json:"stage"`
	Locked  bool   `json:"locked,omitempty"`
}

// Minor is what one minor version of kube-controller-manager knows.
type Minor struct {
	Version      string       `json:"version"` // that was read, with its patch
	Flags        []Def        `json:"flags"`   // sorted by name, as all of these are
	Controllers  []Controller `json:"controllers"`
	FeatureGates []Gate       `json:"featureGates"`
}

// Number is the minor version: 37 of v1.37.1.
func (m *Minor) Number() int {
	digits, _, _ := strings.Cut(strings.TrimPrefix(m.Version, "v1."), ".")
	n, _ := strconv.Atoi(digits) // data is tested to say a version
	return n
}

// Flag returns the flag of that name. Without data, m is nil, and there is none.
func (m *Minor) Flag(name string) (Def, bool) {
	if m == nil {
		return Def{}, false
	}
	i, ok := slices.BinarySearchFunc(m.Flags, name, func(d Def, n string) int { return strings.Compare(d.Name, n) })
	if !ok {
		return Def{}, false
	}
	return m.Flags[i], true
}

// Controller returns the controller that a name or an alias means.
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

// Of returns what a minor version knows, or nil if there is no data of it. It is
// read once, when it is first asked for.
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

// decode reads embedded JSON, which the tests have read before.
func decode(name string, v any) {
	text, err := data.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
}
