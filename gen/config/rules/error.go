package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/errors"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// kind is what an error of a check means.
type kind int

const (
	isBroken     kind = iota // the check can't be evaluated
	isRefused                // the check and the cluster don't fit
	isMissing                // a required field is missing
	isIncomplete             // something has no value
)

// kindOfError tells errors apart by CUE's messages: it has no codes for them.
func kindOfError(e errors.Error) kind {
	format, _ := e.Msg()
	text := syntax.OneLine(e)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(format, p) || strings.Contains(text, p) })
	}
	switch {
	case has("required but not present"):
		return isMissing
	case has("cycle"):
		return isBroken
	case has("incomplete", "non-concrete", "undefined field", "cannot reference optional", "unresolved disjunction"):
		return isIncomplete
	case format == "%s": // CUE's error("text")
		return isRefused
	case has("conflicting values", "invalid value", "empty disjunction", "incompatible list lengths", "explicit error", "not allowed", "out of bound"):
		return isRefused
	}
	return isBroken
}

// maxExpected is the maximum length of what a constraint is shown as, in bytes.
const maxExpected = 160

// expectation says what a check expects of a field, by the error.
func (t *Target) expectation(labels []string, e errors.Error) string {
	if secretPath(finding.Path(labels...)) {
		return ""
	}
	format, args := e.Msg()
	text := syntax.OneLine(e)
	switch {
	case strings.Contains(format, "not allowed"):
		return "a field that the check has: the check is closed"
	case strings.HasPrefix(format, "conflicting values") && len(args) >= 2:
		is, _ := json.Marshal(t.at(labels)) // it was JSON
		for _, a := range args[:2] {
			if s := syntax.Trim(fmt.Sprint(a)); s != string(is) && !strings.HasPrefix(s, "{") && len(s) <= maxExpected {
				return s
			}
		}
		return ""
	}
	for _, mark := range []string{"(out of bound ", "(does not satisfy "} {
		if _, rest, ok := strings.Cut(text, mark); ok && len(rest) <= maxExpected {
			return strings.TrimSuffix(rest, ")")
		}
	}
	return ""
}

// at returns the cluster's value of a field.
func (t *Target) at(labels []string) any {
	var v any = t.data
	for _, l := range labels {
		switch in := v.(type) {
		case map[string]any:
			v = in[l]
		case []any:
			n, _ := strconv.Atoi(strings.Trim(l, "[]"))
			v = in[n]
		}
	}
	return v
}

// secretsIn returns the texts in fields that may hold a secret.
func secretsIn(at []string, v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(out, secretsIn(syntax.With(at, name), v[name])...)
		}
	case []any:
		for i, e := range v {
			out = append(out, secretsIn(syntax.With(at, fmt.Sprintf("[%d]", i)), e)...)
		}
	case string:
		if path := finding.Path(at...); len(v) >= 4 && secretPath(path) {
			out = append(out, v)
		}
	}
	return out
}

// secretPath reports whether a field may hold a secret, such as a password in a URL.
func secretPath(field string) bool { return SecretField(field) || strings.HasSuffix(field, ".url") }

// SecretField reports whether the values of a field may be secret: the environment of a
// pod or a unit.
func SecretField(field string) bool {
	return strings.HasPrefix(field, "pod.container.env") || strings.HasPrefix(field, "unit.Service.Environment") ||
		strings.HasPrefix(field, "unit.Service.SetCredential")
}
