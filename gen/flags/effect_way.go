package flags

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mode is how two values are compared.
type mode string

const (
	byNumber   mode = "number"
	byDuration mode = "duration"
	byBool     mode = "bool"
	byList     mode = "list"   // elements in any order
	byRanges   mode = "ranges" // CIDRs
	byVersion  mode = "version"
	byText     mode = "text"

	ofControllers mode = "controllers"
	ofGates       mode = "gates"
)

// direction is which way a value changes.
type direction string

const (
	same       direction = "same" // another spelling at most; never in the data
	undecided  direction = ""     // never in the data
	less       direction = "less" // also: shorter, older
	more       direction = "more"
	on         direction = "on"
	off        direction = "off"
	wider      direction = "wider" // what there was stays, and more comes
	narrower   direction = "narrower"
	moved      direction = "moved" // something goes and something else comes
	familyNew  direction = "family-added"
	familyGone direction = "family-removed"
	reordered  direction = "reordered" // of ranges: the first family is another
	given      direction = "set"       // there was none
	dropped    direction = "unset"
	replaced   direction = "replaced" // one text by another
)

// directions are those that a mode finds.
func (m mode) directions() []direction {
	switch m {
	case byNumber, byDuration, byVersion:
		return []direction{less, more, given, dropped}
	case byBool:
		return []direction{on, off}
	case byList:
		return []direction{wider, narrower, moved, given, dropped}
	case byRanges:
		return []direction{wider, narrower, moved, familyNew, familyGone, reordered, given, dropped}
	case byText:
		return []direction{given, dropped, replaced}
	}
	return []direction{on, off}
}

// modeOf is the mode of a type of flags.
func modeOf(typ string) mode {
	switch typ {
	case "int", "int32", "uint64", "float32", "float64", "Level":
		return byNumber
	case "duration":
		return byDuration
	case "bool":
		return byBool
	case "stringSlice", "int32Slice", "stringToString", "cidrs":
		return byList
	}
	return byText
}

// setting is what is known of a flag besides its effect. Things that aren't flags have no
// type and no default.
type setting struct {
	typ, byDefault string
	minor          int
}

// flagType is the type of a flag in a minor version, or in the nearest that has it.
func flagType(name string, minor int) string {
	if def, ok := Of(minor).Flag(name); ok {
		return def.Type
	}
	life, ok := LifeOf(name)
	if !ok {
		return ""
	}
	def, _ := Of(min(max(minor, life.First), life.Last)).Flag(name)
	return def.Type
}

// change returns the effect of a change of an entry's value.
func (d *effectData) change(e entry, old, new string, s setting) Effect {
	m := e.Compare
	if m == "" {
		m = modeOf(s.typ)
	}
	old, new = s.value(m, old), s.value(m, new)
	switch m {
	case ofControllers:
		return d.controllers(e, old, new, s.minor)
	case ofGates:
		return d.gates(e, old, new, s.minor)
	}
	to := compare(m, old, new)
	switch {
	case to == same:
		return d.unchanged(e)
	case e.special(old) || e.special(new):
		to = undecided
	}
	out := d.effect(e, e.Ways[to])
	if m == byList {
		out.Text += difference(old, new)
	}
	return out
}

// special reports whether a number isn't an amount.
func (e entry) special(value string) bool {
	n, err := parseNumber(value)
	return e.Above != nil && err == nil && n <= *e.Above
}

// unchanged is the effect of a value that is only written in another way.
func (d *effectData) unchanged(e entry) Effect {
	return d.effect(e, way{Classes: []string{RestartOnly}, Text: "The value stays what it was. The process starts again, and does what it did."})
}

// value is a value that isn't set as the program takes it. The data writes the defaults of
// lists in brackets.
func (s setting) value(m mode, value string) string {
	if value == "" {
		value = s.byDefault
	}
	list := m != byText && strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]") && len(value) > 1
	if list || value == "[]" {
		value = value[1 : len(value)-1]
	}
	return value
}

// compare returns the direction from old to new. It is undecided if a value isn't of the
// mode.
func compare(m mode, old, new string) direction {
	switch {
	case old == new:
		return same
	case m == byBool:
		return compareBools(old, new)
	case old == "":
		return given
	case new == "":
		return dropped
	case m == byNumber:
		return ordered(old, new, parseNumber)
	case m == byDuration:
		return ordered(old, new, func(s string) (float64, error) { d, err := time.ParseDuration(s); return float64(d), err })
	case m == byVersion:
		return compareVersions(old, new)
	case m == byList:
		return compareLists(old, new)
	case m == byRanges:
		return compareRanges(old, new)
	}
	return replaced
}

func parseNumber(s string) (float64, error) {
	if n, err := strconv.ParseInt(s, 0, 64); err == nil {
		return float64(n), nil
	}
	return strconv.ParseFloat(s, 64)
}

func compareBools(old, new string) direction {
	was, ok := parseBool(old)
	is, valid := parseBool(new)
	switch {
	case !ok || !valid:
		return undecided
	case was == is:
		return same
	case is:
		return on
	}
	return off
}

// parseBool parses a flag's or a unit's bool. What isn't set is off, as far as the effect
// goes: defaults of flags are known, and those of units and pods are off.
func parseBool(s string) (on, ok bool) {
	switch strings.ToLower(s) {
	case "yes", "y", "on":
		return true, true
	case "no", "n", "off", "":
		return false, true
	}
	on, err := strconv.ParseBool(s)
	return on, err == nil
}

func ordered(old, new string, parse func(string) (float64, error)) direction {
	a, err := parse(old)
	b, e := parse(new)
	switch {
	case err != nil || e != nil || a != a || b != b: // NaN has no order
		return undecided
	case a == b:
		return same
	case a < b:
		return more
	}
	return less
}

// compareVersions compares the numbers in two versions, such as v1.9.3 and v1.10.0, or
// VersionTLS12 and VersionTLS13.
func compareVersions(old, new string) direction {
	numbers := func(s string) []int {
		var out []int
		for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < '0' || r > '9' }) {
			n, err := strconv.Atoi(f)
			if err != nil {
				return nil
			}
			out = append(out, n)
		}
		return out
	}
	a, b := numbers(old), numbers(new)
	if len(a) == 0 || len(b) == 0 {
		return undecided
	}
	switch slices.Compare(a, b) {
	case -1:
		return more
	case 1:
		return less
	}
	return undecided // the same numbers with other words
}

func compareLists(old, new string) direction {
	gone, come := without(old, new), without(new, old)
	switch {
	case len(gone) == 0 && len(come) == 0:
		return same
	case len(gone) == 0:
		return wider
	case len(come) == 0:
		return narrower
	}
	return moved
}

// without returns the elements of a list that another lacks, sorted.
func without(list, other string) []string {
	others := listed(other)
	return slices.DeleteFunc(listed(list), func(e string) bool { return slices.Contains(others, e) })
}

// listed returns the elements of a list, sorted, each once.
func listed(list string) []string {
	var out []string
	for _, e := range Elements(strings.ReplaceAll(list, "\n", ",")) {
		if e = strings.TrimSpace(e); e != "" {
			out = append(out, e)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// compareRanges compares CIDRs family by family. The worst direction of a family counts.
func compareRanges(old, new string) direction {
	was, ok := prefixes(old)
	is, valid := prefixes(new)
	if !ok || !valid {
		return undecided
	}
	found := map[direction]bool{}
	for _, v4 := range []bool{true, false} {
		found[compareFamily(family(was, v4), family(is, v4))] = true
	}
	if was[0].Addr().Is4() != is[0].Addr().Is4() {
		found[reordered] = true
	}
	for _, worst := range []direction{moved, narrower, familyGone, reordered, familyNew, wider} {
		if found[worst] {
			return worst
		}
	}
	return same
}

func compareFamily(was, is []netip.Prefix) direction {
	stays, comes := within(was, is), within(is, was)
	switch {
	case len(was) == 0 && len(is) == 0 || stays && comes:
		return same
	case len(was) == 0:
		return familyNew
	case len(is) == 0:
		return familyGone
	case stays:
		return wider
	case comes:
		return narrower
	}
	return moved
}

// within reports whether each of some prefixes lies in one of others.
func within(some, others []netip.Prefix) bool {
	return !slices.ContainsFunc(some, func(p netip.Prefix) bool {
		return !slices.ContainsFunc(others, func(o netip.Prefix) bool { return o.Bits() <= p.Bits() && o.Contains(p.Addr()) })
	})
}

func family(all []netip.Prefix, v4 bool) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(all), func(p netip.Prefix) bool { return p.Addr().Is4() != v4 })
}

// prefixes parses a list of CIDRs; false if one isn't valid, or there is none.
func prefixes(list string) ([]netip.Prefix, bool) {
	var out []netip.Prefix
	for e := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		p, err := netip.ParsePrefix(e)
		if err != nil {
			return nil, false
		}
		out = append(out, p.Masked())
	}
	return out, len(out) > 0
}
