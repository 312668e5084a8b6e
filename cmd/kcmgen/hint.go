package main

import (
	"errors"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/repository"
	"github.com/kcmgen/kcmgen/gen/upgrade"
)

// is reports whether an error is of type T, or wraps one.
func is[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// hint returns advice on an error, such as the command to type next, or "".
func hint(err error) string {
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
		if near := gen.Nearest(flag.Name, flags.Names()); near != "" {
			unknown.Near = []string{"--" + near}
		}
		return unknown.Hint()
	case errors.As(err, &skipped):
		return skipped.Next
	}
	return gen.Hint(err)
}

// word quotes a text as one word for sh.
func word(s string) string { return gen.ShellWord(s) }
