package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/upgrade"
)

// neighbour is a cluster that wasn't named, and has a changed file too.
type neighbour struct {
	called        string   // its folder, for people
	files         []string // the changed ones, by absolute name
	owner         *upgraded
	before, after *gen.Vetted // nil: it is no valid cluster
	faults        []finding.Finding
}

// sharedWith looks for the clusters that weren't named and have a changed file
// too, and sees to it that they stay what they are: they may be on another minor
// version, which still needs what goes.
func (u *upgrading) sharedWith(ctx context.Context, std stdio) error {
	found := u.neighbours()
	if len(found) == 0 {
		return nil
	}
	dirs := slices.Sorted(maps.Keys(found))
	before, err := loadWith(ctx, "", dirs, nil, u.now, std)
	if err != nil {
		return err
	}
	after, err := loadWith(ctx, "", dirs, u.changed, u.now, std)
	if err != nil {
		return err
	}
	for _, v := range before.clusters {
		found[v.Cluster.Dir].before = v
	}
	for _, v := range after.clusters {
		found[v.Cluster.Dir].after = v
	}
	for _, dir := range dirs {
		n := found[dir]
		was := map[string]bool{}
		for _, f := range before.of[dir] {
			was[findingKey(f)] = true
		}
		n.faults = slices.DeleteFunc(slices.Clone(after.of[dir]), func(f finding.Finding) bool { return f.Severity != finding.Error || was[findingKey(f)] })
		if changes := n.changes(); len(changes) > 0 {
			n.owner.blocking = append(n.owner.blocking, changes...)
			u.moved = append(u.moved, n)
		}
		if n.before == nil {
			last := &n.owner.steps[len(n.owner.steps)-1]
			last.notes = once(last.notes, placed{n.owner.shown(n.files[0]), n.called + " has errors already: whether this changes it can't be told"})
		}
	}
	return nil
}

// neighbours finds them by their folders, in the modules of the changed files.
func (u *upgrading) neighbours() map[string]*neighbour {
	u.also = map[string][]string{}
	out := map[string]*neighbour{}
	cwd := workingDir()
	looked := map[string]bool{}
	for _, changed := range slices.Sorted(maps.Keys(u.changed)) {
		root, err := config.ModuleRoot(filepath.Dir(changed))
		if err != nil || looked[root] {
			continue
		}
		looked[root] = true
		for _, o := range config.Outlines(cwd, root) {
			dir := o.Dir
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(cwd, dir)
			}
			if slices.ContainsFunc(u.clusters, func(c *upgraded) bool { return c.before.Cluster.Dir == dir }) {
				continue
			}
			for _, name := range config.PackageFiles(dir) {
				if u.changed[name] == nil {
					continue
				}
				u.also[name] = append(u.also[name], o.Dir)
				if out[dir] == nil {
					out[dir] = &neighbour{called: o.Dir, owner: u.owner(name)}
				}
				out[dir].files = append(out[dir].files, name)
			}
		}
	}
	return out
}

// owner is the first of the named clusters that has a file.
func (u *upgrading) owner(name string) *upgraded {
	for _, c := range u.clusters {
		if slices.Contains(config.PackageFiles(c.before.Cluster.Dir), name) {
			return c
		}
	}
	return u.clusters[0] // not so: only files of theirs are edited
}

// shown is a file of the cluster as a place.
func (c *upgraded) shown(name string) finding.Pos { return finding.Pos{File: shownPath(name)} }

// findingKey tells findings apart; an element that is left may have moved up.
func findingKey(f finding.Finding) string {
	field, _, _ := strings.Cut(f.Field, "[")
	return f.Rule + " " + field
}

// changes are what the edits would make of a cluster that nobody named.
func (n *neighbour) changes() []placed {
	var out []placed
	add := func(field, text string) { out = once(out, placed{n.place(field), n.called + " would " + text}) }
	for _, f := range n.faults {
		if n.after == nil {
			add(f.Field, fmt.Sprintf("be no valid cluster: %s [%s]", f.Message, f.Rule))
		}
	}
	if n.before == nil || n.after == nil {
		if n.before != nil && len(out) == 0 {
			add("", "be no valid cluster")
		}
		return out
	}
	was, is := n.before.Cluster, n.after.Cluster
	if was.Version != is.Version {
		add("version", fmt.Sprintf("go from %s to %s too", was.Version, is.Version))
	}
	for _, d := range commandLines(was, is) {
		add(d.field, d.text)
	}
	if !maps.Equal(was.APIServer.Flags, is.APIServer.Flags) {
		add("apiserver.flags", "have other flags of the kube-apiserver")
	}
	had := map[string]bool{}
	for _, f := range n.before.Findings {
		had[findingKey(f)] = had[findingKey(f)] || finding.Failed([]finding.Finding{f})
	}
	for _, f := range n.after.Findings {
		if finding.Failed([]finding.Finding{f}) && !had[findingKey(f)] {
			add(f.Field, fmt.Sprintf("break a rule that it keeps now: %s [%s]", f.Message, f.Rule))
		}
	}
	return out
}

// place is where the edit is that touches a field of the cluster, or else where
// the cluster has the field.
func (n *neighbour) place(field string) finding.Pos {
	shared := map[string]bool{}
	for _, name := range n.files {
		shared[shownPath(name)] = true
	}
	name, _, _ := strings.Cut(lastLabel(field), "[")
	for _, s := range n.owner.steps {
		for _, e := range s.edits {
			if len(e.Path) > 0 && shared[e.at.File] && (e.Path[len(e.Path)-1] == name || e.To == name) {
				return e.at
			}
		}
	}
	if n.before != nil {
		if at := n.before.Cluster.Source.At(field); shared[at.File] {
			return at
		}
	}
	return n.owner.shown(n.files[0])
}

// lastLabel is the last label of a path that isn't an element's.
func lastLabel(field string) string {
	labels := finding.Labels(field)
	for n := len(labels); n > 0; n-- {
		if !strings.HasPrefix(labels[n-1], "[") {
			return labels[n-1]
		}
	}
	return ""
}

// lineChange is one of a command line.
type lineChange struct{ field, text string }

// commandLines compares the command lines of a cluster's nodes, and says what is
// the same for all nodes once.
func commandLines(was, is *spec.Cluster) []lineChange {
	nodes := map[lineChange][]string{}
	var order []lineChange
	for i := range was.Nodes {
		n := &was.Nodes[i]
		at := slices.IndexFunc(is.Nodes, func(o spec.Node) bool { return o.Name == n.Name })
		var flags spec.Flags
		if at >= 0 {
			flags = is.NodeFlags(&is.Nodes[at])
		}
		for _, d := range flagsDiffer(was.NodeFlags(n), flags) {
			if nodes[d] == nil {
				order = append(order, d)
			}
			nodes[d] = append(nodes[d], n.Name)
		}
	}
	for i, d := range order {
		if len(nodes[d]) < len(was.Nodes) {
			order[i].text += " on " + strings.Join(nodes[d], ", ")
		}
	}
	return order
}

func flagsDiffer(was, is spec.Flags) []lineChange {
	var out []lineChange
	for _, f := range was {
		switch now, has := is.Get(f.Name); {
		case !has:
			out = append(out, lineChange{f.Field, "lose " + briefly(f)})
		case now.Value != f.Value:
			out = append(out, lineChange{f.Field, fmt.Sprintf("have %s, it has %s", briefly(now), briefly(f))})
		}
	}
	for _, f := range is {
		if _, had := was.Get(f.Name); !had {
			out = append(out, lineChange{f.Field, "get " + briefly(f)})
		}
	}
	return out
}

// briefly is a flag with as much of its value as a line can hold.
func briefly(f spec.Flag) string {
	const most = 200
	if r := []rune(f.String()); len(r) > most {
		return string(r[:most]) + "…"
	}
	return f.String()
}

// printWaysOut says how to go on where a file serves clusters that weren't named:
// with them, or apart from them.
func (u *upgrading) printWaysOut(std stdio) {
	together := *u
	together.clusters, together.args = slices.Clone(u.clusters), slices.Clone(u.args)
	var names, moved, files []string
	for _, n := range u.moved {
		moved = append(moved, n.called)
		for _, name := range n.files {
			files = append(files, shownPath(name))
		}
		if n.before == nil {
			continue
		}
		if has := n.before.Cluster.Version; u.target(has).Older(has) {
			continue // Kubernetes goes up only
		}
		names = append(names, n.called)
		together.clusters = append(together.clusters, &upgraded{before: n.before, plan: &upgrade.Plan{From: n.before.Cluster.Version, To: u.to}})
		together.args = append(together.args, u.argument(n.before.Cluster))
	}
	if len(names) > 0 {
		slices.Sort(together.args)
		say(std.err, "if %s is to go up too, next: %s", strings.Join(names, ", "), together.next())
	}
	if len(moved) > 0 {
		slices.Sort(files)
		say(std.err, "if %s is to stay: move the setting from %s into each cluster that needs it",
			strings.Join(moved, ", "), strings.Join(slices.Compact(files), ", "))
	}
}

// argument names a cluster as the others were named.
func (u *upgrading) argument(c *spec.Cluster) string {
	if slices.ContainsFunc(u.args, func(arg string) bool { return !spec.IsName(arg) }) {
		return folderOf(c)
	}
	return c.Name
}
