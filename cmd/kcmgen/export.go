package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// lockWait bounds how long an export waits for another one.
const lockWait = time.Minute

type exportOptions struct {
	out       string
	prune     bool
	keepGoing bool
	accept    []string
	accepted  plan.Accepted
}

func newExport(std stdio) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [CLUSTER | DIR | DIR/...]...",
		Short: "Write certificates, kubeconfigs, units or static pods into the out tree",
		Long: `Export vets clusters as "kcmgen vet" does, writes nothing if one has an error,
and then makes for each the folder OUT/<cluster>:

  pki/            its CA, service-account keys and certificates; stays here
  nodes/<node>/   mirrors / of that host: what lies here is what the host gets
  image/<arch>/   what an image is built from, if the cluster says so
  manifest.json   every file: path, mode, owner, size, checksum

Keys and certificates that still fit are kept; each that is made anew says why.
Whatever ends a run, the folder holds the old tree or the new one. Files that
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
	cmd.Flags().BoolVar(&o.prune, "prune", false, "remove files in a cluster's folder that kcmgen didn't write, and images that the cluster no longer makes")
	cmd.Flags().StringSliceVar(&o.accept, "accept", nil, acceptHelp)
	completeFlag(cmd, "accept", completeWords(plan.Acceptable()...))
	cmd.Flags().BoolVar(&o.keepGoing, "keep-going", false, "write the clusters that are in order, whatever is wrong with others")
	return cmd
}

func runExport(ctx context.Context, o exportOptions, args []string, now time.Time, std stdio) (err error) {
	if o.out, err = outFolder(o.out, args); err != nil {
		return err
	}
	if err := outdir.Writable(o.out); err != nil {
		return err
	}
	r, err := loadWith(ctx, o.out, args, nil, now, std)
	if err != nil {
		return err
	}
	if o.accepted, err = accepting(o.accept, r.clusters); err != nil {
		return err
	}
	needFiles(r.findings)
	for _, v := range r.clusters {
		needFiles(v.Findings)
	}
	r.printSkipped(std)
	if err := printFindings(std.err, r.findings, false); err != nil {
		return err
	}
	var faulty error
	if finding.Failed(r.findings) {
		faulty = errFindings
		if o.keepGoing {
			r.dropFaulty(std)
		}
		if !o.keepGoing || len(r.clusters) == 0 {
			say(std.err, "kcmgen: nothing was written")
			return faulty
		}
	}
	out, err := openOut(ctx, o.out, std)
	if err != nil {
		return err
	}
	defer func() {
		if out.TwoRenames() {
			say(std.err, "%s: its file system can't exchange two folders, so two renames replaced the old tree; a run that is ended between them leaves it to the next one to put the old tree back", o.out)
		}
		if cerr := out.Close(); err == nil {
			err = cerr
		}
	}()
	if err := exportAll(ctx, out, r.clusters, o, now, std); err != nil {
		return err
	}
	if len(args) == 0 && faulty == nil {
		return tellGone(out, r.clusters, o.out, std)
	}
	return faulty
}

// tellGone names the trees of clusters that the module no longer has: their keys
// are still good, and only people can say whether they should be.
func tellGone(out *outdir.Dir, clusters []*gen.Vetted, dir string, std stdio) error {
	names, err := out.Clusters()
	for _, name := range names {
		if !slices.ContainsFunc(clusters, func(v *gen.Vetted) bool { return v.Cluster.Name == name }) {
			say(std.err, "kept %s: no cluster here is called %s any more", plainName(filepath.Join(dir, name)), plainName(name))
		}
	}
	return err
}

// exportAll decides for all clusters before it writes for one, unless told to
// keep going: a fault of the last is no reason to have changed the first.
func exportAll(ctx context.Context, out *outdir.Dir, clusters []*gen.Vetted, o exportOptions, now time.Time, std stdio) error {
	stop := func(error) bool { return !o.keepGoing }
	todo := make([]*export, len(clusters))
	named := func(i int, err error) error {
		if err != nil {
			return fmt.Errorf("cluster %s: %w", clusters[i].Cluster.Name, err)
		}
		return nil
	}
	decided := parallel(ctx, len(clusters), std, newMeter(std.err, "prepared"), stop, func(i int, std stdio) (err error) {
		todo[i], err = newExportOf(ctx, out, clusters[i], o, now, std)
		return named(i, err)
	})
	failed := withoutCanceled(decided)
	if failed != nil && !o.keepGoing {
		return failed
	}
	written := parallel(ctx, len(todo), std, newMeter(std.err, "written"), stop, func(i int, std stdio) error {
		if decided[i] != nil {
			return nil
		}
		return named(i, todo[i].write(out, std))
	})
	return errors.Join(failed, withoutCanceled(written))
}

// withoutCanceled joins errors but those of work that was given up for another's.
func withoutCanceled(errs []error) error {
	all := errors.Join(errs...)
	if all == nil {
		return nil
	}
	own := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return errors.Is(err, context.Canceled) })
	return cmp.Or(errors.Join(own...), error(context.Canceled))
}

// needFiles: what a review may leave unchecked, an export has to read.
func needFiles(findings []finding.Finding) {
	for i := range findings {
		if f := &findings[i]; f.Rule == "key-file" && f.Severity == finding.NotChecked && strings.HasPrefix(f.Field, "pki.") {
			f.Severity = finding.Error
		}
	}
}

// export is what is to be done for one cluster.
type export struct {
	name    string
	dir     string // as people call it
	old     *outdir.State
	plan    *plan.Plan
	tree    tree.Tree
	images  []oldImage
	changes []tree.Change
	prune   func(path string) bool

	accepted plan.Accepted
}

func newExportOf(ctx context.Context, out *outdir.Dir, v *gen.Vetted, o exportOptions, now time.Time, std stdio) (*export, error) {
	e := &export{name: v.Cluster.Name, dir: filepath.Join(o.out, v.Cluster.Name)}
	if err := outdir.Writable(e.dir); err != nil {
		return nil, err
	}
	err := recoverTree(out, e.name, std)
	if err != nil {
		return nil, err
	}
	if e.old, err = out.Read(e.name); err != nil {
		return nil, err
	}
	if err := e.atHome(out, o.out); err != nil {
		return nil, err
	}
	p, have, err := v.PlanAccepting(e.old, o.accepted, now)
	if err != nil {
		return nil, inTree(err, v.Cluster, out, o.out)
	}
	e.plan, e.accepted = p, o.accepted
	programs, err := carriedPrograms(ctx, v.Cluster)
	if err != nil {
		return nil, err
	}
	if e.tree, err = gen.Generate(ctx, p, have, programs, now, version()); err != nil {
		return nil, err
	}
	if file := e.earlier(o.prune); file != "" {
		return nil, &lostManifestError{e.dir, file}
	}
	if e.old.Manifest == nil && slices.ContainsFunc(e.old.Foreign, hostKey) {
		return nil, &lostManifestError{e.dir, ""}
	}
	if e.images, err = oldImages(ctx, out, e, v, o.out, now); err != nil {
		return nil, err
	}
	e.prune = func(path string) bool { return o.prune && !e.keeps(path) }
	e.changes = tree.Diff(e.old.Ours, e.tree)
	for _, f := range slices.Concat(e.old.Foreign, e.old.Beside()) {
		if e.prune(f) {
			e.changes = append(e.changes, tree.Change{Kind: tree.Removed, Path: f})
		}
	}
	return e, nil
}

// earlier is a file where this export has one, and which no manifest tells to be
// kcmgen's: it is in the way, and most likely an earlier export's.
func (e *export) earlier(prune bool) string {
	i := slices.IndexFunc(e.old.Foreign, func(path string) bool {
		ours, ok := e.tree.Get(path)
		return ok && !ours.Dir && (!prune || holdsKey(path, e.old.Foreign))
	})
	if e.old.Manifest != nil || i < 0 {
		return ""
	}
	return e.old.Foreign[i]
}

// recoverTree ends what a killed run left of a cluster's tree, and says so.
func recoverTree(out *outdir.Dir, name string, std stdio) error {
	recovered, err := out.Recover(name)
	if err == nil && recovered != "" {
		say(std.err, "%s: %s", name, recovered)
	}
	return err
}

func (e *export) write(out *outdir.Dir, std stdio) error {
	if len(e.changes) == 0 {
		reportAccepted(e.name, e.plan, e.accepted, std)
		reportForeign(e.name, e.old.Foreign, e.prune, std)
		reportImages(e, std)
		say(std.out, "%s: nothing changed, nothing written", e.name)
		return nil
	}
	if err := out.Replace(e.name, e.tree, e.old, e.prune); err != nil {
		return err
	}
	reportForeign(e.name, e.old.Foreign, e.prune, std)
	reportAccepted(e.name, e.plan, e.accepted, std)
	reportMade(e.name, e.plan, std)
	reportGenerations(e, std)
	reportImages(e, std)
	say(std.out, "%s: wrote %s", e.dir, counts(e.changes))
	return nil
}

// holdsKey reports whether a path is a private key's or a folder above one:
// whatever key lies there, it may be the only copy.
func holdsKey(path string, foreign []string) bool {
	return slices.ContainsFunc(foreign, func(f string) bool {
		return keys.IsKeyPath(f) && (f == path || strings.HasPrefix(f, path+"/"))
	})
}

// lostManifestError is a cluster's folder with keys, or another file that an export
// writes, and without the manifest that says whose they are.
type lostManifestError struct{ dir, file string }

func (e *lostManifestError) Error() string {
	return e.dir + " holds " + cmp.Or(e.file, "keys") + ", and its manifest.json is gone: kcmgen can't tell its files from yours"
}

// reportMade says why each key and certificate was made.
func reportMade(name string, p *plan.Plan, std stdio) {
	for _, it := range p.Make() {
		say(std.err, "%s: made pki/%s: %s", name, it.ID, it.Reason)
		if short := it.Short(); short != "" {
			say(std.err, "%s: pki/%s: %s", name, it.ID, short)
		}
	}
}

func reportForeign(name string, foreign []string, pruned func(string) bool, std stdio) {
	for _, f := range foreign {
		switch {
		case pruned(f):
			say(std.err, "%s: removed %s: kcmgen didn't write it", name, plainName(f))
		case holdsKey(f, foreign):
			say(std.err, "%s: kept %s: kcmgen didn't write it, and --prune leaves keys alone", name, plainName(f))
		default:
			say(std.err, "%s: kept %s: kcmgen didn't write it (--prune removes it)", name, plainName(f))
		}
	}
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
