package config

import (
	"cmp"
	"fmt"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// maxErrors is how many of CUE's errors are explained: each is compared with each.
const maxErrors = 1000

// moreErrors is the finding of errors that are not explained.
func (x *explainer) moreErrors(n int) finding.Finding {
	return finding.Finding{
		Rule: "cue-limit", Severity: finding.Error, Cluster: x.cluster, Pos: finding.Pos{File: x.rel(x.dir)},
		Message:  fmt.Sprintf("CUE has %d more errors in this package", n),
		Expected: "a package without errors", Hint: "correct the first ones, then type: kcmgen vet",
	}
}

// endless returns the finding of a value that contains itself, the outermost one. What else
// CUE says then, such as that fields conflict, only follows.
func (x *explainer) endless(all []errors.Error) (finding.Finding, bool) {
	var outermost errors.Error
	for _, e := range all {
		if strings.Contains(x.reason(e), "structural cycle") && (outermost == nil || len(e.Path()) < len(outermost.Path())) {
			outermost = e
		}
	}
	if outermost == nil {
		return finding.Finding{}, false
	}
	labels := finding.Labels(fieldOf(outermost))
	for len(labels) > 0 && x.source[finding.Path(labels...)] == (finding.Pos{}) {
		labels = labels[:len(labels)-1]
	}
	f := finding.Finding{
		Rule: "cue-type", Severity: finding.Error, Cluster: x.cluster, Field: finding.Path(labels...),
		Expected: "values that end", Hint: "look for a reference to the value that it is in, or to one around that",
	}
	f.Message = cmp.Or(f.Field, "a value of this package") + " contains itself without end"
	f.Pos = x.source.At(f.Field)
	for _, p := range syntax.Positions(outermost) {
		if f.Field == "" && x.user[p.Filename()] {
			f.Pos = x.pos(p)
			break
		}
	}
	return f, true
}

// reason is an error in one line, with its cause. Of an interpolation, CUE sometimes says no
// more than that it failed: then the value in it is asked.
func (x *explainer) reason(e errors.Error) string {
	text := syntax.OneLine(e)
	if text != "invalid interpolation" {
		return text
	}
	if cause := errors.Unwrap(e); cause != nil {
		return text + ": " + syntax.Trim(cause.Error())
	}
	if err := x.root.LookupPath(cue.ParsePath(strings.Join(e.Path(), "."))).Err(); err != nil {
		x.recordErrors(err)
		for _, inner := range errors.Errors(err) {
			if said := syntax.OneLine(inner); said != text {
				return text + ": " + said
			}
		}
	}
	return text
}

func isIndex(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
