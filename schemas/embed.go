// Package schemas is the vocabulary in CUE, as the program carries it.
package schemas

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Path is the import path of the vocabulary.
const Path = "github.com/kcmgen/kcmgen/schemas"

// Files are the CUE files of the vocabulary: those of the base, and a directory for
// each package below it.
//
//go:embed *.cue types/*.cue v1_*/*.cue
var Files embed.FS

// Minors are the minor versions of Kubernetes that have a package of their own,
// ascending: 37 is v1.37.
var Minors = sync.OnceValue(func() []int {
	entries, err := Files.ReadDir(".")
	if err != nil {
		panic(err) // an embedded directory can't fail to be read
	}
	var out []int
	for _, e := range entries {
		if minor, ok := MinorOf(Path + "/" + e.Name()); ok {
			out = append(out, minor)
		}
	}
	slices.Sort(out)
	return out
})

// Package is the import path of a minor version's package; the base's where there
// is none.
func Package(minor int) string {
	if !slices.Contains(Minors(), minor) {
		return Path
	}
	return fmt.Sprintf("%s/v1_%d", Path, minor)
}

// MinorOf is the minor version whose package has an import path, be there one or
// not.
func MinorOf(importPath string) (int, bool) {
	digits, ok := strings.CutPrefix(importPath, Path+"/v1_")
	digits, _, _ = strings.Cut(digits, "@")
	digits, _, _ = strings.Cut(digits, ":")
	minor, err := strconv.Atoi(digits)
	return minor, ok && err == nil
}
