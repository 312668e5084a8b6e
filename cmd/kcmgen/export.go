package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
)

type exportOptions struct {
	out       string
	prune     bool
	keepGoing bool
	accept    []string
	review    bool
	check     bool
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
(pki.accept).

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
  kcmgen export --review                 write review/, without any key
  kcmgen export --review --check         exit with 4 if review/ isn't current`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runExport),
	}
	outFlag(cmd, &o.out)
	cmd.Flags().BoolVar(&o.prune, "prune", false, "remove files in a cluster's directory that kcmgen didn't write, and images that the cluster no longer makes")
	cmd.Flags().StringSliceVar(&o.accept, "accept", nil, "change what others trust, of one cluster: ca, front-proxy-ca, sa, or name, after which it was renamed")
	completeFlag(cmd, "accept", completeWords(gen.Acceptable()...))
	cmd.Flags().BoolVar(&o.keepGoing, "keep-going", false, "write the clusters without errors, even if others have some")
	cmd.Flags().BoolVar(&o.review, "review", false, "write review trees, from the CUE alone, with text in place of keys and programs")
	cmd.Flags().BoolVar(&o.check, "check", false, "with --review: write nothing, and exit with 4 if the review trees aren't current")
	return cmd
}

func runExport(ctx context.Context, o exportOptions, args []string, now func() time.Time, std stdio) error {
	if o.review || o.check {
		return runReview(ctx, o, args, now(), std)
	}
	s := newScreen(std)
	defer s.end()
	return gen.Export(ctx, gen.ExportOptions{
		Request: s.request(o.out, args, now()), Prune: o.prune, KeepGoing: o.keepGoing, Accept: o.accept,
		Programs: programs(), OnEvent: s.event,
	})
}
