package gen

import (
	"errors"

	"github.com/kcmgen/kcmgen/gen/explain"
)

// Explanation is what Explain returns: rules and flags.
type Explanation = explain.Answer

// UnknownNameError is the error for a name that is neither a rule's nor a flag's.
type UnknownNameError = explain.UnknownError

// Explain explains rules and flags by their names, seen from a minor version; without names,
// all rules. It returns what it found, and an UnknownNameError for each other name, joined.
func Explain(minor int, names []string) (Explanation, error) {
	out := Explanation{Rules: []explain.Rule{}, Flags: []explain.Flag{}}
	if len(names) == 0 {
		out.Rules = explain.Rules()
	}
	var errs []error
	for _, name := range names {
		found, err := explain.Look(minor, name)
		errs = append(errs, err)
		out.Rules = append(out.Rules, found.Rules...)
		out.Flags = append(out.Flags, found.Flags...)
	}
	return out, errors.Join(errs...)
}

// Explained are the names that Explain knows.
func Explained() []string { return explain.Names() }
