package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/existing"
	"github.com/kcmgen/kcmgen/gen/repository"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type initOptions struct {
	repository.First
	module  string
	gitHook bool
}

func newInit(std stdio) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin a repository of your own, or another cluster in it",
		Long: `Init writes a first cluster to start from. Outside of any CUE module DIR becomes
one, with the cluster in DIR/clusters/NAME, the vocabulary for stock cue and
editors, and a .gitignore for out/. Inside a CUE module DIR becomes one more
package. Nothing is ever overwritten.

On a terminal and without flags it asks for what it needs. For what runs already
there is kcmgen import.

--git-hook writes a hook that vets before each commit; without DIR init writes
nothing else.

` + exitCodes,
		Example: `  kcmgen init infra --name prod --layout systemd --nodes cp-1=10.0.0.11,cp-2=10.0.0.12
  cd infra && kcmgen init clusters/staging --layout staticPod
  kcmgen init --git-hook`,
		Args: atMostOne("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask := cmd.Flags().NFlag() == 0 && std.interactive()
			return runInit(o, args, ask, std)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Layout, "layout", "", "how nodes run kube-controller-manager: systemd or staticPod")
	f.StringVar(&o.Nodes, "nodes", repository.ExampleNodes, "the control plane's hosts and their addresses")
	f.StringVar(&o.Version, "version", repository.Newest, "version of Kubernetes, such as v1.34 or v1.34.2")
	f.StringVar(&o.Name, "name", "", "name of the cluster (default: the last part of DIR)")
	f.StringVar(&o.module, "module", "example.com/clusters@v0", "path of a new CUE module")
	f.BoolVar(&o.gitHook, "git-hook", false, "write a git hook that vets before a commit")
	completeFlag(cmd, "layout", completeWords("systemd", "staticPod"))
	return cmd
}

func runInit(o initOptions, args []string, ask bool, std stdio) error {
	switch {
	case len(args) == 0 && o.gitHook:
		return writeHook(".", std)
	case ask:
		if err := o.ask(&args, std.asker()); err != nil {
			return err
		}
	case len(args) == 0:
		return usageError{errors.New("init needs the directory to begin in, such as: kcmgen init infra")}
	}
	dir := filepath.Clean(args[0])
	if o.Name == "" {
		o.Name = repository.NameOf(dir)
	}
	c, err := o.Cluster()
	if err != nil {
		return usageError{err}
	}
	if o.gitHook {
		if _, err := repository.HookFile(dir); err != nil {
			return err // nothing is written yet
		}
	}
	if err := begin(dir, c, o.module, std); err != nil {
		return err
	}
	if found := existing.Find("."); len(found) > 0 {
		terminal.Say(std.err, "%s is there already; to take over what it says, type: kcmgen import %s -o %s", found[0], word(found[0]), word(dir+"-imported"))
	}
	if o.gitHook {
		return writeHook(dir, std)
	}
	return nil
}

// begin writes the package, and a module around it if there is none.
func begin(dir string, c repository.Cluster, module string, std stdio) error {
	b, err := repository.Begin(dir, c, module, version())
	var bad *repository.ModuleError
	if errors.As(err, &bad) {
		return usageError{fmt.Errorf("--module: %w", err)}
	}
	if b != nil && b.Kept != "" {
		terminal.Say(std.err, "kept %s: see to it that git ignores out/", b.Kept)
	}
	if err != nil {
		return err
	}
	said, talk := b.Report(dir)
	terminal.SayAll(std.out, said)
	terminal.SayAll(std.err, talk)
	return nil
}

func writeHook(dir string, std stdio) error {
	name, err := repository.WriteHook(dir)
	if err == nil {
		terminal.Say(std.out, "wrote %s", name)
	}
	return err
}

// ask asks for what the command line leaves out.
func (o *initOptions) ask(args *[]string, a *terminal.Asker) error {
	put := func(q repository.Question) (err error) {
		*q.Answer, err = a.Ask(q.Text, q.Fallback, q.Check)
		return err
	}
	if len(*args) == 0 {
		*args = []string{""}
		if err := put(repository.AskDirectory(&(*args)[0])); err != nil {
			return err
		}
	}
	for _, q := range o.Questions((*args)[0]) {
		if err := put(q); err != nil {
			return err
		}
	}
	return nil
}
