// Package trees keeps review trees on disk: a directory for each cluster, with review.json
// and, below nodes/, pki/ and image/, the files of an export with text in place of keys.
//
// A review tree has the same bytes wherever it is made, so a repository can hold it. Modes
// and owners stand in review.json: git keeps neither. Empty directories stand there too. Text
// in place of a file has its name with .txt after it: what is called ca.key is often ignored by
// git, and refused by programs that look for secrets.
package trees

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Name is the file that describes a cluster, in its directory.
const Name = "review.json"

// attributes tells git to leave the files' line ends as they are: a checkout with others would
// not be current.
const attributes = ".gitattributes"

// Schema is the version of the format of review.json that this kcmgen writes.
const Schema = 1

// maxFile is the maximum size of a file in a review tree, in bytes: 5,000 nodes take 20 MB.
const maxFile = 64 << 20

// outlined is what follows the name of a file that text stands for.
const outlined = ".txt"

const (
	fileMode fs.FileMode = 0o644
	dirMode  fs.FileMode = 0o755
)

// document is review.json.
type document struct {
	Schema int `json:"schema"`
	*review.Cluster
}

// Of returns the review tree of a cluster.
func Of(d *review.Described) (tree.Tree, error) {
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document{Schema, d.Cluster}); err != nil {
		return tree.Tree{}, err
	}
	es := []tree.Entry{{Path: Name, Mode: fileMode, Data: data.Bytes()}}
	for _, e := range d.Tree.Entries() {
		if e.Dir {
			continue
		}
		at := e.Path
		if render.IsOutline(e.Data) {
			at += outlined
		}
		es = append(es, tree.Entry{Path: at, Mode: fileMode, Data: e.Data})
	}
	return tree.New(es)
}

// Tree is the review tree of a cluster, by the name of its directory.
type Tree struct {
	Cluster string
	tree.Tree
}

// NotReviewError is a directory of a cluster's name with files in it that aren't a review
// tree.
type NotReviewError struct{ Dir string }

func (e *NotReviewError) Error() string {
	return e.Dir + " holds files, and no " + Name + ": it isn't a review tree"
}

// Changes compares review trees with what is below a directory, which may be missing. all
// means that they are all that the directory holds. Paths of changes begin with the
// cluster's name.
func Changes(dir string, trees []Tree, all bool) ([]tree.Change, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return diff(tree.Tree{}, trees)
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	names := map[string]bool{}
	for _, t := range trees {
		names[t.Cluster] = true
	}
	found, err := clusters(root)
	if err != nil {
		return nil, err
	}
	for _, name := range found {
		if all {
			names[name] = true
		}
	}
	var es []tree.Entry
	for name := range names {
		some, err := read(root, name)
		if err != nil {
			return nil, disk.Within(filepath.Join(dir, name), err)
		}
		if len(some) > 0 && !slices.Contains(found, name) {
			return nil, &NotReviewError{filepath.Join(dir, name)}
		}
		es = append(es, some...)
	}
	old, err := tree.NewFound(es)
	if err != nil {
		return nil, err
	}
	return diff(old, trees)
}

func diff(old tree.Tree, trees []Tree) ([]tree.Change, error) {
	var es []tree.Entry
	for _, t := range trees {
		for _, e := range t.Entries() {
			e.Path = t.Cluster + "/" + e.Path
			es = append(es, e)
		}
	}
	next, err := tree.New(es)
	if err != nil {
		return nil, err
	}
	return tree.Diff(old, next), nil
}

// clusters returns the names of the review trees in a directory.
func clusters(root *os.Root) ([]string, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if fi, err := root.Lstat(path.Join(e.Name(), Name)); e.IsDir() && err == nil && fi.Mode().IsRegular() {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// read returns the files of a cluster's review tree: its review.json, and all that lies in
// the directories that kcmgen writes. Other files aren't its own.
func read(root *os.Root, cluster string) ([]tree.Entry, error) {
	var out []tree.Entry
	if _, err := root.Lstat(cluster); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	err := fs.WalkDir(root.FS(), cluster, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(at, cluster+"/")
		first, _, _ := strings.Cut(rel, "/")
		if d.IsDir() {
			if at != cluster && !slices.Contains(layout.Directories, first) {
				return fs.SkipDir
			}
			return nil
		}
		if rel != Name && rel != layout.Manifest && !slices.Contains(layout.Directories, first) {
			return nil
		}
		e := tree.Entry{Path: at, Mode: fileMode}
		if !d.Type().IsRegular() {
			e.Mode = 0 // a link or a device is a difference, and isn't read
			out = append(out, e)
			return nil
		}
		e.Data, err = regular.ReadIn(root, at, maxFile)
		out = append(out, e)
		return err
	})
	return out, err
}

// Write carries out changes below a directory, which it makes if missing. A file is written
// as a whole or not at all; after an interruption another run goes on.
func Write(dir string, changes []tree.Change) (err error) {
	if len(changes) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	d, err := disk.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if !d.Exists(attributes) {
		if err := d.WriteAtomic(attributes, []byte("* -text\n"), fileMode); err != nil {
			return err
		}
	}
	for _, c := range changes {
		if c.Kind == tree.Removed {
			if err := d.Clear(c.Path); err != nil {
				return err
			}
		}
	}
	for _, c := range changes {
		if c.Kind == tree.Removed {
			if err := prune(d, path.Dir(c.Path)); err != nil {
				return err
			}
			continue
		}
		if err := d.Root().MkdirAll(path.Dir(c.Path), dirMode); err != nil {
			return d.Named(err)
		}
		if err := d.WriteAtomic(c.Path, c.New.Data, fileMode); err != nil {
			return err
		}
	}
	return nil
}

// prune removes a directory and those above it that are empty.
func prune(d *disk.Disk, dir string) error {
	for ; dir != "."; dir = path.Dir(dir) {
		entries, err := fs.ReadDir(d.Root().FS(), dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || len(entries) > 0 {
			return d.Named(err)
		}
		if err := d.Clear(dir); err != nil {
			return err
		}
	}
	return nil
}

// SchemaError is a review.json of another format.
type SchemaError struct {
	File   string
	Schema int
}

func (e *SchemaError) Error() string {
	if e.Schema > Schema {
		return fmt.Sprintf("%s has schema %d, written by a newer kcmgen; this one knows %d", e.File, e.Schema, Schema)
	}
	return fmt.Sprintf("%s isn't of kcmgen: its schema is %d, and %d was expected", e.File, e.Schema, Schema)
}

// BrokenError is a review.json that was edited by hand, or that git merged.
type BrokenError struct{ File, Reason string }

func (e *BrokenError) Error() string { return e.File + " isn't as kcmgen wrote it: " + e.Reason }

// Is reports whether a directory has a review tree in it.
func Is(dir string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer root.Close()
	found, err := clusters(root)
	return err == nil && len(found) > 0
}

// Read reads the review trees below a directory, by name.
func Read(dir string) ([]*review.Cluster, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	names, err := clusters(root)
	if err != nil {
		return nil, err
	}
	var out []*review.Cluster
	for _, name := range names {
		es, err := read(root, name)
		if err != nil {
			return nil, disk.Within(filepath.Join(dir, name), err)
		}
		c, err := parse(filepath.Join(dir, name), name, es)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// parse makes a description of the files of a review tree.
func parse(dir, cluster string, es []tree.Entry) (*review.Cluster, error) {
	files := map[string]tree.Entry{}
	for _, e := range es {
		files[strings.TrimPrefix(e.Path, cluster+"/")] = e
	}
	at := filepath.Join(dir, Name)
	var head struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(files[Name].Data, &head); err != nil {
		return nil, &BrokenError{at, err.Error()}
	}
	if head.Schema != Schema {
		return nil, &SchemaError{at, head.Schema}
	}
	doc := document{Cluster: &review.Cluster{}}
	if err := json.Unmarshal(files[Name].Data, &doc); err != nil {
		return nil, &BrokenError{at, err.Error()}
	}
	c := doc.Cluster
	if c.Name != cluster {
		return nil, &BrokenError{at, fmt.Sprintf("its cluster is %q, and its directory %q", c.Name, cluster)}
	}
	if c.Kubernetes == "" {
		return nil, &BrokenError{at, "it has no version of Kubernetes"}
	}
	sums(c.Files, files, func(f string) string { return f })
	for i := range c.Nodes {
		n := &c.Nodes[i]
		on := func(f string) string { return layout.NodeFile(n.Name, f) }
		n.Text = string(files[on(n.Start)].Data)
		sums(n.Files, files, on)
	}
	return c, nil
}

func sums(of []review.File, files map[string]tree.Entry, at func(string) string) {
	for i := range of {
		e, ok := files[at(of[i].Path)+outlined]
		if !ok {
			e, ok = files[at(of[i].Path)]
		}
		if ok && !of[i].Dir {
			of[i].Sum, of[i].Text = e.Sum(), string(e.Data)
		}
	}
}
