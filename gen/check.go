package gen

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

// CheckedLine is the result of checking a command line.
type CheckedLine struct {
	Arguments int
	Version   spec.Version // that it was checked against
	// NoData is the version of a pod's image if there is no data for it.
	NoData   string
	Findings []finding.Finding
}

// CheckFile checks the command line in a file, or in the standard input for "-": a
// unit, a pod, or a list of flags. It checks against the minor version or, unless that
// is explicit, against the version of a pod's image, if its tag has one.
func CheckFile(name string, stdin io.Reader, minor int, explicit bool) (*CheckedLine, error) {
	data, err := readLine(name, stdin)
	if err != nil {
		return nil, err
	}
	found, err := artefact.CommandLine(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
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
	out := &CheckedLine{Arguments: len(found)}
	if !explicit {
		minor = out.imageMinor(data, minor)
	}
	if out.Version, err = spec.ParseVersion(flags.Of(minor).Version); err != nil {
		return nil, err
	}
	out.Findings = append(vet.CommandLine(out.Version, args, at), unknown...)
	slices.SortStableFunc(out.Findings, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return out, nil
}

// imageMinor returns the minor version in the tag of a pod's image, or fallback.
func (c *CheckedLine) imageMinor(data []byte, fallback int) int {
	tag := artefact.ImageTag(data)
	if strings.HasPrefix(tag, "1.") { // some registries leave out the v
		tag = "v" + tag
	}
	v, err := spec.ParseVersion(tag)
	switch {
	case err != nil:
		return fallback
	case flags.Of(v.Minor) == nil:
		c.NoData = tag
		return fallback
	}
	return v.Minor
}

// unknownArgument returns the finding for an argument that only the host can expand.
func unknownArgument(at finding.Pos, value string) finding.Finding {
	return finding.Finding{
		Rule: "flag-syntax", Severity: finding.NotChecked, Pos: at,
		Message:  fmt.Sprintf("%.80s is known on the host only: a variable or a specifier is in it", value),
		Expected: "the words that it stands for, to check them too",
	}
}

// readLine reads the file, or the standard input for "-", up to the length of the
// longest command line.
func readLine(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, artefact.MaxFile+1))
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
