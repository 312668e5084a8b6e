package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// vetting compares vet with stock CUE on the same packages.
func (b *bench) vetting() ([]row, error) {
	big, err := b.cluster(work{nodes: 1000, algorithm: "ecdsa", newCA: true})
	if err != nil {
		return nil, err
	}
	repo, err := b.repository()
	if err != nil {
		return nil, err
	}
	all, err := b.clusters(manyClusters)
	if err != nil {
		return nil, err
	}
	crowd := func(n int) (side, error) {
		dir, err := b.crowd(n)
		return side{name: fmt.Sprintf("kcmgen vet next to %d packages", n), run: command(dir, b.env, b.kcmgen, "vet")}, err
	}
	many, err := crowd(3000)
	if err != nil {
		return nil, err
	}
	few, err := crowd(300)
	if err != nil {
		return nil, err
	}
	vet := func(title, dir, pkg string, rounds int, bounds ...bound) row {
		return row{title: "vet of " + title, rounds: rounds, bounds: bounds, sides: []side{
			{name: "kcmgen vet", run: command(dir, b.env, b.kcmgen, "vet", pkg)},
			{name: "cue vet -c", run: command(dir, b.env, "cue", "vet", "-c", pkg)},
		}}
	}
	return []row{
		vet("cue/example, 3 nodes", b.scratch, "./cue/example", 60, timesAtMost(2.5)),
		vet("a user's repository, as its git hook does it", repo, "./...", 60, timesAtMost(2.5)),
		vet("the seed's cluster with 1,000 nodes", b.scratch, big, 8, memoryAtMost(300)),
		vet(fmt.Sprintf("%d clusters in one call", manyClusters), b.scratch, all, 8, timesAtMost(2.5), memoryAtMost(300)),
		{title: "linear: one cluster among packages that are none", rounds: 5, sides: []side{many, few}, bounds: []bound{timesAtMost(10)}},
		{title: "start", rounds: 60, bounds: []bound{cpuTimesAtMost(1.3)}, sides: []side{
			{name: "kcmgen --version", run: command(b.scratch, b.env, b.kcmgen, "--version")},
			{name: "cue version", run: command(b.scratch, b.env, "cue", "version")},
			{name: "/bin/true", run: command(b.scratch, b.env, "true")},
		}},
	}, nil
}

// repository returns a CUE module like a user's: a cluster, and the vocabulary as a
// dependency.
func (b *bench) repository() (string, error) {
	return b.userModule(filepath.Join(b.scratch, "repository"))
}

// crowd returns such a module with n more packages without clusters, all in one
// directory.
func (b *bench) crowd(n int) (string, error) {
	dir, err := b.userModule(filepath.Join(b.scratch, fmt.Sprintf("crowd-%d", n)))
	for i := 0; err == nil && i < n; i++ {
		pkg := filepath.Join(dir, "apps", fmt.Sprintf("app%d", i))
		if err = os.MkdirAll(pkg, 0o755); err == nil {
			err = os.WriteFile(filepath.Join(pkg, "app.cue"), fmt.Appendf(nil, "package app\n\nreplicas: %d\n", i), 0o644)
		}
	}
	return dir, err
}

func (b *bench) userModule(dir string) (string, error) {
	const below = "cue.mod/pkg/github.com/kcmgen/kcmgen/schemas"
	for _, pattern := range []string{"*.cue", "*/*.cue"} {
		files, err := filepath.Glob(filepath.Join(b.repo, "schemas", pattern))
		if err != nil {
			return "", err
		}
		for _, f := range files {
			rel, err := filepath.Rel(filepath.Join(b.repo, "schemas"), f)
			if err != nil {
				return "", err
			}
			if err := copyFile(f, filepath.Join(dir, below, rel), 0o644); err != nil {
				return "", err
			}
		}
	}
	const module = "module: \"example.com/clusters@v0\"\nlanguage: version: \"v0.15.0\"\n"
	if err := os.WriteFile(filepath.Join(dir, "cue.mod/module.cue"), []byte(module), 0o644); err != nil {
		return "", err
	}
	example := filepath.Join(b.repo, "cue/example/cluster.cue")
	return dir, copyFile(example, filepath.Join(dir, "clusters/prod/cluster.cue"), 0o644)
}
