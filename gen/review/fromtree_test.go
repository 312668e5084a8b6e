package review

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/tree"
)

const (
	oldGeneration = "0123456789abcdef"
	newGeneration = "fedcba9876543210"
	homeOf        = "nodes/cp-1/etc/kubernetes/kcmgen/"
	unitAt        = "nodes/cp-1/etc/systemd/system/kcm.service"
)

// exportedUnit is a tree of one host with a unit.
func exportedUnit(t testing.TB, generation string, flags ...string) Exported {
	t.Helper()
	unit := "# Written by kcmgen\n[Service]\nExecStart=/usr/local/bin/kcm \\\n  " + strings.Join(flags, " \\\n  ") +
		"\nRestart=always\nBindReadOnlyPaths=/etc/kubernetes/kcmgen/" + generation + ":/etc/kcm\n"
	kubeconfig := "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n" +
		"clusters: [{name: c, cluster: {server: 'https://10.0.0.11:6443'}}]\nusers: [{name: u, user: {client-key-data: CANARY}}]\n"
	made, err := tree.New([]tree.Entry{
		{Path: homeOf + generation, Dir: true, Mode: 0o700, Owner: "root:root"},
		{Path: homeOf + generation + "/ca.crt", Mode: 0o644, Data: []byte("a certificate")},
		{Path: homeOf + generation + "/kcm.conf", Mode: 0o600, Secret: keys.NewSecret([]byte(kubeconfig))},
		{Path: homeOf + generation + "/kcm.service", Mode: 0o644, Data: []byte(unit)},
		{Path: unitAt, Mode: 0o644, Data: []byte(unit)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return Exported{Cluster: "prod", Kubernetes: "v1.37.1", Generations: map[string]string{"cp-1": generation}, Tree: made, Program: "/kcm"}
}

// changed returns an exported tree with another entry in place of the one at its path.
func changed(t testing.TB, x Exported, at string, edit func(*tree.Entry)) Exported {
	t.Helper()
	es := slices.Clone(x.Tree.Entries())
	i := slices.IndexFunc(es, func(e tree.Entry) bool { return e.Path == at })
	if i < 0 {
		t.Fatalf("there is no %s", at)
	}
	edit(&es[i])
	var err error
	if x.Tree, err = tree.New(es); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestFromTree(t *testing.T) {
	c := FromTree(exportedUnit(t, oldGeneration, "--v=4", "--profiling=false"))
	if len(c.Nodes) != 1 {
		t.Fatalf("%d nodes", len(c.Nodes))
	}
	n := c.Nodes[0]
	want := []Flag{{Name: "profiling", Value: "false"}, {Name: "v", Value: "4"}}
	if d := cmp.Diff(want, n.Flags); d != "" {
		t.Error(d)
	}
	if n.Layout != "systemd" || n.Start != "/etc/systemd/system/kcm.service" || n.Endpoint != "https://10.0.0.11:6443" {
		t.Errorf("layout %s, start %s, endpoint %s", n.Layout, n.Start, n.Endpoint)
	}
	for _, f := range n.Files {
		if strings.Contains(f.Path, oldGeneration) || strings.Contains(f.Text, "CANARY") {
			t.Errorf("%+v", f)
		}
	}
}

// TestNodeChanges: another generation with the same contents is no change, and whatever
// differs is said.
func TestNodeChanges(t *testing.T) {
	base := exportedUnit(t, oldGeneration, "--v=4")
	same := exportedUnit(t, newGeneration, "--v=4")
	home := homeOf + newGeneration
	for name, c := range map[string]struct {
		to   Exported
		want []string
	}{
		"nothing":            {same, nil},
		"a flag":             {exportedUnit(t, newGeneration, "--v=5"), []string{"flag v 4 → 5"}},
		"a new flag":         {exportedUnit(t, newGeneration, "--kube-api-qps=50", "--v=4"), []string{"flag kube-api-qps 20 → 50"}},
		"one after the last": {exportedUnit(t, newGeneration, "--v=4", "--vmodule=a=1"), []string{"flag vmodule  → a=1"}},
		"a directive":        {inBoth(t, same, home, "Restart=always", "Restart=no"), []string{"unit Service.Restart always → no"}},
		"a comment":          {inBoth(t, same, home, "# Written", "# Put"), []string{"file /etc/systemd/system/kcm.service"}},
		"a mode":             {changed(t, same, home+"/ca.crt", func(e *tree.Entry) { e.Mode = 0o600 }), []string{"file /etc/kubernetes/kcmgen/@generation@/ca.crt"}},
		"an owner":           {changed(t, same, home, func(e *tree.Entry) { e.Owner = "7:7" }), []string{"file /etc/kubernetes/kcmgen/@generation@"}},
		"contents":           {changed(t, same, home+"/ca.crt", func(e *tree.Entry) { e.Data = []byte("another") }), []string{"file /etc/kubernetes/kcmgen/@generation@/ca.crt"}},
		"no unit":            {changed(t, same, unitAt, func(e *tree.Entry) { e.Data = []byte("-\n") }), []string{"file /etc/systemd/system/kcm.service"}},
	} {
		t.Run(name, func(t *testing.T) {
			old, now := FromTree(base), FromTree(c.to)
			var got []string
			for _, one := range NodeChanges(old, now, "cp-1", false) {
				text := one.Kind + " " + one.Name
				if one.Kind != OfFile {
					text += " " + textOf(one.Old) + " → " + textOf(one.New)
				}
				got = append(got, text)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// inBoth replaces a text in the unit and its copy in the generation.
func inBoth(t testing.TB, x Exported, home, from, to string) Exported {
	edit := func(e *tree.Entry) { e.Data = []byte(strings.Replace(string(e.Data), from, to, 1)) }
	return changed(t, changed(t, x, unitAt, edit), home+"/kcm.service", edit)
}

// TestNodeChangesSeeRenewal: what a renewed certificate explains isn't said twice.
func TestNodeChangesSeeRenewal(t *testing.T) {
	old := exportedUnit(t, oldGeneration, "--v=4")
	now := changed(t, exportedUnit(t, newGeneration, "--v=4"), homeOf+newGeneration+"/ca.crt", func(e *tree.Entry) { e.Data = []byte("renewed") })
	if got := NodeChanges(FromTree(old), FromTree(now), "cp-1", true); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// FuzzFromTree: a tree is data that anyone may have changed. Describing it neither panics nor
// shows a secret, and a tree has no difference from itself.
func FuzzFromTree(f *testing.F) {
	f.Add("[Service]\nExecStart=/kcm --v=4\n", "current-context: x\n")
	f.Add("apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: kube-controller-manager, command: [/kcm, --v=4]}]\n", "{")
	f.Add("[Service]\nExecStart=\"", "-----BEGIN PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, unit, secret string) {
		canary := secret + "CANARY-9b1d"
		made, err := tree.New([]tree.Entry{
			{Path: unitAt, Mode: 0o644, Data: []byte(unit)},
			{Path: homeOf + oldGeneration + "/kcm.key", Mode: 0o600, Secret: keys.NewSecret([]byte("key: " + canary))},
			{Path: "pki/ca.crt", Mode: 0o644, Data: []byte(unit)},
		})
		if err != nil {
			t.Fatal(err)
		}
		c := FromTree(Exported{Cluster: "x", Kubernetes: "v1.37.1", Generations: map[string]string{"cp-1": oldGeneration}, Tree: made, Program: "/kcm"})
		for _, file := range c.Nodes[0].Files {
			if !strings.Contains(unit, "CANARY-9b1d") && strings.Contains(file.Text, "CANARY-9b1d") {
				t.Errorf("%s shows the key", file.Path)
			}
		}
		if got := NodeChanges(c, c, "cp-1", false); len(got) != 0 {
			t.Errorf("a tree differs from itself: %+v", got)
		}
	})
}
