package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
)

// flagChange is one difference between two versions.
type flagChange struct {
	Change string `json:"change"` // added, removed, default, type, deprecated
	Name   string `json:"name"`
	In     string `json:"in"` // the minor version that changed it
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	flags.Note
}

func runFlagsDiff(o flagsOptions, std stdio) error {
	from, to, ok := strings.Cut(o.diff, "..")
	if !ok {
		return usageError{fmt.Errorf("--diff is %q, not two versions such as v1.30..v1.37", o.diff)}
	}
	older, err := parseMinor(from)
	if err != nil {
		return usageError{fmt.Errorf("--diff: %w", err)}
	}
	newer, err := parseMinor(to)
	if err != nil {
		return usageError{fmt.Errorf("--diff: %w", err)}
	}
	if older >= newer {
		return usageError{fmt.Errorf("--diff: %s is not older than %s", from, to)}
	}
	changes := flagChanges(older, newer)
	if o.format == "json" {
		return printJSON(std.out, changes)
	}
	var b bytes.Buffer
	for _, c := range changes {
		fmt.Fprintf(&b, "%s  %-10s  --%s%s\n", c.In, c.Change, c.Name, c.tail())
	}
	_, err = std.out.Write(b.Bytes())
	return err
}

// tail is what a change comes to, in words.
func (c flagChange) tail() string {
	out := ""
	if c.Change == "default" || c.Change == "type" {
		out += fmt.Sprintf(": %q becomes %q", c.From, c.To)
	}
	if c.Change == "added" {
		return out
	}
	switch {
	case c.ReplacedBy != "":
		out += ": use --" + c.ReplacedBy
	case c.Change != "default" && c.Note.Note != "":
		out += ": " + c.Note.Note
	}
	return out
}

// flagChanges are the changes after one minor version, up to another, in the
// order of the versions and then of the names.
func flagChanges(older, newer int) []flagChange {
	out := []flagChange{}
	for minor := older + 1; minor <= newer; minor++ {
		before, now := flags.Of(minor-1), flags.Of(minor)
		for _, name := range flags.Names() {
			was, had := before.Flag(name)
			is, has := now.Flag(name)
			life, _ := flags.LifeOf(name)
			add := func(change, from, to string) {
				out = append(out, flagChange{change, name, minorName(minor), from, to, life.Note})
			}
			switch {
			case !had && has:
				add("added", "", "")
			case had && !has:
				add("removed", "", "")
			case had && has:
				if was.Type != is.Type {
					add("type", was.Type, is.Type)
				}
				if was.Default != is.Default {
					add("default", was.Default, is.Default)
				}
				if !was.Deprecated && is.Deprecated {
					add("deprecated", "", "")
				}
			}
		}
	}
	return out
}
