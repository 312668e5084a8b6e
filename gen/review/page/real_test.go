package page_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/page"
	"github.com/kcmgen/kcmgen/internal/browser"
	"github.com/kcmgen/kcmgen/internal/need"
)

// real is a cluster with an embedded file, whose text is in no page.
const real = `@extern(embed)
package prod

import "github.com/kcmgen/kcmgen/schemas/v1_36"

_name: string @embed(file=name.txt,type=text)

cluster: v1_36.#Cluster & {
	name:    "prod"
	version: "v1.36.1"
	layout:  "systemd"
	nodes: {
		"cp-1": address: "10.0.0.11"
		"cp-2": address: "10.0.0.12"
		"cp-3": {address: "10.0.0.13", layout: "staticPod"}
	}
	networks: {
		pods: ["10.200.0.0/16"]
		services: ["10.32.0.0/16"]
		nodes: ["10.0.0.0/24"]
	}
	apiserver: flags: "service-cluster-ip-range": "10.32.0.0/16"
	flags: "cluster-name": _name
}
`

const canary = "canary-of-an-embedded-file"

// described returns clusters as kcmgen reads them from CUE.
func described(t *testing.T, text string) []*review.Cluster {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{
		"cue.mod/module.cue": "module: \"example.org/clusters@v0\"\nlanguage: version: \"v0.15.0\"\n",
		"prod/cluster.cue":   text, "prod/name.txt": canary,
	} {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	res, err := config.Load(context.Background(), dir, []string{"./prod"}, config.Options{})
	if err != nil || len(res.Clusters) != 1 {
		t.Fatalf("%v, %+v", err, res)
	}
	d, err := review.Describe(res.Clusters[0], review.Places{Root: dir, Cwd: dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return []*review.Cluster{d.Cluster}
}

// TestReal: clusters in CUE, compared by Compare. Each change that Compare finds is on the
// page, and nothing from an embedded file.
func TestReal(t *testing.T) {
	old := described(t, real)
	now := described(t, strings.NewReplacer("10.200.0.0/16", "10.192.0.0/12", `"cp-2": address: "10.0.0.12"`, `"cp-9": address: "10.0.0.19"`,
		`flags: "cluster-name": _name`, `flags: {"cluster-name": _name, "node-monitor-grace-period": "20s"}`, "v1.36.1", "v1.36.2").Replace(real))
	d := review.Compare(&review.Sources{Side: review.Side{Name: "main"}, Clusters: old}, &review.Sources{Side: review.Side{Name: "HEAD"}, Clusters: now}, nil)
	if len(d.Clusters) != 1 || len(d.Clusters[0].Changes) < 5 {
		t.Fatalf("Compare finds %+v", d.Clusters)
	}
	got := write(t, d, nil, page.Options{})
	for _, c := range d.Clusters[0].Changes {
		name := c.Name
		if c.Kind == review.OfFlag {
			name = "--" + name
		}
		if !bytes.Contains(got, []byte("<strong><code>"+strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(name)+"</code>")) {
			t.Errorf("%s %s isn't on the page", c.Kind, c.Name)
		}
	}
	for _, want := range []string{"cp-9", "10.192.0.0/12", "+</span><span class=\"away\">after</span> <code>20s</code>", "spec.", "[Service]"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	state := write(t, nil, now, page.Options{})
	for _, page := range [][]byte{got, state} {
		if bytes.Contains(page, []byte(canary)) || bytes.Contains(page, []byte("PRIVATE KEY")) {
			t.Error("the page has something from an embedded file, or a key")
		}
	}
	axe := need.Axe(t, repository)
	p := browser.Open(t)
	for name, data := range map[string][]byte{"difference": got, "state": state} {
		p.Screen(phone, 800, "light")
		at := saved(t, data)
		p.Load(at)
		quiet(t, p, at)
		p.Eval(`document.querySelectorAll('details').forEach(d => { d.open = true })`, nil)
		fits(t, p, name)
		judge(t, p, axe, name)
	}
	if dir := os.Getenv("KCMGEN_PAGES"); dir != "" {
		p.Screen(1160, 800, "light")
		p.Load(saved(t, got))
		if err := os.WriteFile(filepath.Join(dir, "real.png"), p.Picture(0, 1160, 3400), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
