// Package schemas is the vocabulary in CUE, as the program carries it.
package schemas

import "embed"

// Path is the import path of the vocabulary.
const Path = "github.com/kcmgen/kcmgen/schemas"

// Files are the CUE files of the vocabulary.
//
//go:embed *.cue
var Files embed.FS
