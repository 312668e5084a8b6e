package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type fetchOptions struct {
	archs  []string
	format string
}

func newFetch(std stdio) *cobra.Command {
	var o fetchOptions
	cmd := &cobra.Command{
		Use:   "fetch [CLUSTER | DIR | DIR/...]...",
		Short: "Fetch the programs that clusters name, and check them",
		Long: `Fetch vets clusters, then fetches each kube-controller-manager that one names in
binary.source, from its URL or from a file. A program is kept only if it has the
SHA-256 in the cluster and is an executable for its architecture. Programs that
were fetched before are checked again, and not fetched.

Programs are kept by checksum in the user's cache directory (KCMGEN_CACHE names
another); "kcmgen export" and "kcmgen image" take them from there. Proxies come
from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.

` + exitCodes,
		Example: `  kcmgen fetch ./cue/prod                what this cluster's hosts and images need
  kcmgen fetch --arch arm64 ./cue/...    for one architecture, of every cluster
  kcmgen fetch --format json prod        {"programs": [{"cluster", "arch", …}]}`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runFetch),
	}
	archFlag(cmd, &o.archs, "all that a cluster names")
	formatFlag(cmd, &o.format, "how to print what was fetched")
	return cmd
}

func runFetch(ctx context.Context, o fetchOptions, args []string, now func() time.Time, std stdio) error {
	if err := gen.CheckArchs(o.archs); err != nil {
		return err
	}
	r, err := loadVetted(ctx, "", args, now(), std)
	if err != nil {
		return err
	}
	have, named, err := gen.Fetch(ctx, r, o.archs, programs(), newScreen(std).progress(), func(p gen.CheckedProgram) {
		if o.format == "text" {
			terminal.Say(std.out, "%s", p.Line())
		}
	})
	if err == nil && named == 0 {
		terminal.Say(std.err, "kcmgen: no cluster here names a program (binary.source)")
	}
	if o.format == "json" && (len(have) > 0 || err == nil) {
		err = errors.Join(err, terminal.List(std.out, "programs", have))
	}
	return err
}
