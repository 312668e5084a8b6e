// Bench compares kcmgen with the tools that it replaces, in one run on this machine. It
// prints ratios, and which of our bounds hold. A missed bound is no failure, because
// machines are noisy; a command that can't run is.
//
// It needs Linux, and cfssl, cfssljson, kubectl and cue on PATH: make bench.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	repo := flag.String("repo", "../..", "the checkout")
	kcmgen := flag.String("kcmgen", "../../bin/kcmgen", "the program, built as it is released")
	tmpfs := flag.String("tmpfs", "/dev/shm", "a directory in memory")
	disk := flag.String("disk", diskDir(), "a directory on a disk; empty leaves its rows out")
	budget := flag.Duration("budget", 9*time.Second, "stop repeating a row after this time, and three rounds")
	base := flag.String("base", "", "a revision of this repository to compare with")
	only := flag.String("only", "", "run the sections whose title contains this")
	brief := flag.Bool("brief", false, "run three rows, in half a minute")
	picture := flag.String("picture", "", "draw the curve of a vet's time into this SVG file")
	keys := flag.Int("keys", 0, "make this many RSA keys and end: what a row compares with")
	flag.Parse()
	if *keys > 0 {
		return makeKeys(*keys)
	}

	b, err := newBench(*repo, *kcmgen, *tmpfs, *disk)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := b.close(); err == nil {
			err = cerr
		}
	}()
	if *base != "" {
		built, err := b.revision(ctx, *base)
		if err != nil {
			return err
		}
		b.builds = append(b.builds, built)
	}
	r := &report{out: os.Stdout, own: ownPeak}
	if err := b.header(r); err != nil {
		return err
	}
	curves, err := b.measure(ctx, r, *only, *brief, *budget)
	if err != nil {
		return err
	}
	r.summary()
	if *picture != "" {
		return drawFile(*picture, curves)
	}
	return nil
}

// measure measures the rows of all sections, or of some, and returns the curves.
func (b *bench) measure(ctx context.Context, r *report, only string, brief bool, budget time.Duration) ([]curve, error) {
	var curves []curve
	for _, s := range []struct {
		title string
		rows  func() ([]row, error)
		skip  bool
	}{
		{"IN BRIEF", b.briefly, !brief},
		{"FIRST EXPORT, 3 nodes, to memory", b.threeNodes, brief},
		{"FIRST EXPORT, 3 nodes, to a disk", b.onDisk, brief || b.disk == ""},
		{"UNCHANGED EXPORT, 3 nodes, to memory", b.unchanged, brief},
		{"VET AND START", b.vetting, brief},
		{"COMMAND LINES, as people have them", b.checking, brief},
		{"TYPED CLUSTERS, as kcmgen init writes them", b.typedRows, brief},
		{"REVIEW, as pull requests have it, to memory", b.reviewRows, brief},
		{"MANY NODES, first export to memory", b.manyNodes, brief},
		{"MANY CLUSTERS of 3 nodes", b.manyClusters, brief},
		{"MANY NODES AND CLUSTERS, first export to a disk", b.manyOnDisk, brief || b.disk == ""},
	} {
		if s.skip || !strings.Contains(s.title, only) {
			continue
		}
		rows, err := s.rows()
		if err != nil {
			return nil, err
		}
		r.section(s.title)
		for _, w := range rows {
			all, err := measure(ctx, w.sides, w.rounds, budget)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", s.title, w.title, err)
			}
			r.row(w, all)
			if w.nodes > 0 {
				curves = add(curves, w, all)
			}
		}
	}
	return curves, nil
}

// diskDir returns a directory on a disk: kcmgen's cache, because /tmp is in memory on
// many machines.
func diskDir() string {
	if dir := os.Getenv("KCMGEN_CACHE"); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "kcmgen")
}

// header prints the machine, the directories, and the sizes of the programs.
func (b *bench) header(r *report) error {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "%s %s/%s, %d CPUs, load %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), strings.Join(strings.Fields(string(load))[:3], " "))
	fmt.Fprintf(r.out, "memory: %s (%s); disk: %s (%s)\n", b.scratch, filesystem(b.scratch), b.disk, filesystem(b.disk))
	fmt.Fprintln(r.out, "Each row runs its sides in turn, A B A B …: medians of wall and CPU time, peak RSS.")

	const limit = 41e6
	sizes := "size: "
	for _, name := range []string{b.kcmgen, "cue", "cfssl", "cfssljson", "kubectl"} {
		path, err := exec.LookPath(name)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		sizes += fmt.Sprintf("%s %.1f MB", filepath.Base(path), float64(info.Size())/1e6)
		if name == b.kcmgen {
			sizes += fmt.Sprintf(", bound ≤ %g MB: %s; peers:", limit/1e6,
				r.judge("size", bound{text: "≤ 41 MB", limit: limit}, float64(info.Size())))
		}
		sizes += " "
	}
	fmt.Fprintln(r.out, sizes)
	return nil
}
