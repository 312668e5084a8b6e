package outdir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// State is the content of a cluster's directory.
type State struct {
	Manifest *Manifest // nil: no export yet
	Ours     tree.Tree // what the manifest lists, as it is now
	Gone     []string  // what the manifest lists and is missing, sorted
	Foreign  []string  // everything else except directories above ours, sorted
	foreign  []tree.Entry
	unlisted []tree.Entry // images and reports
}

// Unlisted returns the paths of images and reports, which no manifest lists.
func (s *State) Unlisted() []string {
	var out []string
	for _, e := range s.unlisted {
		out = append(out, e.Path)
	}
	return out
}

// Read reads the directory name. It reads only files that the manifest lists. The state
// of a missing directory is empty.
func (d *Dir) Read(name string) (*State, error) {
	s := &State{}
	if d.missing() {
		return s, nil
	}
	fi, err := d.disk.Root().Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, d.disk.Named(err)
	case !fi.IsDir():
		return nil, fmt.Errorf("%s is not a directory", filepath.Join(d.disk.Dir(), name))
	}
	if s.Manifest, err = d.manifest(name); err != nil {
		return nil, err
	}
	w := walker{out: d, name: name, state: s, listed: s.Manifest.listed(), unlisted: unlistedPaths()}
	w.needed = w.parents()
	root, err := d.disk.Root().OpenRoot(name)
	if err != nil {
		return nil, d.disk.Named(err)
	}
	defer root.Close()
	if err := w.walk(root, name); err != nil {
		return nil, d.disk.Named(err)
	}
	s.Ours, err = tree.New(w.ours)
	for _, p := range slices.Sorted(maps.Keys(w.listed)) {
		if _, ok := s.Ours.Get(p); !ok && err == nil {
			s.Gone = append(s.Gone, p)
		}
	}
	return s, err
}

// walker sorts the files in a directory into ours and foreign.
type walker struct {
	out      *Dir
	name     string
	state    *State
	listed   map[string]ManifestFile
	unlisted []string
	needed   map[string]bool // directories above ours
	ours     []tree.Entry
	blobs    []known
}

// walk visits all below a directory, which is open: from out/ each file would be as many
// calls away as it has directories above it. Unlike fs.WalkDir it accepts names that
// aren't UTF-8.
func (w *walker) walk(root *os.Root, dir string) error {
	f, err := root.Open(".")
	if err != nil {
		return disk.Within(dir, err)
	}
	entries, err := f.ReadDir(-1)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return disk.Within(dir, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		at := dir + "/" + e.Name()
		if err := w.visit(root, e, at); err != nil {
			return disk.Within(at, err)
		}
		if e.IsDir() {
			if err := w.below(root, e.Name(), at); err != nil {
				return err
			}
		}
	}
	return nil
}

// below walks a directory in root.
func (w *walker) below(root *os.Root, name, dir string) error {
	sub, err := root.OpenRoot(name)
	if err != nil {
		return disk.Within(dir, err)
	}
	defer sub.Close()
	return w.walk(sub, dir)
}

// visit sorts a file in root, whose path in out/ is p.
func (w *walker) visit(root *os.Root, found fs.DirEntry, p string) error {
	rel := p[len(w.name)+1:]
	fi, err := found.Info()
	if err != nil {
		return err
	}
	e := tree.Entry{Path: rel, Mode: fi.Mode().Perm(), Dir: fi.IsDir()}
	file, listed := w.listed[rel]
	e.Owner = file.Owner // on a host; here it is the user that exported
	switch {
	case fi.IsDir() && listed && file.Dir:
		w.ours = append(w.ours, e)
	case fi.IsDir() && w.needed[rel]:
	case fi.Mode().IsRegular() && listed && !file.Dir:
		if !file.Secret && fi.Size() > maxData {
			e.Blob, err = w.blob(root, p, fi)
			w.ours = append(w.ours, e)
			return err
		}
		data, err := regular.ReadListed(root, found.Name(), fi, maxData)
		if err != nil {
			return err
		}
		if file.Secret {
			e.Secret = keys.NewSecret(data)
		} else {
			e.Data = data
		}
		w.ours = append(w.ours, e)
	case fi.Mode().IsRegular() && w.isUnlisted(rel):
		w.state.unlisted = append(w.state.unlisted, e)
	default:
		w.state.Foreign = append(w.state.Foreign, rel)
		w.state.foreign = append(w.state.foreign, tree.Entry{Path: rel, Mode: fi.Mode(), Dir: fi.IsDir()})
	}
	return nil
}

// unlistedPaths returns the paths of kcmgen's files that no manifest lists. A path with
// a slash at the end stands for all files in that directory.
func unlistedPaths() []string {
	out := []string{layout.Deploys}
	for _, arch := range spec.Archs {
		out = append(out, layout.Image(arch))
	}
	return out
}

// isUnlisted reports whether a file is kcmgen's, though no manifest lists it.
func (w *walker) isUnlisted(rel string) bool {
	return slices.ContainsFunc(w.unlisted, func(p string) bool {
		return p == rel || strings.HasSuffix(p, "/") && path.Dir(rel)+"/" == p
	})
}

// parents returns the directories above files of ours.
func (w *walker) parents() map[string]bool {
	out := map[string]bool{}
	add := func(p string) {
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			out[dir] = true
		}
	}
	for p := range w.listed {
		add(p)
	}
	for _, p := range w.unlisted {
		if w.out.disk.Exists(path.Join(w.name, p)) {
			add(p) // a directory's path ends with a slash, so this adds the directory too
		}
	}
	return out
}

func (d *Dir) manifest(name string) (*Manifest, error) {
	file := path.Join(name, layout.Manifest)
	if !d.disk.Exists(file) {
		return nil, nil
	}
	data, err := d.readRegular(file)
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(d.disk.Dir(), filepath.FromSlash(file)), err)
	}
	return m, nil
}

// maxManifest is the largest manifest, in bytes: a thousand hosts take a few megabytes.
const maxManifest = 64 << 20

// readRegular reads a regular file, and refuses others: reading a fifo would block.
func (d *Dir) readRegular(name string) ([]byte, error) {
	fi, err := d.disk.Root().Lstat(name)
	if err != nil {
		return nil, d.disk.Named(err)
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", filepath.Join(d.disk.Dir(), filepath.FromSlash(name)))
	}
	data, err := regular.ReadListed(d.disk.Root(), name, fi, maxManifest)
	return data, d.disk.Named(err)
}

// maxData is the size in bytes up to which contents are held in memory.
const maxData = 1 << 20

// known is a file with its checksum; another link to it has the same.
type known struct {
	info fs.FileInfo
	sum  string
}

// blob returns a file of the directory without reading it into memory.
func (w *walker) blob(root *os.Root, p string, fi fs.FileInfo) (tree.Blob, error) {
	b := tree.Blob{Path: filepath.Join(w.out.disk.Dir(), filepath.FromSlash(p)), Size: fi.Size()}
	for _, k := range w.blobs {
		if os.SameFile(k.info, fi) {
			b.SHA256 = k.sum
			return b, nil
		}
	}
	f, err := root.Open(path.Base(p))
	if err != nil {
		return b, err
	}
	defer f.Close()
	sum := sha256.New()
	if b.Size, err = io.Copy(sum, f); err != nil {
		return b, err
	}
	b.SHA256 = hex.EncodeToString(sum.Sum(nil))
	w.blobs = append(w.blobs, known{fi, b.SHA256})
	return b, nil
}
