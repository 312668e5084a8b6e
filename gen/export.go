package gen

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// lockWait is how long a run waits for another run that writes to out/.
const lockWait = time.Minute

// ErrFindings ends a run that found errors in clusters.
var ErrFindings = errors.New("findings")

// ExportOptions are the options of Export.
type ExportOptions struct {
	Request
	Prune     bool // remove what kcmgen didn't write, and images that are no longer made
	KeepGoing bool // write the clusters without errors, even if others have some
	// DryRun decides as an export does, and writes nothing: no file, no lock and no key.
	DryRun bool
	// Accept are the accepted changes of what others trust, and accepted removals of nodes:
	// words of plan.Acceptable, and of plan.NodeGone.
	Accept   []string
	Programs Programs
	// OnEvent is called with events, in the order of the clusters.
	OnEvent func(Event)
}

// Events of Export. A cluster's Exported comes last.
type (
	// Vetting comes before anything is written.
	Vetting struct{ *Loaded }
	// LeftOut is a cluster with an error, while others are written.
	LeftOut struct{ Cluster string }
	// NothingWritten says that a run ended because of findings.
	NothingWritten struct{}
	// Recovered says how the tree of a killed run was recovered.
	Recovered struct{ Cluster, Text string }
	// TwoRenames says that a file system can't exchange two directories.
	TwoRenames struct{ Out string }
	// Unclaimed is a tree whose cluster is gone from the CUE.
	Unclaimed struct{ Dir, Name string }
)

func (Vetting) event()        {}
func (LeftOut) event()        {}
func (NothingWritten) event() {}
func (Recovered) event()      {}
func (TwoRenames) event()     {}
func (Unclaimed) event()      {}
func (*Exported) event()      {}

// Exported is the result of exporting a cluster.
type Exported struct {
	Cluster  *spec.Cluster
	Out, Dir string        // the directory of all trees, and of this one
	Changes  []tree.Change // none: nothing was written
	Others   []Other
	Accepted []plan.Change // of what others trust
	Needless []string      // accepted, but not changed
	Made     []plan.Item   // keys and certificates, each with its reason
	Nodes    []NodeChange  // none in the first export
	Images   []OldImage
	// Of a dry run: Keys are all keys and certificates, and Needed what an export refuses
	// unless it is accepted.
	Keys   []KeyDecision
	Needed []plan.Change
	Same   []NodeChange // nodes whose files stay as they are
}

// Other is a file in a cluster's directory that kcmgen didn't write.
type Other struct {
	Path    string
	Removed bool
	Key     bool // it is a private key, or a directory above one, and always stays
}

// Owners returns the users other than root that written files belong to on a host, as
// chown takes them, sorted.
func (e *Exported) Owners() []string {
	var out []string
	for _, c := range e.Changes {
		if uid, gid, err := c.New.IDs(); err == nil && (uid != 0 || gid != 0) {
			out = append(out, c.New.Owner)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// OldImage is an archive in a cluster's directory that differs from what MakeImages
// would write now.
type OldImage struct {
	Arch, Path string
	Makes      bool // the cluster makes such an image
	Removed    bool
}

// Export updates the trees of clusters in out/. If a cluster has an error, it returns
// ErrFindings, and writes nothing unless KeepGoing is set.
func Export(ctx context.Context, o ExportOptions) (err error) {
	all := len(o.Args) == 0
	if o.Out, err = OutDir(o.Out, o.Args); err != nil {
		return err
	}
	if !o.DryRun {
		if err := outdir.Writable(o.Out); err != nil {
			return err
		}
	}
	l, err := Load(ctx, o.Request)
	if err != nil {
		return err
	}
	accepted, err := parseAccepted(o.Accept, l.Clusters)
	if err != nil {
		return err
	}
	l.requireKeyFiles()
	o.OnEvent(Vetting{l})
	faulty := finding.Failed(l.Findings)
	if faulty && o.KeepGoing {
		for _, name := range l.withoutFaulty() {
			o.OnEvent(LeftOut{name})
		}
	}
	if faulty && (!o.KeepGoing || len(l.Clusters) == 0) {
		o.OnEvent(NothingWritten{})
		return ErrFindings
	}
	open := outdir.Open
	if o.DryRun {
		open = outdir.OpenRead
	}
	out, err := open(ctx, o.Out, lockWait, o.waiting(o.Out))
	if err != nil {
		return err
	}
	defer func() {
		if out.TwoRenames() {
			o.OnEvent(TwoRenames{o.Out})
		}
		if cerr := out.Close(); err == nil {
			err = cerr
		}
	}()
	e := exporter{o, accepted, out}
	if err := e.export(ctx, l.Clusters); err != nil {
		return err
	}
	if faulty {
		return ErrFindings
	}
	if all {
		return e.unclaimed(l.Clusters)
	}
	return nil
}

func (p Progress) waiting(dir string) func() {
	return func() {
		if p.Waiting != nil {
			p.Waiting(dir)
		}
	}
}

// requireKeyFiles makes errors of key files that vet couldn't read: export needs them.
func (l *Loaded) requireKeyFiles() {
	need := func(findings []finding.Finding) {
		for i := range findings {
			if f := &findings[i]; f.Rule == "key-file" && f.Severity == finding.NotChecked && strings.HasPrefix(f.Field, "pki.") {
				f.Severity = finding.Error
			}
		}
	}
	need(l.Findings)
	for _, v := range l.Clusters {
		need(v.Findings)
	}
}

// exporter is one run of Export.
type exporter struct {
	ExportOptions
	accepted plan.Accepted
	out      *outdir.Dir
}

// export prepares all clusters before it writes one, so that an error in the last
// leaves the first unchanged, unless KeepGoing is set.
func (e exporter) export(ctx context.Context, clusters []*Vetted) error {
	stop := func(error) bool { return !e.KeepGoing }
	todo := make([]*export, len(clusters))
	named := func(i int, err error) error {
		if err != nil {
			return fmt.Errorf("cluster %s: %w", clusters[i].Cluster.Name, err)
		}
		return nil
	}
	decided := newWork(len(clusters), e.OnEvent, e.step("prepared")).run(ctx, stop, func(i int, emit func(Event)) (err error) {
		todo[i], err = e.decide(ctx, clusters[i], emit)
		return named(i, err)
	})
	failed := withoutCanceled(decided)
	if failed != nil && !e.KeepGoing {
		return failed
	}
	written := newWork(len(todo), e.OnEvent, e.step("written")).run(ctx, stop, func(i int, emit func(Event)) error {
		if decided[i] != nil {
			return nil
		}
		return named(i, e.write(todo[i], emit))
	})
	return errors.Join(failed, withoutCanceled(written))
}

// unclaimed reports the trees of clusters that the module no longer has. Their keys are
// still valid, and only a person can decide whether they should be.
func (e exporter) unclaimed(clusters []*Vetted) error {
	names, err := e.out.Clusters()
	for _, name := range names {
		if !slices.ContainsFunc(clusters, func(v *Vetted) bool { return v.Cluster.Name == name }) {
			e.OnEvent(Unclaimed{filepath.Join(e.Out, name), name})
		}
	}
	return err
}

// export is the work for one cluster.
type export struct {
	Exported
	old  *outdir.State
	plan *plan.Plan
	tree tree.Tree
}

func (e exporter) decide(ctx context.Context, v *Vetted, emit func(Event)) (*export, error) {
	c := v.Cluster
	x := &export{Exported: Exported{Cluster: c, Out: e.Out, Dir: filepath.Join(e.Out, c.Name)}}
	var err error
	if x.old, err = e.read(x, emit); err != nil {
		return nil, err
	}
	if err := x.checkHome(e.out); err != nil {
		return nil, err
	}
	p, have, err := e.planned(v, x)
	if err != nil {
		return nil, withTree(err, c, e.out, e.Out)
	}
	x.plan = p
	programs, err := e.Programs.inTree(ctx, c)
	if err != nil {
		return nil, err
	}
	if x.tree, err = Generate(ctx, p, have, programs, e.Now, e.Version); err != nil {
		return nil, err
	}
	if file := x.inTheWay(e.Prune); file != "" {
		return nil, &LostManifestError{x.Dir, file}
	}
	if x.old.Manifest == nil && slices.ContainsFunc(x.old.Foreign, isHostKey) {
		return nil, &LostManifestError{x.Dir, ""}
	}
	if x.Images, err = x.oldImages(ctx, e.out, v, e.Prune, e.Now); err != nil {
		return nil, err
	}
	x.compare(e.Prune, e.accepted)
	if err := x.explain(e.DryRun, have); err != nil {
		return nil, err
	}
	return x, nil
}

// compare fills in what the run changes, and what it leaves.
func (x *export) compare(prune bool, accepted plan.Accepted) {
	x.Changes = tree.Diff(x.old.Ours, x.tree)
	for _, f := range x.old.Foreign {
		o := Other{Path: f, Key: holdsKey(f, x.old.Foreign)}
		o.Removed = prune && !o.Key
		x.Others = append(x.Others, o)
	}
	for _, f := range slices.Concat(x.old.Foreign, x.old.Unlisted()) {
		if x.removes(f) {
			x.Changes = append(x.Changes, tree.Change{Kind: tree.Removed, Path: f})
		}
	}
	x.Accepted = x.plan.Accepted
	for _, word := range plan.Acceptable() {
		used := slices.ContainsFunc(x.plan.Accepted, func(c plan.Change) bool { return c.ID == word })
		if accepted[word] && !used && word != plan.Name {
			x.Needless = append(x.Needless, word)
		}
	}
	x.Needless = append(x.Needless, x.stillHere(accepted)...)
	if len(x.Changes) > 0 {
		x.Made = x.plan.ToMake()
	}
}

// removes reports whether the run removes a file that no manifest lists. It never
// removes a private key or a directory above one. It removes images that the cluster no
// longer makes: keys in them are copies.
func (x *export) removes(file string) bool {
	return slices.ContainsFunc(x.Others, func(o Other) bool { return o.Path == file && o.Removed }) ||
		slices.ContainsFunc(x.Images, func(i OldImage) bool { return i.Path == file && i.Removed })
}

// inTheWay returns a file that this export would overwrite and that no manifest lists,
// or "". It is most likely an earlier export's.
func (x *export) inTheWay(prune bool) string {
	i := slices.IndexFunc(x.old.Foreign, func(path string) bool {
		ours, ok := x.tree.Get(path)
		return ok && !ours.Dir && (!prune || holdsKey(path, x.old.Foreign))
	})
	if x.old.Manifest != nil || i < 0 {
		return ""
	}
	return x.old.Foreign[i]
}

// recoverTree recovers the tree of a killed run, and emits Recovered.
func recoverTree(out *outdir.Dir, name string, emit func(Event)) error {
	recovered, err := out.Recover(name)
	if err == nil && recovered != "" {
		emit(Recovered{name, recovered})
	}
	return err
}

func (e exporter) write(x *export, emit func(Event)) error {
	if len(x.Changes) > 0 && !e.DryRun {
		if err := e.out.Replace(x.Cluster.Name, x.tree, x.old, x.removes); err != nil {
			return err
		}
	}
	emit(&x.Exported)
	return nil
}
