package main

import (
	"context"
	"errors"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
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
	terminal.SayAll(std.out, r.Lines())
	if mend := r.Mend(args); mend != "" {
		terminal.Say(std.err, "kcmgen: %s", mend)
		return errDiffers
	}
	return nil
}
