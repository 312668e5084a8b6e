package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
)

// flagChange is one difference between two versions.
type flagChange struct {
	Change string `json:"change"` // added, removed, renamed, default, type, stage, locked, deprecated
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
	of := flagChanges
	switch {
	case o.controllers:
		of = controllerChanges
	case o.gates:
		of = gateChanges
	}
	changes := of(older, newer)
	if o.format == "json" {
		return printJSON(std.out, changes)
	}
	var b bytes.Buffer
	for _, c := range changes {
		name := c.Name
		if !o.controllers && !o.gates {
			name = "--" + name
		}
		fmt.Fprintf(&b, "%s  %-10s  %s%s\n", c.In, c.Change, name, c.tail())
	}
	_, err = std.out.Write(b.Bytes())
	return err
}

// tail is what a change comes to, in words.
func (c flagChange) tail() string {
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

// controllerChanges are those of the names that --controllers takes.
func controllerChanges(older, newer int) []flagChange {
	out := []flagChange{}
	for minor := older + 1; minor <= newer; minor++ {
		before, now := flags.Of(minor-1), flags.Of(minor)
		add := func(change, name, to string) {
			out = append(out, flagChange{Change: change, Name: name, In: minorName(minor), To: to})
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

// gateChanges are those of the names that --feature-gates takes.
func gateChanges(older, newer int) []flagChange {
	out := []flagChange{}
	for minor := older + 1; minor <= newer; minor++ {
		before, now := flags.Of(minor-1), flags.Of(minor)
		add := func(change, name, from, to string) {
			out = append(out, flagChange{Change: change, Name: name, In: minorName(minor), From: from, To: to})
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
