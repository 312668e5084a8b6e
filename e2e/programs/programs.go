// Package programs builds the programs that tests run: kcmgen, and programs of Kubernetes.
package programs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Kcmgen builds the program under test into a directory, and returns its path. root is the
// repository's root.
func Kcmgen(root, dir string) (string, error) {
	file := filepath.Join(dir, "kcmgen")
	build := exec.Command("go", "build", "-trimpath", "-o", file, "./cmd/kcmgen")
	build.Dir, build.Stderr = root, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("building kcmgen: %w", err)
	}
	return file, nil
}

// Builder builds programs of Kubernetes, each once.
type Builder struct {
	Root  string // the repository's
	built sync.Map
}

// Kubernetes returns the path of a program of a Kubernetes version, such as v1.37.1. If the
// user's cache lacks it, it is built, which takes minutes.
func (b *Builder) Kubernetes(version, name string) (string, error) {
	build, _ := b.built.LoadOrStore(version+" "+name, sync.OnceValues(func() (string, error) {
		release, err := alone()
		if err != nil {
			return "", err
		}
		defer release()
		cmd := exec.Command("go", "-C", filepath.Join(b.Root, "tools", "kubernetes"), "run", ".", "build", version, name)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("building %s %s: %w", name, version, err)
		}
		return filepath.Join(strings.TrimSpace(string(out)), name), nil
	}))
	return build.(func() (string, error))()
}

// alone waits until no other test package builds: two at once would compile the same.
func alone() (release func(), err error) {
	cache := os.Getenv("KCMGEN_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		cache = filepath.Join(user, "kcmgen")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(cache, "building.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
