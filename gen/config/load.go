// Package config turns CUE into clusters: it loads packages, unifies them with
// the schema, and explains what doesn't fit with positions.
package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// schemaPath is the import path of the vocabulary.
const schemaPath = "github.com/kcmgen/kcmgen/schemas"

// Result is what a set of packages holds.
type Result struct {
	Clusters []*spec.Cluster // sorted by name
	Skipped  []Skipped
	Findings []spec.Finding // faults in the CUE; their clusters are missing above
}

// Skipped is a package that is no cluster.
type Skipped struct {
	Dir    string `json:"dir"`
	Reason string `json:"reason"`
}

// Load evaluates the packages that args name, seen from the folder cwd. An
// argument is a folder, or one followed by /... for all packages below it. None
// means every package of the CUE module around cwd. It reads files only: no
// registry is asked.
//
// Faults of the input come back as findings, not as an error; the error is for
// what can't be read.
func Load(cwd string, args []string) (*Result, error) {
	res := &Result{}
	if len(args) == 0 {
		root, ok := moduleRoot(cwd)
		if !ok {
			res.Findings = append(res.Findings, noModule(cwd))
			return res, nil
		}
		args = []string{root + "/..."}
	}
	l := loader{cwd: cwd, seen: map[string]bool{}, res: res}
	for _, arg := range args {
		if err := l.pattern(arg); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(res.Clusters, func(a, b *spec.Cluster) int { return strings.Compare(a.Name, b.Name) })
	res.Findings = append(res.Findings, sameNames(res.Clusters)...)
	return res, nil
}

type loader struct {
	cwd  string
	dir  string // of the argument at hand
	seen map[string]bool
	res  *Result
}

// pattern loads one argument.
func (l *loader) pattern(arg string) error {
	dir, deep := strings.CutSuffix(filepath.ToSlash(arg), "/...")
	if arg == "..." {
		dir, deep = ".", true
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(l.cwd, filepath.FromSlash(dir))
	}
	if fi, err := os.Stat(dir); err != nil {
		return fmt.Errorf("reading cluster: %w", err)
	} else if !fi.IsDir() {
		return fmt.Errorf("reading cluster: %s is a file; a cluster is named by the folder of its package", l.rel(dir))
	}
	l.dir = dir
	root, ok := moduleRoot(dir)
	if !ok {
		l.res.Findings = append(l.res.Findings, noModule(l.rel(dir)))
		return nil
	}
	what := "."
	if deep {
		what = "./..."
	}
	insts := load.Instances([]string{what}, &load.Config{
		Dir: dir, ModuleRoot: root, Env: []string{"CUE_REGISTRY=none"},
	})
	found := false
	for _, inst := range insts {
		if l.seen[inst.Dir] {
			continue
		}
		if l.instance(inst, deep) {
			found = true
		}
	}
	if deep && !found && len(l.res.Findings) == 0 {
		l.res.Findings = append(l.res.Findings, l.noCluster(dir, "no package below this folder has a field \"cluster\""))
	}
	return nil
}

// instance loads one package; it reports whether it is a cluster's.
func (l *loader) instance(inst *build.Instance, deep bool) bool {
	l.seen[inst.Dir] = true
	ex := &explainer{rel: l.rel, user: userFiles(inst)}
	if inst.Err != nil {
		if noFiles(l.dir) {
			l.res.Findings = append(l.res.Findings, l.noCluster(l.dir, "no CUE files in this folder"))
		} else {
			l.res.Findings = append(l.res.Findings, ex.loading(inst.Err)...)
		}
		return false
	}
	field := clusterField(inst)
	if field == nil {
		if deep {
			l.res.Skipped = append(l.res.Skipped, Skipped{Dir: l.rel(inst.Dir), Reason: `no field "cluster"`})
		} else {
			l.res.Findings = append(l.res.Findings, l.noCluster(inst.Dir, "the package has no field \"cluster\""))
		}
		return false
	}
	c, findings := l.cluster(inst, field, ex)
	l.res.Findings = append(l.res.Findings, findings...)
	if c != nil {
		l.res.Clusters = append(l.res.Clusters, c)
	}
	return true
}

// cluster evaluates the field in a context of its own: a reused one grows.
func (l *loader) cluster(inst *build.Instance, field *ast.Field, ex *explainer) (*spec.Cluster, []spec.Finding) {
	ctx := cuecontext.New()
	v := ctx.BuildInstance(inst)
	ex.schema = schemaOf(ctx, inst)
	if !ex.schema.Exists() {
		f := ex.at(field.Pos(), "cue-schema", "the cluster is not held to a schema")
		f.Expected = "cluster: schemas.#Cluster & {…}"
		f.Hint = fmt.Sprintf("add: import %q", schemaPath)
		return nil, []spec.Finding{f}
	}
	source, values := sourceOf(inst, l.rel)
	ex.source, ex.values = source, values
	cv := v.LookupPath(cue.ParsePath("cluster"))
	if !namesSchema(field.Value) {
		cv = cv.Unify(ex.schema)
	}
	if err := cv.Validate(cue.Concrete(true), cue.Final()); err != nil {
		return nil, ex.faults(err)
	}
	data, err := cv.MarshalJSON()
	if err != nil {
		return nil, ex.faults(err)
	}
	c, faults := decode(data)
	c.Dir, c.Source = inst.Dir, source
	for i := range faults {
		faults[i].Cluster = c.Name
		faults[i].Pos = source.At(faults[i].Field)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return c, nil
}

// schemaOf is #Cluster as the package imports it.
func schemaOf(ctx *cue.Context, inst *build.Instance) cue.Value {
	for _, dep := range inst.Imports {
		if dep.ImportPath == schemaPath || strings.HasPrefix(dep.ImportPath, schemaPath+"@") || strings.HasPrefix(dep.ImportPath, schemaPath+"/") {
			return ctx.BuildInstance(dep).LookupPath(cue.MakePath(cue.Def("Cluster")))
		}
	}
	return cue.Value{}
}

func moduleRoot(dir string) (string, bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	for {
		if fi, err := os.Stat(filepath.Join(dir, "cue.mod")); err == nil && fi.IsDir() {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

func noFiles(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), ".cue")
	})
}

func noModule(dir string) spec.Finding {
	return spec.Finding{
		Rule: "cue-module", Severity: spec.Error, Pos: spec.Pos{File: dir},
		Message:  "not inside a CUE module",
		Expected: "a folder cue.mod here or above",
		Hint:     "type: cue mod init example.com/clusters",
	}
}

func (l *loader) noCluster(dir, why string) spec.Finding {
	return spec.Finding{
		Rule: "cue-no-cluster", Severity: spec.Error, Pos: spec.Pos{File: l.rel(dir)},
		Message:  why,
		Expected: "cluster: schemas.#Cluster & {…}",
		Hint:     "name the folder of a cluster's package, or a folder above it followed by /...",
	}
}

func sameNames(cs []*spec.Cluster) []spec.Finding {
	var out []spec.Finding
	for i := 1; i < len(cs); i++ {
		a, b := cs[i-1], cs[i]
		if a.Name != b.Name {
			continue
		}
		out = append(out, spec.Finding{
			Rule: "cluster-name-duplicate", Severity: spec.Error, Cluster: b.Name, Field: "name",
			Pos: b.Source.At("name"), Also: []spec.Pos{a.Source.At("name")},
			Message:  fmt.Sprintf("two clusters have the name %q", b.Name),
			Expected: "names that differ: each is a folder below out/",
			Hint:     "rename one, or name the folder of the one you mean",
		})
	}
	return out
}

// rel shortens a path for people: relative to cwd where that is shorter.
func (l *loader) rel(path string) string {
	if r, err := filepath.Rel(l.cwd, path); err == nil && len(r) < len(path) {
		return r
	}
	return path
}
