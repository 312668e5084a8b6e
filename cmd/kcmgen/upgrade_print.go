package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/upgrade"
)

// told is an edit in words.
func told(e upgrade.Edit) string {
	name := ""
	if n := len(e.Path); n > 0 {
		name = e.Path[n-1]
	}
	if n := len(e.Path); n > 1 && e.Path[n-2] == "flags" {
		name = "--" + name
	}
	switch {
	case e.Op == edit.Set:
		return fmt.Sprintf("%s becomes %s", name, e.To)
	case e.Op == edit.Rename:
		return fmt.Sprintf("%s becomes --%s", name, e.To)
	case e.Op == edit.RenameElement:
		return fmt.Sprintf("%s: %s becomes %s", name, e.From, e.To)
	case e.Op == edit.DropElement:
		return fmt.Sprintf("%s: %s goes", name, e.From)
	case e.Op == edit.Import:
		return "imports " + e.To
	case e.Path[0] == "waivers":
		return fmt.Sprintf("waiver %s goes", name)
	}
	return name + " goes"
}

func (u *upgrading) print(std stdio) error {
	if u.opts.format == "json" {
		return u.printJSON(std.out)
	}
	u.before.printSkipped(std)
	var b bytes.Buffer
	for i, c := range u.clusters {
		if i > 0 {
			say(&b, "")
		}
		c.print(&b, std.out)
	}
	for _, name := range slices.Sorted(maps.Keys(u.changed)) {
		say(&b, "")
		if also := u.also[name]; len(also) > 0 {
			say(&b, "%s also serves %s, not named here", u.files.Shown(name), strings.Join(also, ", "))
		}
		for _, at := range u.files.Kept(name) {
			say(&b, "%s: this comment stays: see whether it is about what is below it now", at)
		}
		b.Write(u.diff(name))
	}
	_, err := std.out.Write(b.Bytes())
	return err
}

func (u *upgrading) diff(name string) []byte {
	shown := u.files.Shown(name)
	return diff.Diff(shown, u.files.Data(name), shown, u.changed[name])
}

// print tells what a cluster needs; out is where it will be read.
func (c *upgraded) print(w, out io.Writer) {
	from, to := c.plan.From, c.plan.To
	if from == to {
		say(w, "%s", colour(out, bold, fmt.Sprintf("%s: has %s", c.name(), to)))
	} else {
		say(w, "%s", colour(out, bold, fmt.Sprintf("%s: %s to %s", c.name(), from, to)))
	}
	if from.Minor < to.Minor {
		say(w, "    first     the kube-apiserver: kube-controller-manager may be one minor version older, and never newer")
	}
	for _, s := range c.steps {
		if len(s.edits)+len(s.notes) == 0 && s.minor == from.Minor {
			continue
		}
		say(w, "  %s", minorName(s.minor))
		if len(s.edits)+len(s.notes) == 0 {
			say(w, "    nothing")
		}
		for _, e := range s.edits {
			say(w, "    edit      %s: %s%s", e.at, told(e.Edit), because(e.Reason))
		}
		for _, n := range s.notes {
			say(w, "    know      %s", n)
		}
	}
	c.printLeft(w)
}

func (c *upgraded) printLeft(w io.Writer) {
	for _, p := range c.byHand {
		say(w, "    by hand   %s", p)
	}
	for _, p := range c.blocking {
		say(w, "    settle    %s", p)
	}
	for _, f := range c.findings {
		_ = printFinding(w, f, nil) // into memory
	}
}

func (p placed) String() string {
	if p.Pos == (finding.Pos{}) {
		return p.Text
	}
	return p.Pos.String() + ": " + p.Text
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// printEnd is the last word: what was written, and the command to type next.
func (u *upgrading) printEnd(std stdio) {
	switch {
	case len(u.changed) == 0:
		say(std.err, "nothing to write")
	case u.opts.write:
		for _, name := range slices.Sorted(maps.Keys(u.changed)) {
			say(std.err, "wrote %s", u.files.Shown(name))
		}
		next := "kcmgen export"
		for _, a := range u.args {
			next += " " + word(a)
		}
		say(std.err, "next: %s", next)
	default:
		say(std.err, "nothing written; next: %s", u.next())
	}
}

type editJSON struct {
	Pos    finding.Pos `json:"position"`
	Op     edit.Op     `json:"op"`
	Field  string      `json:"field,omitempty"`
	From   string      `json:"from,omitempty"`
	To     string      `json:"to,omitempty"`
	Reason string      `json:"reason,omitempty"`
}

type stepJSON struct {
	To    string     `json:"to"`
	Edits []editJSON `json:"edits"`
	Notes []placed   `json:"notes"`
}

type upgradeJSON struct {
	Cluster  string            `json:"cluster"`
	From     string            `json:"from"`
	To       string            `json:"to"`
	Steps    []stepJSON        `json:"steps"`
	ByHand   []placed          `json:"byHand"`
	Settle   []placed          `json:"settle"`
	Findings []finding.Finding `json:"findings"` // that the edits would bring
}

type fileJSON struct {
	File  string   `json:"file"`
	Diff  string   `json:"diff"`
	Other []string `json:"alsoServes,omitempty"`
}

func (u *upgrading) printJSON(w io.Writer) error {
	doc := struct {
		Clusters []upgradeJSON `json:"clusters"`
		Files    []fileJSON    `json:"files"`
	}{[]upgradeJSON{}, []fileJSON{}}
	for _, c := range u.clusters {
		out := upgradeJSON{
			Cluster: c.name(), From: c.plan.From.String(), To: c.plan.To.String(), Steps: []stepJSON{},
			ByHand: append([]placed{}, c.byHand...), Settle: append([]placed{}, c.blocking...), Findings: append([]finding.Finding{}, c.findings...),
		}
		for _, s := range c.steps {
			step := stepJSON{minorName(s.minor), []editJSON{}, append([]placed{}, s.notes...)}
			for _, e := range s.edits {
				step.Edits = append(step.Edits, editJSON{e.at, e.Op, e.Field, e.From, e.To, e.Reason})
			}
			out.Steps = append(out.Steps, step)
		}
		doc.Clusters = append(doc.Clusters, out)
	}
	for _, name := range slices.Sorted(maps.Keys(u.changed)) {
		doc.Files = append(doc.Files, fileJSON{u.files.Shown(name), string(u.diff(name)), u.also[name]})
	}
	return printJSON(w, doc)
}
