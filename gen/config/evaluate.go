package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
	"golang.org/x/sync/errgroup"

	"github.com/kcmgen/kcmgen/gen/config/bounds"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/child"
)

// outcome is the result of evaluating one place.
type outcome struct {
	cluster   *spec.Cluster
	isCluster bool   // a cluster's package, valid or not
	skipped   string // why it is no cluster's package
	other     bool   // not the cluster that was asked for by name
	findings  []finding.Finding
	differs   []finding.Finding // how its vocabulary differs from this program's
	keep      []byte            // for later runs; nil if nothing is kept
	data      []byte            // what CUE makes of the cluster; in a child only
}

const noClusterField = `no field "cluster"`

// dir returns the directory of the package at a place.
func (o outcome) dir(p place) string {
	if o.cluster != nil {
		return o.cluster.Dir
	}
	return filepath.Clean(p.dir)
}

// task is what an evaluation of places has found out.
type task struct {
	places []place
	out    []outcome
	keys   map[int][sha256.Size]byte // of those that are to be kept
	sizes  map[int]int               // bytes of their own CUE
	here   []int                     // to be evaluated in this process
	apart  leftApart
	progress
}

// evaluate loads and evaluates places in parallel: in this process those of which it is
// known that they take little, the others in children.
func (l *loader) evaluate(ctx context.Context, places []place) ([]outcome, error) {
	t := &task{
		places: places, out: make([]outcome, len(places)), keys: map[int][sha256.Size]byte{}, sizes: map[int]int{},
		progress: progress{report: l.opts.Progress, total: len(places)},
	}
	known := modules{}
	for i := range places {
		l.look(t, known, i)
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, share := range shares(places, t.here, runtime.GOMAXPROCS(0)) {
		g.Go(func() error { return l.share(gctx, t, share) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return t.out, l.evaluateApart(ctx, t)
}

// look decides how a place is evaluated, if it is at all.
func (l *loader) look(t *task, known modules, i int) {
	place := t.places[i]
	if l.leaves(t, i) {
		return
	}
	module := known.of(l, place.root)
	if t.out[i].findings = module.faults; len(module.faults) > 0 {
		return
	}
	reached := l.reach(place.root, l.reached(place), l.opts.Overlay)
	t.out[i].findings = reached.unreadable(l)
	switch {
	case len(t.out[i].findings) > 0:
		t.out[i] = wanted(place, t.out[i])
		return
	case place.deep && l.opts.Overlay == nil && !module.has(place) && l.rough.noCluster(place):
		t.out[i] = wanted(place, outcome{skipped: noClusterField})
		t.step()
		return
	}
	if key, ok := l.keptKey(place, reached); ok {
		t.keys[i] = key
		if c := l.fromKept(place, key); c != nil {
			t.out[i] = wanted(place, outcome{cluster: c, isCluster: true})
			t.step()
			return
		}
	}
	t.sizes[i] = reached.ownBytes()
	if t.sizes[i] > bounds.MaxBytes && child.Available() {
		t.apart.add(i, &bounds.Reason{What: fmt.Sprintf("the size of its files, %d KB", t.sizes[i]>>10)})
		return
	}
	if why := l.foreseen(reached); why != nil && child.Available() {
		t.apart.add(i, why)
		return
	}
	t.here = append(t.here, i)
}

// portion is how many bytes of CUE are loaded at once: their syntax takes a hundred times
// as much.
const portion = 2 << 20

// share evaluates some places one after the other. Each worker loads its own packages,
// since CUE's syntax trees can't be shared.
func (l *loader) share(ctx context.Context, t *task, share []int) error {
	policy := l.policyOf(t.places[share[0]].root)
	if l.rulesApart(t, policy, share) {
		return nil
	}
	for len(share) > 0 {
		n, sum := 0, 0
		for n < len(share) && (n == 0 || sum+t.sizes[share[n]] <= portion) {
			sum += t.sizes[share[n]]
			n++
		}
		for i, inst := range l.instances(t.places, share[:n]) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if why := l.large(inst); why != nil && child.Available() {
				t.apart.add(share[i], why)
				continue
			}
			l.done(t, share[i], l.guarded(inst, t.places[share[i]], policy))
		}
		share = share[n:]
	}
	return nil
}

// done takes the outcome of a place.
func (l *loader) done(t *task, i int, o outcome) {
	if key, ok := t.keys[i]; ok && o.keep != nil {
		l.opts.Kept.Put(key, o.keep)
	}
	o.keep = nil
	t.out[i] = wanted(t.places[i], o)
	t.step()
}

// wanted replaces an outcome that isn't the cluster that was asked for by name.
func wanted(p place, o outcome) outcome {
	if p.name != "" && (o.cluster == nil || o.cluster.Name != p.name) {
		return outcome{other: true}
	}
	return o
}

// progress counts the packages that several workers have done.
type progress struct {
	mu          sync.Mutex
	done, total int
	report      func(done, total int)
}

func (p *progress) step() {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.report(p.done, p.total)
}

// shares splits the indices some of places into shares for n workers; a share has
// places of one module only.
func shares(places []place, some []int, n int) [][]int {
	roots := map[string][]int{}
	var order []string
	for _, i := range some {
		root := places[i].root
		if roots[root] == nil {
			order = append(order, root)
		}
		roots[root] = append(roots[root], i)
	}
	var out [][]int
	for _, root := range order {
		all := roots[root]
		size := (len(all) + n - 1) / n
		for len(all) > 0 {
			k := min(size, len(all))
			out, all = append(out, all[:k]), all[k:]
		}
	}
	return out
}

// instances loads packages. It names each: with a pattern, one broken package would hide
// all others. CUE takes a directory with a dot in its name for a file, so such a package
// is loaded from its own directory.
func (l *loader) instances(places []place, share []int) []*build.Instance {
	root := places[share[0]].root
	over := map[string][]byte{}
	maps.Copy(over, l.opts.Overlay)
	maps.Copy(over, l.overlay(root))
	from := func(dir string, args []string, dirs ...string) []*build.Instance {
		return load.Instances(args, l.reach(root, dirs, over).config(dir))
	}
	out := make([]*build.Instance, len(share))
	var args, dirs []string
	var at []int
	for i, k := range share {
		rel, err := filepath.Rel(root, places[k].dir)
		if err == nil && !strings.Contains(rel, ".") {
			args, at, dirs = append(args, "./"+filepath.ToSlash(rel)), append(at, i), append(dirs, places[k].dir)
		}
	}
	if len(args) > 0 {
		// An error in shared files can leave one instance for all.
		if got := from(root, args, dirs...); len(got) == len(args) {
			for n, inst := range got {
				out[at[n]] = inst
			}
		}
	}
	for i, k := range share {
		if out[i] == nil {
			out[i] = from(places[k].dir, []string{"."}, places[k].dir)[0]
		}
	}
	return out
}

// instance turns one package into an outcome.
func (l *loader) instance(inst *build.Instance, p place, policy *policyPackage) outcome {
	ex := l.explainer(inst, p)
	if inst.Err != nil {
		if none := (*load.NoFilesError)(nil); p.deep && errors.As(inst.Err, &none) {
			return outcome{skipped: "no CUE package"}
		}
		return outcome{findings: ex.loadErrors(inst.Err)}
	}
	if strings.HasPrefix(inst.ImportPath, schemaPath+"/") {
		return outcome{other: true} // a package of the vocabulary
	}
	field := clusterField(inst)
	if at := embeddedCluster(inst); field == nil && at.IsValid() {
		f := ex.at(at, "cue-embedded", "the cluster is embedded at the top of the file, where CUE lets misspelt fields through")
		f.Expected = "cluster: schemas.#Cluster & {…}"
		return outcome{findings: []finding.Finding{f}}
	}
	switch {
	case field == nil && p.deep:
		return outcome{skipped: noClusterField}
	case field == nil:
		return outcome{findings: []finding.Finding{l.noCluster(p.dir, "the package has no field \"cluster\"")}}
	}
	schema := schemaOf(inst)
	if schema == nil {
		f := ex.at(field.Pos(), "cue-schema", "the cluster has no schema")
		f.Expected = "cluster: schemas.#Cluster & {…}"
		f.Hint = fmt.Sprintf("add: import %q", schemaPath)
		return outcome{isCluster: true, findings: []finding.Finding{f}}
	}
	return l.cluster(inst, schema, p, ex, policy)
}

// cluster evaluates a cluster's field. If the package imports another vocabulary than
// this program's, cluster evaluates it again with this program's, whose result is used:
// fields that this program doesn't know and defaults that differ must be reported.
func (l *loader) cluster(inst, schema *build.Instance, p place, ex *explainer, policy *policyPackage) outcome {
	o := outcome{isCluster: true, differs: l.otherPackages(inst, schema, p)}
	if o.findings = policy.faultsOf(); len(o.findings) > 0 {
		return o
	}
	drift := l.drift(schema)
	if drift != nil {
		o.differs = append(o.differs, drift.Finding)
	}
	if o.findings = l.embeds(inst, ex); len(o.findings) > 0 {
		return o
	}
	if o.findings = ex.unknownMinor(inst, schema); len(o.findings) > 0 {
		return o
	}
	got := l.evaluated(inst, p, nil, ex)
	if len(got.findings) == 0 && drift != nil {
		over, before := replacement(schemaDir(schema)), ex.embedded
		inst = l.reload(p, over)
		ex = l.explainer(inst, p)
		theirs := got
		got = l.evaluated(inst, p, over, ex)
		got.refused = union(got.refused, theirs.refused)
		for _, f := range changedDefaults(theirs.data, got.data, ex, drift) {
			o.differs = append(o.differs, ex.embedded.Finding(before.Finding(f)))
		}
	}
	if o.findings = got.findings; len(got.findings) > 0 {
		return o
	}
	if len(got.data) > maxData {
		o.findings = []finding.Finding{l.tooLarge(len(got.data), ex)}
		return o
	}
	c, faults := decode(got.data)
	c.Dir, c.Source, c.TypeErrors, c.Embedded = inst.Dir, ex.source, got.refused, ex.embedded
	for i, f := range faults {
		f.Cluster, f.Pos = c.Name, ex.source.At(f.Field)
		faults[i] = ex.embedded.Finding(f)
	}
	if o.findings = faults; len(faults) == 0 {
		o.cluster = c
		l.applyRules(c, policy, ex.root, ex, got.data)
		if len(o.differs) == 0 {
			o.keep = l.toKeep(p, schema, got.data, c)
		}
		if l.serves {
			o.data = got.data
		}
	}
	return o
}

// reload loads a place again, with over in place of files on disk.
func (l *loader) reload(p place, over map[string][]byte) *build.Instance {
	all := map[string][]byte{}
	maps.Copy(all, l.overlay(p.root))
	maps.Copy(all, l.opts.Overlay)
	maps.Copy(all, over)
	return load.Instances([]string{"."}, l.reach(p.root, []string{p.dir}, all).config(p.dir))[0]
}

// field evaluates the field "cluster" to JSON, in its own context: a reused one grows.
func (l *loader) field(inst, schema *build.Instance, p place, ex *explainer) (_ []byte, found []finding.Finding) {
	files, err := newEmbedder(p.root, l.cache.budget)
	if err != nil {
		return nil, []finding.Finding{ex.unreadable(p.root, err)}
	}
	defer files.close()
	files.attach(inst)
	ctx := cuecontext.New()
	v := ctx.BuildInstance(inst)
	ex.embedded = ex.embeddedIn(files, inst)
	defer func() {
		for i, f := range found {
			found[i] = ex.embedded.Finding(f)
		}
	}()
	if none := ex.notEmbedded(files, inst); len(none) > 0 {
		return nil, none
	}
	if err := inst.Err; err != nil { // building finds unresolved references
		return nil, ex.loadErrors(err)
	}
	if ex.typed == nil {
		ex.typed = typedPackage(schema)
	}
	// Building it takes as long as the cluster, and only errors need it.
	ex.schema = sync.OnceValue(func() cue.Value {
		return ctx.BuildInstance(schema).LookupPath(cue.MakePath(cue.Def("Cluster")))
	})
	ex.ctx, ex.root = ctx, v
	cv := v.LookupPath(cue.ParsePath("cluster"))
	if !holdsToSchema(inst) {
		cv = cv.Unify(ex.schema())
	}
	if err := cv.Validate(cue.Concrete(true), cue.Final()); err != nil {
		return nil, ex.faults(err)
	}
	data, err := cv.MarshalJSON()
	if err != nil {
		return nil, ex.faults(err)
	}
	if ex.embedded != nil {
		ex.unaffected(inst, schema)
		fromData(ex.embedded, data)
	}
	return data, nil
}

func (l *loader) explainer(inst *build.Instance, p place) *explainer {
	ex := &explainer{rel: l.rel, dir: p.dir, user: userFiles(inst), inst: inst}
	ex.source, ex.values, ex.refs = sourceOf(inst, l.rel)
	ex.cluster, _ = clusterName(inst.Files)
	return ex
}
