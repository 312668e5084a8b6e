package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestHelp: every command has a description, an example and the exit codes in its help;
// every flag has a description; and no two flags share a variable.
func TestHelp(t *testing.T) {
	variables := map[string]string{}
	seen := 0
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Hidden || cmd.Name() == "help" {
			return
		}
		seen++
		at := cmd.CommandPath()
		if !strings.Contains(cmd.Example, "kcmgen") {
			t.Errorf("%s: no example to be typed", at)
		}
		if !strings.Contains(cmd.Long, exitCodes) {
			t.Errorf("%s: its help doesn't have the exit codes", at)
		}
		if strings.HasSuffix(cmd.Short, ".") || len(cmd.Short) < 10 {
			t.Errorf("%s: %q", at, cmd.Short)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s: no usage", at, f.Name)
			}
			if other, ok := variables[variableOf(f.Name)]; ok && other != f.Name {
				t.Errorf("--%s and --%s are both %s", f.Name, other, variableOf(f.Name))
			}
			variables[variableOf(f.Name)] = f.Name
		})
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(newRoot(stdio{in: strings.NewReader(""), out: io.Discard, err: io.Discard}))
	if seen < 12 {
		t.Errorf("only %d commands", seen)
	}
}
