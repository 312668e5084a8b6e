package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/spec"
)

func outFlag(cmd *cobra.Command, out *string) {
	cmd.Flags().VarP((*folder)(out), "out", "o", "folder of the clusters' trees (default out, beside cue.mod)")
}

// folder is a flag that names one: what a script's empty variable leaves isn't
// the default.
type folder string

// String is pflag.Value.String.
func (f *folder) String() string { return string(*f) }

// Type is pflag.Value.Type.
func (f *folder) Type() string { return "string" }

// Set is pflag.Value.Set.
func (f *folder) Set(s string) error {
	if s == "" {
		return errors.New("it names no folder")
	}
	*f = folder(s)
	return nil
}

// outFolder is where the trees of clusters lie: the folder that the command line
// names, or out in the CUE module of the clusters. It doesn't depend on where one
// stands: another place would mean another CA.
func outFolder(named string, args []string) (string, error) {
	if named != "" {
		return named, nil
	}
	roots := map[string]string{}
	for _, arg := range args {
		dir := strings.TrimSuffix(filepath.ToSlash(arg), "...")
		if fi, err := os.Stat(filepath.Clean(dir)); err != nil || !fi.IsDir() {
			dir = "." // a cluster's name, or for loading to explain
		}
		addRoot(roots, filepath.Clean(dir))
	}
	if len(args) == 0 {
		addRoot(roots, ".")
	}
	switch len(roots) {
	case 0:
		return "out", nil // loading will say that there is no module
	case 1:
		for _, root := range roots {
			return filepath.Join(root, "out"), nil
		}
	}
	return "", usageError{errors.New("these clusters lie in several CUE modules: name a folder for their trees with --out")}
}

// treesOf is where the tree of a cluster lies by default, as one calls it from the
// folder cwd; "" if it has no module.
func treesOf(cwd string, c *spec.Cluster) string {
	root, err := config.ModuleRoot(c.Dir)
	if err != nil {
		return ""
	}
	dir := filepath.Join(root, "out")
	if rel, err := filepath.Rel(cwd, dir); err == nil && len(rel) < len(dir) {
		return rel
	}
	return dir
}

// openOut opens the folder of the trees, and says so if it has to wait.
func openOut(ctx context.Context, dir string, std stdio) (*outdir.Dir, error) {
	return outdir.Open(ctx, dir, lockWait, func() {
		say(std.err, "waiting for another kcmgen that writes to %s", dir)
	})
}

func addRoot(roots map[string]string, dir string) {
	root, err := config.ModuleRoot(dir)
	if err != nil {
		return
	}
	if abs, err := filepath.Abs(root); err == nil {
		roots[abs] = root
	}
}
