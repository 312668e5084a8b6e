// Package binarytest makes programs for tests without compiling them.
package binarytest

import (
	"embed"
	"slices"
)

// headers has the start of a program by Go's linker for each architecture: the ELF
// header and the program headers, which are all that this repository reads.
//
//go:embed headers
var headers embed.FS

// size is the size of a program before its text, in bytes: more than the headers.
const size = 8000

// Program returns a file with the headers of a static program for Linux on an
// architecture. It can't be run. Different texts make different programs.
func Program(arch, text string) ([]byte, error) {
	header, err := headers.ReadFile("headers/" + arch)
	if err != nil {
		return nil, err
	}
	data := slices.Grow(header, size+len(text))[:size]
	return append(data, text...), nil
}
