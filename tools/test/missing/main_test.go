package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMissing reads what go test itself prints of tests that were skipped.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.org/skips\n",
		"a.go":   "package skips\n",
		"a_test.go": `package skips

import (
	"fmt"
	"testing"
)

func TestOne(t *testing.T) {
	fmt.Println("a line of its own: with a colon")
	t.Skip("not run here: buildah (apt-get install buildah)")
}

func TestSome(t *testing.T) {
	t.Run("sub", func(t *testing.T) { t.Parallel(); t.Skip("not run here: buildah (apt-get install buildah)") })
	t.Run("root", func(t *testing.T) { t.Skip("not run here: root (sudo make test)") })
	t.Run("passes", func(t *testing.T) { t.Log("not run here: a remark") })
}

func TestShort(t *testing.T) { t.Log("first"); t.Skip("not short") }

func TestSilent(t *testing.T) { t.SkipNow() }
`,
		"none/none.go": "package none\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go test: %v\n%s", err, out)
	}
	found := skips{}
	if err := found.read(strings.NewReader(string(out))); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"not run here: buildah (apt-get install buildah): 2 tests",
		"not run here: root (sudo make test): 1 test",
		"skipped: no reason given: 1 test",
		"skipped: not short: 1 test",
	}
	if got := found.lines(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s\nof\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), out)
	}
	if err := found.read(strings.NewReader("{\"Action\":\"start\"}\nFAIL\n")); err == nil {
		t.Error("a line that is no event passes")
	}
}

// TestMuchIsRead: a test that prints 30 MB, as those do that kill programs at each of their
// calls, is read in a moment.
func TestMuchIsRead(t *testing.T) {
	line := `{"Action":"output","Package":"p","Test":"T","Output":"` + strings.Repeat("x", 100) + `\n"}` + "\n"
	skip := `{"Action":"output","Package":"p","Test":"T","Output":"not run here: root (sudo make test)\n"}` + "\n" + `{"Action":"skip","Package":"p","Test":"T"}` + "\n"
	found := skips{}
	if err := found.read(strings.NewReader(strings.Repeat(line, 300_000) + skip)); err != nil {
		t.Fatal(err)
	}
	if got := found.lines(); !slices.Equal(got, []string{"not run here: root (sudo make test): 1 test"}) {
		t.Errorf("%q", got)
	}
}
