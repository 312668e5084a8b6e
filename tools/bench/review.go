package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// reviewRows compare two revisions, and as their peer describe all clusters of one.
func (b *bench) reviewRows() ([]row, error) {
	many := filepath.Join(b.scratch, "review-many")
	large := filepath.Join(b.scratch, "review-large")
	for _, dir := range []string{many, large} {
		if err := copyModule(b.repo, dir); err != nil {
			return nil, err
		}
	}
	for i := range manyClusters {
		name := fmt.Sprintf("c%03d", i+1)
		if err := writeFile(filepath.Join(many, "org", name, "cluster.cue"), typedText(name, name, 3, false)); err != nil {
			return nil, err
		}
	}
	if err := commit(many, filepath.Join("org", "c001"), typedText("c001", "c001", 4, false)); err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(large, "org", "large", "cluster.cue"), typedText("large", "large", 1000, false)); err != nil {
		return nil, err
	}
	if err := commit(large, filepath.Join("org", "large"), typedText("large", "large", 1000, true)); err != nil {
		return nil, err
	}
	return []row{
		{
			title: fmt.Sprintf("difference of two revisions of %d clusters, of which one changed", manyClusters), rounds: 5,
			sides: b.reviewed(many), bounds: []bound{cpuTimesAtMost(0.25), timesAtMost(0.25)},
		},
		{
			title: "difference of two revisions of a cluster of 1,000 nodes", rounds: 5,
			sides: b.reviewed(large), bounds: []bound{cpuTimesAtMost(2), timesAtMost(2), memoryAtMost(400)},
		},
	}, nil
}

// commit commits a repository, and then a cluster that changed.
func commit(dir, pkg string, changed []byte) error {
	git := func(args ...string) error {
		cmd := exec.Command("git", append([]string{"-c", "user.name=bench", "-c", "user.email=bench@example.org"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %v: %w\n%s", args, err, out)
		}
		return nil
	}
	for _, step := range []func() error{
		func() error { return git("init", "-q", ".") },
		func() error { return git("add", "-A") },
		func() error { return git("commit", "-q", "-m", "first") },
		func() error { return writeFile(filepath.Join(dir, pkg, "cluster.cue"), changed) },
		func() error { return git("commit", "-q", "-a", "-m", "second") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// reviewed returns the sides: a difference of the last two commits, and review trees of all
// clusters. Each run has a fresh directory.
func (b *bench) reviewed(dir string) []side {
	kcmgen := b.builds[0].kcmgen
	env := append(b.env[:len(b.env):len(b.env)], "TMPDIR="+b.scratch) // both write to memory
	trees := side{name: "kcmgen export --review"}
	var out string
	trees.prepare = func() error {
		b.runs++
		out = filepath.Join(b.scratch, fmt.Sprintf("trees-%d", b.runs))
		return nil
	}
	trees.run = func(ctx context.Context) (sample, error) {
		return command(dir, env, kcmgen, "export", "--review", "-o", out, "./org/...")(ctx)
	}
	return []side{{name: "kcmgen diff HEAD~1 HEAD", run: command(dir, env, kcmgen, "diff", "HEAD~1", "HEAD")}, trees}
}
