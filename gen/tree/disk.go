package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Disk is a folder of this machine as an FS. No name leads out of it, not by
// symbolic links either.
type Disk struct {
	dir        string // as people call it
	root       *os.Root
	twoRenames atomic.Bool
}

// OpenDisk opens an existing folder.
func OpenDisk(dir string) (*Disk, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Disk{dir: dir, root: root}, nil
}

// Close releases the folder.
func (d *Disk) Close() error { return d.root.Close() }

// TwoRenames reports whether a tree was replaced by two renames, because the
// file system can't exchange two folders: for a moment there was none.
func (d *Disk) TwoRenames() bool { return d.twoRenames.Load() }

// Mkdir is FS.Mkdir.
func (d *Disk) Mkdir(name string, mode fs.FileMode) error {
	return d.named(mkdir(d.root, name, mode))
}

func mkdir(dir *os.Root, name string, mode fs.FileMode) error {
	if err := dir.Mkdir(name, mode); err != nil {
		return err
	}
	// The umask may have taken bits away.
	return dir.Chmod(name, mode)
}

// Create is FS.Create.
func (d *Disk) Create(name string, mode fs.FileMode) (File, error) {
	f, err := create(d.root, name, mode)
	if err != nil {
		return nil, d.named(err)
	}
	return f, nil
}

func create(dir *os.Root, name string, mode fs.FileMode) (File, error) {
	f, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil {
		_ = f.Close()
		return nil, within(name, err)
	}
	return f, nil
}

// within gives the error of an open file the name that it was opened by: a root's
// files tell their whole path, and named would say the half of it twice.
func within(name string, err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return &fs.PathError{Op: pe.Op, Path: name, Err: pe.Err}
	}
	return err
}

// SyncDir is FS.SyncDir.
func (d *Disk) SyncDir(name string) error { return d.named(syncDir(d.root, name)) }

func syncDir(dir *os.Root, name string) error {
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return within(name, err)
}

// named puts the folder's own name before the path of an error, so that it
// names a file that people can look at.
func (d *Disk) named(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return &fs.PathError{Op: verb(pe.Op), Path: filepath.Join(d.dir, filepath.FromSlash(pe.Path)), Err: pe.Err}
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return fmt.Errorf("%s %s: %w", verb(le.Op), filepath.Join(d.dir, filepath.FromSlash(le.New)), le.Err)
	}
	return err
}

// verb turns the name of a system call into a word.
func verb(op string) string {
	switch op {
	case "openat":
		return "open"
	case "mkdirat":
		return "mkdir"
	case "unlinkat":
		return "remove"
	case "linkat":
		return "link"
	case "renameat":
		return "rename"
	case "chmodat", "fchmodat":
		return "chmod"
	}
	return op
}

// State is what lies in a folder that exports write to.
type State struct {
	Manifest *Manifest // nil: no export yet
	Ours     Tree      // what the manifest lists, as it is now
	Gone     []string  // what the manifest lists and isn't there any more, sorted
	Foreign  []string  // everything else but folders that hold ours, sorted
	foreign  []Entry
	beside   []Entry // ours too, taken along as foreign files are
}

// Beside are the paths, of those that Read was told, at which a file lies.
func (s *State) Beside() []string {
	var out []string
	for _, e := range s.beside {
		out = append(out, e.Path)
	}
	return out
}

// Read looks at the folder name. Files that aren't the manifest's are listed,
// not read, but for those at the paths beside, or in folders there where a path ends
// with a slash: kcmgen's own, though no manifest lists them. A folder that isn't there is an empty state.
func (d *Disk) Read(name string, beside ...string) (*State, error) {
	s := &State{}
	fi, err := d.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, d.named(err)
	case !fi.IsDir():
		return nil, fmt.Errorf("%s is not a folder", filepath.Join(d.dir, name))
	}
	if s.Manifest, err = d.manifest(name); err != nil {
		return nil, err
	}
	w := walker{disk: d, name: name, state: s, listed: s.Manifest.listed(), beside: beside}
	w.needed = w.parents()
	if err := w.walk(name); err != nil {
		return nil, d.named(err)
	}
	s.Ours, err = New(w.ours)
	for _, p := range slices.Sorted(maps.Keys(w.listed)) {
		if _, ok := s.Ours.Get(p); !ok && err == nil {
			s.Gone = append(s.Gone, p)
		}
	}
	return s, err
}

// walker sorts what lies in a folder into ours and foreign.
type walker struct {
	disk   *Disk
	name   string
	state  *State
	listed map[string]ManifestFile
	beside []string
	needed map[string]bool // folders that ours lie in
	ours   []Entry
	blobs  []known
}

// walk visits what lies in a folder and below it. fs.WalkDir takes no names but those
// in UTF-8.
func (w *walker) walk(dir string) error {
	f, err := w.disk.root.Open(dir)
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return within(dir, err)
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
	fi, err := w.disk.root.Lstat(p)
	if err != nil {
		return err
	}
	e := Entry{Path: rel, Mode: fi.Mode().Perm(), Dir: fi.IsDir()}
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
		data, err := regular.ReadIn(w.disk.root, p, maxData)
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
		w.state.foreign = append(w.state.foreign, Entry{Path: rel, Mode: fi.Mode(), Dir: fi.IsDir()})
	}
	return nil
}

// isBeside reports whether a file is kcmgen's own, though no manifest lists it: by
// its path, or because it lies in a folder of such, whose path ends with a slash.
func (w *walker) isBeside(rel string) bool {
	return slices.ContainsFunc(w.beside, func(b string) bool {
		return b == rel || strings.HasSuffix(b, "/") && path.Dir(rel)+"/" == b
	})
}

// parents are the folders that files of ours lie in.
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
		if w.disk.exists(path.Join(w.name, p)) {
			add(p) // of a folder, whose path ends with a slash, itself
		}
	}
	return out
}

func (d *Disk) manifest(name string) (*Manifest, error) {
	file := path.Join(name, ManifestName)
	if !d.exists(file) {
		return nil, nil
	}
	data, err := d.readRegular(file)
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(d.dir, filepath.FromSlash(file)), err)
	}
	return m, nil
}

// maxManifest bounds a manifest, in bytes: a thousand hosts take some megabytes.
const maxManifest = 64 << 20

// readRegular reads a file that is one: a fifo would make it wait for ever.
func (d *Disk) readRegular(name string) ([]byte, error) {
	fi, err := d.root.Lstat(name)
	if err != nil {
		return nil, d.named(err)
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", filepath.Join(d.dir, filepath.FromSlash(name)))
	}
	data, err := regular.ReadIn(d.root, name, maxManifest)
	return data, d.named(err)
}
