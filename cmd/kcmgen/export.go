package main

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/spec"
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

Keys and certificates that still fit are kept; each that is made anew says why.
Whatever ends a run, the directory holds the old tree or the new one. Files that
kcmgen didn't write stay, unless --prune. An image that "kcmgen image" made
and that isn't what the cluster says now is told.

What others trust stays the same: the CAs and the service-account key. An export
that would change one, because its file was lost, replaced or changed its place,
or because the CUE names another, writes nothing and says what it would change,
what that means, and how it is asked for: --accept, or the new key's fingerprint
in the CUE (pki.accept).

Clusters are made in parallel. An error in one keeps all from being written,
unless --keep-going; the exit code tells of it either way.

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
	cmd.Flags().StringSliceVar(&o.accept, "accept", nil, acceptHelp)
	completeFlag(cmd, "accept", completeWords(gen.Acceptable()...))
	cmd.Flags().BoolVar(&o.keepGoing, "keep-going", false, "write the clusters that are in order, whatever is wrong with others")
	return cmd
}

func runExport(ctx context.Context, o exportOptions, args []string, now time.Time, std stdio) error {
	s := newScreen(std)
	defer s.end()
	return gen.Export(ctx, gen.ExportOptions{
		Request: s.request(o.out, args, now), Prune: o.prune, KeepGoing: o.keepGoing, Accept: o.accept,
		Programs: programs(), Hear: s.hear,
	})
}

// printExported says what became of a cluster's tree.
func printExported(e *gen.Exported, std stdio) {
	name := e.Cluster.Name
	talk := func(format string, args ...any) { say(std.err, name+": "+format, args...) }
	for _, o := range e.Others {
		switch {
		case o.Removed:
			talk("removed %s: kcmgen didn't write it", plainName(o.Path))
		case o.Key:
			talk("kept %s: kcmgen didn't write it, and --prune leaves keys alone", plainName(o.Path))
		default:
			talk("kept %s: kcmgen didn't write it (--prune removes it)", plainName(o.Path))
		}
	}
	for _, c := range e.Accepted {
		talk("accepted: %s", c)
	}
	for _, word := range e.Needless {
		talk("--accept %s: there was nothing to accept", word)
	}
	for _, it := range e.Made {
		talk("made pki/%s: %s", it.ID, it.Reason)
		if short := it.CutNote(); short != "" {
			talk("pki/%s: %s", it.ID, short)
		}
	}
	for _, n := range e.Nodes {
		switch n.Kind {
		case gen.Added:
			talk("node %s is new", n.Node)
		case gen.Changed:
			talk("node %s gets another generation", n.Node)
		default:
			talk("node %s is gone; what runs on its host runs on: %s", n.Node, retirement(e, n.Node))
		}
	}
	for _, i := range e.Images {
		switch {
		case i.Makes:
			talk("%s isn't what the cluster says now: %s renews it", i.Path, renewal(e, i.Arch))
		case i.Removed:
			talk("removed %s: the cluster makes no such image any more", i.Path)
		default:
			talk("kept %s: the cluster makes no such image any more (--prune removes it)", i.Path)
		}
	}
	if len(e.Changes) == 0 {
		say(std.out, "%s: nothing changed, nothing written", name)
		return
	}
	say(std.out, "%s: wrote %s", e.Dir, gen.Counts(e.Changes))
}

// retirement is how a host that has left is stopped: by a command where there is
// one for its layout, or by hand.
func retirement(e *gen.Exported, node string) string {
	c := e.Cluster
	switch {
	case c.Layout == spec.StaticPod:
		return "remove " + c.Paths.Manifest + " there, and the keys"
	case !c.Generations:
		return "systemctl disable --now " + filepath.Base(c.Paths.Unit) + " there, and remove the keys"
	}
	return "kcmgen retire " + word(node) + ofTree(c, e.Out)
}

// renewal is the command that makes an image again at its place.
func renewal(e *gen.Exported, arch string) string {
	cmd := "kcmgen image"
	if !slices.Contains(e.Cluster.NodeArchs(), arch) {
		cmd += " --arch " + arch
	}
	return cmd + ofTree(e.Cluster, e.Out)
}

// ofTree are the words of a command that name a cluster, and where its tree lies.
func ofTree(c *spec.Cluster, out string) string {
	words := ""
	if !gen.IsUsualOut(c, out) {
		words = " -o " + word(out)
	}
	return words + " " + word(gen.DirOf(c))
}
