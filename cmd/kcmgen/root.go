package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

// Exit codes, the same for every command.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitFindings = 3
	exitDiffers  = 4
	// Of deploy and rollback: every host is back where it was; one isn't; all are, but
	// while the apiserver is away their health is unknown.
	exitRolledBack = 5
	exitStranded   = 6
	exitUnseen     = 7
)

const exitCodes = `Exit codes: 0 done · 1 failed (input, output or internal) · 2 usage · 3 findings · 4 differs`

// rolloutCodes are the exit codes of commands that change hosts.
const rolloutCodes = exitCodes + ` ·
5 rolled back · 6 rollback failed · 7 rolled back, the apiserver is away`

// errFindings ends a command whose findings have been printed.
var errFindings = gen.ErrFindings

// errDiffers ends a command that compares, and has printed what differs.
var errDiffers = errors.New("differs")

// usageError is an error in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run runs kcmgen with arguments, without its name, and returns the exit code. Only
// run chooses exit codes and prints errors.
func run(ctx context.Context, args []string, std stdio) int {
	root := newRoot(std)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var usage usageError
	var option *gen.OptionError
	if errors.As(err, &option) {
		err = usageError{err}
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.Is(err, errDiffers):
		return exitDiffers
	case err == context.Canceled: // with nothing else to say
		fmt.Fprintln(std.err, "kcmgen: ended by a signal")
		return exitFailed
	case errors.As(err, &usage):
		// pflag's errors end with the name of a Go function.
		text, _, _ := strings.Cut(err.Error(), ": strconv.")
		fmt.Fprintf(std.err, "kcmgen: %s\nhint: %s\n", terminal.Visible(text), terminal.Visible(cmp.Or(hint(usage.error), cmd.CommandPath()+" --help")))
		return exitUsage
	}
	fmt.Fprintf(std.err, "kcmgen: %s\n", terminal.Visible(err.Error()))
	if h := hint(err); h != "" {
		fmt.Fprintf(std.err, "hint: %s\n", terminal.Visible(h))
	}
	if code, ok := exitOf(err); ok {
		return code
	}
	return exitFailed
}

func newRoot(std stdio) *cobra.Command {
	std.noCache = new(bool)
	root := &cobra.Command{
		Use:   "kcmgen",
		Short: "Run a highly available kube-controller-manager without hand work",
		Long: `Kcmgen reads a cluster written in CUE, vets it, and writes what its hosts need
to run kube-controller-manager: certificates, kubeconfigs, and systemd units or
static pods.

Every flag can be set in the environment: --out as KCMGEN_OUT, --keep-going as
KCMGEN_KEEP_GOING. The command line wins.

` + exitCodes,
		Example: `  kcmgen init infra --name prod --layout systemd
  kcmgen vet ./cue/example       check a cluster
  kcmgen export ./cue/example    write its files below out/example
  kcmgen image ./cue/prod        make its image: out/prod/image/amd64.tar`,
		Version:                    version(),
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		Args:                       noSubcommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if !strings.HasPrefix(cmd.Name(), "__") { // not while a shell completes
			for _, line := range unknownVariables(root, os.Environ()) {
				terminal.Say(std.err, "%s", terminal.Visible(line))
			}
		}
		return cmp.Or(fromEnvironment(cmd), checkFormat(cmd))
	}
	root.PersistentFlags().BoolVar(std.noCache, "no-cache", false, "evaluate clusters that have not changed, too")
	root.CompletionOptions.DisableDefaultCmd = true
	group(root, "clusters", "From CUE to hosts:", newInit(std), newImport(std), newVet(std), newShow(std), newFetch(std), newExport(std), newImage(std))
	group(root, "hosts", "On the hosts:", newDeploy(std), newStatus(std), newLogs(std), newCanary(std), newDrill(std), newDiff(std), newRollback(std), newRetire(std))
	group(root, "kubernetes", "What Kubernetes knows:", newFlags(std), newExplain(std), newUpgrade(std))
	group(root, "files", "Files in your repository:", newFmt(std), newSchema(std))
	root.AddCommand(newVersion(std), newCompletion(std), newCommands(std))
	root.InitDefaultHelpCmd()
	strictHelp(root)
	return root
}

// group adds commands under a heading in the help.
func group(root *cobra.Command, id, title string, cmds ...*cobra.Command) {
	cobra.EnableCommandSorting = false // they are in the order of use
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, cmd := range cmds {
		cmd.GroupID = id
		root.AddCommand(cmd)
	}
}

// strictHelp makes "help" refuse an unknown command.
func strictHelp(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" {
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if found, rest, err := root.Find(args); err != nil || len(rest) > 0 {
					return noSubcommand(found, rest)
				}
				return nil
			}
		}
	}
}

// noSubcommand refuses any argument: it isn't the name of a subcommand.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usageError{fmt.Errorf("unknown command %q; did you mean %q?", args[0], near[0])}
	}
	return usageError{fmt.Errorf("unknown command %q", args[0])}
}

// atMostOne refuses a second argument.
func atMostOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usageError{fmt.Errorf("%d arguments, at most one %s is taken", len(args), what)}
		}
		return nil
	}
}

// with returns what a command does: run, with the options that its flags set.
func with[O any](o *O, std stdio, run func(ctx context.Context, o O, args []string, now func() time.Time, std stdio) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), *o, args, time.Now, std) }
}
