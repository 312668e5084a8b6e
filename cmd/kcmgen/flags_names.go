package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
)

// listNames lists the controllers or the feature gates of a version.
func listNames(o flagsOptions, m *flags.Minor, std stdio) error {
	switch {
	case o.format == "json" && o.controllers:
		return printJSON(std.out, m.Controllers)
	case o.format == "json":
		return printJSON(std.out, m.FeatureGates)
	}
	var rows [][]string
	if o.controllers {
		for _, c := range m.Controllers {
			rows = append(rows, []string{c.Name, strings.Join(c.Aliases, ","), controllerNote(c)})
		}
	} else {
		for _, g := range m.FeatureGates {
			rows = append(rows, []string{g.Name, fmt.Sprint(g.Default), gateNote(g)})
		}
	}
	return printRows(std.out, rows)
}

func controllerNote(c flags.Controller) string {
	var out []string
	if c.OffByDefault {
		out = append(out, `off, "*" doesn't mean it`)
	}
	if len(c.Gates) > 0 {
		needs := "needs " + strings.Join(c.Gates, " and ")
		if c.UnknownWhileOff {
			needs += ", unknown without"
		}
		out = append(out, needs)
	}
	if c.Cloud {
		out = append(out, "for a cloud provider")
	}
	return strings.Join(out, "; ")
}

func gateNote(g flags.Gate) string {
	out := g.Stage
	if g.Locked {
		out += ", locked"
	}
	if len(g.Needs) > 0 {
		out += "; needs " + strings.Join(g.Needs, " and ")
	}
	return out
}

// printRows prints columns, each as wide as its widest cell.
func printRows(w io.Writer, rows [][]string) error {
	var width []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len(cell))
		}
	}
	var b bytes.Buffer
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += fmt.Sprintf("%-*s  ", width[i], cell)
		}
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	_, err := w.Write(b.Bytes())
	return err
}
