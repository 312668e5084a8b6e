package flags

import (
	"fmt"
	"strings"
)

// Changing is what a change of a flag does, in general and by its direction.
type Changing struct {
	Effect
	Directions []Directed `json:"directions,omitempty"`
}

// Directed is what a change in one direction does. Its part is the flag's.
type Directed struct {
	// Direction is "less" or "more" of a number, a duration or a version; "on" or "off" of a
	// bool, of controllers and of feature gates; "wider", "narrower" or "moved" of a list;
	// these, "family-added", "family-removed" or "reordered" of address ranges; and "set",
	// "unset" or "replaced" of other values.
	Direction string `json:"direction"`
	Effect
}

// changing returns what a change of a flag does in a minor version.
func changing(name string, minor int) Changing {
	e := effects().Flags[name]
	life, _ := LifeOf(name)
	if life.NoopIn(minor) {
		return Changing{Effect: EffectOf(name, "", "", minor)}
	}
	out := Changing{Effect: effects().effect(e, way{})}
	m := e.Compare
	if m == "" {
		m = modeOf(flagType(name, minor))
	}
	for _, to := range m.directions() {
		if w, ok := e.Ways[to]; ok {
			directed := Directed{string(to), effects().effect(e, w)}
			directed.Part = ""
			out.Directions = append(out.Directions, directed)
		}
	}
	return out
}

// changeWidth is where the text about a change is broken: with its indent, lines have at
// most 88 characters.
const changeWidth = 72

// lines are labels and texts for a person.
func (c Changing) lines() [][2]string {
	out := [][2]string{{"part", c.Part}}
	add := func(label, text string) {
		for _, l := range Wrap(text, changeWidth) {
			out = append(out, [2]string{label, l})
			label = ""
		}
	}
	add("effect", c.Text)
	for _, d := range c.Directions {
		add("", fmt.Sprintf("%s (%s): %s", strings.ReplaceAll(d.Direction, "-", " "), d.Risk, d.Text))
	}
	label := "class"
	for _, id := range c.Classes {
		class, _ := ClassOf(id) // each effect's classes exist
		out = append(out, [2]string{label, id + ": " + class.Title})
		label = ""
	}
	return append(out, [2]string{"risk", string(c.Risk)}, [2]string{"known from", c.Source})
}

// Wrap breaks a text at spaces into lines of at most width characters; a longer word has a
// line of its own.
func Wrap(text string, width int) []string {
	var out []string
	line := ""
	for _, w := range strings.Fields(text) {
		switch {
		case line == "":
			line = w
		case len([]rune(line))+1+len([]rune(w)) > width:
			out, line = append(out, line), w
		default:
			line += " " + w
		}
	}
	return append(out, line)
}
