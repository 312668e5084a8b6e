package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
)

func runFlagsDiff(o flagsOptions, std stdio) error {
	from, to, ok := strings.Cut(o.diff, "..")
	if !ok {
		return usageError{fmt.Errorf("--diff is %q, not two versions such as v1.30..v1.37", o.diff)}
	}
	older, err := flags.ParseMinor(from)
	if err != nil {
		return usageError{fmt.Errorf("--diff: %w", err)}
	}
	newer, err := flags.ParseMinor(to)
	if err != nil {
		return usageError{fmt.Errorf("--diff: %w", err)}
	}
	if older >= newer {
		return usageError{fmt.Errorf("--diff: %s is not older than %s", from, to)}
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
		return printList(std.out, "changes", changes)
	}
	var b bytes.Buffer
	for _, c := range changes {
		name := c.Name
		if !o.controllers && !o.gates {
			name = "--" + name
		}
		fmt.Fprintf(&b, "%s  %-10s  %s%s\n", c.In, c.Change, name, c.Words())
	}
	_, err = std.out.Write(b.Bytes())
	return err
}
