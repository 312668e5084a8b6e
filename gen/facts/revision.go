package facts

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the name that git gives to a file, no protection
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Revision is a commit of a repository. It is read from git's objects: the work tree, the
// index and its filters have no part in it.
type Revision struct {
	Name   string // as the user wrote it
	Commit string // the object id
	// Root is the root of the work tree around it.
	Root string
	// Renamed are the files that have another path in the index, by their path here.
	Renamed map[string]string
	repo    *repository
	blobs   []blob
	// Submodules are the paths of other repositories in this one. Their files aren't read.
	Submodules []string
	// Dropped are links that lead out of the repository: Extract doesn't write them.
	Dropped []string
}

// blob is a file or a link: its path from the root, and its size in bytes.
type blob struct {
	path, object string
	link         bool
	size         int64
}

// RevisionError is a revision that git doesn't know.
type RevisionError struct {
	Name, Root string
	Shallow    bool // the clone has a part of the history
	Err        error
}

func (e *RevisionError) Error() string {
	if e.Shallow {
		return fmt.Sprintf("git knows no revision %q, and %s is a shallow clone", e.Name, e.Root)
	}
	return fmt.Sprintf("git knows no revision %q in %s", e.Name, e.Root)
}

// Hint returns a command that may make it known.
func (e *RevisionError) Hint() string {
	if e.Shallow {
		return "fetch the history: git fetch --unshallow; with actions/checkout: fetch-depth: 0; on GitLab: GIT_DEPTH: 0"
	}
	return "git log --oneline names some; git fetch gets those of others"
}

// Unwrap returns git's own error.
func (e *RevisionError) Unwrap() error { return e.Err }

// ErrNoGit is a directory outside of any git repository, or a machine without git.
var ErrNoGit = errors.New("there is no git repository around it, or no git program here")

// FindRoot returns the root of the git repository around a directory, or "" if there is
// none.
func FindRoot(dir string) string {
	root, _, ok := workTree(dir)
	if !ok {
		return ""
	}
	return root
}

// FindRevision finds a revision in the repository around a directory.
func FindRevision(dir, name string) (*Revision, error) {
	root, env, ok := workTree(dir)
	if _, err := exec.LookPath("git"); !ok || err != nil {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoGit)
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	r := &Revision{Name: name, Root: root, Renamed: map[string]string{}, repo: &repository{root: root, env: env}}
	out, err := r.repo.git(nil, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		shallow, err2 := r.repo.git(nil, "rev-parse", "--is-shallow-repository")
		if err2 != nil { // git refuses the repository
			return nil, err2
		}
		return nil, &RevisionError{name, root, strings.TrimSpace(string(shallow)) == "true", err}
	}
	r.Commit = strings.TrimSpace(string(out))
	if err := r.list(); err != nil {
		return nil, err
	}
	return r, r.renames()
}

// list reads the list of files: "MODE TYPE OBJECT SIZE\tPATH", each with a NUL after it.
func (r *Revision) list() error {
	out, err := r.repo.git(nil, "ls-tree", "-r", "-l", "-z", "--full-tree", r.Commit)
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(string(out), "\x00") {
		head, name, _ := strings.Cut(line, "\t")
		fields := strings.Fields(head)
		if len(fields) == 4 && fields[1] == "commit" {
			r.Submodules = append(r.Submodules, name)
		}
		if len(fields) != 4 || fields[1] != "blob" || !filepath.IsLocal(filepath.FromSlash(name)) {
			continue
		}
		size, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil {
			return fmt.Errorf("git ls-tree says that %q has the size %q", name, fields[3])
		}
		r.blobs = append(r.blobs, blob{name, fields[2], fields[0] == "120000", size})
	}
	return nil
}

// renames reads which files the index has under another path. The work tree isn't looked
// at: git may run programs to compare it.
func (r *Revision) renames() error {
	out, err := r.repo.git(nil, "diff", "--cached", "--name-status", "--find-renames", "--diff-filter=R", "-z", "--no-ext-diff", r.Commit)
	if err != nil {
		return err
	}
	parts := strings.Split(string(out), "\x00")
	for i := 0; i+2 < len(parts); i += 3 { // R100, from, to
		r.Renamed[parts[i+1]] = parts[i+2]
	}
	return nil
}

// Limits of what is read of a revision, in bytes: of a file, and of those in CUE modules
// together. Beyond them, files that CUE doesn't read are left out.
const (
	maxBlob  = 10 << 20
	maxBlobs = 256 << 20
)

// embeddable are the extensions of files that CUE reads.
var embeddable = []string{".cue", ".json", ".yaml", ".yml", ".toml", ".txt"}

// Extract writes the files of the revision's CUE modules into a directory, by their paths
// from the root.
func (r *Revision) Extract(dir string) error {
	var modules []string
	for _, b := range r.blobs {
		if at := "/" + b.path; strings.Contains(at, "/cue.mod/") {
			modules = append(modules, at[:strings.Index(at, "/cue.mod/")+1])
		}
	}
	modules = slices.Compact(modules)
	var in []blob
	sum := int64(0)
	for _, b := range r.blobs {
		if slices.ContainsFunc(modules, func(m string) bool { return strings.HasPrefix("/"+b.path, m) }) {
			in = append(in, b)
			sum += min(b.size, maxBlob)
		}
	}
	if sum > maxBlobs {
		in = slices.DeleteFunc(in, func(b blob) bool { return !slices.Contains(embeddable, path.Ext(b.path)) })
	}
	return r.write(dir, in)
}

// write writes blobs in portions of a bounded size.
func (r *Revision) write(dir string, blobs []blob) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for len(blobs) > 0 {
		n, size := 0, int64(0)
		for n < len(blobs) && (n == 0 || size+blobs[n].size <= maxBlob && n < 10_000) {
			size += min(blobs[n].size, maxBlob)
			n++
		}
		data, err := r.read(blobs[:n])
		if err != nil {
			return err
		}
		for i, b := range blobs[:n] {
			if b.link && leadsOut(b, data[i]) {
				r.Dropped = append(r.Dropped, b.path)
				continue
			}
			if err := writeBlob(root, b, data[i]); err != nil {
				return err
			}
		}
		blobs = blobs[n:]
	}
	return nil
}

// read returns the contents of blobs; nil for one that is too large.
func (r *Revision) read(blobs []blob) ([][]byte, error) {
	var ask bytes.Buffer
	for _, b := range blobs {
		if b.size <= maxBlob {
			fmt.Fprintln(&ask, b.object)
		}
	}
	out, err := r.repo.git(ask.Bytes(), "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	all := make([][]byte, len(blobs))
	for i, b := range blobs {
		if b.size > maxBlob {
			continue
		}
		head, rest, _ := bytes.Cut(out, []byte("\n"))
		if !bytes.HasPrefix(head, []byte(b.object+" blob ")) || int64(len(rest)) <= b.size {
			return nil, fmt.Errorf("git has no contents of %s at %s: %.100q", b.path, r.Name, head)
		}
		all[i], out = rest[:b.size], rest[b.size+1:]
	}
	return all, nil
}

// leadsOut reports whether a link leads out of its repository.
func leadsOut(b blob, data []byte) bool {
	to := filepath.FromSlash(string(data))
	return filepath.IsAbs(to) || !filepath.IsLocal(filepath.Join(filepath.Dir(filepath.FromSlash(b.path)), to))
}

// writeBlob writes a file or a link. A file that is too large gets its size and no
// contents: it is refused for its size.
func writeBlob(root *os.Root, b blob, data []byte) error {
	name := filepath.FromSlash(b.path)
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	if b.link {
		return root.Symlink(filepath.FromSlash(string(data)), name)
	}
	if data != nil {
		return root.WriteFile(name, data, 0o600)
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(b.size), f.Close())
}

// Complete makes the files that an extracted cluster names readable: those that the
// revision has outside of CUE modules, and those that git doesn't track, such as keys,
// which are the same before and after a change.
func (r *Revision) Complete(dir string, c *spec.Cluster, now *Index) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	tracked := now.of(r.Root)
	for _, file := range namedFiles(c) {
		rel, err := filepath.Rel(dir, c.Local(file))
		if err != nil || !filepath.IsLocal(rel) {
			continue // absolute, and the same for both
		}
		if _, err := root.Lstat(rel); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		slash := filepath.ToSlash(rel)
		if i := slices.IndexFunc(r.blobs, func(b blob) bool { return b.path == slash }); i >= 0 {
			if err := r.write(dir, r.blobs[i:i+1]); err != nil {
				return err
			}
			continue
		}
		if tracked != nil && tracked.objects[slash] != "" {
			continue // new since
		}
		if err := root.MkdirAll(filepath.Dir(rel), 0o700); err != nil {
			return err
		}
		// os.Root makes no link that leads out of it; this one has to.
		if err := os.Symlink(filepath.Join(r.Root, rel), filepath.Join(dir, rel)); err != nil {
			return err
		}
	}
	return nil
}

// Index returns what git tracks at the revision, for clusters that were extracted into a
// directory.
func (r *Revision) Index(dir string) (*Index, error) {
	gitDir, err := r.repo.git(nil, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return nil, err
	}
	env := append(without(r.repo.env, local...), "GIT_DIR="+strings.TrimSpace(string(gitDir)))
	at := &repository{root: dir, mirrors: r.Root, env: env, objects: map[string]string{}, below: map[string][]indexed{}}
	for _, b := range r.blobs {
		if !b.link {
			at.add(b.path, b.object)
		}
	}
	return &Index{only: at}, nil
}

// Differs reports whether two revisions differ in a file for which count returns true. Paths
// are from the root, with slashes.
func (r *Revision) Differs(o *Revision, count func(path string) bool) bool {
	files := map[string]string{}
	for _, b := range r.blobs {
		if count(b.path) {
			files[b.path] = b.object
		}
	}
	for _, b := range o.blobs {
		if !count(b.path) {
			continue
		}
		if files[b.path] != b.object {
			return true
		}
		delete(files, b.path)
	}
	return len(files) > 0
}

// DiffersNow reports whether the work tree differs from the revision in a tracked file for
// which count returns true. Files that git doesn't track are the same for both. It looks at
// the bytes alone: where git would convert them, it says that they differ.
func (r *Revision) DiffersNow(now *Index, count func(path string) bool) bool {
	then := map[string]bool{}
	for _, b := range r.blobs {
		then[b.path] = true
		if count(b.path) && !b.isFile(filepath.Join(r.Root, filepath.FromSlash(b.path))) {
			return true
		}
	}
	if at := now.of(r.Root); at != nil {
		for name := range at.objects {
			if count(name) && !then[name] {
				return true // new since
			}
		}
	}
	return false
}

// isFile reports whether a file has the contents of a blob.
func (b blob) isFile(name string) bool {
	if b.link {
		to, err := os.Readlink(name)
		return err == nil && b.is([]byte(to))
	}
	if b.size > maxBlob {
		return false
	}
	data, err := regular.Read(name, maxBlob)
	return err == nil && b.is(data)
}

// is reports whether data has the name that git gives to the blob.
func (b blob) is(data []byte) bool {
	if int64(len(data)) != b.size {
		return false
	}
	sum := sha1.New() //nolint:gosec // as above
	if len(b.object) == hex.EncodedLen(sha256.Size) {
		sum = sha256.New()
	}
	fmt.Fprintf(sum, "blob %d\x00", len(data))
	sum.Write(data)
	return hex.EncodeToString(sum.Sum(nil)) == b.object
}
