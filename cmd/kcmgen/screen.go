package main

import (
	"context"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

// screen shows the progress of a run, and its events.
type screen struct {
	std      stdio
	stage    string
	meter    *terminal.Meter
	exported func(*gen.Exported) // in place of what an export prints
}

func newScreen(std stdio) *screen { return &screen{std: std, meter: terminal.NewMeter(nil, "")} }

// end removes the line of progress.
func (s *screen) end() { s.meter.End() }

func (s *screen) progress() gen.Progress {
	return gen.Progress{
		Step: func(stage string, done, total int) {
			if stage != s.stage {
				s.end()
				s.stage, s.meter = stage, terminal.NewMeter(s.std.err, stage)
			}
			s.meter.Step(done, total)
			if done == total {
				s.end()
			}
		},
		Waiting:  func(dir string) { terminal.Say(s.std.err, "waiting for another kcmgen that writes to %s", dir) },
		Fetching: func(cluster, origin string) { terminal.Say(s.std.err, "%s: fetching %s", cluster, origin) },
	}
}

// event prints an event.
func (s *screen) event(e gen.Event) {
	s.end()
	switch e := e.(type) {
	case gen.Vetting:
		terminal.SayAll(s.std.err, gen.SkippedLines(e.Skipped))
		_ = terminal.Findings(s.std.err, e.Findings, false) // stderr may be closed
	case *gen.Exported:
		if s.exported != nil {
			s.exported(e)
			return
		}
		terminal.SayAll(s.std.err, e.Notes())
		terminal.Say(s.std.out, "%s", e.Line())
	case gen.Said:
		terminal.Say(s.std.err, "%s", e.Line())
	}
}

// request makes a request for clusters whose trees are in the directory out.
func (s *screen) request(out string, args []string, now time.Time) gen.Request {
	r := gen.Request{Args: args, Out: out, Version: version(), Now: now, Progress: s.progress()}
	if !*s.std.noCache {
		r.KeepIn, _ = gen.CacheDir("evaluations") // without a cache nothing is kept
	}
	return r
}

// load loads clusters whose trees are in the directory out, "" for the default.
func load(ctx context.Context, out string, args []string, now time.Time, std stdio) (*gen.Loaded, error) {
	s := newScreen(std)
	defer s.end()
	return gen.Load(ctx, s.request(out, args, now))
}

// loadVetted loads clusters and prints their findings to stderr. It returns
// errFindings if one of them is an error.
func loadVetted(ctx context.Context, out string, args []string, now time.Time, std stdio) (*gen.Loaded, error) {
	r, err := load(ctx, out, args, now, std)
	if err != nil {
		return nil, err
	}
	terminal.SayAll(std.err, gen.SkippedLines(r.Skipped))
	if err := terminal.Findings(std.err, r.Findings, false); err != nil {
		return nil, err
	}
	if finding.Failed(r.Findings) {
		terminal.Say(std.err, "kcmgen: nothing was written")
		return nil, errFindings
	}
	return r, nil
}

// programs returns the store of programs.
func programs() gen.Programs { return gen.CachedPrograms("kcmgen/" + version()) }
