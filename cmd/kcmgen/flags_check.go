package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/regular"
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
	var at []finding.Pos
	var unknown []finding.Finding
	for _, a := range found {
		pos := finding.Pos{File: name, Line: a.Line, Col: a.Col}
		if a.Unknown {
			unknown = append(unknown, unknownArgument(pos, a.Value))
			continue
		}
		args, at = append(args, a.Value), append(at, pos)
	}
	version, err := spec.ParseVersion(flags.Of(o.checkedMinor(minor, data, std)).Version)
	if err != nil {
		return err
	}
	findings := append(vet.CommandLine(version, args, at), unknown...)
	slices.SortStableFunc(findings, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	if o.format == "json" {
		err = printJSON(std.out, append([]finding.Finding{}, findings...))
	} else {
		err = printFindings(std.out, findings, false)
	}
	if err == nil && o.format != "json" {
		say(std.err, "checked %s against %s: %s", plural(len(found), "argument"), version, count(findings))
	}
	if err == nil && o.strict.fails(findings) {
		return errFindings
	}
	return err
}

// checkedMinor is the minor that a command line is held against: the one that is
// asked for, or else that of a pod's image.
func (o flagsOptions) checkedMinor(asked int, data []byte, std stdio) int {
	tag := artefact.ImageTag(data)
	if strings.HasPrefix(tag, "1.") { // as some registries name them
		tag = "v" + tag
	}
	v, err := spec.ParseVersion(tag)
	switch {
	case o.versioned || err != nil:
		return asked
	case flags.Of(v.Minor) == nil:
		say(std.err, "the image has %s, of which there is no data", tag)
		return asked
	}
	return v.Minor
}

// unknownArgument is the finding of an argument that the host alone knows.
func unknownArgument(at finding.Pos, value string) finding.Finding {
	return finding.Finding{
		Rule: "flag-syntax", Severity: finding.NotChecked, Pos: at,
		Message:  fmt.Sprintf("%.80s is known on the host only: a variable or a specifier is in it", value),
		Expected: "the words that it stands for, to check them too",
	}
}

// readLine reads the file, or the standard input for "-", and no more of it than
// a command line can be.
func readLine(name string, std stdio) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(std.in, artefact.MaxFile+1))
	}
	data, err := regular.Read(name, artefact.MaxFile)
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w", name, pe.Err)
	}
	if errors.Is(err, regular.ErrNotRegular) {
		err = fmt.Errorf("%s: %w", name, errors.New("not a file"))
	}
	return data, err
}

// count says how many findings there are of which kind.
func count(fs []finding.Finding) string {
	of := map[finding.Severity]int{}
	for _, f := range fs {
		of[f.Severity]++
	}
	out := plural(of[finding.Error], "error") + ", " + plural(of[finding.Warning], "warning")
	if n := of[finding.NotChecked]; n > 0 {
		out += fmt.Sprintf(", %d not checked", n)
	}
	return out
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
