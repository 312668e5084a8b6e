package systemd

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// Variable is an assignment of an environment file or of Environment=.
type Variable struct {
	Name  string
	Value text.Text
	At    text.At // of the name
	// Commented: the line follows a comment that ends in a backslash. Before v254, systemd took
	// it for a part of the comment.
	Commented bool
}

// Valid reports whether systemd takes the name; it ignores the assignment otherwise.
func (v Variable) Valid() bool {
	if v.Name == "" || v.Name[0] >= '0' && v.Name[0] <= '9' {
		return false
	}
	return strings.IndexFunc(v.Name, func(r rune) bool { return r != '_' && notLetter(r) }) < 0
}

// The states of an environment file's reader (systemd's parse_env_file).
type envState int

const (
	beforeKey envState = iota
	inKey
	beforeValue
	inValue
	valueEscape
	inSingle
	inDouble
	doubleEscape
	inComment
	commentEscape
)

type envReader struct {
	state      envState
	key, value text.Builder
	name       string
	from       text.At
	blanksFrom int  // where white space at the end of an unquoted value begins; -1
	commented  bool // the line before is a comment that ends in a backslash
	out        []Variable
	ignored    []text.Text // lines without =
}

// EnvFile parses an environment file (EnvironmentFile= in systemd.exec(5)). Values may be
// quoted, and may go on after a backslash at a line's end. Assignments whose names aren't
// Valid are returned too.
func EnvFile(t text.Text) []Variable {
	vars, _ := EnvLines(t)
	return vars
}

// EnvLines is EnvFile that also returns the lines without "=", which systemd ignores.
func EnvLines(t text.Text) (vars []Variable, ignored []text.Text) {
	r := &envReader{blanksFrom: -1}
	s := t.String()
	for i := range len(s) {
		r.step(s[i], t.At(i))
	}
	switch r.state {
	case beforeValue, inValue, valueEscape, inSingle, inDouble, doubleEscape:
		r.push()
	case inKey:
		r.ignored = append(r.ignored, r.key.Text())
	}
	return r.out, r.ignored
}

func newline(c byte) bool { return c == '\n' || c == '\r' }
func blank(c byte) bool   { return strings.IndexByte(blanks, c) >= 0 }

func (r *envReader) push() {
	value := r.value.Text()
	if r.state == inValue && r.blanksFrom >= 0 {
		value = value.Slice(0, r.blanksFrom)
	}
	r.out = append(r.out, Variable{Name: r.name, Value: value, At: r.from, Commented: r.commented})
	r.state, r.blanksFrom, r.commented = beforeKey, -1, false
}

func (r *envReader) step(c byte, at text.At) {
	switch r.state {
	case beforeKey, inKey, inComment, commentEscape:
		r.outside(c, at)
	case beforeValue:
		switch {
		case newline(c):
			r.push()
		case c == '\'':
			r.state = inSingle
		case c == '"':
			r.state = inDouble
		case c == '\\':
			r.state = valueEscape
		case !blank(c):
			r.state = inValue
			r.value.Byte(c, at)
		}
	case inValue:
		switch {
		case newline(c):
			r.push()
			return
		case c == '\\':
			r.state, r.blanksFrom = valueEscape, -1
			return
		case !blank(c):
			r.blanksFrom = -1
		case r.blanksFrom < 0:
			r.blanksFrom = r.value.Len()
		}
		r.value.Byte(c, at)
	case valueEscape:
		r.state = inValue
		if !newline(c) { // a line's end after a backslash is no part of the value
			r.value.Byte(c, at)
		}
	default:
		r.quoted(c, at)
	}
}

// outside steps through keys and comments.
func (r *envReader) outside(c byte, at text.At) {
	switch {
	case r.state == inComment && c == '\\':
		r.state = commentEscape
	case r.state == inComment || r.state == commentEscape:
		r.commented = r.state == commentEscape && newline(c)
		r.state = inComment
		if newline(c) {
			r.state = beforeKey
		}
	case r.state == beforeKey && strings.IndexByte(comments, c) >= 0:
		r.state = inComment
	case r.state == beforeKey && !blank(c):
		r.state, r.from = inKey, at
		r.key.Text()
		r.key.Byte(c, at)
	case r.state == inKey && newline(c):
		r.state, r.commented = beforeKey, false
		r.ignored = append(r.ignored, r.key.Text())
	case r.state == inKey && c == '=':
		r.name = strings.TrimRight(r.key.Text().String(), blanks)
		r.value.Text()
		r.state, r.blanksFrom = beforeValue, -1
	case r.state == inKey:
		r.key.Byte(c, at)
	}
}

// quoted steps through quotes.
func (r *envReader) quoted(c byte, at text.At) {
	switch {
	case r.state == inSingle && c == '\'', r.state == inDouble && c == '"':
		r.state = beforeValue
	case r.state == inDouble && c == '\\':
		r.state = doubleEscape
	case r.state == doubleEscape:
		r.state = inDouble
		switch {
		case strings.IndexByte("\"\\`$", c) >= 0:
			r.value.Byte(c, at)
		case c != '\n':
			r.value.Byte('\\', at)
			r.value.Byte(c, at)
		}
	default:
		r.value.Byte(c, at)
	}
}
