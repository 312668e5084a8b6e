package flags

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// effectData is data/effects.json: written by hand, read once, on first use.
type effectData struct {
	Classes []Class           `json:"classes"`
	Sources map[string]string `json:"sources"` // URLs by the names that entries use
	Flags   map[string]entry  `json:"flags"`
	// Others are by "kind name", such as "unit Service.Restart". A name may end with "*",
	// which stands for any rest; the longest that fits counts.
	Others map[string]entry `json:"others"`
}

// entry is what is known of changes of one flag, or of another thing.
type entry struct {
	Part string `json:"part,omitempty"`
	way
	// Compare is how the direction of a change is found; "" means by the flag's type.
	Compare mode `json:"compare,omitempty"`
	// Above is set for a number that is an amount only above it; one at or below it means
	// something else, such as "the default", and has no direction.
	Above *float64 `json:"above,omitempty"`
	// Ways are effects by direction. A direction that isn't here has the effect in general.
	Ways map[direction]way `json:"ways,omitempty"`
}

// way is an effect. In Ways, what is empty is taken from the entry.
type way struct {
	Classes []string `json:"classes,omitempty"`
	Risk    Risk     `json:"risk,omitempty"` // instead of that of the classes
	Text    string   `json:"effect,omitempty"`
	Source  string   `json:"source,omitempty"`
}

var effects = sync.OnceValue(func() *effectData {
	d := &effectData{}
	decode("data/effects.json", d)
	slices.SortFunc(d.Classes, byRisk)
	return d
})

// effect returns the effect of an entry in one direction.
func (d *effectData) effect(e entry, w way) Effect {
	if len(w.Classes) == 0 {
		w.Classes = e.Classes
		w.Risk = cmp.Or(w.Risk, e.Risk)
	}
	var classes []Class
	for _, id := range w.Classes {
		c, _ := ClassOf(id) // a test demands that it exists
		classes = append(classes, c)
	}
	slices.SortFunc(classes, byRisk)
	out := Effect{
		Risk: cmp.Or(w.Risk, classes[0].Risk), Part: e.Part,
		Text: cmp.Or(w.Text, e.Text), Source: d.Sources[cmp.Or(w.Source, e.Source)],
	}
	for _, c := range classes {
		out.Classes = append(out.Classes, c.ID)
	}
	return out
}

// other returns the entry of a kind and a name; false if there is no such kind.
func (d *effectData) other(kind, name string) (entry, bool) {
	key := kind + " " + withoutBrackets(name)
	if e, ok := d.Others[key]; ok {
		return e, true
	}
	best := ""
	for pattern := range d.Others {
		start, open := strings.CutSuffix(pattern, "*")
		if open && strings.HasPrefix(key, start) && len(pattern) > len(best) {
			best = pattern
		}
	}
	e, ok := d.Others[best]
	return e, ok
}

// withoutBrackets empties the brackets of a name, so that "spec.volumes[ca].hostPath" is
// "spec.volumes[].hostPath".
func withoutBrackets(name string) string {
	var out strings.Builder
	depth := 0
	for _, r := range name {
		if r == ']' && depth > 0 {
			depth--
		}
		if depth == 0 {
			out.WriteRune(r)
		}
		if r == '[' {
			depth++
		}
	}
	return out.String()
}
