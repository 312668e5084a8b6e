package policy

import (
	"encoding/json"
	"testing"
)

// TestTypedValue: switches and numbers are such, all else stays text.
func TestTypedValue(t *testing.T) {
	for _, c := range []struct {
		kind, text string
		want       any
	}{
		{"bool", "true", true},
		{"bool", "F", false},
		{"bool", "maybe", "maybe"},
		{"int32", "010", json.Number("8")},
		{"int", "30", json.Number("30")},
		{"int", "30s", "30s"},
		{"float32", "0.10", json.Number("0.1")},
		{"float32", "NaN", "NaN"},
		{"duration", "15", "15"},
		{"stringSlice", "1", "1"},
		{"", "1", "1"},
	} {
		if got := typedValue(c.kind, c.text); got != c.want {
			t.Errorf("%s %q: %#v, not %#v", c.kind, c.text, got, c.want)
		}
	}
}
