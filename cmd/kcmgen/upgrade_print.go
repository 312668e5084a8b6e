package main

import (
	"bytes"
	"io"
	"strings"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/upgrade"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

func printUpgrade(u *upgrade.Run, format string, std stdio) error {
	if format == "json" {
		return terminal.JSON(std.out, u.Report())
	}
	terminal.SayAll(std.err, gen.SkippedLines(u.Before().Skipped))
	var b bytes.Buffer
	for i, c := range u.Clusters {
		if i > 0 {
			terminal.Say(&b, "")
		}
		printUpgradeOf(c, &b, std.out)
	}
	for _, name := range u.Files() {
		terminal.Say(&b, "")
		if also := u.Also[name]; len(also) > 0 {
			terminal.Say(&b, "%s also serves %s, not named here", u.Shown(name), strings.Join(also, ", "))
		}
		for _, at := range u.Kept(name) {
			terminal.Say(&b, "%s: this comment stays: see whether it is about what is below it now", at)
		}
		b.Write(u.Diff(name))
	}
	_, err := std.out.Write(b.Bytes())
	return err
}

// printUpgradeOf prints what a cluster needs to w; out decides on colours.
func printUpgradeOf(c *upgrade.Cluster, w, out io.Writer) {
	head, lines := c.Lines()
	terminal.Say(w, "%s", terminal.Colour(out, terminal.Bold, head))
	terminal.SayAll(w, lines)
	for _, f := range c.Findings {
		_ = terminal.Finding(w, f, nil) // w is a buffer
	}
}
