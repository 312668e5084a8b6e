package flags

import "fmt"

// Change is one difference between two versions.
type Change struct {
	Change string `json:"change"` // added, removed, renamed, default, type, stage, locked, deprecated
	Name   string `json:"name"`
	In     string `json:"in"` // the minor version that changed it
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Note
}

// Changes returns the changes of flags after the minor version older, up to newer, by
// version and then by name.
func Changes(older, newer int) []Change {
	out := []Change{}
	for minor := older + 1; minor <= newer; minor++ {
		before, now := Of(minor-1), Of(minor)
		for _, name := range Names() {
			was, had := before.Flag(name)
			is, has := now.Flag(name)
			life, _ := LifeOf(name)
			add := func(change, from, to string) {
				out = append(out, Change{change, name, MinorName(minor), from, to, life.Note})
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

// ControllerChanges returns the changes of the names that --controllers accepts.
func ControllerChanges(older, newer int) []Change {
	out := []Change{}
	for minor := older + 1; minor <= newer; minor++ {
		before, now := Of(minor-1), Of(minor)
		add := func(change, name, to string) {
			out = append(out, Change{Change: change, Name: name, In: MinorName(minor), To: to})
		}
		renamed := map[string]bool{}
		for _, was := range before.Controllers {
			switch is, has := now.Controller(was.Name); {
			case !has:
				add("removed", was.Name, "")
			case is.Name != was.Name:
				renamed[is.Name] = true
				add("renamed", was.Name, is.Name)
			}
		}
		for _, is := range now.Controllers {
			if _, had := before.Controller(is.Name); !had && !renamed[is.Name] {
				add("added", is.Name, "")
			}
		}
	}
	return out
}

// GateChanges returns the changes of the names that --feature-gates accepts.
func GateChanges(older, newer int) []Change {
	out := []Change{}
	for minor := older + 1; minor <= newer; minor++ {
		before, now := Of(minor-1), Of(minor)
		add := func(change, name, from, to string) {
			out = append(out, Change{Change: change, Name: name, In: MinorName(minor), From: from, To: to})
		}
		for _, was := range before.FeatureGates {
			is, has := now.Gate(was.Name)
			if !has {
				add("removed", was.Name, "", "")
				continue
			}
			if was.Default != is.Default {
				add("default", was.Name, fmt.Sprint(was.Default), fmt.Sprint(is.Default))
			}
			if was.Stage != is.Stage {
				add("stage", was.Name, was.Stage, is.Stage)
			}
			if !was.Locked && is.Locked {
				add("locked", was.Name, "", fmt.Sprint(is.Default))
			}
		}
		for _, is := range now.FeatureGates {
			if _, had := before.Gate(is.Name); !had {
				add("added", is.Name, "", "")
			}
		}
	}
	return out
}

// Line is a change in one line. prefix precedes its name.
func (c Change) Line(prefix string) string {
	return fmt.Sprintf("%s  %-10s  %s%s", c.In, c.Change, prefix+c.Name, c.Words())
}

// Words describes a change beyond its kind and name, beginning with ": "; it may be "".
func (c Change) Words() string {
	out := ""
	switch c.Change {
	case "default", "type", "stage":
		out += fmt.Sprintf(": %q becomes %q", c.From, c.To)
	case "renamed", "locked":
		out += ": " + c.To
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
