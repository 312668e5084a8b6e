package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type exportOptions struct {
	out       string
	prune     bool
	keepGoing bool
	accept    []string
	review    bool
	check     bool
	dryRun    bool
	exitCode  bool
	format    string
}

func newExport(std stdio) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [CLUSTER | DIR | DIR/...]...",
		Short: "Write certificates, kubeconfigs, units or static pods into the out tree",
		Long: `Export vets clusters as "kcmgen vet" does, writes nothing if one has an error,
and then makes for each the directory OUT/<cluster>:

  pki/            its CA, service-account keys and certificates; stays here
  nodes/<node>/   mirrors / of that host: what lies here is what the host gets
  image/<arch>/   what an image is built from, if the cluster says so
  manifest.json   every file: path, mode, owner, size, checksum

Keys and certificates that still fit are kept; for each new one export says why.
However a run ends, the directory holds the old tree or the new one. Files that
kcmgen didn't write stay, unless --prune. An image by "kcmgen image" that no
longer matches the cluster is reported.

What others trust stays the same: the CAs and the service-account key. An export
that would change one, because its file was lost, replaced or moved, or because
the CUE names another, writes nothing and says what it would change, what that
means, and how to accept it: --accept, or the new key's fingerprint in the CUE
(pki.accept). A node that is gone from the CUE needs --accept node/NAME: its host
runs on until "kcmgen retire".

With --dry-run, export writes nothing, makes no key and takes no lock: it says
which keys it would keep and make, which hosts would get another generation, and
why. --exit-code then exits with 4 if something would change.

With --review, export writes review trees instead, below review in the CUE module:
what each host gets, with text in place of keys, certificates and programs, from
the CUE alone. They have the same bytes everywhere, so a repository can hold them;
--check writes nothing and exits with 4 where they aren't current.

Clusters are exported in parallel. An error in one keeps all from being written,
unless --keep-going; the exit code reports it either way.

` + exitCodes,
		Example: `  kcmgen export ./cue/example            write out/example
  kcmgen export prod staging             these clusters, by name
  kcmgen export -o /srv/kcm ./cue/...    every cluster below cue, elsewhere
  kcmgen export --dry-run prod           what would change, and why
  kcmgen export --review                 write review/, without any key
  kcmgen export --review --check         exit with 4 if review/ isn't current`,
		ValidArgsFunction: completeClusters,
		PreRunE:           func(cmd *cobra.Command, _ []string) error { return o.checkPlan(cmd) },
		RunE:              with(&o, std, runExport),
	}
	o.flags(cmd)
	return cmd
}

// flags registers the flags.
func (o *exportOptions) flags(cmd *cobra.Command) {
	outFlag(cmd, &o.out)
	cmd.Flags().BoolVar(&o.prune, "prune", false, "remove files in a cluster's directory that kcmgen didn't write, and images that the cluster no longer makes")
	cmd.Flags().StringSliceVar(&o.accept, "accept", nil, "change what others trust, of one cluster: ca, front-proxy-ca, sa, or name, after which it was renamed; node/NAME for a node that is gone")
	completeFlag(cmd, "accept", completeWords(gen.Acceptable()...))
	cmd.Flags().BoolVar(&o.keepGoing, "keep-going", false, "write the clusters without errors, even if others have some")
	cmd.Flags().BoolVar(&o.review, "review", false, "write review trees, from the CUE alone, with text in place of keys and programs")
	cmd.Flags().BoolVar(&o.check, "check", false, "with --review: write nothing, and exit with 4 if the review trees aren't current")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "write nothing, and say what would change and why")
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "with --dry-run: exit with 4 if something would change")
	formatFlag(cmd, &o.format, "with --dry-run: how to print it")
}

func runExport(ctx context.Context, o exportOptions, args []string, now func() time.Time, std stdio) error {
	if o.review || o.check {
		return runReview(ctx, o, args, now(), std)
	}
	s := newScreen(std)
	defer s.end()
	plans := []*gen.ExportPlan{}
	if o.dryRun {
		s.exported = func(e *gen.Exported) {
			plans = append(plans, e.Plan())
			if o.format == "text" {
				terminal.SayAll(std.out, e.PlanLines())
			}
		}
	}
	err := gen.Export(ctx, gen.ExportOptions{
		Request: s.request(o.out, args, now()), Prune: o.prune, KeepGoing: o.keepGoing, Accept: o.accept,
		Programs: programs(), OnEvent: s.event, DryRun: o.dryRun,
	})
	s.end()
	if o.format == "json" && (err == nil || len(plans) > 0) {
		err = errors.Join(terminal.List(std.out, "clusters", plans), err)
	}
	if err == nil && o.exitCode && slices.ContainsFunc(plans, func(p *gen.ExportPlan) bool { return p.Changes }) {
		return errDiffers
	}
	return err
}

// checkPlan refuses flags that are about --dry-run without it.
func (o *exportOptions) checkPlan(cmd *cobra.Command) error {
	for _, name := range []string{"exit-code", "format"} {
		set := cmd.Flags().Lookup(name)
		if set.Changed && !o.dryRun && os.Getenv(variableOf(name)) != set.Value.String() { // a variable is for all commands
			return usageError{fmt.Errorf("--%s is about what would change: it needs --dry-run", name)}
		}
	}
	return nil
}
