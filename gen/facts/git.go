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

// Index is what git tracks around clusters. Each repository is asked once,
// however many clusters lie in it.
type Index struct {
	mu    sync.Mutex
	repos map[string]*repository
}

// repository is what git tracks, as its index has it: what the next commit holds.
type repository struct {
	root    string // of the work tree
	env     []string
	once    sync.Once
	err     error
	objects map[string]string    // of files, by path from the root
	below   map[string][]indexed // files that may be of exported trees, by the name before pki/, nodes/ or image/
}

// indexed is a file that git tracks, as one of an exported tree.
type indexed struct{ path, tree, rest string }

// gitWait and gitOutput bound what git may take and say.
const (
	gitWait   = time.Minute
	gitOutput = 256 << 20
)

// of is the repository around a directory; nil without one, or without git.
func (x *Index) of(dir string) *repository {
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

// git runs git on the repository. Nothing that the repository's own configuration
// names is run, nothing is written, and nothing is fetched.
func (r *repository) git(stdin []byte, args ...string) ([]byte, error) {
	ctx, stop := context.WithTimeout(context.Background(), gitWait)
	defer stop()
	quiet := []string{"--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull, "-c", "protocol.allow=never"}
	cmd := exec.CommandContext(ctx, "git", append(quiet, args...)...)
	cmd.Dir = r.root
	cmd.Env = append(r.env, "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=none", "LC_ALL=C")
	cmd.Stdin = bytes.NewReader(stdin)
	var out, talk limited
	out.max, talk.max = gitOutput, 4096
	cmd.Stdout, cmd.Stderr = &out, &talk
	err := cmd.Run()
	switch {
	case out.full:
		return nil, fmt.Errorf("git %s says more than %d MB", args[0], gitOutput>>20)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("git %s took longer than %s", args[0], gitWait)
	case err != nil:
		return nil, refusal(talk.String())
	}
	return out.Bytes(), nil
}

// errNoRepository is a .git that leads nowhere, as of a submodule that is mounted
// without the repository it belongs to.
var errNoRepository = errors.New("not a git repository")

// refusal is what git, which was asked in English, says on its first line.
func refusal(talk string) error {
	first, _, _ := strings.Cut(strings.TrimSpace(talk), "\n")
	first = strings.TrimPrefix(first, "fatal: ")
	if strings.HasPrefix(first, errNoRepository.Error()) {
		return errNoRepository
	}
	if _, dir, ok := strings.Cut(first, "dubious ownership in repository at '"); ok {
		return &vet.OwnerError{Dir: strings.TrimSuffix(dir, "'"), Said: first}
	}
	return errors.New(first)
}

// limited keeps what it is given up to a bound.
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

// read lists what is tracked: "MODE OBJECT STAGE\tPATH" with a NUL behind each.
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
			continue // a link or another repository holds no key itself
		}
		r.objects[name] = fields[1]
		parts := strings.Split(name, "/")
		for i := 1; i < len(parts)-1; i++ {
			if slices.Contains(layout.Directories, parts[i]) {
				r.below[parts[i-1]] = append(r.below[parts[i-1]], indexed{name, strings.Join(parts[:i], "/"), strings.Join(parts[i:], "/")})
			}
		}
	}
}

// tracked is the path from the root of a file that git tracks, by any of its names.
func (r *repository) tracked(file string) (string, bool) {
	for _, rel := range r.paths(file) {
		if r.objects[rel] != "" {
			return rel, true
		}
	}
	return "", false
}

// paths are the paths from the root of a file: as it is called, and without links.
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
	var out []string
	for _, n := range names {
		if rel, err := filepath.Rel(n[0], n[1]); err == nil {
			out = append(out, filepath.ToSlash(rel))
		}
	}
	return out
}

// contents are what the next commit holds of some files. One that is too big, or
// isn't at hand, is left out.
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
