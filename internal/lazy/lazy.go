// Package lazy puts work off until its result is first needed: what a package
// prepares before main, every run of the program pays for.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp returns a function that compiles the expression on its first call. It panics
// there if the expression is wrong.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
