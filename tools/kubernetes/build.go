package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// The recipe: another one makes other programs, so their directory is named by it.
//
//go:embed module.go
var recipeModule string

//go:embed build.go
var recipeBuild string

// home is the directory of everything that is made of a version. Nothing in it is
// ever half written: files come by rename, and two runs may work at once.
func home(v version) (string, error) {
	cache := os.Getenv("KCMGEN_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "kcmgen")
	}
	key := sha256.Sum256([]byte(runtime.Version() + runtime.GOOS + runtime.GOARCH + recipeModule + recipeBuild))
	dir := filepath.Join(cache, "kubernetes", fmt.Sprintf("%s-%x", v, key[:6]))
	return dir, os.MkdirAll(dir, 0o755)
}

// build returns a directory that has these programs.
func build(ctx context.Context, v version, programs []string) (bin string, err error) {
	dir, err := home(v)
	if err != nil {
		return "", err
	}
	bin = filepath.Join(dir, "bin")
	var missing []string
	for _, p := range programs {
		if !programName.MatchString(p) {
			return "", fmt.Errorf("%w: %q is no program's name", errUsage, p)
		}
		if _, err := os.Stat(filepath.Join(bin, program(p))); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return bin, nil
	}
	m, err := open(ctx, v)
	if err != nil {
		return "", err
	}
	var packages []string
	for _, p := range missing {
		if _, err := os.Stat(filepath.Join(m.source, "cmd", p)); err != nil {
			return "", fmt.Errorf("kubernetes %s has no program %q; its programs are the directories of %s", v, p, filepath.Join(m.source, "cmd"))
		}
		packages = append(packages, path.Join("k8s.io/kubernetes/cmd", p))
	}
	fmt.Fprintf(os.Stderr, "building %s of Kubernetes %s into %s (once; the first takes minutes)\n", strings.Join(missing, ", "), v, bin)
	return bin, m.inside(ctx, dir, func(work string) error {
		if err := m.compile(ctx, work, packages...); err != nil {
			return err
		}
		if err := os.MkdirAll(bin, 0o755); err != nil {
			return err
		}
		for _, p := range missing {
			if err := os.Rename(filepath.Join(work, "bin", program(p)), filepath.Join(bin, program(p))); err != nil {
				return err
			}
		}
		return nil
	})
}

var programName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

func program(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// inside calls do in a scratch directory that is a module of this version. What Go
// adds to go.mod and go.sum is kept in dir for the next run, which then needs no
// network.
func (m *module) inside(ctx context.Context, dir string, do func(work string) error) (err error) {
	work, err := os.MkdirTemp(dir, ".work-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		text, err = m.file(ctx)
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work, "go.mod"), text, 0o644); err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(dir, "go.sum")) // Go mends what it lacks
	if err == nil {
		err = os.WriteFile(filepath.Join(work, "go.sum"), sums, 0o644)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := do(work); err != nil {
		return err
	}
	return errors.Join(
		os.Rename(filepath.Join(work, "go.sum"), filepath.Join(dir, "go.sum")),
		os.Rename(filepath.Join(work, "go.mod"), filepath.Join(dir, "go.mod")))
}

// compile builds commands into work/bin. The version is given as Kubernetes'
// own build gives it: programs tell it, and v1.31 and later reckon with it.
// -checklinkname=0 lets libraries of old releases reach into the runtime.
func (m *module) compile(ctx context.Context, work string, packages ...string) error {
	const pkg = "k8s.io/component-base/version."
	ldflags := fmt.Sprintf("-s -w -checklinkname=0 -X %sgitVersion=%s -X %sgitMajor=1 -X %sgitMinor=%d", pkg, m.version, pkg, pkg, m.minor)
	args := append([]string{
		"build", "-mod=mod", "-trimpath", "-buildvcs=false", "-tags=" + tags(m.version),
		"-ldflags=" + ldflags, "-o", filepath.Join(work, "bin") + string(filepath.Separator),
	}, packages...)
	_, err := goTool(ctx, work, args...)
	return err
}

// tags are build tags like Go's own go1.N: kube1_28 holds from v1.28 on. With
// them the probe tells versions apart.
func tags(v version) string {
	var out []string
	for minor := 20; minor <= v.minor; minor++ {
		out = append(out, fmt.Sprintf("kube1_%d", minor))
	}
	return strings.Join(out, ",")
}
