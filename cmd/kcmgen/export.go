package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// lockWait bounds how long an export waits for another one.
const lockWait = time.Minute

type exportOptions struct {
	out   string
	prune bool
}

func newExport(std stdio) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [DIR | DIR/...]...",
		Short: "Write certificates, kubeconfigs, units or static pods into the out tree",
		Long: `Export vets clusters as "kcmgen vet" does, writes nothing if one has an error,
and then makes for each the folder OUT/<cluster>:

  pki/            its CA, service-account keys and certificates; stays here
  nodes/<node>/   mirrors / of that host: what lies here is what the host gets
  image/<arch>/   what an image is built from, if the cluster says so
  manifest.json   every file: path, mode, owner, size, checksum

Keys and certificates that still fit are kept; each that is made anew says why.
Whatever ends a run, the folder holds the old tree or the new one. Files that
kcmgen didn't write stay, unless --prune.

` + exitCodes,
		Example: `  kcmgen export ./cue/example            write out/example
  kcmgen export -o /srv/kcm ./cue/...    every cluster below cue, elsewhere`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExport(cmd.Context(), o, args, time.Now(), std)
		},
	}
	cmd.Flags().StringVarP(&o.out, "out", "o", "out", "folder of the clusters' trees")
	cmd.Flags().BoolVar(&o.prune, "prune", false, "remove files in a cluster's folder that kcmgen didn't write")
	return cmd
}

func runExport(ctx context.Context, o exportOptions, args []string, now time.Time, std stdio) (err error) {
	if err := tree.Writable(o.out); err != nil {
		return err
	}
	r, err := load(args)
	if err != nil {
		return err
	}
	for _, s := range r.skipped {
		say(std.err, "skipped %s: %s", s.Dir, s.Reason)
	}
	needFiles(r.findings)
	if err := printFindings(std.err, r.findings, false); err != nil {
		return err
	}
	if failed(r.findings, false) {
		say(std.err, "kcmgen: nothing was written")
		return errFindings
	}
	for _, v := range r.clusters {
		if err := tree.Writable(filepath.Join(o.out, v.Cluster.Name)); err != nil {
			return err
		}
	}
	out, err := tree.OpenOut(ctx, o.out, lockWait, func() {
		say(std.err, "waiting for another kcmgen that writes to %s", o.out)
	})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := out.Close(); err == nil {
			err = cerr
		}
	}()
	for _, v := range r.clusters {
		if err := exportCluster(ctx, out, v, o, now, std); err != nil {
			return fmt.Errorf("cluster %s: %w", v.Cluster.Name, err)
		}
	}
	return nil
}

// needFiles: what a review may leave unchecked, an export has to read.
func needFiles(findings []spec.Finding) {
	for i := range findings {
		if f := &findings[i]; f.Rule == "key-file" && f.Severity == spec.NotChecked {
			f.Severity = spec.Error
		}
	}
}

func exportCluster(ctx context.Context, out *tree.Out, v *gen.Vetted, o exportOptions, now time.Time, std stdio) error {
	name := v.Cluster.Name
	recovered, err := out.Recover(name)
	if err != nil {
		return err
	}
	if recovered != "" {
		say(std.err, "%s: %s", name, recovered)
	}
	old, err := out.Read(name)
	if err != nil {
		return err
	}
	p, have, err := v.Plan(old, now)
	if err != nil {
		return err
	}
	t, err := gen.Generate(ctx, p, have, now, version())
	if err != nil {
		return err
	}
	prune := o.prune && len(old.Foreign) > 0
	changes := tree.Diff(old.Ours, t)
	if len(changes) == 0 && !prune {
		reportForeign(name, old.Foreign, o.prune, std)
		say(std.out, "%s: nothing changed, nothing written", name)
		return nil
	}
	if err := out.Replace(name, t, old, o.prune); err != nil {
		return err
	}
	reportMade(name, p, std)
	reportForeign(name, old.Foreign, o.prune, std)
	if o.prune {
		changes = append(changes, pruned(old.Foreign)...)
	}
	say(std.out, "%s: wrote %s", filepath.Join(o.out, name), counts(changes))
	return nil
}

// reportMade says why each key and certificate was made.
func reportMade(name string, p *plan.Plan, std stdio) {
	for _, it := range p.Make() {
		say(std.err, "%s: made pki/%s: %s", name, it.ID, it.Reason)
	}
}

func reportForeign(name string, foreign []string, pruned bool, std stdio) {
	for _, f := range foreign {
		if pruned {
			say(std.err, "%s: removed %s: kcmgen didn't write it", name, f)
			continue
		}
		say(std.err, "%s: kept %s: kcmgen didn't write it (--prune removes it)", name, f)
	}
}

// pruned are foreign files as changes: all of them went.
func pruned(foreign []string) []tree.Change {
	var out []tree.Change
	for _, f := range foreign {
		out = append(out, tree.Change{Kind: tree.Removed, Path: f})
	}
	return out
}

// counts sums up changes of files; folders come along with them.
func counts(changes []tree.Change) string {
	n := map[tree.Kind]int{}
	for _, c := range changes {
		if !c.Old.Dir && !c.New.Dir {
			n[c.Kind]++
		}
	}
	var parts []string
	for _, k := range []tree.Kind{tree.Added, tree.Changed, tree.Removed} {
		if n[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[k], k))
		}
	}
	if len(parts) == 0 {
		return "folders only"
	}
	return strings.Join(parts, ", ")
}
