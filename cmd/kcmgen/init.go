package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/starter"
)

type initOptions struct {
	layout, nodes, version string
	name, module           string
	gitHook                bool
}

func newInit(std stdio) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin a repository of your own, or another cluster in it",
		Long: `Init writes a first cluster to go on from. Outside of any CUE module DIR becomes
one, with the cluster in DIR/clusters/NAME, the vocabulary for stock cue and
editors, and a .gitignore for out/. Inside a CUE module DIR becomes one more
package. Nothing is ever overwritten.

On a terminal and without flags it asks for what it needs.

--git-hook writes a hook that vets what is about to be committed; without DIR it
writes nothing else.

` + exitCodes,
		Example: `  kcmgen init infra --name prod --layout systemd --nodes cp-1=10.0.0.11,cp-2=10.0.0.12
  cd infra && kcmgen init clusters/staging --layout staticPod
  kcmgen init --git-hook`,
		Args: atMostOne("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask := cmd.Flags().NFlag() == 0 && std.interactive()
			return runInit(o, args, ask, std)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.layout, "layout", "", "how nodes run kube-controller-manager: systemd or staticPod")
	f.StringVar(&o.nodes, "nodes", exampleNodes, "the control plane's hosts and their addresses")
	f.StringVar(&o.version, "version", starter.Newest, "version of Kubernetes, such as v1.34 or v1.34.2")
	f.StringVar(&o.name, "name", "", "name of the cluster (default: the last part of DIR)")
	f.StringVar(&o.module, "module", "example.com/clusters@v0", "path of a new CUE module")
	f.BoolVar(&o.gitHook, "git-hook", false, "write a git hook that vets before a commit")
	completeFlag(cmd, "layout", completeWords("systemd", "staticPod"))
	return cmd
}

const exampleNodes = "cp-1=10.0.0.11,cp-2=10.0.0.12,cp-3=10.0.0.13"

func runInit(o initOptions, args []string, ask bool, std stdio) error {
	switch {
	case len(args) == 0 && o.gitHook:
		return writeHook(".", std)
	case ask:
		if err := o.ask(&args, std.asker()); err != nil {
			return err
		}
	case len(args) == 0:
		return usageError{errors.New("init wants the folder to begin in, such as: kcmgen init infra")}
	}
	dir := filepath.Clean(args[0])
	if o.name == "" {
		o.name = nameOf(dir)
	}
	c, err := o.cluster()
	if err != nil {
		return usageError{err}
	}
	if o.gitHook {
		if _, err := hookFile(existing(dir)); err != nil {
			return err // before anything is written
		}
	}
	if err := begin(dir, c, o.module, std); err != nil {
		return err
	}
	if o.gitHook {
		return writeHook(dir, std)
	}
	return nil
}

func nameOf(dir string) string { return strings.ToLower(filepath.Base(absolute(dir))) }

// absolute is a path from the root, where that can be told.
func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// cluster checks what the flags say.
func (o *initOptions) cluster() (starter.Cluster, error) {
	c := starter.Cluster{Name: o.name, Layout: spec.Layout(o.layout)}
	if !spec.IsName(o.name) || len(o.name) > 63 {
		return c, fmt.Errorf("%q is no name for a cluster: up to 63 lower-case letters, digits, \"-\" and \".\" (--name)", o.name)
	}
	switch c.Layout {
	case spec.Systemd, spec.StaticPod:
	case "":
		return c, errors.New("--layout is missing: systemd or staticPod")
	default:
		return c, fmt.Errorf("--layout is %q, not systemd or staticPod", o.layout)
	}
	if minor, err := parseMinor(o.version); err == nil && strings.Count(o.version, ".") == 1 {
		o.version = flags.Of(minor).Version // the patch that its data was read from
	}
	var err error
	if c.Version, err = spec.ParseVersion(o.version); err != nil {
		return c, fmt.Errorf("--version: %w", err)
	}
	if c.Nodes, err = starter.ParseNodes(o.nodes); err != nil {
		return c, fmt.Errorf("--nodes: %w", err)
	}
	return c, nil
}

// free returns an error if init couldn't begin in a folder.
func free(dir string) error {
	root, err := config.ModuleRoot(existing(dir))
	if err != nil {
		return beginnings(dir)
	}
	return unused(dir, root)
}

// begin writes the package, and the module around it where there is none.
func begin(dir string, c starter.Cluster, module string, std stdio) error {
	if root, err := config.ModuleRoot(existing(dir)); err == nil {
		return addPackage(dir, root, c, std)
	}
	if err := beginnings(dir); err != nil {
		return err
	}
	c.Package = "clusters"
	if err := config.CheckModule(module); err != nil {
		return usageError{fmt.Errorf("--module: %w", err)}
	}
	t, err := starter.Repository(module, version(), c)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, ".gitignore")); err == nil {
		t = t.Without(".gitignore")
		say(std.err, "kept %s: see to it that git ignores out/", filepath.Join(dir, ".gitignore"))
	}
	if err := disk.Plant(dir, t); err != nil {
		return err
	}
	at := filepath.Join("clusters", c.Name, starter.File)
	say(std.out, "wrote %s, and the CUE module around it", filepath.Join(dir, at))
	if dir == "." {
		say(std.err, "next: edit %s, then type: kcmgen vet", at)
	} else {
		say(std.err, "next: edit it, then type: cd %s && kcmgen vet", word(dir))
	}
	return nil
}

// addPackage writes one more package into a module.
func addPackage(dir, root string, c starter.Cluster, std stdio) error {
	if err := unused(dir, root); err != nil {
		return err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return err
	}
	for _, o := range config.Outlines(cwd, root) {
		if o.Name == c.Name {
			return &nameTakenError{o.Name, o.Dir}
		}
	}
	c.Package = starter.PackageName(filepath.Base(filepath.Dir(absolute(dir))))
	t, err := starter.Package(c)
	if err != nil {
		return err
	}
	if err := disk.Plant(dir, t); err != nil {
		return err
	}
	say(std.out, "wrote %s", filepath.Join(dir, starter.File))
	if !config.ProvidesSchema(root) {
		say(std.err, "stock cue and editors need the vocabulary too; type: kcmgen schema vendor")
	}
	say(std.err, "next: edit it, then type: kcmgen vet %s", word(folderArgument(dir)))
	return nil
}

// nameTakenError is a name that another cluster of the module has.
type nameTakenError struct{ name, dir string }

func (e *nameTakenError) Error() string {
	return fmt.Sprintf("%s has a cluster of the name %q already", e.dir, e.name)
}

// unused returns an error if a folder in a module holds something.
func unused(dir, root string) error {
	if rel, err := filepath.Rel(absolute(root), absolute(dir)); err == nil {
		for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
			if part == "cue.mod" || part != "." && part != ".." && (part[0] == '.' || part[0] == '_') {
				return fmt.Errorf("%s: CUE passes over folders like %s", dir, part)
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
		return &notEmptyError{dir, has, root}
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// folderArgument writes a folder as other commands take it.
func folderArgument(dir string) string {
	dir = filepath.ToSlash(filepath.Clean(dir))
	if dir == "." || strings.HasPrefix(dir, "../") || filepath.IsAbs(dir) {
		return dir
	}
	return "./" + dir
}

// existing is a folder, or the nearest one above it that is there.
func existing(dir string) string {
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

// notEmptyError is a folder that holds something already.
type notEmptyError struct {
	dir, has string
	module   string // the root of the CUE module it lies in, if it does
}

func (e *notEmptyError) Error() string {
	return fmt.Sprintf("%s is not empty: it has %s", e.dir, e.has)
}

// beginnings returns an error unless a folder is empty, or has no more in it
// than a new git repository.
func beginnings(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && len(entries) == 0 {
		return nil // not there yet, or for whoever writes to it to explain
	}
	for _, e := range entries {
		name := e.Name()
		if name[0] != '.' && !strings.HasPrefix(name, "README") && !strings.HasPrefix(name, "LICENSE") {
			return &notEmptyError{dir, name, ""}
		}
	}
	return err
}
