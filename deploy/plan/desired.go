package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Desired is what a host should have, from the exported tree.
type Desired struct {
	Config
	// Trees are installed as a whole, by their path on the host: the generation's and a
	// program's.
	Trees map[string]tree.Tree
	// Owners are the owners of the trees' own directories, if they aren't root.
	Owners map[string]string
	// Dirs are directories that the unit needs, by path.
	Dirs map[string]fs.FileMode
	// Archived is the pod's image, if it was made on this machine.
	Archived *Image
}

// EditedError is an exported tree that was changed after the export.
type EditedError struct{ Path, Detail string }

func (e *EditedError) Error() string { return e.Path + " " + e.Detail }

// ReadDesired returns what each host of a cluster should have, by node, from its exported
// tree.
func ReadDesired(c *spec.Cluster, s *outdir.State) (map[string]*Desired, error) {
	if err := intact(s); err != nil {
		return nil, err
	}
	ours, err := asExported(s)
	if err != nil {
		return nil, err
	}
	out := map[string]*Desired{}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		generation, ok := s.Manifest.Nodes[n.Name]
		if !ok {
			return nil, &EditedError{layout.Node(n.Name), "isn't there: the cluster has the node, and its last export hadn't"}
		}
		w, err := desiredOf(c, n, generation, ours)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", layout.Node(n.Name), err)
		}
		out[n.Name] = w
	}
	return out, nil
}

// intact returns an error unless the files of a tree are those that its manifest
// lists.
func intact(s *outdir.State) error {
	if len(s.Gone) > 0 {
		return &EditedError{s.Gone[0], "is gone"}
	}
	for _, f := range s.Manifest.Files {
		e, ok := s.Ours.Get(f.Path)
		_, _, host := layout.OnHost(f.Path)
		if !ok || f.Dir || f.SHA256 == "" || !host {
			continue
		}
		if e.Sum() != f.SHA256 {
			return &EditedError{f.Path, "was changed since it was exported"}
		}
	}
	return nil
}

// asExported returns the tree with the modes of its manifest. A git checkout or an archive
// may have lost them.
func asExported(s *outdir.State) (tree.Tree, error) {
	modes := map[string]fs.FileMode{}
	for _, f := range s.Manifest.Files {
		mode, err := strconv.ParseUint(f.Mode, 8, 9)
		if err != nil {
			return tree.Tree{}, &EditedError{f.Path, fmt.Sprintf("has mode %q in the manifest", f.Mode)}
		}
		modes[f.Path] = fs.FileMode(mode)
	}
	entries := slices.Clone(s.Ours.Entries())
	for i := range entries {
		if mode, ok := modes[entries[i].Path]; ok {
			entries[i].Mode = mode
		}
	}
	return tree.New(entries)
}

func desiredOf(c *spec.Cluster, n *spec.Node, generation string, ours tree.Tree) (*Desired, error) {
	c = c.For(n)
	if c.Layout == spec.StaticPod && !c.Pod.HostNetwork {
		return nil, errors.New("pod: hostNetwork: false can't be deployed: whether the pod works can't be seen from the host")
	}
	if generation == "" {
		return nil, errors.New("generations: false can't be deployed: without a generation there is nothing to go back to")
	}
	home := path.Join(c.Paths.Generations, generation)
	w := &Desired{Trees: map[string]tree.Tree{}, Owners: map[string]string{}, Dirs: map[string]fs.FileMode{}}
	in := map[string][]tree.Entry{}
	files := map[string]tree.Entry{}
	for _, e := range ours.Entries() {
		of, p, ok := layout.OnHost(e.Path)
		if !ok || of != n.Name {
			continue
		}
		files[p] = e
		switch top := topOf(c, home, p); {
		case e.Dir && p != home && top == "":
			w.Dirs[p] = e.Mode
		case p == top:
			w.Owners[top] = e.Owner
		case top != "":
			e.Path = strings.TrimPrefix(p, top+"/")
			in[top] = append(in[top], e)
		}
	}
	for top, es := range in {
		t, err := tree.New(es)
		if err != nil {
			return nil, err
		}
		w.Trees[top] = t
	}
	read := func(p string, inImage bool) ([]byte, error) {
		e, ok := files[p]
		if inImage {
			e, ok = ours.Get(path.Join(layout.ImageContext(n.Arch), path.Base(p)))
		}
		if !ok {
			return nil, nil // the user's own, on the host
		}
		return e.Bytes(), nil
	}
	u := UnitOf(c)
	inside := path.Join(home, path.Base(u.File))
	if slices.Compare(files[u.File].Data, files[inside].Data) != 0 || len(files[inside].Data) == 0 {
		return nil, &EditedError{layout.NodeFile(n.Name, u.File), "isn't the " + u.kind() + " of generation " + generation}
	}
	s, err := ParseConfig(u, generation, files[inside].Data, read)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u.File, err)
	}
	w.Config = *s
	return w, nil
}

// topOf returns the tree's directory that a path belongs to: the generation, or a
// program's directory, named by its checksum. "" if it belongs to none.
func topOf(c *spec.Cluster, home, p string) string {
	if p == home || strings.HasPrefix(p, home+"/") {
		return home
	}
	if below, ok := strings.CutPrefix(p, c.Paths.Programs+"/"); ok {
		sum, _, _ := strings.Cut(below, "/")
		return path.Join(c.Paths.Programs, sum)
	}
	return ""
}

// Paths returns all paths of a host to look at before a deployment: files, directories,
// and their parents.
func (w *Desired) Paths(u Unit) []string {
	all := map[string]bool{u.File: true, u.Other.File: true}
	delete(all, "")
	if program := w.Program(); program != "" {
		all[program] = true
	}
	above := func(p string) {
		for d := path.Dir(p); d != "/"; d = path.Dir(d) {
			all[d] = true
		}
	}
	above(u.File)
	for top, t := range w.Trees {
		all[top] = true
		above(top)
		for _, e := range t.Entries() {
			all[path.Join(top, e.Path)] = true
		}
	}
	for d := range w.Dirs {
		all[d] = true
	}
	return slices.Sorted(maps.Keys(all))
}
