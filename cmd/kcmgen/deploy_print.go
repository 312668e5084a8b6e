package main

import (
	"fmt"
	"io"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

// printLines prints lines that may hold what a host said.
func printLines(w io.Writer, lines ...deploy.Line) error {
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, styled(w, l)); err != nil {
			return err
		}
	}
	return nil
}

// styled returns a line as w shows it.
func styled(w io.Writer, l deploy.Line) string {
	mark, text := terminal.Visible(l.Mark), terminal.Visible(l.Text)
	code := map[deploy.Style]string{deploy.Bold: terminal.Bold, deploy.Yellow: terminal.Yellow, deploy.Red: terminal.Red}[l.Style]
	switch {
	case code != "" && mark != "":
		mark = terminal.Colour(w, code, mark)
	case code != "":
		text = terminal.Colour(w, code, text)
	}
	if mark != "" {
		return mark + " " + text
	}
	return text
}

// newRolloutLog returns a log on stderr, which shows the current step's time on a terminal.
func newRolloutLog(std stdio) *deploy.Log {
	return deploy.NewLog(std.err, terminal.Is(std.err), func(l deploy.Line) string { return styled(std.err, l) })
}

// exitOf returns the exit code for a rollout's error, and false for other errors.
func exitOf(err error) (int, bool) {
	switch {
	case is[*deploy.StalePlanError](err):
		return exitDiffers, true
	case is[*deploy.StrandedError](err):
		return exitStranded, true
	case is[*deploy.UnseenError](err):
		return exitUnseen, true
	case is[*deploy.RolledBackError](err):
		return exitRolledBack, true
	}
	return 0, false
}
