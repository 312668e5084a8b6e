// Package shell reads shell scripts without running them: the commands with their words,
// the here-documents and the variables, as far as they are known from the script itself.
package shell

import (
	"errors"
	"fmt"
	"io"
	"path"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"mvdan.cc/sh/v3/syntax"
)

// Script is a parsed shell script.
type Script struct {
	set   *text.Set
	src   text.Text
	file  *syntax.File
	posix bool
	funcs map[string]*function
}

// Error is a syntax error.
type Error struct {
	At      text.At
	Line    int // in the file that At is in
	Message string
	deep    bool
}

var errDeep = errors.New("nested too deeply")

// Error returns the line and the message.
func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Line, e.Message) }

const (
	// maxFrames bounds the stack of the parser, which has no limit of its own. Go ends a
	// program whose stack overflows. A level of nesting takes six to ten frames.
	maxFrames = 5000
	// maxDepth bounds the tree. A script by hand has less than 60 levels.
	maxDepth = 400
)

// Parse parses a script of POSIX sh or bash.
func Parse(set *text.Set, t text.Text) (*Script, error) {
	s := &Script{set: set, src: t}
	if err := s.characters(); err != nil {
		return nil, err
	}
	var dialects []syntax.LangVariant
	switch interpreter(t.String()) {
	case "dash":
		dialects = []syntax.LangVariant{syntax.LangPOSIX}
	case "sh", "ash": // sh is bash on many systems
		dialects = []syntax.LangVariant{syntax.LangPOSIX, syntax.LangBash}
	default:
		dialects = []syntax.LangVariant{syntax.LangBash, syntax.LangPOSIX}
	}
	var first error
	for _, lang := range dialects {
		err := s.parse(lang)
		if err == nil {
			return s, nil
		}
		if first == nil {
			first = err
		}
		if e := (*Error)(nil); errors.As(err, &e) && e.deep { // the other dialect may see something else in it
			break
		}
	}
	return nil, first
}

// characters refuses the characters that the parser doesn't pass on as they are. It takes
// U+0080 for the end of the file, and U+0081 for a line that goes on.
func (s *Script) characters() error {
	data := s.src.String()
	if i := strings.IndexAny(data, "\x00\u0080\u0081"); i >= 0 {
		r, _ := utf8.DecodeRuneInString(data[i:])
		return s.fail(i, fmt.Sprintf("control character U+%04X", r))
	}
	return nil
}

// fail returns the error for a byte of the script.
func (s *Script) fail(offset int, message string) error {
	at := s.src.At(offset)
	return &Error{At: at, Line: s.set.Pos(at).Line, Message: message}
}

func (s *Script) deep(offset int) error {
	at := s.src.At(offset)
	return &Error{At: at, Line: s.set.Pos(at).Line, Message: errDeep.Error(), deep: true}
}

func (s *Script) parse(lang syntax.LangVariant) error {
	in := &shallow{data: s.src.String()}
	file, err := syntax.NewParser(syntax.Variant(lang)).Parse(in, "")
	if err != nil {
		var parse syntax.ParseError
		var feature syntax.LangError
		switch {
		case in.tooDeep:
			return s.deep(in.read)
		case errors.As(err, &parse):
			return s.fail(int(parse.Pos.Offset()), parse.Text) //nolint:gosec // in the text
		case errors.As(err, &feature):
			return s.fail(int(feature.Pos.Offset()), feature.Feature+": not in this shell's language") //nolint:gosec // as above
		}
		return s.fail(0, err.Error())
	}
	if deep := tooDeep(file); deep != nil {
		return s.deep(offset(deep.Pos()))
	}
	s.file, s.posix = file, lang == syntax.LangPOSIX
	s.funcs = functions(file)
	return nil
}

// shallow is a reader that fails if the function that reads it is deep in a recursion. The parser
// reads while it recurses, so its stack stays bounded.
type shallow struct {
	data    string
	read    int
	tooDeep bool
}

// Read returns few bytes at a time, as the parser isn't watched between two calls.
func (r *shallow) Read(p []byte) (int, error) {
	var pc [1]uintptr
	if runtime.Callers(maxFrames, pc[:]) > 0 {
		r.tooDeep = true
		return 0, errDeep
	}
	n := copy(p[:min(len(p), 512)], r.data[r.read:])
	r.read += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// tooDeep returns a node below maxDepth levels, or nil. What comes after it may recurse.
func tooDeep(file *syntax.File) syntax.Node {
	depth := 0
	var deep syntax.Node
	syntax.Walk(file, func(n syntax.Node) bool {
		switch {
		case n == nil:
			depth--
			return false
		case deep != nil:
			return false
		case depth == maxDepth:
			deep = n
			return false
		}
		depth++
		return true
	})
	return deep
}

// interpreter is the base name of the program in the first line, "" if it names none.
func interpreter(data string) string {
	line, _, _ := strings.Cut(data, "\n")
	rest, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return ""
	}
	words := strings.Fields(rest)
	for len(words) > 1 && (path.Base(words[0]) == "env" || strings.HasPrefix(words[0], "-")) {
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	return path.Base(words[0])
}

func offset(p syntax.Pos) int { return int(p.Offset()) } //nolint:gosec // in the text

// source returns the text of a node as it is written.
func (s *Script) source(n syntax.Node) text.Text {
	end := min(max(offset(n.End()), 0), s.src.Len())
	return s.src.Slice(min(offset(n.Pos()), end), end)
}

// at is the place of a node.
func (s *Script) at(n syntax.Node) text.At { return s.src.At(offset(n.Pos())) }

// hole returns a hole for a node.
func (s *Script) hole(name string, n syntax.Node) text.Text {
	return s.set.Hole(name, s.set.Show(s.source(n)), s.at(n))
}
