package facts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// Index is what git tracks in the repositories of clusters. It asks git once per
// repository, and is safe for concurrent use.
type Index struct {
	mu    sync.Mutex
	repos map[string]*repository
	only  *repository // stands for every repository: a revision's, see Revision.Index
}

// repository is a repository's index: what the next commit holds.
type repository struct {
	root    string // of the work tree
	mirrors string // the work tree whose revision lies in root; "" for none
	env     []string
	once    sync.Once
	err     error
	objects map[string]string    // object ids by path from the root
	below   map[string][]indexed // possible files of exported trees, by the directory above pki/, nodes/ or image/
}

// indexed is a tracked file of an exported tree: its path from the root, the path of the
// tree, and the path in the tree.
type indexed struct{ path, tree, rest string }

// gitWait and gitOutput limit git's time and its output in bytes.
const (
	gitWait   = time.Minute
	gitOutput = 256 << 20
)

// of returns the repository around a directory; nil if there is none, or no git.
func (x *Index) of(dir string) *repository {
	if x.only != nil {
		return x.only
	}
	root, env, ok := workTree(dir)
	if !ok {
		return nil
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil
	}
	x.mu.Lock()
	if x.repos == nil {
		x.repos = map[string]*repository{}
	}
	r := x.repos[root]
	if r == nil {
		r = &repository{root: root, env: env}
		x.repos[root] = r
	}
	x.mu.Unlock()
	r.once.Do(r.read)
	return r
}

// git runs git in the repository. It runs no programs of the repository's configuration,
// writes nothing and fetches nothing.
func (r *repository) git(stdin []byte, args ...string) ([]byte, error) {
	ctx, stop := context.WithTimeout(context.Background(), gitWait)
	defer stop()
	quiet := []string{"--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull, "-c", "protocol.allow=never"}
	cmd := exec.CommandContext(ctx, "git", append(quiet, args...)...)
	cmd.Dir = r.root
	cmd.Env = append(r.env, "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=none", "LC_ALL=C")
	cmd.Stdin = bytes.NewReader(stdin)
	var out, stderr limited
	out.max, stderr.max = gitOutput, 4096
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	switch {
	case out.full:
		return nil, fmt.Errorf("git %s prints more than %d MB", args[0], gitOutput>>20)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("git %s took longer than %s", args[0], gitWait)
	case err != nil:
		return nil, gitError(stderr.String())
	}
	return out.Bytes(), nil
}

// errNoRepository is the error of a .git file that names no repository, such as that of a
// submodule mounted without its parent.
var errNoRepository = errors.New("not a git repository")

// gitError returns the error on the first line of git's stderr.
func gitError(stderr string) error {
	first, rest, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	for strings.HasPrefix(first, "warning: ") && rest != "" {
		first, rest, _ = strings.Cut(rest, "\n")
	}
	first = strings.TrimPrefix(first, "fatal: ")
	if strings.HasPrefix(first, errNoRepository.Error()) {
		return errNoRepository
	}
	if _, dir, ok := strings.Cut(first, "dubious ownership in repository at '"); ok {
		return &vet.OwnerError{Dir: strings.TrimSuffix(dir, "'"), Said: first}
	}
	return errors.New(first)
}

// limited is a buffer of at most max bytes.
type limited struct {
	bytes.Buffer
	max  int
	full bool
}

func (l *limited) Write(p []byte) (int, error) {
	if room := l.max - l.Len(); len(p) > room {
		l.full = true
		_, _ = l.Buffer.Write(p[:room])
		return len(p), nil
	}
	return l.Buffer.Write(p)
}

// read reads the list of tracked files: "MODE OBJECT STAGE\tPATH", each with a NUL after
// it.
func (r *repository) read() {
	out, err := r.git(nil, "ls-files", "-z", "--stage", "--full-name")
	if err != nil {
		r.err = err
		return
	}
	r.objects, r.below = map[string]string{}, map[string][]indexed{}
	for line := range strings.SplitSeq(string(out), "\x00") {
		head, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(head)
		if !ok || len(fields) != 3 || !strings.HasPrefix(fields[0], "100") {
			continue // a link, or a submodule
		}
		r.add(name, fields[1])
	}
}

// add adds a file to the index.
func (r *repository) add(name, object string) {
	r.objects[name] = object
	parts := strings.Split(name, "/")
	for i := 1; i < len(parts)-1; i++ {
		if slices.Contains(layout.Directories, parts[i]) {
			r.below[parts[i-1]] = append(r.below[parts[i-1]], indexed{name, strings.Join(parts[:i], "/"), strings.Join(parts[i:], "/")})
		}
	}
}

// tracked returns the path from the root of a file; false if git doesn't track it.
func (r *repository) tracked(file string) (string, bool) {
	for _, rel := range r.paths(file) {
		if r.objects[rel] != "" {
			return rel, true
		}
	}
	return "", false
}

// paths returns the paths of a file from the root: as written, and with links resolved.
func (r *repository) paths(file string) []string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil
	}
	names := [][2]string{{r.root, abs}}
	realRoot, err1 := filepath.EvalSymlinks(r.root)
	realFile, err2 := filepath.EvalSymlinks(abs)
	if err1 == nil && err2 == nil {
		names = append(names, [2]string{realRoot, realFile})
	}
	if r.mirrors != "" {
		names = append(names, [2]string{r.mirrors, abs})
	}
	var out []string
	for _, n := range names {
		if rel, err := filepath.Rel(n[0], n[1]); err == nil {
			out = append(out, filepath.ToSlash(rel))
		}
	}
	return out
}

// contents returns the contents of files in the next commit. It leaves out files that are
// too large or missing.
func (r *repository) contents(files []string) (map[string][]byte, error) {
	var ask bytes.Buffer
	for _, f := range files {
		fmt.Fprintln(&ask, r.objects[f])
	}
	out, err := r.git(ask.Bytes(), "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	for _, f := range files {
		head, rest, _ := bytes.Cut(out, []byte("\n"))
		var object, kind string
		var size int
		if n, _ := fmt.Sscan(string(head), &object, &kind, &size); n < 3 || size < 0 || size >= len(rest) {
			out = rest
			continue
		}
		data[f], out = rest[:size], rest[size+1:]
	}
	return data, nil
}
