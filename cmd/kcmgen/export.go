package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type exportOptions struct {
	out       string
	prune     bool
	keepGoing bool
	accept    []string
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

Clusters are exported in parallel. An error in one keeps all from being written,
unless --keep-going; the exit code reports it either way.

` + exitCodes,
		Example: `  kcmgen export ./cue/example            write out/example
  kcmgen export prod staging             these clusters, by name
  kcmgen export -o /srv/kcm ./cue/...    every cluster below cue, elsewhere`,
		ValidArgsFunction: completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExport(cmd.Context(), o, args, time.Now(), std)
		},
	}
	outFlag(cmd, &o.out)
	cmd.Flags().BoolVar(&o.prune, "prune", false, "remove files in a cluster's directory that kcmgen didn't write, and images that the cluster no longer makes")
	cmd.Flags().StringSliceVar(&o.accept, "accept", nil, "change what others trust, of one cluster: ca, front-proxy-ca, sa, or name, after which it was renamed")
	completeFlag(cmd, "accept", completeWords(gen.Acceptable()...))
	cmd.Flags().BoolVar(&o.keepGoing, "keep-going", false, "write the clusters without errors, even if others have some")
	return cmd
}

func runExport(ctx context.Context, o exportOptions, args []string, now time.Time, std stdio) error {
	s := newScreen(std)
	defer s.end()
	return gen.Export(ctx, gen.ExportOptions{
		Request: s.request(o.out, args, now), Prune: o.prune, KeepGoing: o.keepGoing, Accept: o.accept,
		Programs: programs(), OnEvent: s.event,
	})
}

// printExported prints what an export changed in a cluster's tree.
func printExported(e *gen.Exported, std stdio) {
	name := e.Cluster.Name
	note := func(format string, args ...any) { terminal.Say(std.err, name+": "+format, args...) }
	for _, o := range e.Others {
		switch {
		case o.Removed:
			note("removed %s: kcmgen didn't write it", finding.PlainName(o.Path))
		case o.Key:
			note("kept %s: kcmgen didn't write it, and --prune leaves keys alone", finding.PlainName(o.Path))
		default:
			note("kept %s: kcmgen didn't write it (--prune removes it)", finding.PlainName(o.Path))
		}
	}
	for _, c := range e.Accepted {
		note("accepted: %s", c)
	}
	for _, word := range e.Needless {
		note("--accept %s: there was nothing to accept", word)
	}
	for _, it := range e.Made {
		note("made pki/%s: %s", it.ID, it.Reason)
		if short := it.CutNote(); short != "" {
			note("pki/%s: %s", it.ID, short)
		}
	}
	for _, n := range e.Nodes {
		switch n.Kind {
		case gen.Added:
			note("node %s is new", n.Node)
		case gen.Changed:
			note("node %s gets another generation", n.Node)
		default:
			note("node %s is gone; what runs on its host runs on: %s", n.Node, e.Retirement(n.Node))
		}
	}
	if owners := e.Owners(); len(owners) > 0 {
		note("on the hosts, the pod's files belong to user %s: deploy sees to it; copied by hand, they need the owner that %s has", strings.Join(owners, ", "), filepath.Join(e.Dir, "manifest.json"))
	}
	for _, i := range e.Images {
		switch {
		case i.Makes:
			note("%s isn't what the cluster says now: %s renews it", i.Path, e.Renewal(i.Arch))
		case i.Removed:
			note("removed %s: the cluster makes no such image any more", i.Path)
		default:
			note("kept %s: the cluster makes no such image any more (--prune removes it)", i.Path)
		}
	}
	if len(e.Changes) == 0 {
		terminal.Say(std.out, "%s: nothing changed, nothing written", name)
		return
	}
	terminal.Say(std.out, "%s: wrote %s", e.Dir, gen.Counts(e.Changes))
}
