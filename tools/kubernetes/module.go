package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
)

// version is a release of Kubernetes.
type version struct{ minor, patch int }

var versionForm = regexp.MustCompile(`^v1\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$`)

func parseVersion(s string) (version, error) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil {
		return version{}, fmt.Errorf("%w: %q is no Kubernetes version; say it with its patch, as v1.37.1", errUsage, s)
	}
	minor, _ := strconv.Atoi(m[1])
	patch, _ := strconv.Atoi(m[2])
	return version{minor, patch}, nil
}

func (v version) String() string { return fmt.Sprintf("v1.%d.%d", v.minor, v.patch) }

// staging is the version under which k8s.io/api and the like are published.
func (v version) staging() string { return fmt.Sprintf("v0.%d.%d", v.minor, v.patch) }

// raised are modules that versions up to v1.22 have too old for today's Go:
// they reach into the runtime in ways that it no longer has.
var raised = []struct{ path, version string }{
	{"github.com/json-iterator/go", "v1.1.12"},
	{"github.com/modern-go/reflect2", "v1.0.2"},
}

// stagingOf lists the modules that Kubernetes keeps in its own repository. As a
// dependency it can't use those copies; each is published as well.
func stagingOf(ref *modfile.File) []string {
	var out []string
	for _, r := range ref.Replace {
		if strings.HasPrefix(r.New.Path, "./staging/") {
			out = append(out, r.Old.Path)
		}
	}
	return out
}

// moduleFile writes the go.mod of a module in which packages of Kubernetes v
// build as they do in its own repository. ref is that repository's go.mod, and
// published the version of each module of stagingOf.
func moduleFile(ref *modfile.File, v version, published map[string]string) ([]byte, error) {
	out := &modfile.File{}
	errs := []error{out.AddModuleStmt("kubernetes.invalid")}
	if ref.Go == nil {
		return nil, fmt.Errorf("the go.mod of Kubernetes %s has no go line", v)
	}
	errs = append(errs, out.AddGoStmt(ref.Go.Version))
	for _, g := range ref.Godebug {
		errs = append(errs, out.AddGodebug(g.Key, g.Value))
	}
	errs = append(errs, out.AddRequire("k8s.io/kubernetes", v.String()))
	// Kubernetes requires its own at v0.0.0. Were they asked for here at another
	// version, Go would compile all of them once for programs and once for the
	// probe, which imports some.
	for _, r := range ref.Require {
		if published[r.Mod.Path] != "" {
			errs = append(errs, out.AddRequire(r.Mod.Path, r.Mod.Version))
		}
	}
	for _, r := range ref.Replace {
		switch to := published[r.Old.Path]; {
		case to != "":
			errs = append(errs, out.AddReplace(r.Old.Path, "", r.Old.Path, to))
		case r.New.Version == "": // a directory, which isn't part of the module
			errs = append(errs, fmt.Errorf("kubernetes %s replaces %s by %s, and no version of it is known", v, r.Old.Path, r.New.Path))
		default:
			errs = append(errs, out.AddReplace(r.Old.Path, r.Old.Version, r.New.Path, r.New.Version))
		}
	}
	if v.minor <= 22 {
		for _, m := range raised { // by replace, for their own go.mod replaces them
			errs = append(errs, out.AddReplace(m.path, "", m.path, m.version))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	out.Cleanup()
	return out.Format()
}

// module is a Kubernetes version as a Go module to compile packages in.
type module struct {
	version
	source string // k8s.io/kubernetes, in Go's module cache
	ref    *modfile.File
}

func open(ctx context.Context, v version) (*module, error) {
	m := &module{version: v}
	var found struct{ Dir, Error string }
	out, err := goTool(ctx, os.TempDir(), "mod", "download", "-json", "k8s.io/kubernetes@"+v.String())
	if jerr := json.Unmarshal(out, &found); jerr == nil && found.Error != "" {
		return nil, fmt.Errorf("kubernetes %s: %s", v, found.Error)
	}
	if err != nil {
		return nil, err
	}
	m.source = found.Dir
	text, err := os.ReadFile(filepath.Join(m.source, "go.mod"))
	if err != nil {
		return nil, err
	}
	m.ref, err = modfile.Parse("go.mod", text, nil)
	return m, err
}

// file is the go.mod to compile this version in.
func (m *module) file(ctx context.Context) ([]byte, error) {
	published, err := m.published(ctx)
	if err != nil {
		return nil, err
	}
	return moduleFile(m.ref, m.version, published)
}

// published finds the version of each staging module: that of the release, or
// the next lower patch, for a patch that changed nothing in one of them may not
// have been published there.
func (m *module) published(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	missing := stagingOf(m.ref)
	for v := m.version; len(missing) > 0; v.patch-- {
		if v.patch < 0 {
			return nil, fmt.Errorf("no patch of v0.%d is published of %s", v.minor, strings.Join(missing, ", "))
		}
		args := []string{"list", "-m", "-e", "-json=Path,Version,Error"}
		for _, path := range missing {
			args = append(args, path+"@"+v.staging())
		}
		out, err := goTool(ctx, os.TempDir(), args...)
		if err != nil {
			return nil, err
		}
		if missing, err = sortOut(out, found); err != nil {
			return nil, err
		}
		if len(missing) > 0 {
			fmt.Fprintf(os.Stderr, "no %s of %s, so the patch before it is taken\n", v.staging(), strings.Join(missing, ", "))
		}
	}
	return found, nil
}

var absent = regexp.MustCompile(`: (404 Not Found|403 Forbidden|410 Gone)|unknown revision`)

// sortOut reads what go list says of modules: found gets those that there are,
// and those that don't exist are returned. Any other fault is one, or an outage
// would choose old versions.
func sortOut(list []byte, found map[string]string) (missing []string, err error) {
	for dec := json.NewDecoder(bytes.NewReader(list)); ; {
		var m struct {
			Path, Version string
			Error         *struct{ Err string }
		}
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return missing, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list -m: %w", err)
		}
		switch {
		case m.Error == nil:
			found[m.Path] = m.Version
		case absent.MatchString(m.Error.Err):
			missing = append(missing, m.Path)
		default:
			return nil, errors.New(m.Error.Err)
		}
	}
}

// goTool runs the go command in dir and returns what it prints. Its talk goes to
// ours. What programs become must not hang on the caller's own settings.
func goTool(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its compilers
	cmd.WaitDelay = 10 * time.Second
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("go %s: %w", args[0], err)
	}
	return out, nil
}
