package systemd

import (
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// Environment reads the value of Environment=: words NAME=VALUE. systemd takes the words
// before one that is wrong, and ignores the line from there on: then the error is an *Error.
// ignored are words that are no assignment; it takes those after them.
func Environment(set *text.Set, value text.Text) (vars []Variable, ignored []text.Text, err error) {
	for {
		word, rest, ok, err := Word(value, Unescape|Strict)
		if err != nil || !ok {
			return vars, ignored, err
		}
		value = rest
		filled, err := Specifiers(set, word)
		if err != nil {
			ignored = append(ignored, word)
			continue
		}
		name, v, is := filled.Cut("=")
		variable := Variable{Name: name.String(), Value: v, At: word.At(0)}
		if !is || !variable.Valid() {
			ignored = append(ignored, word)
			continue
		}
		vars = append(vars, variable)
	}
}
