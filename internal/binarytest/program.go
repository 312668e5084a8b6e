// Package binarytest is for tests alone: programs that nobody has to compile.
package binarytest

import (
	"embed"
	"slices"
)

// headers are how Go's linker begins a program, by architecture: the ELF header and
// the program headers, which are all that this repository looks at.
//
//go:embed headers
var headers embed.FS

// size is that of a program before its text: more than its headers, and much less
// than what follows them in a real one.
const size = 8000

// Program is a static program for Linux on an architecture, as far as its headers
// tell. It can't be run. Two texts make two programs.
func Program(arch, text string) ([]byte, error) {
	header, err := headers.ReadFile("headers/" + arch)
	if err != nil {
		return nil, err
	}
	data := slices.Grow(header, size+len(text))[:size]
	return append(data, text...), nil
}
