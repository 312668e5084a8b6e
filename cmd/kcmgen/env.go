package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kcmgen/kcmgen/gen"
)

// prefix is the prefix of kcmgen's environment variables.
const prefix = "KCMGEN_"

// variableOf returns the name of the environment variable that sets a flag.
func variableOf(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// otherVariables set no flag: the cache of programs, the limits of an evaluation, and
// settings of this repository's tests.
var otherVariables = []string{
	"KCMGEN_BOUNDS", "KCMGEN_CACHE", "KCMGEN_E2E_FIGURES", "KCMGEN_E2E_LEAVE", "KCMGEN_FAULTS", "KCMGEN_FAULTS_BUILT", "KCMGEN_FAULTS_MOUNTS",
	"KCMGEN_LIVE", "KCMGEN_MAX_MEMORY", "KCMGEN_MAX_TIME", "KCMGEN_MOUNT", "KCMGEN_TEST_PROGRAMS",
}

// unknownVariables returns a warning for each variable with kcmgen's prefix that no
// flag reads: a misspelt one would silently leave the default.
func unknownVariables(root *cobra.Command, environ []string) []string {
	known := slices.Clone(otherVariables)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, variableOf(f.Name)) })
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
	slices.Sort(known) // so that the suggestion is always the same
	words := make([]string, len(known))
	for i, name := range known {
		words[i] = strings.TrimPrefix(name, prefix)
	}
	var out []string
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, prefix) || value == "" || slices.Contains(known, name) {
			continue
		}
		line := fmt.Sprintf("warning: %s is set, and no flag of kcmgen reads it", name)
		if near := gen.Nearest(name[len(prefix):], words); near != "" {
			line += fmt.Sprintf("; did you mean %s?", prefix+near)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// fromEnvironment sets flags that the command line leaves out from their environment
// variables. An empty variable counts as unset.
func fromEnvironment(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(variableOf(f.Name))
		skip := f.Name == "help" || f.Name == "version" && f.Value.Type() == "bool"
		// "kcmgen flags" answers one question at a time: a variable that was set for
		// another command would change the question.
		skip = skip || cmd.Name() == "flags" && f.Name != "format"
		// A change of trust is accepted once: a variable would go on accepting.
		skip = skip || f.Name == "accept"
		// KCMGEN_NODES has names and addresses for init, not the files of vet.
		skip = skip || f.Name == "nodes" && cmd.Name() == "vet"
		if f.Changed || value == "" || skip || err != nil {
			return
		}
		if ferr := cmd.Flags().Set(f.Name, value); ferr != nil {
			err = usageError{fmt.Errorf("%s=%q: %w", variableOf(f.Name), value, ferr)}
		}
	})
	return err
}
