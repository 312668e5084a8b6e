// Package edit rewrites a user's CUE through its syntax tree.
package edit

import (
	"bytes"
	"cmp"
	"fmt"

	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// SyntaxError is a file that can't be parsed, with the position of its first error.
type SyntaxError struct {
	Pos finding.Pos
	Err error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s: %v", e.Pos, e.Err) }

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Format returns a file in CUE's standard format, as "cue fmt" writes it, except that
// CRLF line ends stay. name is the file's name in errors.
func Format(name string, src []byte) ([]byte, error) {
	f, err := parser.ParseFile(name, src, parser.ParseComments)
	if err != nil {
		return nil, syntaxError(name, err)
	}
	out, err := format.Node(f)
	if bytes.Contains(src, []byte("\r\n")) {
		out = bytes.ReplaceAll(bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}
	return out, err
}

func syntaxError(name string, err error) error {
	first := errors.Errors(err)[0]
	p := first.Position()
	message, args := first.Msg()
	return &SyntaxError{
		Pos: finding.Pos{File: cmp.Or(p.Filename(), name), Line: p.Line(), Col: p.Column()},
		Err: fmt.Errorf(message, args...),
	}
}
