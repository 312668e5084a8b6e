package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
)

// curated has facts that trying the compiled options doesn't show.
type curated struct {
	// Words are tried as values of a flag, in addition to those in its help.
	Words map[string][]string `json:"words"`
	// Sections of flags that the command itself adds.
	Sections map[string]string `json:"sections"`
	// Allowed are values that are checked after Validate.
	Allowed []struct {
		Flag    string              `json:"flag"`
		From    int                 `json:"from"` // minor versions, both included
		To      int                 `json:"to"`
		Allowed []string            `json:"allowed"`
		Gated   map[string][]string `json:"allowedWithGate,omitempty"`
		Why     string              `json:"why"`
	} `json:"allowed"`
}

//go:embed curated.json
var curatedText []byte

func readCurated() (*curated, error) {
	c := &curated{}
	dec := json.NewDecoder(bytes.NewReader(curatedText))
	dec.DisallowUnknownFields()
	if err := dec.Decode(c); err != nil {
		return nil, fmt.Errorf("curated.json: %w", err)
	}
	return c, nil
}

// apply adds the curated facts of a minor version. It returns an error if they contradict
// measured ones: a person has to find out which is wrong.
func (c *curated) apply(f *Facts, minor int) error {
	for i := range f.Flags {
		if s, ok := c.Sections[f.Flags[i].Name]; ok {
			f.Flags[i].Section = s
		}
	}
	for _, a := range c.Allowed {
		if minor < a.From || minor > a.To {
			continue
		}
		i := slices.IndexFunc(f.Flags, func(d Flag) bool { return d.Name == a.Flag })
		if i < 0 {
			return fmt.Errorf("curated.json has values of --%s, which v1.%d doesn't have", a.Flag, minor)
		}
		if measured := f.Flags[i].Allowed; len(measured) > 0 {
			return fmt.Errorf("curated.json has values of --%s, but v1.%d refuses all but %q", a.Flag, minor, measured)
		}
		f.Flags[i].Allowed, f.Flags[i].AllowedWithGate = a.Allowed, a.Gated
	}
	return nil
}
