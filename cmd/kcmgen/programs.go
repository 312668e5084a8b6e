package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/binary"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// programStore is the folder of checked programs: below KCMGEN_CACHE, or in the
// user's cache folder.
func programStore() (binary.Store, error) {
	dir := os.Getenv("KCMGEN_CACHE")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return binary.Store{}, fmt.Errorf("there is no cache folder for programs: %w; KCMGEN_CACHE names one", err)
		}
		dir = filepath.Join(cache, "kcmgen")
	}
	return binary.Store{Dir: filepath.Join(dir, "programs")}, nil
}

// notFetchedError is a program that an export needs and may not download.
type notFetchedError struct {
	dir string // the cluster's, as people type it
	err error
}

func (e *notFetchedError) Error() string { return e.err.Error() }

// Unwrap is the cause.
func (e *notFetchedError) Unwrap() error { return e.err }

// noSourceError is a program for an architecture, or for any, that a cluster or
// all of them don't say how to have.
type noSourceError struct{ arch, text string }

func (e *noSourceError) Error() string { return e.text }

func noSource(arch string) error {
	return &noSourceError{arch, "binary has no source for " + arch}
}

// carriedPrograms are the programs that a cluster's tree holds. An export uses no
// network: what has a URL was fetched before.
func carriedPrograms(ctx context.Context, c *spec.Cluster) (render.Programs, error) {
	out := render.Programs{}
	for _, arch := range c.NodeArchs() {
		if !c.Carries(arch) {
			continue
		}
		s, err := programStore()
		if err != nil {
			return nil, err
		}
		f, _, err := bring(ctx, s, c, arch, nil)
		if errors.Is(err, binary.ErrMissing) {
			return nil, &notFetchedError{folderOf(c), err}
		}
		if err != nil {
			return nil, err
		}
		out[arch] = tree.Blob{Path: f.Path, Size: f.Size, SHA256: f.SHA256}
	}
	return out, nil
}

// bring is a cluster's program, from the store or into it. Without a way to open
// URLs, only files are brought.
func bring(ctx context.Context, s binary.Store, c *spec.Cluster, arch string, open binary.Open) (binary.File, bool, error) {
	d, ok := c.Download(arch)
	if !ok {
		return binary.File{}, false, noSource(arch)
	}
	if d.URL != "" && open == nil {
		f, err := s.Have(arch, d.SHA256)
		return f, false, err
	}
	if d.File != "" {
		d.File = c.Local(d.File)
	}
	f, fetched, err := s.Fetch(ctx, arch, d, open)
	if err != nil {
		err = fmt.Errorf("the program for %s%s: %w", arch, saidAt(c, arch), err)
	}
	return f, fetched, err
}

// saidAt is where a cluster names the file of a program: its path alone doesn't
// tell what a relative one was written as, or where. A URL tells itself.
func saidAt(c *spec.Cluster, arch string) string {
	if d, _ := c.Download(arch); d.File == "" {
		return ""
	}
	field := finding.Path("binary", "source", arch, "file")
	return fmt.Sprintf(" (cluster.%s, %s)", field, c.Source.At(field))
}

// telling downloads, and says so: it may take a while.
func telling(cluster string, std stdio) binary.Open {
	return func(ctx context.Context, url string) (io.ReadCloser, error) {
		say(std.err, "%s: fetching %s", cluster, spec.Download{URL: url}.Origin())
		return download(ctx, url)
	}
}

// folderOf is a cluster's folder as people type it.
func folderOf(c *spec.Cluster) string {
	cwd, err := os.Getwd()
	if err != nil {
		return c.Dir
	}
	rel, err := filepath.Rel(cwd, c.Dir)
	switch {
	case err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)):
		return c.Dir
	case rel == ".":
		return rel
	}
	return "." + string(filepath.Separator) + rel
}

// checkArchs returns a usage error for a name that no architecture has.
func checkArchs(archs []string) error {
	for _, arch := range archs {
		if !slices.Contains(spec.Archs, arch) {
			return usageError{fmt.Errorf("--arch names %q; it knows %s", arch, strings.Join(spec.Archs, ", "))}
		}
	}
	return nil
}

// loadVetted loads clusters and tells what is wrong with them, as talk. An error
// ends it before anything is done.
func loadVetted(ctx context.Context, out string, args []string, now time.Time, std stdio) (*loaded, error) {
	r, err := loadWith(ctx, out, args, nil, now, std)
	if err != nil {
		return nil, err
	}
	r.printSkipped(std)
	if err := printFindings(std.err, r.findings, false); err != nil {
		return nil, err
	}
	if finding.Failed(r.findings) {
		say(std.err, "kcmgen: nothing was written")
		return nil, errFindings
	}
	return r, nil
}
