package upgrade

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
	"github.com/kcmgen/kcmgen/gen/upgrade/steps"
)

// Neighbour is a cluster that wasn't named, and that uses a changed file.
type Neighbour struct {
	Dir           string   // its directory, for messages
	Files         []string // the changed files, by absolute name
	owner         *Cluster
	before, after *gen.Vetted // nil: the cluster is invalid
	faults        []finding.Finding
}

// checkNeighbours blocks edits that would change clusters that weren't named: they may
// be on another minor version, which still needs what the edits remove.
func (u *Run) checkNeighbours(ctx context.Context) error {
	found := u.neighbours()
	if len(found) == 0 {
		return nil
	}
	dirs := slices.Sorted(maps.Keys(found))
	before, err := u.load(ctx, dirs, nil)
	if err != nil {
		return err
	}
	after, err := u.load(ctx, dirs, u.Changed)
	if err != nil {
		return err
	}
	for _, v := range before.Clusters {
		found[v.Cluster.Dir].before = v
	}
	for _, v := range after.Clusters {
		found[v.Cluster.Dir].after = v
	}
	for _, dir := range dirs {
		n := found[dir]
		was := map[string]bool{}
		for _, f := range before.Of[dir] {
			was[findingKey(f)] = true
		}
		n.faults = slices.DeleteFunc(slices.Clone(after.Of[dir]), func(f finding.Finding) bool { return f.Severity != finding.Error || was[findingKey(f)] })
		if changes := n.changes(); len(changes) > 0 {
			n.owner.Blocking = append(n.owner.Blocking, changes...)
			u.Affected = append(u.Affected, n)
		}
		if n.before == nil {
			last := &n.owner.Steps[len(n.owner.Steps)-1]
			last.Notes = appendNew(last.Notes, Placed{n.owner.shown(n.Files[0]), n.Dir + " has errors already, so it can't be compared"})
		}
	}
	return nil
}

// neighbours returns the neighbours in the modules of the changed files, by absolute
// directory.
func (u *Run) neighbours() map[string]*Neighbour {
	u.Also = map[string][]string{}
	out := map[string]*Neighbour{}
	cwd := workingDir()
	looked := map[string]bool{}
	for _, changed := range slices.Sorted(maps.Keys(u.Changed)) {
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
			if slices.ContainsFunc(u.Clusters, func(c *Cluster) bool { return c.before.Cluster.Dir == dir }) {
				continue
			}
			for _, name := range config.PackageFiles(dir) {
				if u.Changed[name] == nil {
					continue
				}
				u.Also[name] = append(u.Also[name], o.Dir)
				if out[dir] == nil {
					out[dir] = &Neighbour{Dir: o.Dir, owner: u.owner(name)}
				}
				out[dir].Files = append(out[dir].Files, name)
			}
		}
	}
	return out
}

// owner returns the first named cluster that uses a file.
func (u *Run) owner(name string) *Cluster {
	for _, c := range u.Clusters {
		if slices.Contains(config.PackageFiles(c.before.Cluster.Dir), name) {
			return c
		}
	}
	return u.Clusters[0] // can't happen: only their files are edited
}

// shown returns a file as a position for messages.
func (c *Cluster) shown(name string) finding.Pos { return finding.Pos{File: shownPath(name)} }

// findingKey identifies a finding before and after the edits. It leaves out indexes,
// which change when an element is removed.
func findingKey(f finding.Finding) string {
	field, _, _ := strings.Cut(f.Field, "[")
	return f.Rule + " " + field
}

// changes returns what the edits would change in the neighbour.
func (n *Neighbour) changes() []Placed {
	var out []Placed
	add := func(field, text string) { out = appendNew(out, Placed{n.place(field), n.Dir + " would " + text}) }
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
	for _, d := range diffCommandLines(was, is) {
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

// place returns the position of the edit that affects a field of the cluster, or else
// of the field.
func (n *Neighbour) place(field string) finding.Pos {
	shared := map[string]bool{}
	for _, name := range n.Files {
		shared[shownPath(name)] = true
	}
	name, _, _ := strings.Cut(lastLabel(field), "[")
	for _, s := range n.owner.Steps {
		for _, e := range s.Edits {
			if len(e.Path) > 0 && shared[e.At.File] && (e.Path[len(e.Path)-1] == name || e.To == name) {
				return e.At
			}
		}
	}
	if n.before != nil {
		if at := n.before.Cluster.Source.At(field); shared[at.File] {
			return at
		}
	}
	return n.owner.shown(n.Files[0])
}

// lastLabel returns the last label of a path that isn't an index.
func lastLabel(field string) string {
	labels := finding.Labels(field)
	for n := len(labels); n > 0; n-- {
		if !strings.HasPrefix(labels[n-1], "[") {
			return labels[n-1]
		}
	}
	return ""
}

// WaysOut says how to continue if the edits would change clusters that weren't named:
// upgrade them too, or separate them.
type WaysOut struct {
	Up    []string // the clusters that can be upgraded too
	Next  string   // the command that upgrades them too
	Stay  []string // all of the clusters
	Files []string // that they share with the named ones
}

// Lines says how to continue.
func (w WaysOut) Lines() []string {
	var out []string
	if len(w.Up) > 0 {
		out = append(out, fmt.Sprintf("if %s is to go up too, next: %s", strings.Join(w.Up, ", "), w.Next))
	}
	if len(w.Stay) > 0 {
		out = append(out, fmt.Sprintf("if %s is to stay: move the setting from %s into each cluster that needs it", strings.Join(w.Stay, ", "), strings.Join(w.Files, ", ")))
	}
	return out
}

// WaysOut returns how to continue. It is empty if the edits change no other cluster.
func (u *Run) WaysOut() WaysOut {
	together := *u
	together.Clusters, together.opts.Args = slices.Clone(u.Clusters), slices.Clone(u.opts.Args)
	var out WaysOut
	for _, n := range u.Affected {
		out.Stay = append(out.Stay, n.Dir)
		for _, name := range n.Files {
			out.Files = append(out.Files, shownPath(name))
		}
		if n.before == nil {
			continue
		}
		if has := n.before.Cluster.Version; u.target(has).Older(has) {
			continue // Kubernetes isn't downgraded
		}
		out.Up = append(out.Up, n.Dir)
		together.Clusters = append(together.Clusters, &Cluster{before: n.before, Plan: &steps.Plan{From: n.before.Cluster.Version, To: u.to}})
		together.opts.Args = append(together.opts.Args, u.argument(n.before.Cluster))
	}
	slices.Sort(out.Files)
	out.Files = slices.Compact(out.Files)
	if len(out.Up) > 0 {
		slices.Sort(together.opts.Args)
		out.Next = together.Next()
	}
	return out
}

// argument returns a cluster's name, or its directory if other arguments are
// directories.
func (u *Run) argument(c *spec.Cluster) string {
	if slices.ContainsFunc(u.opts.Args, func(arg string) bool { return !spec.IsName(arg) }) {
		return gen.DirOf(c)
	}
	return c.Name
}
