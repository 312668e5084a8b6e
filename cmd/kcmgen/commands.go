package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kcmgen/kcmgen/internal/terminal"
)

// commandDoc describes a command. tools/release makes manual pages from it, so that
// their formatter stays out of this program.
type commandDoc struct {
	Use      string       `json:"use"`
	Short    string       `json:"short"`
	Long     string       `json:"long,omitempty"`
	Example  string       `json:"example,omitempty"`
	Aliases  []string     `json:"aliases,omitempty"`
	Flags    []flagDoc    `json:"flags,omitempty"`
	Commands []commandDoc `json:"commands,omitempty"`
}

type flagDoc struct {
	Name       string `json:"name"`
	Shorthand  string `json:"shorthand,omitempty"`
	Type       string `json:"type"`
	Default    string `json:"default"`
	NoValue    string `json:"noValue,omitempty"` // the value of --name alone
	Usage      string `json:"usage"`
	Persistent bool   `json:"persistent,omitempty"` // its subcommands have it too
}

func newCommands(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:    "__commands",
		Short:  "Print all commands and flags as JSON, for the manual pages",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return terminal.JSON(std.out, describe(cmd.Root()))
		},
	}
}

// describe returns a command and its subcommands in the order of the help. It leaves
// out --help, which every command has.
func describe(cmd *cobra.Command) commandDoc {
	cmd.InitDefaultVersionFlag()
	d := commandDoc{Use: cmd.Use, Short: cmd.Short, Long: cmd.Long, Example: cmd.Example, Aliases: cmd.Aliases}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		d.Flags = append(d.Flags, flagDoc{
			Name: f.Name, Shorthand: f.Shorthand, Type: f.Value.Type(), Default: f.DefValue, NoValue: f.NoOptDefVal,
			Usage: f.Usage, Persistent: cmd.PersistentFlags().Lookup(f.Name) != nil,
		})
	})
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			d.Commands = append(d.Commands, describe(c))
		}
	}
	return d
}
