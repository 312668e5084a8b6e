package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// export returns kcmgen's side of w, with its output below base. Each run has a fresh
// directory, so that no run pays for removing an old one.
func (b *bench) export(w work, base string) (side, error) {
	pkg, err := b.cluster(w)
	if err != nil {
		return side{}, err
	}
	s := b.fresh(base, w.nodes, func(out string) []string {
		return []string{b.kcmgen, "export", "-o", out, pkg}
	})
	s.name = "kcmgen export"
	return s, nil
}

// pipeline returns the guides' side of w.
func (b *bench) pipeline(w work, base string, env ...string) side {
	certificates, ca := "shared", "new"
	if w.perNode {
		certificates = "node"
	}
	if !w.newCA {
		ca = b.authorityDir(w.algorithm)
	}
	var nodes []string
	for i := range w.nodes {
		nodes = append(nodes, fmt.Sprintf("cp-%d=%s", i+1, w.address(i)))
	}
	script := filepath.Join(b.repo, "tools/bench/pipeline.sh")
	s := b.fresh(base, w.nodes, func(out string) []string {
		return append([]string{"sh", script, out, certificates, w.algorithm, ca}, nodes...)
	}, env...)
	s.name = "cfssl, kubectl config, sed, cp"
	return s
}

// fresh returns a side whose every run writes its own directory below base.
func (b *bench) fresh(base string, nodes int, argv func(out string) []string, env ...string) side {
	var out string
	return side{
		prepare: func() error {
			b.runs++
			old := out
			out = filepath.Join(base, "out-"+strconv.Itoa(b.runs))
			if base == b.disk {
				syscall.Sync() // an fsync also waits for others' writes
				return nil
			}
			return os.RemoveAll(old)
		},
		run: func(ctx context.Context) (sample, error) {
			return command(b.scratch, append(b.env, env...), argv(out)...)(ctx)
		},
		check: func() error { return complete(out, nodes) },
	}
}

// threeNodes compares a first export to memory, which is all work except the disk's.
func (b *bench) threeNodes() ([]row, error) {
	var rows []row
	for _, w := range []work{
		{algorithm: "ecdsa"},
		{algorithm: "ecdsa", newCA: true},
		{algorithm: "ecdsa", perNode: true},
		{algorithm: "ecdsa", perNode: true, newCA: true},
		{algorithm: "rsa"},
		{algorithm: "rsa", perNode: true},
		{algorithm: "rsa", newCA: true},
	} {
		w.nodes = 3
		ours, err := b.export(w, b.scratch)
		if err != nil {
			return nil, err
		}
		r := row{title: w.String(), sides: []side{ours, b.pipeline(w, b.scratch)}, rounds: 15}
		if w.algorithm == "ecdsa" {
			r.bounds = []bound{timesLess(6)}
		} else {
			n := w.keys()
			r.sides = append(r.sides, side{
				name: fmt.Sprintf("bare rsa.GenerateKey × %d", n),
				run:  command(b.scratch, b.env, b.self, "-keys", strconv.Itoa(n)),
			})
			r.note = aboveKeys
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// onDisk compares the same on a disk, where kcmgen syncs before it commits.
func (b *bench) onDisk() ([]row, error) {
	var rows []row
	for _, w := range []work{
		{nodes: 3, algorithm: "ecdsa"},
		{nodes: 3, algorithm: "ecdsa", perNode: true},
	} {
		disk, err := b.export(w, b.disk)
		if err != nil {
			return nil, err
		}
		memory, err := b.export(w, b.scratch)
		if err != nil {
			return nil, err
		}
		memory.name += " to memory"
		synced := b.pipeline(w, b.disk, "SYNC=1")
		synced.name += ", sync"
		rows = append(rows, row{
			title: w.String(), rounds: 15,
			sides: []side{disk, b.pipeline(w, b.disk), memory, synced},
			note: func(s []stats) string {
				return fmt.Sprintf("disk and syncs cost kcmgen %.1f ms; fsync of its files costs the pipeline %.1f ms",
					ms(s[0].median(wall)-s[2].median(wall)), ms(s[3].median(wall)-s[1].median(wall)))
			},
		})
	}
	return rows, nil
}

// unchanged compares a second export, which writes nothing. The pipeline does everything
// again.
func (b *bench) unchanged() ([]row, error) {
	var rows []row
	for _, w := range []work{
		{nodes: 3, algorithm: "ecdsa"},
		{nodes: 3, algorithm: "ecdsa", perNode: true},
	} {
		pkg, err := b.cluster(w)
		if err != nil {
			return nil, err
		}
		b.runs++
		out := filepath.Join(b.scratch, "out-"+strconv.Itoa(b.runs))
		run := command(b.scratch, b.env, b.kcmgen, "export", "-o", out, pkg)
		if _, err := run(context.Background()); err != nil {
			return nil, err
		}
		ours := side{name: "kcmgen export, nothing changed", run: run}
		rows = append(rows, row{title: w.String(), sides: []side{ours, b.pipeline(w, b.scratch)}, rounds: 15})
	}
	return rows, nil
}
