package rules

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Case is a case of a rule, and what became of it.
type Case struct {
	Name     string      `json:"name"`
	Rule     string      `json:"rule"`
	Position finding.Pos `json:"position"`
	OK       bool        `json:"ok"`
	Expected string      `json:"expected"`
	Got      []string    `json:"got"` // what the rule found, or why it could not be tried
	Fails    bool        `json:"-"`   // what the rule has to do
}

// Expectation is what a case says.
type Expectation struct {
	Rule    string
	Cluster json.RawMessage
	Fails   *bool
	Fields  []string
}

// Compare compares what a rule found with what the case expects.
func (c *Case) Compare(w Expectation, found []finding.Finding) {
	var fields []string
	invalid := false
	for _, f := range found {
		text := f.Message
		if f.Field != "" {
			text = "cluster." + f.Field + ": " + text
		}
		if f.Expected != "" {
			text += " (expected " + f.Expected + ")"
		}
		c.Got = append(c.Got, text)
		fields = append(fields, f.Field)
		invalid = invalid || f.Rule == Invalid
	}
	c.OK = !invalid && *w.Fails == (len(found) > 0)
	if len(w.Fields) > 0 && *w.Fails {
		var want []string
		for _, f := range w.Fields {
			want = append(want, strings.TrimPrefix(f, "cluster."))
		}
		sorted := func(ss []string) []string { return slices.Compact(slices.Sorted(slices.Values(ss))) }
		c.OK = c.OK && slices.Equal(sorted(want), sorted(fields))
	}
}

// Expected says in words what a case expects.
func (w Expectation) Expected() string {
	switch {
	case !*w.Fails:
		return "the rule accepts it"
	case len(w.Fields) > 0:
		return "the rule refuses " + strings.Join(w.Fields, ", ")
	}
	return "the rule refuses it"
}

// ReadExpectation decodes what a case says, and refuses fields that a case doesn't have.
func ReadExpectation(data []byte) (Expectation, error) {
	var w Expectation
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&w)
	return w, err
}
