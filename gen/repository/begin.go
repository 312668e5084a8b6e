// Package repository works on the user's git repository: it creates one, formats its
// CUE, and writes the copy of the vocabulary and the hook.
package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/starter"
)

// First is a new cluster, in the form of flags.
type First struct{ Name, Layout, Nodes, Version string }

// Cluster parses the flags.
func (o First) Cluster() (starter.Cluster, error) {
	c := starter.Cluster{Name: o.Name, Layout: spec.Layout(o.Layout)}
	if err := checkName(o.Name); err != nil {
		return c, err
	}
	switch c.Layout {
	case spec.Systemd, spec.StaticPod:
	case "":
		return c, errors.New("--layout is missing: systemd or staticPod")
	default:
		return c, fmt.Errorf("--layout is %q, not systemd or staticPod", o.Layout)
	}
	if minor, err := flags.ParseMinor(o.Version); err == nil && strings.Count(o.Version, ".") == 1 {
		o.Version = flags.Of(minor).Version // the patch release that its data comes from
	}
	var err error
	if c.Version, err = spec.ParseVersion(o.Version); err != nil {
		return c, fmt.Errorf("--version: %w", err)
	}
	if c.Nodes, err = starter.ParseNodes(o.Nodes); err != nil {
		return c, fmt.Errorf("--nodes: %w", err)
	}
	return c, nil
}

// CheckFree returns an error if Begin would refuse a directory.
func CheckFree(dir string) error {
	root, err := config.ModuleRoot(nearestExisting(dir))
	if err != nil {
		return checkFresh(dir)
	}
	return checkUnused(dir, root)
}

// Begun is what Begin wrote.
type Begun struct {
	File        string `json:"file"`                  // the cluster's
	Module      bool   `json:"module,omitempty"`      // a CUE module was written around it
	Kept        string `json:"kept,omitempty"`        // a .gitignore that existed
	NeedsSchema bool   `json:"needsSchema,omitempty"` // stock cue doesn't find the vocabulary in this module
}

// Begin writes the package of a cluster to a directory. If there is no CUE module
// around it, it writes one with the path module. version is kcmgen's. Nothing is
// overwritten.
func Begin(dir string, c starter.Cluster, module, version string) (*Begun, error) {
	if root, err := config.ModuleRoot(nearestExisting(dir)); err == nil {
		return addPackage(dir, root, c)
	}
	if err := checkFresh(dir); err != nil {
		return nil, err
	}
	c.Package = "clusters"
	if err := config.CheckModule(module); err != nil {
		return nil, &ModuleError{err}
	}
	t, err := starter.Repository(module, version, c)
	if err != nil {
		return nil, err
	}
	out := &Begun{File: filepath.Join(dir, "clusters", c.Name, starter.File), Module: true}
	if name := filepath.Join(dir, ".gitignore"); exists(name) {
		t = t.Without(".gitignore")
		out.Kept = name
	}
	return out, disk.Plant(dir, t)
}

// ModuleError is an invalid path of a CUE module.
type ModuleError struct{ Err error }

func (e *ModuleError) Error() string { return e.Err.Error() }

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// addPackage writes a cluster's package into a module.
func addPackage(dir, root string, c starter.Cluster) (*Begun, error) {
	if err := checkUnused(dir, root); err != nil {
		return nil, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for _, o := range config.Outlines(cwd, root) {
		if o.Name == c.Name {
			return nil, &NameTakenError{o.Name, o.Dir}
		}
	}
	c.Package = starter.PackageName(filepath.Base(filepath.Dir(absolute(dir))))
	t, err := starter.Package(c)
	if err != nil {
		return nil, err
	}
	out := &Begun{File: filepath.Join(dir, starter.File), NeedsSchema: !config.ProvidesSchema(root)}
	return out, disk.Plant(dir, t)
}

// NameOf returns the default name of a cluster in a directory.
func NameOf(dir string) string { return strings.ToLower(filepath.Base(absolute(dir))) }

// absolute returns an absolute path, or dir if the working directory is unknown.
func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// NameTakenError is the name of another cluster in the module.
type NameTakenError struct{ Name, Dir string }

func (e *NameTakenError) Error() string {
	return fmt.Sprintf("%s has a cluster of the name %q already", e.Dir, e.Name)
}

// checkUnused returns an error if a directory in a module isn't empty, or if CUE would
// ignore it.
func checkUnused(dir, root string) error {
	if rel, err := filepath.Rel(absolute(root), absolute(dir)); err == nil {
		for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
			if part == "cue.mod" || part != "." && part != ".." && (part[0] == '.' || part[0] == '_') {
				return fmt.Errorf("%s: CUE ignores directories like %s", dir, part)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		has := entries[0].Name()
		if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "cue.mod" }) {
			has = "cue.mod"
		}
		return &NotEmptyError{dir, has, root}
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// nearestExisting returns a directory, or the nearest existing one above it.
func nearestExisting(dir string) string {
	for {
		if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return dir
		}
		dir = up
	}
}

// NotEmptyError is a directory that should be empty and holds Has.
type NotEmptyError struct {
	Dir, Has string
	Module   string // the root of the CUE module around it; may be empty
}

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("%s is not empty: it has %s", e.Dir, e.Has)
}

// checkFresh returns an error unless a directory is empty or a new git repository.
func checkFresh(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && len(entries) == 0 {
		return nil // it doesn't exist yet, or writing to it will fail
	}
	for _, e := range entries {
		name := e.Name()
		if name[0] != '.' && !strings.HasPrefix(name, "README") && !strings.HasPrefix(name, "LICENSE") {
			return &NotEmptyError{dir, name, ""}
		}
	}
	return err
}

// Report returns what Begin wrote to a directory: the result, and what a person should do
// next.
func (b *Begun) Report(dir string) (said, talk []string) {
	switch {
	case !b.Module:
		said = []string{"wrote " + b.File}
		if b.NeedsSchema {
			talk = append(talk, "stock cue and editors need the vocabulary too; type: kcmgen schema vendor")
		}
		return said, append(talk, "next: edit it, then type: kcmgen vet "+spec.ShellWord(Argument(dir)))
	case dir == ".":
		talk = []string{"next: edit " + b.File + ", then type: kcmgen vet"}
	default:
		talk = []string{"next: edit it, then type: cd " + spec.ShellWord(dir) + " && kcmgen vet"}
	}
	return []string{"wrote " + b.File + ", and the CUE module around it"}, talk
}

// Argument returns a directory as an argument of commands that take names of clusters, too.
func Argument(dir string) string {
	dir = filepath.ToSlash(filepath.Clean(dir))
	if dir == "." || strings.HasPrefix(dir, "../") || filepath.IsAbs(dir) {
		return dir
	}
	return "./" + dir
}
