package config

import (
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue/build"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Outline is what the syntax of a cluster's package says without an evaluation. It may
// be wrong or incomplete.
type Outline struct {
	Name  string // "" if it isn't a literal
	Dir   string
	Nodes []string
	Flags []string // of kube-controller-manager, for all nodes or for some
}

// Outlines returns the clusters of the CUE module around dir, sorted by name, with their
// directories relative to cwd. It skips what it can't read: it serves shell completion.
func Outlines(cwd, dir string) []Outline {
	root, ok := moduleRoot(dir)
	if !ok {
		return nil
	}
	l := &loader{cwd: cwd, rough: roughFiles{}}
	f := &finder{loader: l, seen: map[string]bool{}, res: &Result{}}
	if err := f.below(place{dir: root, root: root, deep: true}); err != nil || len(f.places) == 0 {
		return nil
	}
	var out []Outline
	for _, p := range f.places {
		if l.rough.noCluster(p) {
			continue
		}
		inst := &build.Instance{Files: p.files()}
		if clusterField(inst) == nil {
			continue
		}
		source, _, _ := sourceOf(inst, l.rel)
		o := outline(source)
		o.Name, _ = clusterName(inst.Files)
		o.Dir = l.rel(p.dir)
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b Outline) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func outline(source finding.Source) Outline {
	nodes, flags := map[string]bool{}, map[string]bool{}
	for field := range source {
		ls := finding.Labels(field)
		if len(ls) >= 2 && ls[0] == "nodes" && ls[1] != "*" {
			nodes[ls[1]] = true
		}
		if len(ls) == 2 && ls[0] == "flags" {
			flags[ls[1]] = true
		}
		if len(ls) == 4 && ls[0] == "nodes" && ls[2] == "flags" {
			flags[ls[3]] = true
		}
	}
	return Outline{Nodes: slices.Sorted(maps.Keys(nodes)), Flags: slices.Sorted(maps.Keys(flags))}
}

// PackageFiles returns the files of the package in a directory, with those of the same
// package in the directories above.
func PackageFiles(dir string) []string {
	root, ok := moduleRoot(dir)
	if !ok {
		return nil
	}
	var out []string
	for _, f := range (place{dir: dir, root: root}).files() {
		out = append(out, f.Filename)
	}
	return out
}
