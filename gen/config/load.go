// Package config turns CUE into clusters: it loads packages, unifies them with
// the schema, and explains what doesn't fit with positions.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

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

// NoFolderError is an argument that names no folder.
type NoFolderError struct {
	Name string
	Err  error
}

func (e *NoFolderError) Error() string { return fmt.Sprintf("reading cluster: %s: %v", e.Name, e.Err) }

// Unwrap is the cause.
func (e *NoFolderError) Unwrap() error { return e.Err }

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
	seen map[string]bool
	res  *Result
}

// pattern loads one argument.
func (l *loader) pattern(arg string) error {
	dir, deep := strings.CutSuffix(filepath.ToSlash(arg), "/...")
	if arg == "..." {
		dir, deep = ".", true
	}
	name := dir // as the user calls it
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(l.cwd, filepath.FromSlash(dir))
	}
	if fi, err := os.Stat(dir); err != nil {
		return &NoFolderError{name, errors.Unwrap(err)}
	} else if !fi.IsDir() {
		return &NoFolderError{name, errors.New("it is a file; a cluster is named by the folder of its package")}
	}
	root, ok := moduleRoot(dir)
	if !ok {
		l.add(noModule(l.rel(dir)))
		return nil
	}
	packages := []string{"."}
	if deep {
		var err error
		if packages, err = packagesBelow(dir); err != nil {
			return err
		}
	} else if !hasCUE(dir) {
		l.add(l.noCluster(dir, "no CUE files in this folder"))
		return nil
	}
	if !l.packages(dir, root, packages, deep) && deep && len(l.res.Findings) == 0 {
		l.add(l.noCluster(dir, "no package below this folder has a field \"cluster\""))
	}
	return nil
}

// packages loads folders below dir; it reports whether one is a cluster's. Each
// is named: with a pattern CUE lets one broken package hide all others.
func (l *loader) packages(dir, root string, folders []string, deep bool) bool {
	if len(folders) == 0 {
		return false
	}
	found := false
	for i, inst := range load.Instances(folders, &load.Config{Dir: dir, ModuleRoot: root, Env: []string{"CUE_REGISTRY=none"}}) {
		at := inst.Dir
		if at == "" {
			at = filepath.Join(dir, folders[min(i, len(folders)-1)])
		}
		if l.seen[at] {
			continue
		}
		l.seen[at] = true
		if l.instance(inst, at, deep) {
			found = true
		}
	}
	return found
}

// instance loads one package; it reports whether it is a cluster's.
func (l *loader) instance(inst *build.Instance, dir string, deep bool) bool {
	ex := &explainer{rel: l.rel, dir: dir, user: userFiles(inst)}
	if inst.Err != nil {
		if none := (*load.NoFilesError)(nil); deep && errors.As(inst.Err, &none) {
			l.res.Skipped = append(l.res.Skipped, Skipped{Dir: l.rel(dir), Reason: "no CUE package"})
			return false
		}
		l.add(ex.loading(inst.Err)...)
		return false
	}
	field := clusterField(inst)
	if at := embeddedCluster(inst); field == nil && at.IsValid() {
		f := ex.at(at, "cue-embedded", "the cluster is embedded at the top of the file, where CUE lets misspelt fields through")
		f.Expected = "cluster: schemas.#Cluster & {…}"
		l.add(f)
		return false
	}
	switch {
	case field == nil && deep:
		l.res.Skipped = append(l.res.Skipped, Skipped{Dir: l.rel(dir), Reason: `no field "cluster"`})
		return false
	case field == nil:
		l.add(l.noCluster(dir, "the package has no field \"cluster\""))
		return false
	}
	c, findings := l.cluster(inst, field, ex)
	l.add(findings...)
	if c != nil {
		l.res.Clusters = append(l.res.Clusters, c)
	}
	return true
}

func (l *loader) add(fs ...spec.Finding) { l.res.Findings = append(l.res.Findings, fs...) }

// cluster evaluates the field in a context of its own: a reused one grows.
func (l *loader) cluster(inst *build.Instance, field *ast.Field, ex *explainer) (*spec.Cluster, []spec.Finding) {
	schema := schemaOf(inst)
	if schema == nil {
		f := ex.at(field.Pos(), "cue-schema", "the cluster is not held to a schema")
		f.Expected = "cluster: schemas.#Cluster & {…}"
		f.Hint = fmt.Sprintf("add: import %q", schemaPath)
		return nil, []spec.Finding{f}
	}
	ctx := cuecontext.New()
	v := ctx.BuildInstance(inst)
	if err := inst.Err; err != nil { // names that lead nowhere are found only now
		return nil, ex.loading(err)
	}
	// Building it costs as much as the cluster: only a fault needs it.
	ex.schema = sync.OnceValue(func() cue.Value {
		return ctx.BuildInstance(schema).LookupPath(cue.MakePath(cue.Def("Cluster")))
	})
	source, values := sourceOf(inst, l.rel)
	ex.source, ex.values = source, values
	ex.cluster = strings.Trim(values["name"], `"`)
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

// schemaOf is the vocabulary that a package imports, or nil.
// An import of its own may do that for it.
func schemaOf(inst *build.Instance) *build.Instance {
	for _, dep := range inst.Imports {
		if isSchema(dep.ImportPath) {
			return dep
		}
		if found := schemaOf(dep); found != nil {
			return found
		}
	}
	return nil
}

// isSchema reports whether an import path is the vocabulary's: as such, with a
// version, or one of its packages below.
func isSchema(importPath string) bool {
	rest, ok := strings.CutPrefix(importPath, schemaPath)
	return ok && (rest == "" || rest[0] == '@' || rest[0] == '/')
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

// packagesBelow lists the folders with CUE files from dir down, relative to it,
// as CUE's own pattern would: not those of other modules, nor hidden ones.
func packagesBelow(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		if name := d.Name(); p != dir && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "cue.mod") {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(p, "cue.mod")); err == nil && p != dir {
			return fs.SkipDir
		}
		if hasCUE(p) {
			rel, err := filepath.Rel(dir, p)
			if err != nil {
				return err
			}
			out = append(out, "./"+filepath.ToSlash(rel))
		}
		return nil
	})
	return out, err
}

func hasCUE(dir string) bool {
	found, err := filepath.Glob(filepath.Join(dir, "[^._]*.cue"))
	return err == nil && len(found) > 0
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
