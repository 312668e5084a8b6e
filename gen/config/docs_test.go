package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/config"
)

// module makes a CUE module with the schema and one cluster package.
func module(t testing.TB, cluster string) string {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"cue.mod", "schemas"} {
		if err := os.CopyFS(filepath.Join(dir, sub), os.DirFS(filepath.Join("../..", sub))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "c", "cluster.cue"), cluster)
	return dir
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const header = `package c

import "github.com/kcmgen/kcmgen/schemas/v1_37"

cluster: v1_37.#Cluster & {
	name:    "doc"
	version: "v1.37.1"
	layout:  "systemd"
	nodes: "doc-1": address: "10.0.0.99"
%s
}
`

// asCluster completes a block to a package: the block is a whole file, its field
// cluster, or fields inside that.
func asCluster(block string) string {
	switch {
	case strings.HasPrefix(block, "package schemas\n"):
		return fmt.Sprintf(header, "")
	case regexp.MustCompile(`(?m)^package `).MatchString(block):
		return block
	case strings.HasPrefix(block, "cluster:"):
		return "package c\n\nimport \"github.com/kcmgen/kcmgen/schemas/v1_37\"\n\n" + block
	}
	return fmt.Sprintf(header, block)
}

// TestDocumentedCUE: every CUE block of the documentation is valid.
func TestDocumentedCUE(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```cue\n(.*?)```")
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(docs) < 3 {
		t.Fatalf("docs/*.md matches %d files (%v)", len(docs), err)
	}
	n := 0
	for _, doc := range append(docs, "../../README.md") {
		data, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range blocks.FindAllStringSubmatch(string(data), -1) {
			if strings.Contains(m[1], "…") {
				continue // a template
			}
			n++
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(doc), n), func(t *testing.T) {
				text := asCluster(m[1])
				dir := module(t, text)
				if strings.HasPrefix(m[1], "package schemas\n") { // a site's own constraints
					write(t, filepath.Join(dir, "schemas", "site.cue"), m[1])
				}
				res, err := config.Load(t.Context(), dir, []string{"./c"}, config.Options{})
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range res.Findings {
					t.Errorf("%s: %s (%s)\n%s", f.Pos, f.Message, f.Expected, text)
				}
			})
		}
	}
	if n < 8 {
		t.Fatalf("only %d blocks found", n)
	}
}
