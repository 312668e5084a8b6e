package need

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

// begins matches the names of commands in a shell's line.
var begins = lazy.Regexp(`(?m)(?:^|[|;&(])\s*(?:do |then |! )*([\w-]+)`)

// Typed returns the outside programs that a shell's line starts.
func Typed(line string) []string {
	var out []string
	for _, m := range begins().FindAllStringSubmatch(line, -1) {
		if source[m[1]] != "" && !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

// always are programs that every machine with make test has.
var always = []string{"bash", "git", "make", "setpriv", "sh"}

// Unasked returns the programs that a script of package testscript starts without a
// line "needs NAME" before it. wrappers has commands that run another command, and the
// program that each needs.
func Unasked(script string, wrappers map[string]string) []string {
	script, _, _ = strings.Cut(script, "\n-- ")
	var asked, out []string
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		for len(words) > 0 && (words[0] == "!" || words[0] == "?" || strings.HasPrefix(words[0], "[")) {
			words = words[1:]
		}
		switch {
		case len(words) > 1 && words[0] == "needs":
			asked = append(asked, words[1:]...)
			continue
		case len(words) > 1 && words[0] == "exec":
			words = words[1:]
		case len(words) > 2 && words[0] == "exits":
			words = words[2:]
		default:
			continue
		}
		var takes []string
		for len(words) > 1 && wrappers[words[0]] != "" {
			takes = append(takes, wrappers[words[0]])
			words = words[1:]
		}
		if len(words) > 1 && words[0] == "sh" && words[1] == "-c" {
			takes = append(takes, Typed(strings.Trim(strings.Join(words[2:], " "), `"'`))...)
		} else if source[words[0]] != "" {
			takes = append(takes, words[0])
		}
		for _, name := range takes {
			if !slices.Contains(always, name) && !slices.Contains(asked, name) && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}
