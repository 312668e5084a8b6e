package main

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

// listNames lists the controllers or the feature gates of a version.
func listNames(o flagsOptions, m *flags.Minor, std stdio) error {
	switch {
	case o.format == "json" && o.controllers:
		return terminal.List(std.out, "controllers", m.Controllers)
	case o.format == "json":
		return terminal.List(std.out, "featureGates", m.FeatureGates)
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
	return terminal.Rows(std.out, rows)
}
