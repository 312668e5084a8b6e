package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type flagsOptions struct {
	version, diff, check, format string
	strict                       finding.Strictness
	all, versioned               bool // versioned: --version was given
	controllers, gates           bool
	nodes                        []string // of --node
}

func newFlags(std stdio) *cobra.Command {
	var o flagsOptions
	minors := flags.Minors()
	newest := flags.MinorName(minors[len(minors)-1])
	cmd := &cobra.Command{
		Use:   "flags [NAME]...",
		Short: "List and explain the flags of kube-controller-manager",
		Long: fmt.Sprintf(`Flags lists the flags of a minor version of kube-controller-manager, with types and
defaults. For flags that are named it prints more: the versions that have them,
what replaces them, and what a change does to a running cluster. --controllers and
--feature-gates list the names that the flags of these names accept.

--diff prints what changes between two versions: of flags, or of the names.

--check reads how files start kube-controller-manager, and finds what a version would
refuse, what it would accept and ignore, and what the benchmarks advise against. A
file may be a systemd unit, a static pod, an environment file, a script, a list of
flags, or a configuration of kubeadm, K3s, Talos and others. Values that no file at
hand has, such as ${POD_CIDR}, stay open. Without --version a file is checked
against the version that it states, such as that in an image's tag. With --node it
compares nodes.

It knows %s to %s, from their compiled options, not from documentation. For
clusters in CUE there is kcmgen vet.

`, flags.MinorName(minors[0]), newest) + exitCodes,
		Example: `  kcmgen flags --version v1.34             the flags of v1.34
  kcmgen flags pod-eviction-timeout        one flag, its history and what a change does
  kcmgen flags --diff v1.30..v1.37         what changed in between
  kcmgen flags --check /etc/systemd/system/kube-controller-manager.service
  kcmgen flags --check kcm.service kcm.env kcm.service.d/10-local.conf
  kcmgen flags --node cp-1=a.service,a.env --node cp-2=b.service,b.env
  kcmgen flags --controllers --version v1.34
  kcmgen flags --format json | jq -r '.flags[].name'`,
		ValidArgsFunction: func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			differs := func(name string) bool { return !strings.HasPrefix(name, begun) }
			return slices.DeleteFunc(flags.Names(), differs), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.versioned = cmd.Flags().Changed("version")
			return runFlags(o, args, std)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.version, "version", newest, "minor version of Kubernetes")
	f.StringVar(&o.diff, "diff", "", "two minor versions, as v1.30..v1.37: print what changed")
	f.StringVar(&o.check, "check", "", "check the command line in a file, with more files after it; - is the standard input, a directory its files")
	f.StringArrayVar(&o.nodes, "node", nil, "check and compare nodes: NAME=FILE, with more files after commas")
	strictFlag(cmd, &o.strict, "with --check: fail on warnings and on what could not be checked; =warnings: on warnings only")
	f.BoolVar(&o.controllers, "controllers", false, "list what --controllers of kube-controller-manager names")
	f.BoolVar(&o.gates, "feature-gates", false, "list what --feature-gates of kube-controller-manager names")
	f.BoolVar(&o.all, "all", false, "list hidden flags too")
	formatFlag(cmd, &o.format, "how to print", gen.Formats()...)
	completeFlag(cmd, "version", completeWords(flags.MinorNames()...))
	return cmd
}

func runFlags(o flagsOptions, names []string, std stdio) error {
	if err := checkExclusive(o, names); err != nil {
		return err
	}
	if o.diff != "" {
		return runFlagsDiff(o, std)
	}
	minor, err := flags.ParseMinor(o.version)
	if err != nil {
		return usageError{fmt.Errorf("--version: %w", err)}
	}
	if o.controllers || o.gates {
		return listNames(o, flags.Of(minor), std)
	}
	if o.checks() {
		return checkFlags(o, names, minor, std)
	}
	if len(names) > 0 {
		return explainFlags(o, minor, names, std)
	}
	defs := slices.DeleteFunc(slices.Clone(flags.Of(minor).Flags), func(d flags.Def) bool { return d.Hidden && !o.all })
	if o.format == "json" {
		return terminal.List(std.out, "flags", defs)
	}
	return terminal.Rows(std.out, flags.Rows(defs))
}

// checks reports whether files are to be checked.
func (o flagsOptions) checks() bool { return o.check != "" || len(o.nodes) > 0 }

// checkExclusive refuses combinations of flags of which one would be ignored.
func checkExclusive(o flagsOptions, names []string) error {
	for _, c := range []struct {
		clash bool
		why   string
	}{
		{o.controllers && o.gates, "--controllers and --feature-gates are two lists"},
		{(o.controllers || o.gates) && len(names) > 0, "--controllers and --feature-gates take no names: pick them out of the list"},
		{o.diff != "" && len(names) > 0, "--diff takes no names of flags"},
		{o.checks() && (o.diff != "" || o.controllers || o.gates), "--check goes with --node, --version, --strict and --format only"},
		{!o.checks() && o.strict != "", "--strict goes with --check"},
		{!o.checks() && slices.Contains(gen.Formats(), o.format), "--format " + o.format + " goes with --check"},
	} {
		if c.clash {
			return usageError{errors.New(c.why)}
		}
	}
	return nil
}

func explainFlags(o flagsOptions, minor int, names []string, std stdio) error {
	out := []flags.Explained{}
	var errs []error
	for _, name := range names {
		e, err := flags.Explain(minor, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, e)
	}
	if o.format == "json" {
		return errors.Join(append(errs, terminal.List(std.out, "flags", out))...)
	}
	for i, e := range out {
		if i > 0 {
			terminal.Say(std.out, "")
		}
		terminal.SayAll(std.out, e.Lines(minor))
	}
	return errors.Join(errs...)
}
