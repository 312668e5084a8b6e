package plan

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

const generation = "0123456789abcdef"

// unitWith is a unit that binds a generation, with flags.
func unitWith(flags ...string) string {
	return "[Service]\nExecStart=/usr/local/bin/kube-controller-manager " + strings.Join(flags, " \\\n  ") +
		"\nBindReadOnlyPaths=/etc/kubernetes/kcmgen/" + generation + ":/etc/kubernetes/kcm\n"
}

func TestParseConfig(t *testing.T) {
	read := func(p string, _ bool) ([]byte, error) { return []byte(p), nil }
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
			s, err := ParseConfig(Unit{}, generation, []byte(c.unit), read)
			if err != nil {
				t.Fatal(err)
			}
			namespace, name, err := s.Lease()
			if lease := strings.TrimSuffix(namespace+"/"+name, "/"); lease != c.lease || (err == nil) != (c.lease != "") || s.Elects() != (c.lease != "") {
				t.Errorf("the lease is %q, %v", lease, err)
			}
			if got := s.HealthzAddress(); got != c.healthz {
				t.Errorf("/healthz is at %q, expected %q", got, c.healthz)
			}
			if got := string(s.Kubeconfig.Reveal()); got != c.kubeconfig || string(s.Serving) != c.crt || s.Bound != c.sealed {
				t.Errorf("read %q and %q, sealed %v", got, s.Serving, s.Bound)
			}
		})
	}
	for _, unit := range []string{"[Service]\n", "[Service]\nExecStart=/bin/kcm $OPTIONS\n", "[Service]\nExecStart=/bin/kcm --v 2\n"} {
		if s, err := ParseConfig(Unit{}, "found", []byte(unit), read); err == nil || s == nil {
			t.Errorf("%q is read as %v, %v: what can't be parsed is an error, and the rest stays", unit, s, err)
		}
	}
}

// exportedTree returns a small exported tree, after a change to its manifest and files.
func exportedTree(t *testing.T, change func(*outdir.Manifest, map[string]string)) *outdir.State {
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
	all, err := outdir.WithManifest(build(), outdir.Manifest{Cluster: "c", Nodes: map[string]string{"cp-1": generation}})
	if err != nil {
		t.Fatal(err)
	}
	e, _ := all.Get(layout.Manifest)
	m, err := outdir.ParseManifest(e.Data)
	if err != nil {
		t.Fatal(err)
	}
	change(m, files)
	return &outdir.State{Manifest: m, Ours: build()}
}

func aCluster() *spec.Cluster {
	return &spec.Cluster{
		Name: "c", Layout: spec.Systemd, Nodes: []spec.Node{{Name: "cp-1"}},
		Paths: spec.Paths{
			Generations: "/etc/kubernetes/kcmgen", Unit: "/etc/systemd/system/kube-controller-manager.service", Programs: "/usr/local/lib/kcmgen",
		},
	}
}

func TestReadDesired(t *testing.T) {
	unit := "nodes/cp-1/etc/systemd/system/kube-controller-manager.service"
	desired, err := ReadDesired(aCluster(), exportedTree(t, func(*outdir.Manifest, map[string]string) {}))
	if err != nil {
		t.Fatal(err)
	}
	w := desired["cp-1"]
	home := "/etc/kubernetes/kcmgen/" + generation
	if len(w.Trees) != 2 || len(w.Trees[home].Entries()) != 2 || len(w.Trees["/usr/local/lib/kcmgen/aa"].Entries()) != 1 || w.Dirs["/var/lib/kcm"] != fs.FileMode(0o755) {
		t.Errorf("directories %v, dirs %v", w.Trees, w.Dirs)
	}
	for _, p := range []string{"/etc", "/etc/systemd/system", home, home + "/ca.crt", "/usr/local/lib/kcmgen/aa/kube-controller-manager", "/var/lib/kcm", "/usr/local/bin/kube-controller-manager"} {
		if !slices.Contains(w.Paths(UnitOf(aCluster())), p) {
			t.Errorf("%s isn't looked at", p)
		}
	}
	for _, c := range []struct {
		name, want string
		change     func(*outdir.Manifest, map[string]string)
	}{
		{"edited", unit + " was changed since it was exported", func(_ *outdir.Manifest, f map[string]string) { f[unit] += "#" }},
		{"another unit", "isn't the unit of generation", func(m *outdir.Manifest, f map[string]string) {
			f[unit] = unitWith("--v=2")
			m.Files = nil
		}},
		{"a node more", "nodes/cp-1 isn't there: the cluster has the node, and its last export hadn't", func(m *outdir.Manifest, _ map[string]string) { m.Nodes = nil }},
		{"no generations", "generations: false can't be deployed", func(m *outdir.Manifest, _ map[string]string) { m.Nodes["cp-1"] = "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := ReadDesired(aCluster(), exportedTree(t, c.change)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, expected %q", err, c.want)
			}
		})
	}
	gone := exportedTree(t, func(*outdir.Manifest, map[string]string) {})
	gone.Gone = []string{unit}
	if _, err := ReadDesired(aCluster(), gone); !errors.As(err, new(*EditedError)) {
		t.Errorf("a file that is gone: %v", err)
	}
}

// TestFileDifferences: a host that is in sync has no differences, and each fault is named.
func TestFileDifferences(t *testing.T) {
	desired, err := ReadDesired(aCluster(), exportedTree(t, func(*outdir.Manifest, map[string]string) {}))
	if err != nil {
		t.Fatal(err)
	}
	w, u := desired["cp-1"], UnitOf(aCluster())
	have := func() *Host {
		m := &Host{Desired: w, Unit: u, Snapshot: &Snapshot{Files: map[string]File{}}}
		for _, p := range w.Paths(u) {
			m.Snapshot.Files[p] = File{Path: p, Type: Directory, Mode: "755", Owner: "root:root"}
		}
		for top, tr := range w.Trees {
			if m.holdsSecrets(top) {
				m.Snapshot.Files[top] = File{Path: top, Type: Directory, Mode: "700", Owner: "root:root"}
			}
			for _, e := range tr.Entries() {
				p := top + "/" + e.Path
				m.Snapshot.Files[p] = File{Path: p, Type: "regular file", Mode: "644", Owner: "root:root", Size: e.Size(), SHA256: e.Sum()}
			}
		}
		m.Snapshot.Files[u.File] = File{Path: u.File, Type: "regular file", Mode: "644", Owner: "root:root", Size: int64(len(w.Unit)), SHA256: tree.Entry{Data: w.Unit}.Sum()}
		return m
	}
	if d := have().fileDifferences(); len(d) > 0 {
		t.Errorf("a host that has everything differs: %v", d)
	}
	if faults := have().unfitDirectories(); len(faults) > 0 {
		t.Errorf("its directories are refused: %v", faults)
	}
	ca, home := u.GenerationsDir+"/"+generation+"/ca.crt", u.GenerationsDir+"/"+generation
	for name, c := range map[string]struct {
		path, what string
		change     func(*File)
	}{
		"contents":          {ca, "contents", func(f *File) { f.SHA256 = "0" }},
		"size":              {ca, "contents", func(f *File) { f.Size, f.SHA256 = 1, "" }},
		"mode":              {ca, "mode", func(f *File) { f.Mode = "666" }},
		"owner":             {u.File, "owner", func(f *File) { f.Owner = "other:root" }},
		"a link":            {u.File, "type", func(f *File) { f.Type = Link }},
		"missing":           {ca, "", func(f *File) { f.Type = Missing }},
		"an open directory": {home, "mode", func(f *File) { f.Mode = "755" }},
	} {
		m := have()
		f := m.Snapshot.Files[c.path]
		c.change(&f)
		m.Snapshot.Files[c.path] = f
		d := m.fileDifferences()
		if len(d) != 1 || d[0].Path != c.path || strings.Join(d[0].What, " ") != c.what {
			t.Errorf("%s: %+v, expected %s of %s", name, d, c.what, c.path)
		}
	}
	for name, change := range map[string]func(*File){
		"a link":            func(f *File) { f.Type = Link },
		"others' directory": func(f *File) { f.Owner = "ops:ops" },
		"open to others":    func(f *File) { f.Mode = "777" },
	} {
		m := have()
		f := m.Snapshot.Files["/etc/kubernetes"]
		change(&f)
		m.Snapshot.Files["/etc/kubernetes"] = f
		if faults := m.unfitDirectories(); len(faults) != 1 || !strings.Contains(faults[0].Error(), "/etc/kubernetes ") {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

func TestRank(t *testing.T) {
	steps := []Step{{Node: "leader", Leader: true}, {Node: "standby"}, {Node: "broken", Unhealthy: "it is dead"}}
	slices.SortStableFunc(steps, func(a, b Step) int { return a.rank() - b.rank() })
	if got := steps[0].Node + " " + steps[1].Node + " " + steps[2].Node; got != "broken standby leader" {
		t.Errorf("the order is %s", got)
	}
}

// TestLostModes: a tree that came from git or an archive is used with the modes of its
// manifest, not those on this disk.
func TestLostModes(t *testing.T) {
	const file = "ca.crt"
	desired, err := ReadDesired(aCluster(), exportedTree(t, func(m *outdir.Manifest, _ map[string]string) {
		for i := range m.Files {
			if path.Base(m.Files[i].Path) == file {
				m.Files[i].Mode = "0440"
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	e, ok := desired["cp-1"].Trees["/etc/kubernetes/kcmgen/"+generation].Get(file)
	if !ok || e.Mode != 0o440 {
		t.Errorf("%s has mode %o", file, e.Mode)
	}
	if _, err := ReadDesired(aCluster(), exportedTree(t, func(m *outdir.Manifest, _ map[string]string) { m.Files[0].Mode = "rw-" })); err == nil {
		t.Error("a mode that is none is taken")
	}
}

func TestUnitChanges(t *testing.T) {
	was := &Config{Unit: []byte("# of 11\n[Service]\nExecStart=/bin/kcm \\\n  --v=2\nNice=1\nBindReadOnlyPaths=/home/1111111111111111:/etc/kcm\nEnvironment=A=1 \\\n  B=2\n")}
	want := &Config{Unit: []byte("# of 22\n[Service]\nExecStart=/bin/kcm \\\n  --v=3\nBindReadOnlyPaths=/home/2222222222222222:/etc/kcm\nEnvironment=A=1 \\\n  B=3\nNice=2\n")}
	expected := []string{"- Nice=1", "- Environment=…", "+ Environment=…", "+ Nice=2"}
	if got := unitChanges(was, want); !slices.Equal(got, expected) {
		t.Errorf("%q, expected %q", got, expected)
	}
	was.Generation = "found-0123456789ab" // not kcmgen's
	if got := unitChanges(was, want); !slices.Equal(got, []string{"- Nice=…", "- Environment=…", "+ Environment=…", "+ Nice=2"}) {
		t.Errorf("%q", got)
	}
	if got := unitChanges(was, was); len(got) > 0 {
		t.Errorf("nothing changes, and it says %q", got)
	}
	if got := unitChanges(nil, want); len(got) > 0 {
		t.Errorf("without a previous unit: %q", got)
	}
}

// TestCheckNames: two hosts with the same hostname are refused.
func TestCheckNames(t *testing.T) {
	for _, c := range []struct {
		names map[string]string
		says  string
	}{
		{map[string]string{"cp-1": "a", "cp-2": "b"}, ""},
		{map[string]string{"cp-1": "", "cp-2": ""}, ""}, // not known
		{map[string]string{"cp-1": "a", "cp-2": "b", "cp-3": "a"}, `cp-1 and cp-3 have one hostname, "a"`},
	} {
		err := checkNames(c.names)
		if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.names, err)
		}
	}
}

// TestHolder: the leader is the host whose kernel has the holder's hostname, whatever the
// other hosts are called in the cluster.
func TestHolder(t *testing.T) {
	o := &Observation{}
	for _, h := range [][3]string{{"cp-1", "cp-1", "cp-2"}, {"cp-2", "cp-2", "cp-1"}, {"cp-3", "old-3", "new-3"}} {
		o.Hosts = append(o.Hosts, &Host{Node: h[0], ClusterHostname: h[1], Snapshot: &Snapshot{HostInfo: HostInfo{Name: h[2]}}})
	}
	for name, want := range map[string]string{"cp-1": "cp-2", "cp-2": "cp-1", "new-3": "cp-3", "old-3": "cp-3", "cp-3": "", "": ""} {
		got := ""
		o.Leader = Leader{Holder: name + "_1", Hostname: name}
		if h := o.leader(); h != nil {
			got = h.Node
		}
		if got != want {
			t.Errorf("%q is %q, expected %q", name, got, want)
		}
	}
}

// TestReleasesLease: feature gates decide whether a lease is released on exit.
func TestReleasesLease(t *testing.T) {
	for gates, want := range map[string]bool{
		"":                        false,
		releaseGate + "=true":     true,
		releaseGate + "=false":    false,
		"AllAlpha=true":           true,
		"AllAlpha=false":          false,
		"AllBeta=true":            false,
		"A=true, AllAlpha = True": true,
		"AllAlpha=true," + releaseGate + "=false": false,
		"AllAlpha=false," + releaseGate + "=true": true,
	} {
		s := &Config{flags: map[string]string{"feature-gates": gates}}
		if got := s.ReleasesLease(); got != want {
			t.Errorf("%q: %v", gates, got)
		}
	}
}
