// Package installed holds tests alone: kcmgen as other people get it. They make
// a release of the files as they stand, v0.1.0, and have the real programs fetch
// it: pre-commit from a git repository, go install from a module proxy, make
// from a clone. None of this is part of the program's own tests, for it takes
// what surrounds the program: the whole repository.
package installed
