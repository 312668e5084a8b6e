package main

import (
	"bytes"
	"fmt"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

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
	var b bytes.Buffer
	for _, c := range changes {
		fmt.Fprintln(&b, c.Line(prefix))
	}
	_, err = std.out.Write(b.Bytes())
	return err
}
