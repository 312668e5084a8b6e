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
	"github.com/kcmgen/kcmgen/internal/download"
)

// Programs says where programs come from.
type Programs struct {
	// Dir returns the directory of checked programs. It is called only if a program is
	// needed.
	Dir func() (string, error)
	// Open opens a URL; nil if the network must not be used.
	Open binary.Open
}

// CachedPrograms are those in the user's cache directory. What is missing there is downloaded
// if a command asks for that, with a User-Agent such as kcmgen/v1.2.3.
func CachedPrograms(agent string) Programs {
	return Programs{
		Dir:  func() (string, error) { return CacheDir("programs") },
		Open: download.By(agent),
	}
}

func (p Programs) store() (binary.Store, error) {
	dir, err := p.Dir()
	return binary.Store{Dir: dir}, err
}

// NotFetchedError is a program that an export needs and may not download.
type NotFetchedError struct {
	Dir string // the cluster's, as an argument
	Err error
}

func (e *NotFetchedError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *NotFetchedError) Unwrap() error { return e.Err }

// NoSourceError is a program without a source. An empty Arch means any architecture.
type NoSourceError struct{ Arch, Text string }

func (e *NoSourceError) Error() string { return e.Text }

func noSource(arch string) error {
	return &NoSourceError{arch, "binary has no source for " + arch}
}

// inTree returns the programs that a cluster's tree holds. An export uses no network:
// it returns a NotFetchedError for a program with a URL that wasn't fetched before.
func (p Programs) inTree(ctx context.Context, c *spec.Cluster) (render.Programs, error) {
	out := render.Programs{}
	for _, arch := range c.NodeArchs() {
		if !c.Carries(arch) {
			continue
		}
		s, err := p.store()
		if err != nil {
			return nil, err
		}
		f, _, err := provide(ctx, s, c, arch, nil)
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

// provide returns a cluster's program from the store, and fetches it if it is missing.
// If open is nil it fetches files only. The bool reports whether it was fetched.
func provide(ctx context.Context, s binary.Store, c *spec.Cluster, arch string, open binary.Open) (binary.File, bool, error) {
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
		err = fmt.Errorf("the program for %s%s: %w", arch, sourcePos(c, arch), err)
	}
	return f, fetched, err
}

// sourcePos returns the field and position that name the file of a program, for a
// message: the path may be relative in the CUE. It returns "" for a URL.
func sourcePos(c *spec.Cluster, arch string) string {
	if d, _ := c.Download(arch); d.File == "" {
		return ""
	}
	field := finding.Path("binary", "source", arch, "file")
	return fmt.Sprintf(" (cluster.%s, %s)", field, c.Source.At(field))
}

// opener returns p.Open with a call of Fetching before it.
func (p Programs) opener(cluster string, progress Progress) binary.Open {
	return func(ctx context.Context, url string) (io.ReadCloser, error) {
		if progress.Fetching != nil {
			progress.Fetching(cluster, spec.Download{URL: url}.Origin())
		}
		return p.Open(ctx, url)
	}
}

// CheckArchs returns an OptionError if a name isn't an architecture.
func CheckArchs(archs []string) error {
	for _, arch := range archs {
		if !slices.Contains(spec.Archs, arch) {
			return badOption(fmt.Sprintf("--arch names %q; it knows %s", arch, strings.Join(spec.Archs, ", ")))
		}
	}
	return nil
}

// CheckedProgram is a program that a cluster names, in the store and checked.
type CheckedProgram struct {
	Cluster string `json:"cluster"`
	Arch    string `json:"arch"`
	SHA256  string `json:"sha256"`  // in hex
	Size    int64  `json:"size"`    // in bytes
	Fetched bool   `json:"fetched"` // it wasn't there before
}

// Fetch fetches and checks the programs that clusters name for the architectures archs,
// nil for all. It calls ready for each. It returns the programs and the errors of the
// others, or a NoSourceError if none is named for archs. named is the number of
// programs that the clusters name.
func Fetch(ctx context.Context, l *Loaded, archs []string, p Programs, progress Progress, ready func(CheckedProgram)) (have []CheckedProgram, named int, err error) {
	s, err := p.store()
	if err != nil {
		return nil, 0, err
	}
	var errs []error
	for _, v := range l.Clusters {
		c := v.Cluster
		for _, arch := range sources(c, archs) {
			named++
			f, fetched, err := provide(ctx, s, c, arch, p.opener(c.Name, progress))
			if err != nil {
				errs = append(errs, fmt.Errorf("cluster %s: %w", c.Name, err))
				continue
			}
			have = append(have, CheckedProgram{c.Name, arch, f.SHA256, f.Size, fetched})
			ready(have[len(have)-1])
		}
	}
	if named == 0 && len(archs) > 0 {
		return nil, 0, &NoSourceError{archs[0], "no cluster here names a program for " + strings.Join(archs, " or ")}
	}
	return have, named, errors.Join(errs...)
}

// sources returns the architectures that a cluster names a program for, limited to
// archs unless that is empty.
func sources(c *spec.Cluster, archs []string) []string {
	if c.Binary == nil {
		return nil
	}
	out := slices.Sorted(maps.Keys(c.Binary.Source))
	return slices.DeleteFunc(out, func(arch string) bool { return len(archs) > 0 && !slices.Contains(archs, arch) })
}

// Archs are the architectures that a node can have.
func Archs() []string { return spec.Archs }
