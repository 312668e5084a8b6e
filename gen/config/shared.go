package config

import (
	"fmt"
	"path"
	"path/filepath"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/vendoring"
	"github.com/kcmgen/kcmgen/schemas"
)

// otherPackages warns about files that look as if they applied to a cluster, and don't:
// CUE silently ignores files with another package name.
func (l *loader) otherPackages(inst, schema *build.Instance, p place) []finding.Finding {
	var out []finding.Finding
	warn := func(name, other, want, hint string) {
		out = append(out, finding.Finding{
			Rule: "cue-other-package", Severity: finding.Warning, Pos: finding.Pos{File: l.rel(name)},
			Message:  fmt.Sprintf("this file is of package %s: %s doesn't include it", other, l.rel(p.dir)),
			Expected: "package " + want, Hint: hint,
		})
	}
	for dir := filepath.Dir(p.dir); p.dir != p.root; dir = filepath.Dir(dir) {
		for _, name := range cueFiles(dir) {
			if f := roughly(name); f != nil && f.PackageName() != inst.PkgName && clusterField(&build.Instance{Files: []*ast.File{f}}) != nil {
				warn(name, f.PackageName(), inst.PkgName, "give both one package name, or move this file into a directory of its own")
			}
		}
		if dir == p.root || dir == filepath.Dir(dir) {
			break
		}
	}
	policy := filepath.Join(p.root, filepath.FromSlash(vendoring.UsrDir))
	for _, directory := range policyDirectories(schema) {
		want := packageName(path.Join(directory, "policy.cue"))
		for _, name := range cueFiles(filepath.Join(policy, directory)) {
			if f := roughly(name); f != nil && f.PackageName() != want {
				warn(name, f.PackageName(), want, "")
			}
		}
	}
	return out
}

// policyDirectories returns the directories of a site's constraints that apply: on the
// base, and on the package of the minor version.
func policyDirectories(schema *build.Instance) []string {
	if minor, typed := schemas.MinorOf(schema.ImportPath); typed {
		return []string{".", fmt.Sprintf("v1_%d", minor)}
	}
	return []string{"."}
}
