package main

// Facts are the measured facts of a version, in the form of gen/flags/data. This file is
// also compiled into the probe.
type Facts struct {
	Version      string       `json:"version"`
	Flags        []Flag       `json:"flags"`
	Controllers  []Controller `json:"controllers"`
	FeatureGates []Gate       `json:"featureGates"`
}

// Flag is a flag; gen/flags explains the fields.
type Flag struct {
	Name            string              `json:"name"`
	Type            string              `json:"type"`
	Default         string              `json:"default"`
	Section         string              `json:"section"`
	Deprecated      bool                `json:"deprecated,omitempty"`
	Hidden          bool                `json:"hidden,omitempty"`
	Allowed         []string            `json:"allowed,omitempty"`
	AllowedWithGate map[string][]string `json:"allowedWithGate,omitempty"`
	Min             *float64            `json:"min,omitempty"`
	Max             *float64            `json:"max,omitempty"`
	MinDuration     string              `json:"minDuration,omitempty"`
	NoOptDefVal     string              `json:"noOptDefVal,omitempty"`
	Shorthand       string              `json:"shorthand,omitempty"`
}

// Controller is a controller that --controllers can name.
type Controller struct {
	Name            string   `json:"name"`
	Aliases         []string `json:"aliases,omitempty"`
	OffByDefault    bool     `json:"offByDefault,omitempty"`
	Gates           []string `json:"gates,omitempty"`
	UnknownWhileOff bool     `json:"unknownWhileOff,omitempty"`
	Cloud           bool     `json:"cloud,omitempty"`
}

// Gate is a feature gate.
type Gate struct {
	Name    string   `json:"name"`
	Default bool     `json:"default"`
	Stage   string   `json:"stage"`
	Locked  bool     `json:"locked,omitempty"`
	Needs   []string `json:"needs,omitempty"`
	// Emulated has the gate by emulated minor version, where it differs.
	Emulated map[int]Emulated `json:"emulated,omitempty"`
	// CompatibleFrom is the --min-compatibility-version from which the default is inverted.
	CompatibleFrom int `json:"compatibleFrom,omitempty"`
}

// Emulated is a feature gate as it was in an earlier minor.
type Emulated struct {
	Default bool   `json:"default"`
	Stage   string `json:"stage"`
	Locked  bool   `json:"locked,omitempty"`
}
