package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/repository"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/upgrade"
)

// is reports whether an error is of type T, or wraps one.
func is[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// hint returns advice on an error, such as the command to type next, or "".
func hint(err error) string {
	var directory *gen.NoDirError
	var skipped *upgrade.SkippedMinorsError
	var flag *flags.UnknownError
	for _, advice := range []func(error) string{deploy.Hint, repository.Hint} {
		if h := advice(err); h != "" {
			return h
		}
	}
	switch {
	case errors.As(err, &flag):
		unknown := gen.UnknownNameError{Name: flag.Name}
		if near := spec.Nearest(flag.Name, flags.Names()); near != "" {
			unknown.Near = []string{"--" + near}
		}
		return unknown.Hint()
	case errors.As(err, &skipped):
		return skipped.Next
	case errors.As(err, &directory):
		if near := nearestCluster(directory); near != "" {
			return fmt.Sprintf("did you mean %s?", near) + clustersAtHand(" The clusters here: %s")
		}
		return "name the directory of a cluster's package" + clustersAtHand(", or a cluster here (%s)") + "; without an argument all are taken"
	}
	return gen.Hint(err)
}

// word quotes a text as one word for sh.
func word(s string) string { return spec.ShellWord(s) }

// nearestCluster returns the name of a cluster that a misspelt name may mean, or "".
func nearestCluster(e *gen.NoDirError) string {
	if !e.IsName() {
		return ""
	}
	var names []string
	for _, c := range outlines(nil) {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return spec.Nearest(e.Name, names)
}

// clustersAtHand puts the names of up to 10 clusters of this module into format,
// which has one %s. It returns "" if there are none.
func clustersAtHand(format string) string {
	var names []string
	for _, c := range outlines(nil) {
		if c.Name != "" && len(names) < 10 {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(format, strings.Join(names, ", "))
}
