package main

import (
	"fmt"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

// listNames lists the controllers or the feature gates of a version.
func listNames(o flagsOptions, m *flags.Minor, std stdio) error {
	switch {
	case o.format == "json" && o.controllers:
		return terminal.List(std.out, "controllers", m.Controllers)
	case o.format == "json":
		return terminal.List(std.out, "featureGates", m.FeatureGates)
	case o.controllers:
		return terminal.Rows(std.out, m.ControllerRows())
	}
	return terminal.Rows(std.out, m.GateRows())
}

func runFlagsDiff(o flagsOptions, std stdio) error {
	older, newer, err := flags.ParseRange(o.diff)
	if err != nil {
		return usageError{fmt.Errorf("--diff %w", err)}
	}
	of := flags.Changes
	switch {
	case o.controllers:
		of = flags.ControllerChanges
	case o.gates:
		of = flags.GateChanges
	}
	changes := of(older, newer)
	if o.format == "json" {
		return terminal.List(std.out, "changes", changes)
	}
	prefix := "--"
	if o.controllers || o.gates {
		prefix = ""
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, c.Line(prefix))
	}
	return terminal.Lines(std.out, lines)
}
