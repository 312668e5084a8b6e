package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// lines says how many lines systemd ignores after two backslashes.
func lines(u *systemd.Unit) string {
	n := 0
	for _, i := range u.Ignored {
		if i.After != nil {
			n++
		}
	}
	if n == 1 {
		return "line"
	}
	return fmt.Sprintf("%d lines", n)
}

// continued returns a unit whose lines that end in a backslash go on, as their writer meant
// it, though systemd doesn't see that, and a note of the first of them.
func (r *reader) continued(u *systemd.Unit) (*systemd.Unit, Note, bool) {
	var first *systemd.Directive
	out := &systemd.Unit{Directives: slices.Clone(u.Directives)}
	for _, i := range u.Ignored {
		at := slices.IndexFunc(out.Directives, func(d systemd.Directive) bool { return i.After != nil && d.At == i.After.At })
		if at < 0 || !strings.HasPrefix(i.Line.String(), "-") {
			out.Ignored = append(out.Ignored, i)
			continue
		}
		d := &out.Directives[at]
		if first == nil {
			first = i.After
		}
		d.Value = text.Join(withoutBackslashes(d.Value), text.Literal(" ", i.At), withoutBackslashes(i.Line))
	}
	if first == nil {
		return nil, Note{}, false
	}
	n := first.Value.Len()
	what := fmt.Sprintf("systemd reads the %s after it as directives that it doesn't know", lines(u))
	if strings.HasSuffix(first.Value.String(), `\\`) {
		return out, Note{
			first.Value.At(n - 2), "unit-continuation", "the line ends in two backslashes, which continue nothing: " + what,
			`one backslash, as in "\"; two are for a here-document of a shell`,
		}, true
	}
	return out, Note{first.Value.At(n - 1), "unit-continuation", "white space follows the backslash, which then continues nothing: " + what, "a backslash at the line's end"}, true
}

func withoutBackslashes(t text.Text) text.Text {
	s := strings.TrimRight(t.String(), " \t")
	for strings.HasSuffix(s, `\`) {
		s = s[:len(s)-1]
	}
	return t.Slice(0, len(s))
}

// ignoredLines are notes of the lines that systemd ignores in a unit. What a line without a
// name says may be a secret.
func (r *reader) ignoredLines(u *systemd.Unit) []Note {
	var out []Note
	for _, i := range u.Ignored {
		line := r.set.Show(i.Line)
		what, _, named := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, ".include "):
			out = append(out, Note{i.At, "unit-line", fmt.Sprintf("%.80q: systemd includes no files since v247, and ignores the line", line), "a drop-in, and its file given here"})
			continue
		case strings.HasPrefix(line, "-") || named && !strings.ContainsAny(strings.TrimSpace(what), " \t"):
			what = fmt.Sprintf("%.80q", strings.TrimSpace(what))
		default:
			what = "this line"
		}
		out = append(out, Note{i.At, "unit-line", fmt.Sprintf("systemd ignores %s: %s", what, i.Why), "a directive, or no such line"})
	}
	return out
}
