package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is the resources of one run.
type sample struct {
	wall, cpu time.Duration // cpu is user and system time, children included
	rss       int64         // the largest process's peak, in bytes
}

// stats are the samples of one side of a row.
type stats []sample

// side is one of the commands that a row compares.
type side struct {
	name string
	// prepare prepares the disk before each run; its time isn't counted.
	prepare func() error
	run     func(context.Context) (sample, error)
	// check checks the output once, after the last run.
	check func() error
}

// command returns a function that runs argv in dir. Its output is part of the error.
func command(dir string, env []string, argv ...string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		var output bytes.Buffer
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &output, &output
		start := time.Now()
		err := cmd.Run()
		wall := time.Since(start)
		if err != nil {
			return sample{}, fmt.Errorf("%v: %w\n%s", argv, err, &output)
		}
		// wait4 returns the rusage of a child with its own waited-for children, and
		// in Maxrss the largest of them. Maxrss of a child includes this process's
		// pages at its start, so that values below ownPeak can't be measured.
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		return sample{wall, cpuOf(usage), usage.Maxrss << 10}, nil
	}
}

// makeKeys makes n RSA keys and nothing else.
func makeKeys(n int) error {
	for range n {
		if _, err := rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return err
		}
	}
	return nil
}

func cpuOf(u *syscall.Rusage) time.Duration {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs the sides in turn, A B A B …, so that noise affects all of them. It stops
// early when budget is spent, but not before three rounds.
func measure(ctx context.Context, sides []side, rounds int, budget time.Duration) ([]stats, error) {
	out := make([]stats, len(sides))
	end := time.Now().Add(budget)
	for round := range rounds {
		if round >= 3 && time.Now().After(end) {
			break
		}
		for i, s := range sides {
			if s.prepare != nil {
				if err := s.prepare(); err != nil {
					return nil, err
				}
			}
			got, err := s.run(ctx)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], got)
		}
	}
	for _, s := range sides {
		if s.check != nil {
			if err := s.check(); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return out, nil
}

// ownPeak returns this process's peak memory in bytes. Its Maxrss won't do: that
// includes the pages of its parent.
func ownPeak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib << 10
}

func wall(s sample) time.Duration { return s.wall }
func cpu(s sample) time.Duration  { return s.cpu }

func (s stats) sorted(of func(sample) time.Duration) []time.Duration {
	var all []time.Duration
	for _, x := range s {
		all = append(all, of(x))
	}
	slices.Sort(all)
	return all
}

func (s stats) median(of func(sample) time.Duration) time.Duration {
	all := s.sorted(of)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}

// mean returns the mean and its standard error. Unlike medians, means can be subtracted.
func (s stats) mean(of func(sample) time.Duration) (mean, se float64) {
	n := float64(len(s))
	for _, x := range s {
		mean += of(x).Seconds() / n
	}
	for _, x := range s {
		d := of(x).Seconds() - mean
		se += d * d / (n - 1) / n
	}
	return mean, math.Sqrt(se)
}

func (s stats) peak() int64 {
	var most int64
	for _, x := range s {
		most = max(most, x.rss)
	}
	return most
}
