package main

import (
	"context"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// screen shows the progress of a run, and its events.
type screen struct {
	std      stdio
	stage    string
	meter    *meter
	exported func(*gen.Exported) // in place of what an export prints
}

func newScreen(std stdio) *screen { return &screen{std: std, meter: newMeter(nil, "")} }

// end removes the line of progress.
func (s *screen) end() { s.meter.end() }

func (s *screen) progress() gen.Progress {
	return gen.Progress{
		Step: func(stage string, done, total int) {
			if stage != s.stage {
				s.end()
				s.stage, s.meter = stage, newMeter(s.std.err, stage)
			}
			s.meter.step(done, total)
			if done == total {
				s.end()
			}
		},
		Waiting:  func(dir string) { say(s.std.err, "waiting for another kcmgen that writes to %s", dir) },
		Fetching: func(cluster, origin string) { say(s.std.err, "%s: fetching %s", cluster, origin) },
	}
}

// event prints an event.
func (s *screen) event(e gen.Event) {
	s.end()
	switch e := e.(type) {
	case gen.Vetting:
		printSkipped(e.Skipped, s.std)
		_ = printFindings(s.std.err, e.Findings, false) // stderr may be closed
	case gen.LeftOut:
		say(s.std.err, "%s: left out: it has errors", e.Cluster)
	case gen.NothingWritten:
		say(s.std.err, "kcmgen: nothing was written")
	case gen.Recovered:
		say(s.std.err, "%s: %s", e.Cluster, e.Text)
	case gen.TwoRenames:
		say(s.std.err, "%s: its file system can't exchange two directories, so two renames replaced the old tree; a run that is ended between them leaves it to the next one to put the old tree back", e.Out)
	case gen.Unclaimed:
		say(s.std.err, "kept %s: no cluster here is called %s any more", plainName(e.Dir), plainName(e.Name))
	case *gen.Exported:
		if s.exported != nil {
			s.exported(e)
		} else {
			printExported(e, s.std)
		}
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
	printSkipped(r.Skipped, std)
	if err := printFindings(std.err, r.Findings, false); err != nil {
		return nil, err
	}
	if finding.Failed(r.Findings) {
		say(std.err, "kcmgen: nothing was written")
		return nil, errFindings
	}
	return r, nil
}

// programs returns the store of programs.
func programs() gen.Programs { return gen.CachedPrograms("kcmgen/" + version()) }
