// Package flags describes kube-controller-manager's command line: its syntax, and the
// flags, controllers and feature gates of each Kubernetes minor.
package flags

import (
	"fmt"
	"strings"
)

// Flag is one flag of a command line.
type Flag struct{ Name, Value string }

// Parse parses the arguments after the program's name as pflag does: --name=value,
// --name value, or a bare --name, which is "true" for a bool; "_" in a name is "-".
// isBool says which flags are bools. A flag may occur more than once.
func Parse(args []string, isBool func(name string) bool) ([]Flag, error) {
	var out []Flag
	for i := 0; i < len(args); i++ {
		a := args[i]
		name, value, given := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		if !strings.HasPrefix(a, "--") || name == "" {
			return nil, fmt.Errorf("argument %q is no flag: kube-controller-manager takes flags only", a)
		}
		name = strings.ReplaceAll(name, "_", "-")
		switch {
		case given:
		case isBool(name):
			value = "true"
		case i+1 < len(args):
			i++
			value = args[i]
		default:
			return nil, fmt.Errorf("flag --%s needs a value", name)
		}
		out = append(out, Flag{name, value})
	}
	return out, nil
}
