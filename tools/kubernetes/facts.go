package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// The probe's files; two of them are also part of this program.
//
//go:embed _probe/*.go types.go bisect.go
var probe embed.FS

// facts measures a version and writes dir/v1.NN.json.
func facts(ctx context.Context, v version, dir string) error {
	file := filepath.Join(dir, fmt.Sprintf("v1.%d.json", v.minor))
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	c, err := readCurated()
	if err != nil {
		return err
	}
	cache, err := home(v)
	if err != nil {
		return err
	}
	m, err := open(ctx, v)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "compiling kube-controller-manager %s to ask it (minutes, the first time)\n", v)
	var found Facts
	err = m.inside(ctx, cache, func(work string) error {
		if err := m.writeProbe(filepath.Join(work, "probe")); err != nil {
			return err
		}
		if err := m.compile(ctx, work, "./probe"); err != nil {
			return err
		}
		found, err = ask(ctx, filepath.Join(work, "bin", program("probe")), c.Words)
		return err
	})
	if err != nil {
		return err
	}
	if found.Version != v.String() {
		return fmt.Errorf("the probe of %s says that it is %s", v, found.Version)
	}
	if err := c.apply(&found, v.minor); err != nil {
		return err
	}
	text, err := format(&found)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d flags, %d controllers, %d feature gates\n", file, len(found.Flags), len(found.Controllers), len(found.FeatureGates))
	return replace(file, text)
}

// writeProbe writes the probe's package. It has the imports of the real program, because
// those register formats and gates.
func (m *module) writeProbe(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	imports, err := importsOf(filepath.Join(m.source, "cmd", "kube-controller-manager"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "imports.go"), imports, 0o644); err != nil {
		return err
	}
	return fs.WalkDir(probe, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := probe.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, path.Base(name)), text, 0o644)
	})
}

// importsOf returns a file with the imports of the package in dir, as blank imports.
func importsOf(dir string) ([]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("package main\n")
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		var f *ast.File
		if f, err = parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ImportsOnly); err != nil {
			return nil, err
		}
		for _, i := range f.Imports {
			fmt.Fprintf(&out, "\nimport _ %s\n", i.Path.Value)
		}
	}
	return out.Bytes(), nil
}

// ask runs the probe, which takes seconds.
func ask(ctx context.Context, program string, words map[string][]string) (f Facts, err error) {
	in, err := json.Marshal(words)
	if err != nil {
		return f, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = filepath.Dir(program)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &f)
	}
	if err != nil {
		return f, fmt.Errorf("the probe: %w\n%s", err, tail(stderr.Bytes(), 4000))
	}
	return f, nil
}

// tail returns the last n bytes of an output, which deprecated flags make long.
func tail(output []byte, n int) []byte {
	return output[max(0, len(output)-n):]
}

// replace writes a file atomically.
func replace(file string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), ".facts-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
