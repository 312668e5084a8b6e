package deploy

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

const generation = "0123456789abcdef"

// unitWith is a unit that binds a generation, with flags.
func unitWith(flags ...string) string {
	return "[Service]\nExecStart=/usr/local/bin/kube-controller-manager " + strings.Join(flags, " \\\n  ") +
		"\nBindReadOnlyPaths=/etc/kubernetes/kcmgen/" + generation + ":/etc/kubernetes/kcm\n"
}

func TestSet(t *testing.T) {
	read := func(p string) ([]byte, error) { return []byte(p), nil }
	for _, c := range []struct {
		name, unit      string
		healthz, lease  string
		kubeconfig, crt string // where they are read from
		sealed          bool
	}{
		{
			"ours", unitWith("--bind-address=127.0.0.1", "--kubeconfig=/etc/kubernetes/kcm/controller-manager.conf", "--tls-cert-file=/etc/kubernetes/kcm/a.crt"),
			"127.0.0.1:10257", "kube-system/kube-controller-manager",
			"/etc/kubernetes/kcmgen/" + generation + "/controller-manager.conf", "/etc/kubernetes/kcmgen/" + generation + "/a.crt", true,
		},
		{
			"by hand", "[Service]\nExecStart=/bin/kcm --kubeconfig=/etc/kcm.conf --leader-elect --secure_port=1 --bind-address=::\n",
			"127.0.0.1:1", "kube-system/kube-controller-manager", "/etc/kcm.conf", "", false,
		},
		{"another lease", unitWith("--leader-elect-resource-name=a", "--leader-elect-resource-namespace=b", "--bind-address=::1"), "[::1]:10257", "b/a", "", "", true},
		{"no election", unitWith("--leader-elect=false", "--secure-port=0"), "", "", "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := newSet(generation, []byte(c.unit), read)
			if err != nil {
				t.Fatal(err)
			}
			namespace, name, err := s.lease()
			if lease := strings.TrimSuffix(namespace+"/"+name, "/"); lease != c.lease || (err == nil) != (c.lease != "") || s.elects() != (c.lease != "") {
				t.Errorf("the lease is %q, %v", lease, err)
			}
			if got := s.healthz(); got != c.healthz {
				t.Errorf("/healthz is at %q, expected %q", got, c.healthz)
			}
			if got := string(s.kubeconfig.Reveal()); got != c.kubeconfig || string(s.serving) != c.crt || s.sealed != c.sealed {
				t.Errorf("read %q and %q, sealed %v", got, s.serving, s.sealed)
			}
		})
	}
	for _, unit := range []string{"[Service]\n", "[Service]\nExecStart=/bin/kcm $OPTIONS\n", "[Service]\nExecStart=/bin/kcm --v 2\n"} {
		if s, err := newSet("found", []byte(unit), read); err == nil || s == nil {
			t.Errorf("%q is read as %v, %v: what can't be told is an error, and the rest stays", unit, s, err)
		}
	}
}

// exportedTree is a small tree as an export writes it.
func exportedTree(t *testing.T, change func(*tree.Manifest, map[string]string)) *tree.State {
	t.Helper()
	files := map[string]string{
		"nodes/cp-1/etc/kubernetes/kcmgen/" + generation + "/ca.crt":                          "ca",
		"nodes/cp-1/etc/kubernetes/kcmgen/" + generation + "/kube-controller-manager.service": unitWith("--v=1"),
		"nodes/cp-1/etc/systemd/system/kube-controller-manager.service":                       unitWith("--v=1"),
		"nodes/cp-1/usr/local/lib/kcmgen/aa/kube-controller-manager":                          "program",
	}
	build := func() tree.Tree {
		var es []tree.Entry
		for p, data := range files {
			es = append(es, tree.Entry{Path: p, Mode: 0o644, Data: []byte(data)})
		}
		es = append(es, tree.Entry{Path: "nodes/cp-1/var/lib/kcm", Dir: true, Mode: 0o755})
		out, err := tree.New(es)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	all, err := tree.WithManifest(build(), tree.Manifest{Cluster: "c", Nodes: map[string]string{"cp-1": generation}})
	if err != nil {
		t.Fatal(err)
	}
	e, _ := all.Get(tree.ManifestName)
	m, err := tree.ParseManifest(e.Data)
	if err != nil {
		t.Fatal(err)
	}
	change(m, files)
	return &tree.State{Manifest: m, Ours: build()}
}

func aCluster() *spec.Cluster {
	return &spec.Cluster{
		Name: "c", Layout: spec.Systemd, Nodes: []spec.Node{{Name: "cp-1"}},
		Paths: spec.Paths{
			Generations: "/etc/kubernetes/kcmgen", Unit: "/etc/systemd/system/kube-controller-manager.service", Programs: "/usr/local/lib/kcmgen",
		},
	}
}

func TestWants(t *testing.T) {
	unit := "nodes/cp-1/etc/systemd/system/kube-controller-manager.service"
	wants, err := Wants(aCluster(), exportedTree(t, func(*tree.Manifest, map[string]string) {}))
	if err != nil {
		t.Fatal(err)
	}
	w := wants["cp-1"]
	home := "/etc/kubernetes/kcmgen/" + generation
	if len(w.folders) != 2 || len(w.folders[home].Entries()) != 2 || len(w.folders["/usr/local/lib/kcmgen/aa"].Entries()) != 1 || w.dirs["/var/lib/kcm"] != fs.FileMode(0o755) {
		t.Errorf("folders %v, dirs %v", w.folders, w.dirs)
	}
	for _, p := range []string{"/etc", "/etc/systemd/system", home, home + "/ca.crt", "/usr/local/lib/kcmgen/aa/kube-controller-manager", "/var/lib/kcm", "/usr/local/bin/kube-controller-manager"} {
		if !slices.Contains(w.paths(aCluster().Paths.Unit), p) {
			t.Errorf("%s isn't looked at", p)
		}
	}
	for _, c := range []struct {
		name, want string
		change     func(*tree.Manifest, map[string]string)
	}{
		{"edited", unit + " was changed since it was exported", func(_ *tree.Manifest, f map[string]string) { f[unit] += "#" }},
		{"another unit", "isn't the unit of generation", func(m *tree.Manifest, f map[string]string) {
			f[unit] = unitWith("--v=2")
			m.Files = nil
		}},
		{"a node more", "nodes/cp-1 isn't there: the cluster has the node, and its last export hadn't", func(m *tree.Manifest, _ map[string]string) { m.Nodes = nil }},
		{"no generations", "generations: false can't be deployed", func(m *tree.Manifest, _ map[string]string) { m.Nodes["cp-1"] = "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Wants(aCluster(), exportedTree(t, c.change)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, expected %q", err, c.want)
			}
		})
	}
	gone := exportedTree(t, func(*tree.Manifest, map[string]string) {})
	gone.Gone = []string{unit}
	if _, err := Wants(aCluster(), gone); !errors.As(err, new(*EditedError)) {
		t.Errorf("a file that is gone: %v", err)
	}
}

// TestDiffers: a host that has everything differs in nothing, and every one of its
// faults is named.
func TestDiffers(t *testing.T) {
	wants, err := Wants(aCluster(), exportedTree(t, func(*tree.Manifest, map[string]string) {}))
	if err != nil {
		t.Fatal(err)
	}
	w, u := wants["cp-1"], unitOf(aCluster())
	have := func() *machine {
		m := &machine{want: w, unit: u, seen: &host.Seen{Files: map[string]host.File{}}}
		for _, p := range w.paths(u.Start) {
			m.seen.Files[p] = host.File{Path: p, Type: host.Directory, Mode: "755", Owner: "root:root"}
		}
		for top, tr := range w.folders {
			if m.private(top) {
				m.seen.Files[top] = host.File{Path: top, Type: host.Directory, Mode: "700", Owner: "root:root"}
			}
			for _, e := range tr.Entries() {
				p := top + "/" + e.Path
				m.seen.Files[p] = host.File{Path: p, Type: "regular file", Mode: "644", Owner: "root:root", Size: e.Size(), SHA256: sumOf(e)}
			}
		}
		m.seen.Files[u.Start] = host.File{Path: u.Start, Type: "regular file", Mode: "644", Owner: "root:root", Size: int64(len(w.Unit)), SHA256: sumOf(tree.Entry{Data: w.Unit})}
		return m
	}
	if d := have().differs(); len(d) > 0 {
		t.Errorf("a host that has everything differs: %v", d)
	}
	if faults := have().unfitFolders(); len(faults) > 0 {
		t.Errorf("its folders are refused: %v", faults)
	}
	ca, home := u.Home+"/"+generation+"/ca.crt", u.Home+"/"+generation
	for name, c := range map[string]struct {
		path, what string
		change     func(*host.File)
	}{
		"contents":       {ca, "contents", func(f *host.File) { f.SHA256 = "0" }},
		"size":           {ca, "contents", func(f *host.File) { f.Size, f.SHA256 = 1, "" }},
		"mode":           {ca, "mode", func(f *host.File) { f.Mode = "666" }},
		"owner":          {u.Start, "owner", func(f *host.File) { f.Owner = "nobody:root" }},
		"a link":         {u.Start, "type", func(f *host.File) { f.Type = host.Link }},
		"missing":        {ca, "", func(f *host.File) { f.Type = host.Missing }},
		"an open folder": {home, "mode", func(f *host.File) { f.Mode = "755" }},
	} {
		m := have()
		f := m.seen.Files[c.path]
		c.change(&f)
		m.seen.Files[c.path] = f
		d := m.differs()
		if len(d) != 1 || d[0].Path != c.path || strings.Join(d[0].What, " ") != c.what {
			t.Errorf("%s: %+v, expected %s of %s", name, d, c.what, c.path)
		}
	}
	for name, change := range map[string]func(*host.File){
		"a link":         func(f *host.File) { f.Type = host.Link },
		"others' folder": func(f *host.File) { f.Owner = "ops:ops" },
		"open to others": func(f *host.File) { f.Mode = "777" },
	} {
		m := have()
		f := m.seen.Files["/etc/kubernetes"]
		change(&f)
		m.seen.Files["/etc/kubernetes"] = f
		if faults := m.unfitFolders(); len(faults) != 1 || !strings.Contains(faults[0].Error(), "/etc/kubernetes ") {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

func TestRank(t *testing.T) {
	steps := []Step{{Node: "leader", Leader: true}, {Node: "standby"}, {Node: "broken", Unwell: "it is dead"}}
	slices.SortStableFunc(steps, func(a, b Step) int { return a.rank() - b.rank() })
	if got := steps[0].Node + " " + steps[1].Node + " " + steps[2].Node; got != "broken standby leader" {
		t.Errorf("the order is %s", got)
	}
}

func TestFits(t *testing.T) {
	want := spec.Version{Minor: 37, Patch: 1}
	for says, ok := range map[string]bool{
		"Kubernetes v1.37.1": true, "Kubernetes v1.37.9": true, "Kubernetes v1.37.0+k3s1": true,
		"Kubernetes v1.36.9": false, "v1.37.1": false, "": false, "hello": false,
	} {
		if err := fits("/bin/kcm", says, want); (err == nil) != ok {
			t.Errorf("%q: %v", says, err)
		}
	}
}

// TestLostModes: a tree that came by git or an archive has the modes it was exported
// with, not those that it has here.
func TestLostModes(t *testing.T) {
	const file = "ca.crt"
	wants, err := Wants(aCluster(), exportedTree(t, func(m *tree.Manifest, _ map[string]string) {
		for i := range m.Files {
			if path.Base(m.Files[i].Path) == file {
				m.Files[i].Mode = "0440"
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	e, ok := wants["cp-1"].folders["/etc/kubernetes/kcmgen/"+generation].Get(file)
	if !ok || e.Mode != 0o440 {
		t.Errorf("%s has mode %o", file, e.Mode)
	}
	if _, err := Wants(aCluster(), exportedTree(t, func(m *tree.Manifest, _ map[string]string) { m.Files[0].Mode = "rw-" })); err == nil {
		t.Error("a mode that is none is taken")
	}
}
