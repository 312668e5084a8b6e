package outdir_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/treetest"
)

func TestParseManifest(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"the least", `{"schema":1}`, ""},
		{"a file", `{"schema":1,"files":[{"path":"a/b","mode":"0644","size":1}]}`, ""},
		{"what it doesn't know", `{"schema":1,"colour":"red"}`, ""},
		{"nothing", ``, "not a manifest of kcmgen: unexpected end of JSON input"},
		{"a torn one", `{"schema":1,"fil`, "not a manifest of kcmgen: unexpected end of JSON input"},
		{"another program's", `{"name":"app"}`, "not a manifest of kcmgen: schema is 0"},
		{"an old mistake", `{"schema":-1}`, "not a manifest of kcmgen: schema is -1"},
		{"a newer one", `{"schema":2,"files":{"a":1}}`, "the manifest has schema 2, written by a newer kcmgen; this one knows 1"},
		{"another type", `{"schema":1,"files":"x"}`, "not a manifest of kcmgen: json: cannot unmarshal"},
		{"a list", `[]`, "not a manifest of kcmgen: json: cannot unmarshal"},
	} {
		m, err := outdir.ParseManifest([]byte(c.text))
		switch {
		case c.want == "" && (err != nil || m == nil):
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
			t.Errorf("%s: %v", c.name, err)
		}
	}
	var newer *outdir.NewerSchemaError
	if _, err := outdir.ParseManifest([]byte(`{"schema":7}`)); !errors.As(err, &newer) || newer.Schema != 7 {
		t.Errorf("%v", err)
	}
	for _, p := range treetest.HostilePaths {
		data, err := json.Marshal(map[string]any{"schema": 1, "files": []any{map[string]string{"path": p}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := outdir.ParseManifest(data); err == nil {
			t.Errorf("a manifest with %q is read", p)
		}
	}
}

func TestWithManifest(t *testing.T) {
	all, err := outdir.WithManifest(newTree(t, secret("pki/a.key", "the key"), file("b", "<&>\u2028"), dir("d")), outdir.Manifest{
		Kcmgen: "v1", Cluster: "demo", Kubernetes: "v1.37.1", Nodes: map[string]string{"n2": "b", "n1": "a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, ok := all.Get(layout.Manifest)
	if !ok || e.Mode != 0o644 || e.IsSecret() {
		t.Fatalf("%v, %v", e, ok)
	}
	sum := sha256.Sum256([]byte("<&>\u2028"))
	want := `{
  "schema": 1,
  "kcmgen": "v1",
  "cluster": "demo",
  "kubernetes": "v1.37.1",
  "nodes": {
    "n1": "a",
    "n2": "b"
  },
  "files": [
    {"path":"b","mode":"0644","size":7,"sha256":"` + hex.EncodeToString(sum[:]) + `"},
    {"path":"d","mode":"0755","dir":true,"size":0},
    {"path":"pki/a.key","mode":"0600","secret":true,"size":7}
  ]
}
`
	if string(e.Data) != strings.Replace(want, `"size":7,"sha`, `"size":6,"sha`, 1) {
		t.Errorf("got\n%s", e.Data)
	}
	m, err := outdir.ParseManifest(e.Data)
	if err != nil || m.Schema != 1 || m.Cluster != "demo" || m.Nodes["n2"] != "b" || len(m.Files) != 3 || !m.Files[2].Secret || m.Files[2].SHA256 != "" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := outdir.WithManifest(all, outdir.Manifest{}); err == nil {
		t.Error("a tree takes two manifests")
	}
}

func TestWithManifestOfNothing(t *testing.T) {
	all, err := outdir.WithManifest(tree.Tree{}, outdir.Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := outdir.ParseManifest(all.Entries()[0].Data); err != nil || len(m.Files) != 0 {
		t.Errorf("%+v, %v\n%s", m, err, all.Entries()[0].Data)
	}
}
