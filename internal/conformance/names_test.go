package conformance_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// startText renders the unit or pod of a cluster's first node, in memory.
func startText(t testing.TB, v *gen.Vetted) (string, error) {
	t.Helper()
	made, err := generate(t, v)
	if err != nil {
		return "", err
	}
	e, ok := made.Get("nodes/" + v.Cluster.Nodes[0].Name + v.Cluster.StartFile())
	if !ok {
		t.Fatal("there is no start file")
	}
	return string(e.Data), nil
}

func generate(t testing.TB, v *gen.Vetted) (tree.Tree, error) {
	t.Helper()
	now := time.Now()
	p, have, err := v.Plan(&outdir.State{}, now)
	if err != nil {
		return tree.Tree{}, err
	}
	programs := render.Programs{}
	for _, arch := range v.Cluster.NodeArchs() {
		programs[arch] = tree.Blob{Path: "/dev/null", SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"} // of nothing
	}
	return gen.Generate(t.Context(), p, have, programs, now, "judged")
}

// hostileNames are names or paths that must do no harm.
func hostileNames() []string {
	return []string{
		"..", ".", "", "../x", "../../x", "a/../../x", "a/..", "/etc/passwd", "/", "//", "//x", "/..", "/../x", "/a/../../../x", "/a/./b", "/a//b", "/a/", "a/b", "./a", "~", "~/x", "/~root",
		"-", "-a", "--v=9", "/-a", "/a/-b", "/a/--prune", "a b", "/a b", " ", "/ ", "a\x00b", "/a\x00b", "/a/\x00", "a\nb", "/a\nb", "/a\n/etc", "\n", "a\rb", "/a\rb", "a\tb", "/a\tb", "a\x7f", "/a\x1b[2J",
		`a\b`, `/a\b`, `\\host\share`, `C:\x`, "/C:/x", `..\x`, `/a/..\..\x`, "%2e%2e/x", "/%2e%2e/x", "%n", "/%n", "/%h/x", "$HOME", "/$HOME/x", "${HOME}", "/a:b", "/a;b", "/a|b", "/a*", "/a?", "/a[b]", "/a{b}", `/a"b`, "/a'b", "/a#b", "/a`id`", "/a$(id)",
		"ünï", "/ünï", "漢字", "/漢字", "\u202egnp.exe", "/a\u202eb", "．．/x", "/．．/x", "a\u2044b", "/a\u2215b", "\u200b", "/a\u00a0b", "/\u2025", "/e\u0301", "A", "UPPER", "a_b", "a.", ".a", "a..b", "a-", "nodes", "pki", "manifest.json", ".kcmgen.lock", ".gitignore", "con", "nul", "aux.txt",
		"/.hidden", "/...", "/..a", "/.a/..", "/a/.b", "/a/..b", "/@generation@", "/a@b", "/a,b", "/a+b", "/a=b", "/proc/self/mem", "/dev/null", "/sys/x", "/etc/kubernetes", "/etc/systemd/system", "/etc/kubernetes/kcmgen", "/etc/kubernetes/kcmgen/x", "/usr/local/bin/kube-controller-manager",
	}
}

// longNames are too long for a file system, or nearly.
func longNames() []string {
	return []string{
		strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 253), strings.Repeat("a", 256), strings.Repeat("a", 300), strings.Repeat("a", 5000), strings.Repeat("a.", 2000) + "a",
		"/" + strings.Repeat("a", 255), "/" + strings.Repeat("a", 256), strings.Repeat("/a", 3000), strings.Repeat("/abcdefg", 600), strings.Repeat("/..", 1500) + "/x",
	}
}

// hostileFields are the fields for names and paths; %s is the name.
var hostileFields = map[string]string{
	"node":       "nodes: %s: address: \"10.0.0.11\"",
	"hostname":   oneNode + "nodes: n1: hostname: %s",
	"dir":        oneNode + "paths: dir: %s",
	"ca":         oneNode + "paths: ca: %s",
	"kubeconfig": oneNode + "paths: kubeconfig: %s",
	"fixed":      oneNode + "generations: false, paths: tlsKey: %s",
	"binary":     oneNode + "paths: binary: %s",
	"programs":   oneNode + "binary: {install: true, source: amd64: {file: \"kcm\", sha256: \"" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" + "\"}}, paths: programs: %s",
	"context":    oneNode + "binary: source: amd64: file: \"kcm\", waivers: \"download-unverified\": reason: \"a test\", layout: \"staticPod\", image: copy: [\"ca\"], paths: ca: %s",
	"unit":       oneNode + "paths: unit: %s + \".service\"",
	"manifest":   oneNode + "layout: \"staticPod\", paths: manifest: %s + \".yaml\"",
	"directory":  oneNode + "paths: generations: %s",
	"work":       oneNode + "unit: Service: WorkingDirectory: %s",
	"optional":   oneNode + "unit: Service: WorkingDirectory: \"-\" + %s",
	"image":      oneNode + "binary: source: amd64: {url: \"https://x.example/a\", sha256: \"" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" + "\"}, image: {base: \"debian:12\", directories: [%s]}",
	"volume":     oneNode + "layout: \"staticPod\", pod: volumes: v: hostPath: %s",
	"use":        oneNode + "pki: profiles: %s: usages: [\"client auth\"]",
}

// TestNamesAndPaths: each hostile name is refused, or all files with it lie where they
// should.
func TestNamesAndPaths(t *testing.T) {
	packages, meant := map[string]string{}, map[string]string{}
	add := func(name, text, what string) {
		packages[name], meant[name] = text, what
	}
	for i, hostile := range append(hostileNames(), longNames()...) {
		for field, text := range hostileFields {
			// Fields of one type take turns.
			if len(field)%2 == i%2 && !slices.Contains([]string{"node", "unit", "work", "ca"}, field) {
				continue
			}
			name := fmt.Sprintf("%s%d", field, i)
			layout := "systemd"
			if strings.Contains(text, "staticPod") {
				layout = "staticPod"
				text = strings.Replace(text, "layout: \"staticPod\", ", "", 1)
			}
			add(name, cluster(name, layout, fmt.Sprintf(text, quoted(hostile))), fmt.Sprintf("%s %.60q", field, hostile))
		}
		name := fmt.Sprintf("cluster%d", i)
		add(name, cluster(hostile, "systemd", oneNode), fmt.Sprintf("cluster %.60q", hostile))
	}
	dir := module(t, packages)
	fit, refused := loadAll(t, dir)
	if len(fit)+len(refused) != len(packages) {
		t.Fatalf("%d fit and %d refused of %d", len(fit), len(refused), len(packages))
	}
	out := filepath.Join(dir, "around", "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, v := range fit {
		made, err := generate(t, v)
		if err != nil {
			t.Errorf("%s: vet lets it pass, and then: %v", meant[name], err)
			continue
		}
		for _, e := range made.Entries() {
			if err := intended(v.Cluster, e.Path); err != nil {
				t.Errorf("%s: %v", meant[name], err)
			}
		}
		if err := stage(t, out, v.Cluster.Name, made); err != nil {
			t.Errorf("%s: vet lets it pass, and then: %.150v", meant[name], err)
		}
	}
	around, err := os.ReadDir(filepath.Dir(out))
	if err != nil || len(around) != 1 {
		t.Errorf("next to out/ there is %v (%v)", around, err)
	}
	t.Logf("%d names and paths: %d refused, %d lie where they are meant to", len(packages), len(refused), len(fit))
	sampleNames(t, dir, refused, meant)
}

// intended reports whether a cluster's file may lie at a path.
func intended(c *spec.Cluster, at string) error {
	if !fs.ValidPath(at) || path.Clean(at) != at {
		return fmt.Errorf("%q can leave its directory", at)
	}
	top, rest, _ := strings.Cut(at, "/")
	if top != "nodes" {
		if !slices.Contains([]string{"pki", "image", layout.Manifest}, top) {
			return fmt.Errorf("%q has no place in a tree", at)
		}
		return nil
	}
	node, host, _ := strings.Cut(rest, "/")
	if !slices.ContainsFunc(c.Nodes, func(n spec.Node) bool { return n.Name == node }) {
		return fmt.Errorf("%q is of no node", at)
	}
	host = "/" + host
	ok := host == c.StartFile() || c.Generations && (host == c.Paths.Generations || strings.HasPrefix(host, c.Paths.Generations+"/"))
	ok = ok || c.Installs() && host == c.Paths.Programs+"/0123456789abcdef/kube-controller-manager"
	for _, r := range spec.Roles {
		ok = ok || !c.Generations && host == c.Paths.Of(r)
	}
	for _, d := range c.Unit.Service {
		ok = ok || d.Name == "WorkingDirectory" && strings.TrimSuffix(d.Value, "/") == host
	}
	if !ok {
		return fmt.Errorf("%s on host %s is nothing that the cluster names", host, node)
	}
	return nil
}

// hasty is a disk that doesn't sync.
type hasty struct{ tree.FS }

type hastyFile struct{ tree.File }

func (hastyFile) Sync() error        { return nil }
func (h hasty) SyncDir(string) error { return nil }
func (h hasty) Create(name string, mode fs.FileMode) (tree.File, error) {
	f, err := h.FS.Create(name, mode)
	return hastyFile{f}, err
}

// stage writes a tree as export does, into a directory with a name of the same length.
func stage(t testing.TB, dir, name string, made tree.Tree) error {
	t.Helper()
	d, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	return tree.Stage(hasty{d}, "."+name+".new", made)
}

// sampleNames gives every 40th refused name to the program itself.
func sampleNames(t *testing.T, dir string, refused, meant map[string]string) {
	names := make([]string, 0, len(refused))
	for name := range refused {
		names = append(names, name)
	}
	slices.Sort(names)
	for i := 0; i < len(names); i += 40 {
		r := execute(t, dir, nil, kcmgen, "export", "-o", "sample/out", "./"+names[i])
		if _, err := os.Stat(filepath.Join(dir, "sample")); r.code != 3 || err == nil {
			t.Errorf("%s: exit %d, written: %v\n%s", meant[names[i]], r.code, err == nil, r.err)
		}
	}
}
