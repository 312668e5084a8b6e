package binary

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/binarytest"
)

// program returns a program for an architecture.
func program(t *testing.T, arch string) []byte {
	t.Helper()
	data, err := binarytest.Program(arch, "a program")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// serves returns an Open that returns these bytes.
func serves(r io.Reader) Open {
	return func(context.Context, string) (io.ReadCloser, error) { return io.NopCloser(r), nil }
}

// unopened is an Open that fails the test: no URL may be opened.
func unopened(t *testing.T) Open {
	return func(_ context.Context, url string) (io.ReadCloser, error) {
		t.Errorf("it opened %s", url)
		return nil, errors.New("not here")
	}
}

const address = "https://example.com/program"

// TestMachines: a program passes for its own architecture only.
func TestMachines(t *testing.T) {
	programs := map[string][]byte{}
	for _, arch := range spec.Archs {
		programs[arch] = program(t, arch)
	}
	for built, data := range programs {
		for _, arch := range spec.Archs {
			_, _, err := Store{Dir: t.TempDir()}.Fetch(t.Context(), arch, spec.Download{URL: address, SHA256: sumOf(data)}, serves(bytes.NewReader(data)))
			var pe *ProgramError
			if fits := built == arch; fits != (err == nil) || !fits && !errors.As(err, &pe) {
				t.Errorf("a program for %s, asked for as %s: %v", built, arch, err)
			}
		}
	}
}

// TestWhole: a complete program passes, too; this test is one.
func TestWhole(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs are ELF files on Linux")
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	for _, arch := range spec.Archs {
		if err := check(self, arch); (arch == runtime.GOARCH) != (err == nil) {
			t.Errorf("a program for %s, asked for as %s: %v", runtime.GOARCH, arch, err)
		}
	}
}

// TestRefused: other files are refused, and nothing is left of them.
func TestRefused(t *testing.T) {
	good := program(t, "amd64")
	object := bytes.Clone(good)
	object[16] = 1 // ET_REL
	library := bytes.Clone(good)
	library[16] = 3 // ET_DYN, and
	clear(library[24:32])
	broken := errors.New("the line broke")
	ended, end := context.WithCancel(t.Context())
	end()
	for name, tc := range map[string]struct {
		ctx  context.Context
		sum  string
		r    io.Reader
		want string
		is   any
	}{
		"another file":    {t.Context(), strings.Repeat("0", 64), bytes.NewReader(good), "the cluster says 000", new(*SumError)},
		"half of it":      {t.Context(), sumOf(good), bytes.NewReader(good[:len(good)/2]), "the cluster says", new(*SumError)},
		"a page of HTML":  {t.Context(), sumOf([]byte("<html>")), strings.NewReader("<html>"), "it is no ELF file", new(*ProgramError)},
		"nothing":         {t.Context(), sumOf(nil), strings.NewReader(""), "it is no ELF file", new(*ProgramError)},
		"only its header": {t.Context(), sumOf(good[:20]), bytes.NewReader(good[:20]), "it is no ELF file", new(*ProgramError)},
		"an object file":  {t.Context(), sumOf(object), bytes.NewReader(object), "its ELF type is REL", new(*ProgramError)},
		"a library":       {t.Context(), sumOf(library), bytes.NewReader(library), "its ELF type is DYN", new(*ProgramError)},
		"a broken line":   {t.Context(), sumOf(good), io.MultiReader(bytes.NewReader(good[:5000]), iotest.ErrReader(broken)), "the line broke", new(*FetchError)},
		"ended":           {ended, sumOf(good), bytes.NewReader(good), "context canceled", new(*FetchError)},
		"without end":     {t.Context(), sumOf(good), endless{}, "larger than 4000000 bytes", new(*FetchError)},
	} {
		t.Run(name, func(t *testing.T) {
			s := Store{Dir: filepath.Join(t.TempDir(), "store"), Limit: 4_000_000}
			_, fetched, err := s.Fetch(tc.ctx, "amd64", spec.Download{URL: address, SHA256: tc.sum}, serves(tc.r))
			if fetched || err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), address) || !errors.As(err, tc.is) {
				t.Errorf("got %v (%T)", err, err)
			}
			if left, err := os.ReadDir(s.Dir); err != nil || len(left) > 0 {
				t.Errorf("it left %v (%v)", left, err)
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestStore: a stored program isn't fetched again, but checked again.
func TestStore(t *testing.T) {
	good := program(t, "amd64")
	s := Store{Dir: filepath.Join(t.TempDir(), "store")}
	d := spec.Download{URL: address, SHA256: sumOf(good)}
	if _, err := s.Have("amd64", d.SHA256); !errors.Is(err, ErrMissing) {
		t.Errorf("an empty store has it: %v", err)
	}
	f, fetched, err := s.Fetch(t.Context(), "amd64", d, serves(bytes.NewReader(good)))
	if err != nil || !fetched || f.SHA256 != d.SHA256 || f.Size != int64(len(good)) {
		t.Fatalf("fetched %v: %+v, %v", fetched, f, err)
	}
	if again, fetched, err := s.Fetch(t.Context(), "amd64", d, unopened(t)); err != nil || fetched || again != f {
		t.Errorf("fetched again %v: %+v, %v", fetched, again, err)
	}
	var pe *ProgramError
	if _, err := s.Have("arm64", d.SHA256); !errors.As(err, &pe) {
		t.Errorf("one checksum at two architectures: %v", err)
	}
	if err := os.WriteFile(f.Path, append(bytes.Clone(good), 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Have("amd64", d.SHA256); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "corrupt") {
		t.Errorf("a corrupt file: %v", err)
	}
	if _, fetched, err := s.Fetch(t.Context(), "amd64", d, serves(bytes.NewReader(good))); err != nil || !fetched {
		t.Errorf("fetched after it was corrupted %v: %v", fetched, err)
	}
}

// TestFiles: a file needs no checksum, and no network; a URL needs both.
func TestFiles(t *testing.T) {
	good := program(t, "amd64")
	s := Store{Dir: t.TempDir()}
	name := filepath.Join(t.TempDir(), "kcm")
	if err := os.WriteFile(name, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, _, err := s.Fetch(t.Context(), "amd64", spec.Download{File: name}, unopened(t)); err != nil || f.SHA256 != sumOf(good) {
		t.Errorf("a file without a checksum: %+v, %v", f, err)
	}
	if _, _, err := s.Fetch(t.Context(), "amd64", spec.Download{URL: address}, unopened(t)); !errors.Is(err, ErrNoChecksum) {
		t.Errorf("a URL without a checksum: %v", err)
	}
	for file, want := range map[string]string{name + "x": "no such file", t.TempDir(): "not a regular file"} {
		// Not even if the store has it: others don't have this store.
		_, _, err := s.Fetch(t.Context(), "amd64", spec.Download{File: file, SHA256: sumOf(good)}, unopened(t))
		if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestLeftovers: temporary files of a killed run are removed in time, those of a running one
// aren't, and concurrent runs don't disturb each other.
func TestLeftovers(t *testing.T) {
	good := program(t, "amd64")
	s := Store{Dir: t.TempDir()}
	dead, alive := filepath.Join(s.Dir, tempPrefix+"1"), filepath.Join(s.Dir, tempPrefix+"2")
	for _, name := range []string{dead, alive} {
		if err := os.WriteFile(name, good[:100], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(dead, time.Time{}, time.Now().Add(-2*tempAge)); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			d := spec.Download{URL: address, SHA256: sumOf(good)}
			if _, _, err := s.Fetch(t.Context(), "amd64", d, serves(bytes.NewReader(good))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	left, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	if want := []string{alive, filepath.Join(s.Dir, sumOf(good))}; err != nil || !slices.Equal(left, want) {
		t.Errorf("there are %v, not %v (%v)", left, want, err)
	}
}
