package gen

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// TreeError is an error in a cluster's tree, with what a hint needs.
type TreeError struct {
	Err     error
	Cluster *spec.Cluster
	Out     string // the directory of the trees
	Home    string // the name of the cluster's own tree, if it is another; may be empty
}

func (e *TreeError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TreeError) Unwrap() error { return e.Err }

// withTree makes a TreeError of an error of planning.
func withTree(err error, c *spec.Cluster, out *outdir.Dir, dir string) error {
	var other *plan.OtherClusterError
	if err == nil {
		return nil
	}
	t := &TreeError{Err: err, Cluster: c, Out: dir}
	if errors.As(err, &other) {
		for _, name := range out.MadeFor(c.Name) {
			t.Home = cmp.Or(t.Home, name)
		}
	}
	return t
}

// ElsewhereError is a cluster whose tree lies under another name: an export would make
// another CA.
type ElsewhereError struct{ Dir, At string }

func (e *ElsewhereError) Error() string {
	return e.Dir + " isn't there, and " + e.At + " is its tree: manifest.json says so"
}

// checkHome returns an error if a cluster without a manifest has its tree elsewhere, or
// has keys of a tree whose manifest was lost.
func (x *export) checkHome(out *outdir.Dir) error {
	if x.old.Manifest != nil {
		return nil
	}
	if slices.ContainsFunc(x.old.Foreign, keys.IsTrusted) {
		return &LostManifestError{x.Dir, ""}
	}
	for _, name := range out.MadeFor(x.Cluster.Name) {
		return &ElsewhereError{x.Dir, filepath.Join(x.Out, name)}
	}
	return nil
}

// NotExportedError is a cluster without a tree.
type NotExportedError struct{ Dir string }

func (e *NotExportedError) Error() string { return e.Dir + " isn't there: nothing was exported yet" }

// ReadExported reads a cluster's tree with its manifest. It first recovers the tree if
// a run was killed. It returns a NotExportedError if there is no tree, and a TreeError
// if the tree is another cluster's.
func ReadExported(ctx context.Context, c *spec.Cluster, dir string, progress Progress, onEvent func(Event)) (*outdir.State, error) {
	at := filepath.Join(dir, c.Name)
	if _, err := os.Stat(at); err != nil {
		return nil, &NotExportedError{at}
	}
	out, err := outdir.Open(ctx, dir, lockWait, progress.waiting(dir))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	if err := recoverTree(out, c.Name, onEvent); err != nil {
		return nil, err
	}
	s, err := out.Read(c.Name)
	if err != nil {
		return nil, err
	}
	if s.Manifest == nil {
		return nil, &NotExportedError{at}
	}
	if made := s.Manifest.Cluster; made != c.Name {
		return nil, withTree(&plan.OtherClusterError{Cluster: c.Name, Made: made}, c, out, dir)
	}
	return s, nil
}

// Reports returns the reports that PutReport wrote for a cluster, the oldest first.
func Reports(ctx context.Context, dir, cluster string, progress Progress) ([][]byte, error) {
	out, err := outdir.Open(ctx, dir, lockWait, progress.waiting(dir))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	return out.Reports(cluster)
}

// PutReport writes the report of a deployment into the cluster's directory, even after
// ctx has ended, and returns its path for messages.
func PutReport(ctx context.Context, dir, cluster, action string, started time.Time, data []byte, progress Progress) (string, error) {
	out, err := outdir.Open(context.WithoutCancel(ctx), dir, lockWait, progress.waiting(dir))
	if err != nil {
		return "", err
	}
	name, err := out.PutReport(cluster, action, started, data)
	return name, errors.Join(err, out.Close())
}

// holdsKey reports whether a path is a private key or a directory above one. Any such
// key may be the only copy.
func holdsKey(path string, foreign []string) bool {
	return slices.ContainsFunc(foreign, func(f string) bool {
		return keys.IsKeyPath(f) && (f == path || strings.HasPrefix(f, path+"/"))
	})
}

// isHostKey reports whether a file of a cluster's tree is a host's copy of a private
// key that others trust.
func isHostKey(file string) bool {
	name := path.Base(file)
	_, _, host := layout.OnHost(file)
	return host && (name == spec.CAKey.FileName() || name == spec.ServiceAccountKey.FileName())
}

// LostManifestError is a cluster's directory with keys, or with File, which an export
// writes, but without the manifest that lists kcmgen's files.
type LostManifestError struct{ Dir, File string }

func (e *LostManifestError) Error() string {
	return e.Dir + " holds " + cmp.Or(e.File, "keys") + ", and its manifest.json is gone: kcmgen can't tell its files from yours"
}
