package gen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/binary"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Programs says where programs come from.
type Programs struct {
	// Dir is the directory of checked programs. It is asked for only where a program
	// is needed.
	Dir func() (string, error)
	// Open opens a URL; nil where no network may be used.
	Open binary.Open
}

func (p Programs) store() (binary.Store, error) {
	dir, err := p.Dir()
	return binary.Store{Dir: dir}, err
}

// NotFetchedError is a program that an export needs and may not download.
type NotFetchedError struct {
	Dir string // the cluster's, as people type it
	Err error
}

func (e *NotFetchedError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *NotFetchedError) Unwrap() error { return e.Err }

// NoSourceError is a program for an architecture, or for any, that a cluster or
// all of them don't say how to have.
type NoSourceError struct{ Arch, Text string }

func (e *NoSourceError) Error() string { return e.Text }

func noSource(arch string) error {
	return &NoSourceError{arch, "binary has no source for " + arch}
}

// carried are the programs that a cluster's tree holds. An export uses no network:
// what has a URL was fetched before.
func (p Programs) carried(ctx context.Context, c *spec.Cluster) (render.Programs, error) {
	out := render.Programs{}
	for _, arch := range c.NodeArchs() {
		if !c.Carries(arch) {
			continue
		}
		s, err := p.store()
		if err != nil {
			return nil, err
		}
		f, _, err := bring(ctx, s, c, arch, nil)
		if errors.Is(err, binary.ErrMissing) {
			return nil, &NotFetchedError{DirOf(c), err}
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

// opening is the way to open URLs, which says so before: it may take a while.
func (p Programs) opening(cluster string, told Progress) binary.Open {
	return func(ctx context.Context, url string) (io.ReadCloser, error) {
		if told.Fetching != nil {
			told.Fetching(cluster, spec.Download{URL: url}.Origin())
		}
		return p.Open(ctx, url)
	}
}

// CheckArchs returns an OptionError for a name that no architecture has.
func CheckArchs(archs []string) error {
	for _, arch := range archs {
		if !slices.Contains(spec.Archs, arch) {
			return badOption(fmt.Sprintf("--arch names %q; it knows %s", arch, strings.Join(spec.Archs, ", ")))
		}
	}
	return nil
}

// Brought is a program that a cluster names, checked and at hand.
type Brought struct {
	Cluster string `json:"cluster"`
	Arch    string `json:"arch"`
	SHA256  string `json:"sha256"`  // in hex
	Size    int64  `json:"size"`    // in bytes
	Fetched bool   `json:"fetched"` // it wasn't there before
}

// Fetch brings the programs that clusters name for the architectures archs, nil for
// all, and checks them. hear is called for each as soon as it is there. It returns
// those that it has and the errors of the others, and a NoSourceError if none is named
// for an architecture that was asked for. named is how many the clusters name.
func Fetch(ctx context.Context, l *Loaded, archs []string, p Programs, told Progress, hear func(Brought)) (have []Brought, named int, err error) {
	s, err := p.store()
	if err != nil {
		return nil, 0, err
	}
	var errs []error
	for _, v := range l.Clusters {
		c := v.Cluster
		for _, arch := range sources(c, archs) {
			named++
			f, fetched, err := bring(ctx, s, c, arch, p.opening(c.Name, told))
			if err != nil {
				errs = append(errs, fmt.Errorf("cluster %s: %w", c.Name, err))
				continue
			}
			have = append(have, Brought{c.Name, arch, f.SHA256, f.Size, fetched})
			hear(have[len(have)-1])
		}
	}
	if named == 0 && len(archs) > 0 {
		return nil, 0, &NoSourceError{archs[0], "no cluster here names a program for " + strings.Join(archs, " or ")}
	}
	return have, named, errors.Join(errs...)
}

// sources are the architectures that a cluster names a program for, of those
// that are asked for.
func sources(c *spec.Cluster, asked []string) []string {
	if c.Binary == nil {
		return nil
	}
	out := slices.Sorted(maps.Keys(c.Binary.Source))
	return slices.DeleteFunc(out, func(arch string) bool { return len(asked) > 0 && !slices.Contains(asked, arch) })
}
