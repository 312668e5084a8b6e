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

// State is what lies in a directory that exports write to.
type State struct {
	Manifest *Manifest // nil: no export yet
	Ours     tree.Tree // what the manifest lists, as it is now
	Gone     []string  // what the manifest lists and isn't there any more, sorted
	Foreign  []string  // everything else but directories that hold ours, sorted
	foreign  []tree.Entry
	beside   []tree.Entry // ours too, taken along as foreign files are
}

// Beside are the paths of images and reports, which no manifest lists.
func (s *State) Beside() []string {
	var out []string
	for _, e := range s.beside {
		out = append(out, e.Path)
	}
	return out
}

// Read looks at the directory name. Files that aren't the manifest's are listed,
// not read. A directory that isn't there is an empty state.
func (d *Dir) Read(name string) (*State, error) {
	s := &State{}
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
	w := walker{out: d, name: name, state: s, listed: s.Manifest.listed(), beside: own()}
	w.needed = w.parents()
	if err := w.walk(name); err != nil {
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

// walker sorts what lies in a directory into ours and foreign.
type walker struct {
	out    *Dir
	name   string
	state  *State
	listed map[string]ManifestFile
	beside []string
	needed map[string]bool // directories that ours lie in
	ours   []tree.Entry
	blobs  []known
}

// walk visits what lies in a directory and below it. fs.WalkDir takes no names but those
// in UTF-8.
func (w *walker) walk(dir string) error {
	f, err := w.out.disk.Root().Open(dir)
	if err != nil {
		return err
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
		if err := w.visit(at); err != nil {
			return err
		}
		if e.IsDir() {
			if err := w.walk(at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) visit(p string) error {
	rel := p[len(w.name)+1:]
	fi, err := w.out.disk.Root().Lstat(p)
	if err != nil {
		return err
	}
	e := tree.Entry{Path: rel, Mode: fi.Mode().Perm(), Dir: fi.IsDir()}
	file, listed := w.listed[rel]
	switch {
	case fi.IsDir() && listed && file.Dir:
		w.ours = append(w.ours, e)
	case fi.IsDir() && w.needed[rel]:
	case fi.Mode().IsRegular() && listed && !file.Dir:
		if !file.Secret && fi.Size() > maxData {
			e.Blob, err = w.blob(p, fi)
			w.ours = append(w.ours, e)
			return err
		}
		data, err := regular.ReadIn(w.out.disk.Root(), p, maxData)
		if err != nil {
			return err
		}
		if file.Secret {
			e.Secret = keys.NewSecret(data)
		} else {
			e.Data = data
		}
		w.ours = append(w.ours, e)
	case fi.Mode().IsRegular() && w.isBeside(rel):
		w.state.beside = append(w.state.beside, e)
	default:
		w.state.Foreign = append(w.state.Foreign, rel)
		w.state.foreign = append(w.state.foreign, tree.Entry{Path: rel, Mode: fi.Mode(), Dir: fi.IsDir()})
	}
	return nil
}

// own are the files of kcmgen's that no manifest lists: by path, and for those in a
// directory the directory, with a slash at its end.
func own() []string {
	out := []string{layout.Deploys}
	for _, arch := range spec.Archs {
		out = append(out, layout.Image(arch))
	}
	return out
}

// isBeside reports whether a file is kcmgen's own, though no manifest lists it: by
// its path, or because it lies in a directory of such, whose path ends with a slash.
func (w *walker) isBeside(rel string) bool {
	return slices.ContainsFunc(w.beside, func(b string) bool {
		return b == rel || strings.HasSuffix(b, "/") && path.Dir(rel)+"/" == b
	})
}

// parents are the directories that files of ours lie in.
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
	for _, p := range w.beside {
		if w.out.disk.Exists(path.Join(w.name, p)) {
			add(p) // of a directory, whose path ends with a slash, itself
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

// maxManifest bounds a manifest, in bytes: a thousand hosts take some megabytes.
const maxManifest = 64 << 20

// readRegular reads a file that is one: a fifo would make it wait for ever.
func (d *Dir) readRegular(name string) ([]byte, error) {
	fi, err := d.disk.Root().Lstat(name)
	if err != nil {
		return nil, d.disk.Named(err)
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", filepath.Join(d.disk.Dir(), filepath.FromSlash(name)))
	}
	data, err := regular.ReadIn(d.disk.Root(), name, maxManifest)
	return data, d.disk.Named(err)
}

// maxData is the size up to which a file's contents are held in memory.
const maxData = 1 << 20

// known is a file whose sum has been taken: another name of it has the same.
type known struct {
	info fs.FileInfo
	sum  string
}

// blob is a file of the directory, not held in memory.
func (w *walker) blob(p string, fi fs.FileInfo) (tree.Blob, error) {
	b := tree.Blob{Path: filepath.Join(w.out.disk.Dir(), filepath.FromSlash(p)), Size: fi.Size()}
	for _, k := range w.blobs {
		if os.SameFile(k.info, fi) {
			b.SHA256 = k.sum
			return b, nil
		}
	}
	f, err := w.out.disk.Root().Open(p)
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
