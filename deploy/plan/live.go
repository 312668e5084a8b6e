package plan

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// LiveFlags compares flags that a unit sets with those of the running process, as its /flagz
// has them. Values may be written in several ways: only those that can't mean the same differ. A
// flag that is given several times may add up, so it isn't compared.
func LiveFlags(c *Config, running map[string]string) []FlagChange {
	given := map[string]int{}
	for _, a := range c.Argv {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		given[strings.ReplaceAll(name, "_", "-")]++
	}
	var out []FlagChange
	for name, value := range c.flags {
		if has, ok := running[name]; ok && given[name] < 2 && !sameValue(value, has) {
			out = append(out, FlagChange{Name: name, From: &has, To: &value})
		}
	}
	slices.SortFunc(out, func(a, b FlagChange) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// sameValue reports whether two texts can be the same value of a flag.
func sameValue(a, b string) bool {
	if a == b || same(a, b, strconv.ParseBool) || same(a, b, seconds) || same(a, b, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }) {
		return true
	}
	return slices.Equal(words(a), words(b))
}

func same[T comparable](a, b string, parse func(string) (T, error)) bool {
	x, err1 := parse(a)
	y, err2 := parse(b)
	return err1 == nil && err2 == nil && x == y
}

// seconds parses a duration; 0 needs no unit.
func seconds(s string) (time.Duration, error) { return time.ParseDuration(s) }

// words returns the parts of a list or a map, sorted: "a,b", "[b,a]", "a=1,b=2". Feature gates have
// the component before them: ":A=true", "kube:A=true".
func words(s string) []string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	out := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
	for i := range out {
		out[i] = strings.Trim(out[i], `"`)
		if component, gate, ok := strings.Cut(out[i], ":"); ok && (component == "" || component == "kube") {
			out[i] = gate
		}
	}
	slices.Sort(out)
	return out
}
