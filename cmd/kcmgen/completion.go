package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// shells are the shells that kcmgen writes completion scripts for.
var shells = []struct {
	name  string
	write func(root *cobra.Command, w io.Writer) error
}{
	{"bash", func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) }},
	{"zsh", func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) }},
	{"fish", func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) }},
	{"powershell", func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) }},
}

func newCompletion(std stdio) *cobra.Command {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return &cobra.Command{
		Use:   "completion " + strings.Join(names, "|"),
		Short: "Print a script that completes kcmgen's command lines in a shell",
		Long: `Completion prints a completion script for your shell. Packages and archives of
kcmgen hold the same scripts.

` + exitCodes,
		Example: `  kcmgen completion bash > /etc/bash_completion.d/kcmgen           or source <(kcmgen completion bash)
  kcmgen completion zsh > "${fpath[1]}/_kcmgen"
  kcmgen completion fish > ~/.config/fish/completions/kcmgen.fish
  kcmgen completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: names,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) != 1:
				return usageError{errors.New("completion needs one shell: " + strings.Join(names, ", "))}
			case !slices.Contains(names, args[0]):
				return usageError{fmt.Errorf("no completion for the shell %q, only for %s", args[0], strings.Join(names, ", "))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return shells[slices.Index(names, args[0])].write(cmd.Root(), std.out)
		},
	}
}
