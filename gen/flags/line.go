package flags

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Given is a flag of a command line, with its position.
type Given struct {
	Flag
	Arg int // its index among the arguments
}

// Fault is an argument that kube-controller-manager refuses.
type Fault struct {
	Arg               int
	Message, Expected string
}

// Read parses the arguments after the program's name as this minor does: --name=value,
// --name value, or a bare --name for a bool, which takes a value only after "="; a
// shorthand of one letter, -v=2, -v2 or -v 2; "_" in a name is "-". A flag may occur
// more than once. After "--" there are no flags.
func (m *Minor) Read(args []string) (given []Given, faults []Fault) {
	for i := 0; i < len(args); i++ {
		at, a := i, args[i]
		if a == "--" {
			for i++; i < len(args); i++ {
				faults = append(faults, stray(args, i))
			}
			return given, faults
		}
		name, value, has := m.split(a)
		if name == "" {
			faults = append(faults, stray(args, i))
			continue
		}
		d, known := m.Flag(name)
		switch {
		case has:
		case known && d.valueOptional():
			value = "true"
		case i+1 < len(args) && (known || !strings.HasPrefix(args[i+1], "-")):
			i++
			value = args[i]
		case known:
			faults = append(faults, Fault{i, fmt.Sprintf("--%s has no value", name), "--" + name + "=VALUE"})
			continue
		}
		given = append(given, Given{Flag{name, value}, at})
	}
	return given, faults
}

// valueOptional reports whether the flag may have no value.
func (d Def) valueOptional() bool { return d.Type == "bool" || d.NoOptDefVal != "" }

// split splits an argument into a flag's name and its value, if it has one. name is ""
// if the argument is no flag.
func (m *Minor) split(arg string) (name, value string, has bool) {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		name, value, has = strings.Cut(long, "=")
		if strings.HasPrefix(name, "-") {
			name = ""
		}
		return strings.ReplaceAll(name, "_", "-"), value, has
	}
	short, ok := strings.CutPrefix(arg, "-")
	if !ok || short == "" {
		return "", "", false
	}
	if m == nil { // there is no data of that version: its shorthands are those of others
		m = Of(Newest())
	}
	for _, d := range m.Flags {
		rest, ok := strings.CutPrefix(short, d.Shorthand)
		switch {
		case d.Shorthand == "" || !ok:
			continue
		case strings.HasPrefix(rest, "=") && len(rest) > 1:
			return d.Name, rest[1:], true
		case d.valueOptional(): // what follows are other shorthands
			return d.Name, cmp.Or(d.NoOptDefVal, "true"), true
		}
		return d.Name, rest, rest != ""
	}
	return "", "", false
}

// stray is the fault of an argument that belongs to no flag.
func stray(args []string, i int) Fault {
	f := Fault{i, fmt.Sprintf("argument %.80q belongs to no flag: kube-controller-manager takes flags only, and exits", args[i]), "no such argument"}
	switch {
	case len(args[i]) > 2 && args[i][0] == '-' && args[i][1] != '-':
		f.Message = fmt.Sprintf("argument %.80q begins with one dash: no flag has such a shorthand", args[i])
		f.Expected = fmt.Sprintf("-%.80s", args[i])
	case i > 0 && len(args[i-1]) > 2 && strings.HasPrefix(args[i-1], "--") && !strings.Contains(args[i-1], "="):
		f.Expected = fmt.Sprintf("%s=%.80s: a bool takes its value after =", args[i-1], args[i])
	}
	return f
}

// Join joins two values of a flag for which Adds is true.
func (d Def) Join(earlier, later string) string {
	if d.Type == "stringToString" {
		earlier, later = pairs(earlier), pairs(later)
	}
	return earlier + "," + later
}

// pairs quotes a single pair with a comma in it, which needs quotes in a list.
func pairs(value string) string {
	if strings.Count(value, "=") == 1 && strings.Contains(value, ",") {
		return strconv.Quote(strings.Trim(value, `"`))
	}
	return value
}

// Adds reports whether a repeated flag adds to its earlier value instead of replacing
// it.
func (d Def) Adds() bool {
	switch d.Type {
	case "stringSlice", "int32Slice", "stringToString", "namedCertKey", "mapStringBool", "colonSeparatedMultimapStringString", "pattern=N,...":
		return true
	}
	return false
}
