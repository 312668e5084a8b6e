package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/spec"
)

type fetchOptions struct {
	archs  []string
	format string
}

func newFetch(std stdio) *cobra.Command {
	var o fetchOptions
	cmd := &cobra.Command{
		Use:   "fetch [CLUSTER | DIR | DIR/...]...",
		Short: "Bring the programs that clusters name, and check them",
		Long: `Fetch vets clusters, then brings each kube-controller-manager that one names in
binary.source: from its URL, or from a file. A program is kept only if its SHA-256
is the cluster's and it is an executable of its architecture. Those that are there
already are checked again, and not fetched.

Programs lie in the user's cache folder (KCMGEN_CACHE names another), by checksum.
Proxies come from HTTPS_PROXY, HTTP_PROXY and NO_PROXY. "kcmgen export" and
"kcmgen image" take them from there.

` + exitCodes,
		Example: `  kcmgen fetch ./cue/prod                what this cluster's hosts and images need
  kcmgen fetch --arch arm64 ./cue/...    for one architecture, of every cluster
  kcmgen fetch --format json prod        {"programs": [{"cluster", "arch", …}]}`,
		ValidArgsFunction: completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFetch(cmd.Context(), o, args, time.Now(), std)
		},
	}
	cmd.Flags().StringSliceVar(&o.archs, "arch", nil, "architectures, such as amd64,arm64 (default all that a cluster names)")
	completeFlag(cmd, "arch", completeWords(spec.Archs...))
	cmd.Flags().StringVar(&o.format, "format", "text", "how to print what was brought: text or json")
	completeFlag(cmd, "format", completeWords("text", "json"))
	return cmd
}

// aProgram is a line of the listing.
type aProgram struct {
	Cluster string `json:"cluster"`
	Arch    string `json:"arch"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	Fetched bool   `json:"fetched"` // it wasn't there before
}

func (p aProgram) String() string {
	did := "have"
	if p.Fetched {
		did = "fetched"
	}
	return fmt.Sprintf("%s: %s: %s sha256:%s, %d bytes", p.Cluster, p.Arch, did, p.SHA256, p.Size)
}

func runFetch(ctx context.Context, o fetchOptions, args []string, now time.Time, std stdio) error {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	if err := checkArchs(o.archs); err != nil {
		return err
	}
	r, err := loadVetted(ctx, "", args, now, std)
	if err != nil {
		return err
	}
	s, err := programStore()
	if err != nil {
		return err
	}
	named, have := 0, []aProgram{}
	var errs []error
	for _, v := range r.clusters {
		c := v.Cluster
		for _, arch := range sources(c, o.archs) {
			named++
			f, fetched, err := bring(ctx, s, c, arch, telling(c.Name, std))
			if err != nil {
				errs = append(errs, fmt.Errorf("cluster %s: %w", c.Name, err))
				continue
			}
			have = append(have, aProgram{c.Name, arch, f.SHA256, f.Size, fetched})
			if o.format == "text" {
				say(std.out, "%s", have[len(have)-1])
			}
		}
	}
	if named == 0 && len(o.archs) > 0 {
		return &noSourceError{o.archs[0], "no cluster here names a program for " + strings.Join(o.archs, " or ")}
	}
	if named == 0 {
		say(std.err, "kcmgen: no cluster here names a program (binary.source)")
	}
	if o.format == "json" && (len(have) > 0 || len(errs) == 0) {
		errs = append(errs, printJSON(std.out, struct {
			Programs []aProgram `json:"programs"`
		}{have}))
	}
	return errors.Join(errs...)
}

// sources are the architectures that a cluster names a program for, of those
// that are asked for.
func sources(c *spec.Cluster, asked []string) []string {
	if c.Binary == nil {
		return nil
	}
	out := slices.Sorted(maps.Keys(c.Binary.Source))
	return slices.DeleteFunc(out, func(arch string) bool { return len(asked) > 0 && !slices.Contains(asked, arch) })
}
