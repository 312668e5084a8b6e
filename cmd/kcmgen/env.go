package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variableOf is the environment variable that sets a flag.
func variableOf(flag string) string {
	return "KCMGEN_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets the flags that the command line leaves out from their
// variables. An empty variable counts as none.
func fromEnvironment(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(variableOf(f.Name))
		talk := f.Name == "help" || f.Name == "version" && f.Value.Type() == "bool"
		// What flags is asked is a question of the moment: a variable that was set
		// for something else would answer another.
		asked := cmd.Name() == "flags" && f.Name != "format"
		if f.Changed || value == "" || talk || asked || err != nil {
			return
		}
		if ferr := cmd.Flags().Set(f.Name, value); ferr != nil {
			err = usageError{fmt.Errorf("%s=%q: %w", variableOf(f.Name), value, ferr)}
		}
	})
	return err
}
