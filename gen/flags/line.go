package flags

import (
	"fmt"
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
// its value after "=" only; a shorthand such as -v=2; "_" in a name is "-". A flag
// may come more than once.
func (m *Minor) Read(args []string) (given []Given, faults []Fault) {
	for i := 0; i < len(args); i++ {
		at, a := i, args[i]
		name, value, has := strings.Cut(strings.TrimLeft(a, "-"), "=")
		name = strings.ReplaceAll(name, "_", "-")
		if !strings.HasPrefix(a, "--") && strings.HasPrefix(a, "-") {
			name = m.long(name)
		}
		if !strings.HasPrefix(a, "-") || name == "" {
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

// long is the name of the flag that a shorthand stands for.
func (m *Minor) long(short string) string {
	for _, d := range m.Flags {
		if d.Shorthand == short {
			return d.Name
		}
	}
	return short
}

// stray is the fault of an argument that is no flag's.
func stray(args []string, i int) Fault {
	f := Fault{i, fmt.Sprintf("argument %.80q belongs to no flag: kube-controller-manager takes flags only, and ends", args[i]), "no such argument"}
	if i > 0 && strings.HasPrefix(args[i-1], "--") && !strings.Contains(args[i-1], "=") {
		f.Expected = fmt.Sprintf("%s=%.80s: a bool takes its value after =", args[i-1], args[i])
	}
	return f
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
