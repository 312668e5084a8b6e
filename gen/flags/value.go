package flags

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

// kind is a type of flags: how its values are parsed, and their description for users.
type kind struct {
	words string
	valid func(value string) bool
}

// kinds are the types of kube-controller-manager's flags. Each accepts the values that
// the flag's Set does. A type that isn't here accepts every value, as string does.
var kinds = map[string]kind{
	"bool":     {"true or false", parses(strconv.ParseBool)},
	"int":      {"a whole number", func(s string) bool { _, err := strconv.ParseInt(s, 0, 64); return err == nil }},
	"int32":    {"a whole number", isInt32},
	"uint64":   {"a whole number from 0 up", func(s string) bool { _, err := strconv.ParseUint(s, 0, 64); return err == nil }},
	"float32":  {"a number", func(s string) bool { _, err := strconv.ParseFloat(s, 32); return err == nil }},
	"float64":  {"a number", func(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil }},
	"duration": {`a duration with its unit, such as "90s" or "1h30m"`, parses(time.ParseDuration)},
	"Level":    {"a whole number from 0 to 2147483647", isLevel},
	"ip":       {`an IP address, such as "127.0.0.1"`, isIP},
	"quantity": {`a quantity, such as "64Ki"`, func(s string) bool { return quantity().MatchString(s) }},
	"severity": {"INFO, WARNING, ERROR, FATAL or a number", isSeverity},

	"stringSlice":                        {`words with a "," between them, such as "a,b"`, isCSV},
	"int32Slice":                         {`numbers with a "," between them, such as "1,2"`, isInt32s},
	"cidrs":                              {`CIDRs with a "," between them`, each(parses(netip.ParsePrefix))},
	"stringToString":                     {`pairs with a "," between them, such as "key=value"`, isPairs},
	"namedCertKey":                       {`"CERTIFICATE,KEY" or "CERTIFICATE,KEY:NAME,…", two files and the names they are for`, isNamedPair},
	"moduleSpec":                         {`"PATTERN=LEVEL", such as "controller*=4"`, isPatterns},
	"pattern=N,...":                      {`"PATTERN=LEVEL", such as "controller*=4"`, isPatterns},
	"traceLocation":                      {`"FILE:LINE"`, func(s string) bool { return traceLocation().MatchString(s) }},
	"version":                            {"true, false or raw", func(s string) bool { return s == "raw" || parses(strconv.ParseBool)(s) }},
	"mapStringBool":                      {`gates, such as "A=true,B=false"`, func(s string) bool { _, err := (*Minor)(nil).ParseGates(s); return err == nil }},
	"colonSeparatedMultimapStringString": {`pairs, such as "component:value"`, func(string) bool { return true }},
}

func parses[T any](parse func(string) (T, error)) func(string) bool {
	return func(s string) bool { _, err := parse(s); return err == nil }
}

func each(one func(string) bool) func(string) bool {
	return func(s string) bool {
		return !slices.ContainsFunc(strings.Split(s, ","), func(e string) bool { return !one(strings.TrimSpace(e)) })
	}
}

func isInt32s(s string) bool {
	return !slices.ContainsFunc(strings.Split(s, ","), func(e string) bool { return !isInt32(e) })
}

func isInt32(s string) bool { _, err := strconv.ParseInt(s, 0, 32); return err == nil }
func isLevel(s string) bool { _, err := strconv.ParseUint(s, 10, 31); return err == nil }

func isIP(s string) bool {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	return err == nil && a.Zone() == ""
}

func isSeverity(s string) bool {
	return slices.Contains([]string{"INFO", "WARNING", "ERROR", "FATAL"}, strings.ToUpper(s)) || isInt32(s)
}

func isCSV(s string) bool { _, err := elements(s); return err == nil }

// elements splits a list as pflag does: it is a line of CSV.
func elements(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	return csv.NewReader(strings.NewReader(s)).Read()
}

// Elements splits a list whose elements may be quoted. It splits an invalid list at its
// commas.
func Elements(value string) []string {
	if out, err := elements(value); err == nil {
		return out
	}
	return strings.Split(value, ",")
}

// Pairs splits a list of KEY=VALUE pairs. With a single "=", commas belong to the value.
func Pairs(value string) []string {
	if strings.Count(value, "=") == 1 {
		return []string{strings.Trim(value, `"`)}
	}
	return Elements(value)
}

func isPairs(s string) bool {
	if n := strings.Count(s, "="); n <= 1 {
		return n == 1
	}
	return isCSV(s) && !slices.ContainsFunc(Pairs(s), func(p string) bool { return !strings.Contains(p, "=") })
}

func isNamedPair(s string) bool {
	files, names, named := strings.Cut(s, ":")
	return strings.Count(files, ",") == 1 && (!named || strings.TrimSpace(names) != "")
}

func isPatterns(s string) bool {
	for p := range strings.SplitSeq(s, ",") {
		pattern, level, ok := strings.Cut(p, "=")
		if p != "" && (!ok || pattern == "" || !isLevel(level)) {
			return false
		}
	}
	return true
}

var (
	// quantity is apimachinery's resource.Quantity.
	quantity      = lazy.Regexp(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$`)
	traceLocation = lazy.Regexp(`^[^:]+:[0-9]+$`)
)

// emptyIPFrom is the first minor whose flags of type ip accept an empty value, which
// means all addresses.
const emptyIPFrom = 34

// TypeWanted describes the values of a flag's type if this minor can't parse value; it
// returns "" if it can.
func (m *Minor) TypeWanted(d Def, value string) (want string) {
	k, ok := kinds[d.Type]
	if !ok || k.valid(value) || d.Type == "ip" && value == "" && m.Number() >= emptyIPFrom {
		return ""
	}
	return k.words
}

// ValueWanted describes the values that the flag accepts if it refuses value, which
// is of its type; it returns "" if it accepts it. on reports whether a feature gate is
// on.
func (d Def) ValueWanted(value string, on func(gate string) bool) (want string) {
	if len(d.Allowed) > 0 {
		return d.allows(value, on)
	}
	n, err := strconv.ParseFloat(value, 64)
	if i, e := strconv.ParseInt(value, 0, 64); e == nil {
		n, err = float64(i), nil
	}
	if err == nil && (d.Min != nil && n < *d.Min || d.Max != nil && n > *d.Max) {
		return d.Bounds()
	}
	if least, e := time.ParseDuration(d.MinDuration); e == nil {
		if v, e := time.ParseDuration(value); e == nil && v < least {
			return d.Bounds()
		}
	}
	return ""
}

func (d Def) allows(value string, on func(gate string) bool) string {
	allowed := slices.Clone(d.Allowed)
	for _, setting := range slices.Sorted(maps.Keys(d.AllowedWithGate)) {
		more := d.AllowedWithGate[setting]
		gate, want, _ := strings.Cut(setting, "=")
		if on(gate) == (want == "true") {
			allowed = append(allowed, more...)
		} else if slices.Contains(more, value) {
			return fmt.Sprintf("feature gate %s, or %s", setting, d.Bounds())
		}
	}
	values := []string{value}
	if d.Type == "stringSlice" {
		values, _ = elements(value)
	}
	if slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(allowed, v) }) {
		return d.Bounds()
	}
	return ""
}

// NotAllowed returns the first element of a list that isn't allowed; "" if all are, or
// if the flag isn't a list with allowed elements.
func (d Def) NotAllowed(value string) string {
	if d.Type != "stringSlice" || len(d.Allowed) == 0 {
		return ""
	}
	values, _ := elements(value)
	if i := slices.IndexFunc(values, func(v string) bool { return !slices.Contains(d.Allowed, v) }); i >= 0 {
		return values[i]
	}
	return ""
}

// Bounds describes the values that the flag accepts; "" if it accepts all of its type.
func (d Def) Bounds() string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	switch {
	case len(d.Allowed) > 0:
		quoted := make([]string, len(d.Allowed))
		for i, a := range d.Allowed {
			quoted[i] = strconv.Quote(a)
		}
		return "one of " + strings.Join(quoted, ", ")
	case d.Min != nil && d.Max != nil:
		return "from " + number(*d.Min) + " to " + number(*d.Max)
	case d.Min != nil:
		return "at least " + number(*d.Min)
	case d.MinDuration != "":
		return "at least " + d.MinDuration
	}
	return ""
}
