package main

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// reportGenerations says which hosts get something new, and which have left.
func reportGenerations(e *export, std stdio) {
	entry, _ := e.tree.Get(layout.Manifest)
	now, err := outdir.ParseManifest(entry.Data)
	old := e.old.Manifest
	if err != nil || old == nil {
		return // a first export is all new
	}
	for _, node := range slices.Sorted(maps.Keys(now.Nodes)) {
		switch was, known := old.Nodes[node]; {
		case known && was == now.Nodes[node]:
		case !known:
			say(std.err, "%s: node %s is new", e.name, node)
		default:
			say(std.err, "%s: node %s gets another generation", e.name, node)
		}
	}
	for _, node := range slices.Sorted(maps.Keys(old.Nodes)) {
		if _, ok := now.Nodes[node]; !ok {
			say(std.err, "%s: node %s is gone; what runs on its host runs on: %s", e.name, node, e.retirement(node))
		}
	}
}

// retirement is how a host that has left is stopped: by a command where there is
// one for its layout, or by hand.
func (e *export) retirement(node string) string {
	c := e.plan.Cluster
	switch {
	case c.Layout == spec.StaticPod:
		return "remove " + c.Paths.Manifest + " there, and the keys"
	case !c.Generations:
		return "systemctl disable --now " + filepath.Base(c.Paths.Unit) + " there, and remove the keys"
	}
	cmd := "kcmgen retire " + word(node)
	if !usualOut(c, filepath.Dir(e.dir)) {
		cmd += " -o " + word(filepath.Dir(e.dir))
	}
	return cmd + " " + word(folderOf(c))
}

// usualOut reports whether a cluster's tree lies where commands look for it that
// aren't told.
func usualOut(c *spec.Cluster, out string) bool {
	usual, err := outFolder("", []string{folderOf(c)})
	return err == nil && filepath.Clean(usual) == filepath.Clean(out)
}
