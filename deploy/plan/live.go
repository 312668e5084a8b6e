package plan

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// LiveFlags compares flags that a unit sets with those of the running process, as its /flagz
// has them. Values may be written in several ways: only those that can't mean the same differ.
func LiveFlags(c *Config, running map[string]string) []FlagChange {
	var out []FlagChange
	for name, value := range c.flags {
		if has, ok := running[name]; ok && !sameValue(value, has) {
			out = append(out, FlagChange{Name: name, From: &has, To: &value})
		}
	}
	slices.SortFunc(out, func(a, b FlagChange) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// sameValue reports whether two texts can be the same value of a flag.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	if x, err := strconv.ParseBool(a); err == nil {
		y, err := strconv.ParseBool(b)
		return err == nil && x == y
	}
	if x, err := strconv.ParseFloat(a, 64); err == nil {
		y, err := strconv.ParseFloat(b, 64)
		return err == nil && x == y
	}
	if x, err := time.ParseDuration(a); err == nil {
		y, err := time.ParseDuration(b)
		return err == nil && x == y
	}
	return slices.Equal(words(a), words(b))
}

// words returns the parts of a list or a map, sorted: "a,b", "[b,a]", "a=1,b=2".
func words(s string) []string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	out := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
	for i := range out {
		out[i] = strings.Trim(out[i], `"`)
	}
	slices.Sort(out)
	return out
}
