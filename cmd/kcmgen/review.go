package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/kcmgen/kcmgen/gen"
)

func runReview(ctx context.Context, o exportOptions, args []string, now time.Time, std stdio) error {
	if !o.review {
		return usageError{errors.New("--check is about review trees: it needs --review")}
	}
	if o.prune || o.keepGoing || o.dryRun || len(o.accept) > 0 {
		return usageError{errors.New("--review is about review trees: --prune, --keep-going, --dry-run and --accept are about the out tree")}
	}
	s := newScreen(std)
	defer s.end()
	r, err := gen.Review(ctx, gen.ReviewOptions{Request: s.request(o.out, args, now), Check: o.check, OnEvent: s.event})
	if err != nil {
		return err
	}
	s.end()
	switch {
	case len(r.Changes) == 0:
		say(std.out, "%s: current", plainName(r.Dir))
	case o.check:
		for _, c := range r.Changes {
			say(std.out, "%s: %s", plainName(filepath.Join(r.Dir, filepath.FromSlash(c.Path))), r.Differs(c))
		}
		say(std.err, "kcmgen: %s isn't current: %s mends it", plainName(r.Dir), r.Renewal(args))
		return errDiffers
	default:
		say(std.out, "%s: wrote %s", plainName(r.Dir), gen.Counts(r.Changes))
	}
	return nil
}
