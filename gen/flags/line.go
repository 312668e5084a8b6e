package flags

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Given is a flag as a command line has it.
type Given struct {
	Flag
	Arg int // its index among the arguments
}

// Fault is an argument that ends the process before it starts.
type Fault struct {
	Arg               int
	Message, Expected string
}

// Read reads the arguments after the program's name as this minor does: --name=value,
// or --name value, or a bare --name where the flag is a bool, which therefore takes
// its value after "=" only; a shorthand of one letter, -v=2, -v2 or -v 2; "_" in a
// name is "-". A flag may come more than once. After "--" there are no flags.
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
		case known && d.alone():
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

// alone reports whether the flag may stand without a value.
func (d Def) alone() bool { return d.Type == "bool" || d.NoOptDefVal != "" }

// split parts an argument into the flag's name and what follows it; without a name
// it is no flag.
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
	for _, d := range m.Flags {
		rest, ok := strings.CutPrefix(short, d.Shorthand)
		switch {
		case d.Shorthand == "" || !ok:
			continue
		case strings.HasPrefix(rest, "=") && len(rest) > 1:
			return d.Name, rest[1:], true
		case d.alone(): // what follows are other shorthands
			return d.Name, cmp.Or(d.NoOptDefVal, "true"), true
		}
		return d.Name, rest, rest != ""
	}
	return "", "", false
}

// stray is the fault of an argument that is no flag's.
func stray(args []string, i int) Fault {
	f := Fault{i, fmt.Sprintf("argument %.80q belongs to no flag: kube-controller-manager takes flags only, and ends", args[i]), "no such argument"}
	switch {
	case len(args[i]) > 2 && args[i][0] == '-' && args[i][1] != '-':
		f.Message = fmt.Sprintf("argument %.80q begins with one dash: no flag has such a shorthand", args[i])
		f.Expected = fmt.Sprintf("-%.80s", args[i])
	case i > 0 && len(args[i-1]) > 2 && strings.HasPrefix(args[i-1], "--") && !strings.Contains(args[i-1], "="):
		f.Expected = fmt.Sprintf("%s=%.80s: a bool takes its value after =", args[i-1], args[i])
	}
	return f
}

// Join is the value that two of a flag's make, where the later adds to the earlier.
func (d Def) Join(earlier, later string) string {
	if d.Type == "stringToString" {
		earlier, later = pairs(earlier), pairs(later)
	}
	return earlier + "," + later
}

// pairs is a value of pairs in which a pair with a comma in it has quotes: a pair
// alone needs none.
func pairs(value string) string {
	if strings.Count(value, "=") == 1 && strings.Contains(value, ",") {
		return strconv.Quote(strings.Trim(value, `"`))
	}
	return value
}

// Adds reports whether a flag that comes again adds to what came before, instead
// of taking its place.
func (d Def) Adds() bool {
	switch d.Type {
	case "stringSlice", "int32Slice", "stringToString", "namedCertKey", "mapStringBool", "colonSeparatedMultimapStringString", "pattern=N,...":
		return true
	}
	return false
}
