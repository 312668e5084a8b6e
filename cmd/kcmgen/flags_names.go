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
		return printList(std.out, "controllers", m.Controllers)
	case o.format == "json":
		return printList(std.out, "featureGates", m.FeatureGates)
	}
	var rows [][]string
	if o.controllers {
		for _, c := range m.Controllers {
			rows = append(rows, []string{c.Name, strings.Join(c.Aliases, ","), c.Words()})
		}
	} else {
		for _, g := range m.FeatureGates {
			rows = append(rows, []string{g.Name, fmt.Sprint(g.Default), g.Words()})
		}
	}
	return printRows(std.out, rows)
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
