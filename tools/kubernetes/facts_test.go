package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// committed reads the committed facts, by minor version.
func committed(t *testing.T) map[int][]byte {
	t.Helper()
	out := map[int][]byte{}
	for minor := 20; ; minor++ {
		text, err := os.ReadFile(fmt.Sprintf("../../gen/flags/data/v1.%d.json", minor))
		if errors.Is(err, fs.ErrNotExist) && minor > 37 {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out[minor] = text
	}
}

func decode(t *testing.T, text []byte) *Facts {
	t.Helper()
	f := &Facts{}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(f); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFormat: formatting the committed facts again changes nothing.
func TestFormat(t *testing.T) {
	for minor, text := range committed(t) {
		got, err := format(decode(t, text))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, text) {
			t.Errorf("v1.%d comes out differently", minor)
		}
	}
	const tricky = `{"a":"b,\":c\\","d":[1,2]}`
	if got := string(spaced([]byte(tricky))); got != `{"a": "b,\":c\\", "d": [1, 2]}` {
		t.Error(got)
	}
}

// TestCurated: the data of every version has the curated facts, and they overwrite no
// measured ones.
func TestCurated(t *testing.T) {
	c, err := readCurated()
	if err != nil {
		t.Fatal(err)
	}
	for minor, text := range committed(t) {
		f, applied := decode(t, text), 0
		for _, a := range c.Allowed {
			for i := range f.Flags {
				if f.Flags[i].Name == a.Flag && a.From <= minor && minor <= a.To {
					f.Flags[i].Allowed, f.Flags[i].AllowedWithGate = nil, nil
					applied++
				}
			}
			if a.Why == "" || a.From > a.To {
				t.Errorf("%+v", a)
			}
		}
		if err := c.apply(f, minor); err != nil {
			t.Error(err)
		}
		if got, err := format(f); err != nil || !bytes.Equal(got, text) {
			t.Errorf("v1.%d: %d curated values, and the data has others (%v)", minor, applied, err)
		}
		if err := c.apply(f, minor); (err != nil) != (applied > 0) {
			t.Errorf("v1.%d: curated over measured values: %v", minor, err)
		}
	}
	if err := c.apply(&Facts{}, 20); err == nil {
		t.Error("a flag that isn't there has curated values")
	}
}

func TestBound(t *testing.T) {
	for _, want := range []int64{0, 1, -1, 50, 1000, 65535, math.MaxInt32 - 1} {
		least := func(n int64) bool { return n >= -want }
		most := func(n int64) bool { return n <= want }
		if got, ok := bound(want+5, math.MinInt64/2, least); !ok || got != -want {
			t.Errorf("at least %d: %d, %v", -want, got, ok)
		}
		if got, ok := bound(want-5, math.MaxInt64/2, most); !ok || got != want {
			t.Errorf("at most %d: %d, %v", want, got, ok)
		}
	}
	if got, ok := bound(5, math.MaxInt32, func(int64) bool { return true }); ok {
		t.Errorf("everything is taken up to %d", got)
	}
}

func TestImportsOf(t *testing.T) {
	text, err := importsOf(".")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\nimport _ \"golang.org/x/mod/modfile\"\n") || strings.Contains(string(text), "testing") {
		t.Error(string(text))
	}
}

// TestBuilt: existing programs are not built again, with any command line; a wrong name
// is an error before anything is fetched.
func TestBuilt(t *testing.T) {
	t.Setenv("KCMGEN_CACHE", t.TempDir())
	t.Setenv("PATH", "") // no go
	dir, err := home(version{37, 1})
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	if err := errors.Join(os.Mkdir(bin, 0o755), os.WriteFile(filepath.Join(bin, program("kubectl")), nil, 0o755)); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if got, err := build(ctx, version{37, 1}, []string{"kubectl"}); got != bin || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, programs := range [][]string{{"kubectl", "kubelet"}, {"kubelet"}} {
		if _, err := build(ctx, version{37, 1}, programs); err == nil || errors.Is(err, errUsage) {
			t.Errorf("%q without go: %v", programs, err)
		}
	}
	for _, args := range []string{
		"", "build", "build v1.37.1", "build v1.37 kubectl", "build v1.37.1 ../kubectl", "build -o x v1.37.1 kubectl",
		"facts", "facts 1.37.1", "facts v1.37.1 v1.36.0", "facts -x v1.37.1", "fact v1.37.1",
	} {
		if err := run(ctx, strings.Fields(args)); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run(ctx, []string{"facts", "v1.37.1", "-o", filepath.Join(dir, "none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("facts into no directory: %v", err)
	}
}

// TestInside: the scratch directory is removed at the end, and go.mod and go.sum are
// kept unless the run failed.
func TestInside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m := &module{version: version{37, 1}}
	find := func(fault error) error {
		return m.inside(context.Background(), dir, func(work string) error {
			return errors.Join(fault,
				os.WriteFile(filepath.Join(work, "go.mod"), []byte("module b\n"), 0o644),
				os.WriteFile(filepath.Join(work, "go.sum"), nil, 0o644))
		})
	}
	for _, step := range []struct {
		fault error
		want  string
	}{{errors.New("no room"), "a"}, {nil, "b"}} {
		if err := find(step.fault); !errors.Is(err, step.fault) {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err != nil || string(text) != "module "+step.want+"\n" {
			t.Errorf("go.mod is %q (%v)", text, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".work-*")); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	}
}
