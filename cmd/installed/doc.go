// Package installed holds tests of kcmgen as users install it. They make a release v0.1.0 of
// the current files, and have the real programs fetch it: pre-commit from a git repository,
// go install from a module proxy, make from a clone. They aren't in the program's package,
// because they need the whole repository.
package installed
