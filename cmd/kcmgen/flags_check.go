package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// checkFlags checks the command line that a file holds: a unit, a pod, or a list.
func checkFlags(o flagsOptions, minor int, std stdio) error {
	name := o.check
	data, err := readLine(name, std)
	if err != nil {
		return err
	}
	found, err := artefact.CommandLine(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var args []string
	var at []spec.Pos
	for _, a := range found {
		args = append(args, a.Value)
		at = append(at, spec.Pos{File: name, Line: a.Line, Col: a.Col})
	}
	version, err := spec.ParseVersion(flags.Of(minor).Version)
	if err != nil {
		return err
	}
	findings := vet.CommandLine(version, args, at)
	if o.format == "json" {
		err = printJSON(std.out, append([]spec.Finding{}, findings...))
	} else {
		err = printFindings(std.out, findings, false)
	}
	if err == nil && failed(findings, o.strict) {
		return errFindings
	}
	return err
}

// readLine reads the file, or the standard input for "-", and no more of it than
// a command line can be.
func readLine(name string, std stdio) ([]byte, error) {
	in := std.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close() // it was only read
		if fi, err := f.Stat(); err == nil && !fi.Mode().IsRegular() {
			return nil, fmt.Errorf("%s: %w", name, errors.New("not a file"))
		}
		in = f
	}
	return io.ReadAll(io.LimitReader(in, artefact.MaxFile+1))
}
