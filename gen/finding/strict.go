package finding

import (
	"errors"
	"strconv"
)

// Strictness says which findings fail a command in addition to errors: "true" for all, or
// OnlyWarnings.
type Strictness string

// OnlyWarnings leaves out what could not be checked.
const OnlyWarnings = "warnings"

// String implements pflag.Value.
func (s *Strictness) String() string {
	if *s == "" {
		return "false"
	}
	return string(*s)
}

// Type implements pflag.Value. The flag is a bool that also accepts "warnings".
func (s *Strictness) Type() string { return "bool" }

// Set implements pflag.Value.
func (s *Strictness) Set(text string) error {
	if text == OnlyWarnings {
		*s = OnlyWarnings
		return nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("true, false or warnings was expected")
	}
	*s = ""
	if on {
		*s = "true"
	}
	return nil
}

// Fails reports whether findings end a command with exit code 3.
func (s Strictness) Fails(findings []Finding) bool {
	return Failed(findings) ||
		s != "" && Has(findings, Warning) || s == "true" && Has(findings, NotChecked)
}
