package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// build is a build of kcmgen, and a CUE module with the schemas of its revision.
type build struct {
	name, kcmgen, dir string
}

// revision builds an earlier revision of this repository.
func (b *bench) revision(ctx context.Context, rev string) (build, error) {
	src := filepath.Join(b.scratch, "base")
	if err := os.MkdirAll(src, 0o755); err != nil {
		return build{}, err
	}
	out := build{name: rev, kcmgen: filepath.Join(src, "bin", "kcmgen"), dir: filepath.Join(b.scratch, "base-module")}
	for _, argv := range [][]string{
		{"sh", "-c", `git -C "$1" archive "$2" | tar -x -C "$3"`, "sh", b.repo, rev, src},
		{"go", "build", "-C", src, "-trimpath", "-ldflags=-s -w", "-o", out.kcmgen, "./cmd/kcmgen"},
	} {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		if text, err := cmd.CombinedOutput(); err != nil {
			return build{}, fmt.Errorf("building %s: %w\n%s", rev, err, text)
		}
	}
	return out, copyModule(src, out.dir)
}

// typedText is a cluster of n nodes with the package of a minor version, as kcmgen init
// writes it. A flag on every node is what init writes nowhere, and some users do.
func typedText(pkg, name string, n int, flag bool) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "package %s\n\nimport \"github.com/kcmgen/kcmgen/schemas/v1_37\"\n\ncluster: v1_37.#Cluster & {\n", pkg)
	fmt.Fprintf(&text, "\tname:    %q\n\tversion: \"v1.37.1\"\n\tlayout:  \"systemd\"\n\n\tnodes: {\n", name)
	for i := range n {
		fmt.Fprintf(&text, "\t\t\"cp-%d\": address: \"172.16.%d.%d\"\n", i+1, i/250, 1+i%250)
	}
	text.WriteString("\t}\n")
	if flag {
		text.WriteString("\tnodes: [string]: flags: v: 3\n")
	}
	text.WriteString("\tnetworks: {\n\t\tpods: [\"10.0.0.0/9\"]\n\t\tservices: [\"10.128.0.0/16\"]\n\t\tnodes: [\"172.16.0.0/16\"]\n\t}\n")
	text.WriteString("\tapiserver: flags: \"service-cluster-ip-range\": \"10.128.0.0/16\"\n}\n")
	return text.Bytes()
}

// typed writes such a cluster for each build, and returns its directory in their modules.
func (b *bench) typed(n int, flag bool) (string, error) {
	name := "t" + strconv.Itoa(n)
	if flag {
		name += "f"
	}
	for _, one := range b.builds {
		if err := writeFile(filepath.Join(one.dir, "typed", name, "cluster.cue"), typedText(name, name, n, flag)); err != nil {
			return "", err
		}
	}
	return "./typed/" + name, nil
}

// typedClusters writes many clusters of three nodes, and returns the pattern for all.
func (b *bench) typedClusters() (string, error) {
	for i := range manyClusters {
		name := fmt.Sprintf("c%03d", i+1)
		for _, one := range b.builds {
			if err := writeFile(filepath.Join(one.dir, "org", name, "cluster.cue"), typedText(name, name, 3, false)); err != nil {
				return "", err
			}
		}
	}
	return "./org/...", nil
}

func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// vets returns the sides of a vet: ours, stock CUE's, and that of the earlier build.
func (b *bench) vets(pkg string) []side {
	sides := []side{
		{name: "kcmgen vet", run: command(b.builds[0].dir, b.env, b.builds[0].kcmgen, "vet", pkg)},
		{name: "cue vet -c", run: command(b.builds[0].dir, b.env, "cue", "vet", "-c", pkg)},
	}
	for _, base := range b.builds[1:] {
		sides = append(sides, side{name: "kcmgen vet at " + base.name, run: command(base.dir, b.env, base.kcmgen, "vet", pkg)})
	}
	return sides
}

// vsBase limits the CPU time against that of the earlier build, if there is one.
func (b *bench) vsBase(limit float64) []bound {
	if len(b.builds) == 1 {
		return nil
	}
	return []bound{{fmt.Sprintf("≤ %g × its CPU time at %s", limit, b.builds[1].name), limit, false, func(s []stats) float64 {
		return s[0].median(cpu).Seconds() / s[len(s)-1].median(cpu).Seconds()
	}}}
}

// cpuTimesAtMost requires at most limit times the CPU time of the peer.
func cpuTimesAtMost(limit float64) bound {
	return bound{fmt.Sprintf("≤ %g × its CPU time", limit), limit, false, func(s []stats) float64 { return ratio(s, cpu) }}
}

// typedRows are clusters as kcmgen init writes them.
func (b *bench) typedRows() ([]row, error) {
	var rows []row
	var last side
	for _, n := range []int{3, 10, 100, 1000, 5000} {
		pkg, err := b.typed(n, false)
		if err != nil {
			return nil, err
		}
		r := row{title: fmt.Sprintf("vet of %d nodes", n), nodes: n, sides: b.vets(pkg), rounds: 15}
		switch n {
		case 3:
			r.bounds, r.rounds = []bound{cpuTimesAtMost(0.8), memoryAtMost(40)}, 60
		case 1000:
			r.bounds = append(b.vsBase(0.1), memoryAtMost(200))
			rows = append(rows, row{title: "linear: 1,000 nodes for 100", sides: []side{r.sides[0], last}, rounds: 5, bounds: []bound{timesAtMost(12)}})
		case 5000:
			r.bounds, r.sides = []bound{memoryAtMost(800)}, r.sides[:1] // the others take minutes
		}
		last = r.sides[0]
		rows = append(rows, r)
	}
	pkg, err := b.typed(1000, true)
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{title: "vet of 1,000 nodes with a flag each", sides: b.vets(pkg), rounds: 5, bounds: b.vsBase(0.2)})
	unchanged, err := b.unchangedTyped()
	if err != nil {
		return nil, err
	}
	all, err := b.typedClusters()
	if err != nil {
		return nil, err
	}
	return append(rows, unchanged,
		row{title: fmt.Sprintf("vet of %d clusters, nothing kept", manyClusters), sides: b.vets(all), rounds: 5, bounds: append(b.vsBase(0.5), memoryAtMost(300))},
		b.hook(all)), nil
}

// briefly returns the rows that .ci/run prints.
func (b *bench) briefly() ([]row, error) {
	small, err := b.typed(3, false)
	if err != nil {
		return nil, err
	}
	w := work{nodes: 3, algorithm: "ecdsa"}
	ours, err := b.export(w, b.scratch)
	if err != nil {
		return nil, err
	}
	all, err := b.typedClusters()
	if err != nil {
		return nil, err
	}
	hook := b.hook(all)
	whole := b.vets(all)[0]
	whole.name += ", nothing kept"
	hook.sides, hook.bounds, hook.rounds = append(hook.sides[:1], whole), []bound{cpuTimesAtMost(0.3)}, 3
	return []row{
		{title: "vet of 3 nodes", sides: b.vets(small), rounds: 15, bounds: []bound{cpuTimesAtMost(0.8)}},
		{title: "first export of 3 nodes, " + w.String(), sides: []side{ours, b.pipeline(w, b.scratch)}, rounds: 10, bounds: []bound{timesLess(6)}},
		hook,
	}, nil
}

// unchangedTyped exports 1,000 nodes again.
func (b *bench) unchangedTyped() (row, error) {
	pkg, err := b.typed(1000, false)
	if err != nil {
		return row{}, err
	}
	r := row{title: "export of 1,000 nodes, nothing changed", rounds: 5, bounds: b.vsBase(0.15)}
	for i, one := range b.builds {
		out := filepath.Join(b.scratch, "unchanged-"+strconv.Itoa(i))
		run := command(one.dir, b.env, one.kcmgen, "export", "-o", out, pkg)
		if _, err := run(context.Background()); err != nil {
			return row{}, err
		}
		name := "kcmgen export"
		if i > 0 {
			name += " at " + one.name
		}
		r.sides = append(r.sides, side{name: name, run: run})
	}
	return r, nil
}

// hook is a vet as a git hook calls it: one of many clusters has changed.
func (b *bench) hook(pattern string) row {
	env := []string{"KCMGEN_CACHE=" + filepath.Join(b.scratch, "cache"), "KCMGEN_NO_CACHE=false"}
	r := row{title: fmt.Sprintf("vet of %d clusters, of which one changed", manyClusters), rounds: 8, bounds: b.vsBase(0.1)}
	for i, one := range b.builds {
		n := 3
		s := side{name: "kcmgen vet", run: command(one.dir, append(b.env[:len(b.env):len(b.env)], env...), one.kcmgen, "vet", pattern)}
		s.prepare = func() error {
			n++
			return writeFile(filepath.Join(one.dir, "org", "c001", "cluster.cue"), typedText("c001", "c001", n, false))
		}
		if i > 0 {
			s.name += " at " + one.name
		}
		r.sides = append(r.sides, s)
	}
	return r
}
