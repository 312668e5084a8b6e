// Package tree holds a set of files and directories in memory, compares two of them,
// and writes one to a disk or a host through FS.
package tree

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/keys"
)

// Entry is a file or directory. A file's contents are Data, Secret, which is never
// printed, or Blob, for contents that are too large for memory.
type Entry struct {
	Path   string      // relative, with slashes
	Mode   fs.FileMode // permission bits
	Owner  string      // on a host: "root:root" or numbers, see IDs; empty: the user that writes it
	Dir    bool
	Data   []byte
	Secret keys.Secret // in place of Data
	Blob   Blob        // in place of Data
}

// IsSecret reports whether the entry holds private key material.
func (e Entry) IsSecret() bool { return !e.Secret.Empty() }

// IDs returns the numbers of the owner and its group. They are 0 for root, and for an
// entry without an owner.
func (e Entry) IDs() (uid, gid int, err error) {
	if e.Owner == "" || e.Owner == "root:root" {
		return 0, 0, nil
	}
	user, group, _ := strings.Cut(e.Owner, ":")
	if uid, err = strconv.Atoi(user); err == nil {
		gid, err = strconv.Atoi(group)
	}
	if err != nil || uid < 0 || gid < 0 {
		return 0, 0, fmt.Errorf("%q is no owner: want root:root, or two numbers", e.Owner)
	}
	return uid, gid, nil
}

// Bytes returns the contents, unless they are a blob.
func (e Entry) Bytes() []byte {
	if e.IsSecret() {
		return e.Secret.Reveal()
	}
	return e.Data
}

// Same reports whether two entries are equal on disk. It ignores the owner.
func (e Entry) Same(o Entry) bool {
	return e.Path == o.Path && e.Mode == o.Mode && e.Dir == o.Dir && sameContents(e, o)
}

func sameContents(e, o Entry) bool {
	if !e.Blob.Empty() || !o.Blob.Empty() {
		return e.Size() == o.Size() && e.Sum() == o.Sum()
	}
	return bytes.Equal(e.Bytes(), o.Bytes())
}

// Tree is a set of entries, sorted by path.
type Tree struct{ entries []Entry }

// New makes a tree. It returns an error for an unsafe path, for a repeated path, and
// for a path below a file.
func New(entries []Entry) (Tree, error) {
	for _, e := range entries {
		if err := Safe(e.Path); err != nil {
			return Tree{}, err
		}
	}
	return NewFound(entries)
}

// NewFound is New for paths that were found on a disk, which need not be Safe.
func NewFound(entries []Entry) (Tree, error) {
	es := slices.Clone(entries)
	slices.SortStableFunc(es, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	files := map[string]bool{}
	for i, e := range es {
		if i > 0 && es[i-1].Path == e.Path {
			return Tree{}, fmt.Errorf("%q is in the tree twice", e.Path)
		}
		files[e.Path] = !e.Dir
	}
	for _, e := range es {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			if files[dir] {
				return Tree{}, fmt.Errorf("%q lies below %q, which is a file", e.Path, dir)
			}
		}
	}
	return Tree{es}, nil
}

// Safe returns an error unless a path is relative, clean and printable, so that it stays
// inside a directory that it is joined to.
func Safe(p string) error {
	if !fs.ValidPath(p) || p == "." || strings.ContainsFunc(p, unsafe) {
		return fmt.Errorf("%q is not a safe path", p)
	}
	for part := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(part, "-") {
			return fmt.Errorf("%q is not a safe path: a part begins with -", p)
		}
	}
	return nil
}

func unsafe(r rune) bool {
	return r < ' ' || r == 0x7f || r == '\\' || r == '\ufffd' || r >= 0x80 && r < 0xa0
}

// Entries returns the tree's entries, sorted by path.
func (t Tree) Entries() []Entry { return t.entries }

// Get returns the entry at a path.
func (t Tree) Get(p string) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(t.entries, p, func(e Entry, p string) int { return strings.Compare(e.Path, p) })
	if !ok {
		return Entry{}, false
	}
	return t.entries[i], true
}

// Without returns the tree without the entry at a path.
func (t Tree) Without(p string) Tree {
	return Tree{slices.DeleteFunc(slices.Clone(t.entries), func(e Entry) bool { return e.Path == p })}
}

// Kind is the kind of a change.
type Kind string

// Kinds of changes.
const (
	Added   Kind = "new"
	Changed Kind = "changed"
	Removed Kind = "removed"
)

// Change is a difference between two trees.
type Change struct {
	Kind     Kind
	Path     string
	Old, New Entry
}

// Diff returns the changes from old to new, sorted by path.
func Diff(old, new Tree) []Change {
	var out []Change
	i, j := 0, 0
	for i < len(old.entries) || j < len(new.entries) {
		switch {
		case j == len(new.entries) || i < len(old.entries) && old.entries[i].Path < new.entries[j].Path:
			out = append(out, Change{Kind: Removed, Path: old.entries[i].Path, Old: old.entries[i]})
			i++
		case i == len(old.entries) || old.entries[i].Path > new.entries[j].Path:
			out = append(out, Change{Kind: Added, Path: new.entries[j].Path, New: new.entries[j]})
			j++
		default:
			if !old.entries[i].Same(new.entries[j]) {
				out = append(out, Change{Kind: Changed, Path: new.entries[j].Path, Old: old.entries[i], New: new.entries[j]})
			}
			i, j = i+1, j+1
		}
	}
	return out
}

// Counts returns the number of changed files in words. Directories don't count.
func Counts(changes []Change) string {
	n := map[Kind]int{}
	for _, c := range changes {
		if !c.Old.Dir && !c.New.Dir {
			n[c.Kind]++
		}
	}
	var parts []string
	for _, k := range []Kind{Added, Changed, Removed} {
		if n[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[k], k))
		}
	}
	if len(parts) == 0 {
		return "directories only"
	}
	return strings.Join(parts, ", ")
}
