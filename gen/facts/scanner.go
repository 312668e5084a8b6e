package facts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// scanner walks through JSON of any length in constant memory. encoding/json reads every
// byte three times to skip a value, which takes seconds for ten thousand nodes. What is
// skipped has to have its strings, brackets and braces closed, and is not checked further.
type scanner struct {
	in       io.Reader
	buf      []byte // what was read
	pos      int    // the next byte of buf
	before   int64  // bytes before buf
	max      int64
	counted  int   // how much of buf has its lines counted
	lines    int   // up to there
	begin    int64 // where the last of them begins
	stack    []byte
	unplaced bool // places mean nothing: the user's file was another
	err      error
}

const (
	maxValue = 1 << 20 // of a value that is kept, in bytes
	maxDepth = 200
)

func newScanner(in io.Reader, max int64) *scanner {
	return &scanner{in: in, max: max, buf: make([]byte, 0, 64<<10)}
}

// fill replaces what was read by what comes next.
func (s *scanner) fill() error {
	if s.err != nil {
		return s.err
	}
	s.count(len(s.buf))
	s.before += int64(len(s.buf))
	s.buf, s.pos, s.counted = s.buf[:0], 0, 0
	for tries := 0; len(s.buf) == 0; tries++ {
		n, err := s.in.Read(s.buf[:cap(s.buf)])
		s.buf = s.buf[:n]
		if s.before+int64(n) > s.max {
			s.err = fmt.Errorf("it is larger than %d MB", s.max>>20)
			return s.err
		}
		if err != nil {
			s.err = err
		} else if n == 0 && tries > 100 {
			s.err = io.ErrNoProgress
		}
		if n == 0 && s.err != nil {
			return s.err
		}
	}
	return nil
}

// peek returns the next byte that isn't white space.
func (s *scanner) peek() (byte, error) {
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			switch c := s.buf[s.pos]; c {
			case ' ', '\t', '\n', '\r':
			default:
				return c, nil
			}
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// next is peek within a value: it takes the byte, and the file doesn't end here.
func (s *scanner) next() (byte, error) {
	c, err := s.peek()
	if err != nil {
		return 0, s.cut(err)
	}
	s.pos++
	return c, nil
}

// cut turns the end of the file within a value into an error that says so.
func (s *scanner) cut(err error) error {
	if errors.Is(err, io.EOF) {
		return s.fail("the file ends in the middle of a value")
	}
	return err
}

// members calls member after the name of each member of an object; it reads the value.
func (s *scanner) members(member func(key string) error) error {
	return s.list('{', '}', "an object", func() error {
		var raw []byte
		if c, err := s.peek(); err != nil || c != '"' {
			return s.orExpected(err, "a name in quotes")
		}
		if err := s.skip(&raw); err != nil {
			return err
		}
		key := string(raw[1 : len(raw)-1])
		if bytes.IndexByte(raw, '\\') >= 0 && json.Unmarshal(raw, &key) != nil {
			return s.fail("no valid string")
		}
		if c, err := s.next(); err != nil || c != ':' {
			return s.orExpected(err, `":"`)
		}
		return member(key)
	})
}

// elements calls element for each element of an array; it reads it.
func (s *scanner) elements(element func() error) error {
	return s.list('[', ']', "an array", element)
}

func (s *scanner) list(open, end byte, what string, one func() error) error {
	if c, err := s.next(); err != nil || c != open {
		return s.orExpected(err, what)
	}
	if c, err := s.peek(); err == nil && c == end {
		s.pos++
		return nil
	}
	for {
		if err := one(); err != nil {
			return err
		}
		switch c, err := s.next(); {
		case err != nil:
			return err
		case c == end:
			return nil
		case c != ',':
			s.pos--
			return s.fail("expected \",\" or %q", string(end))
		}
	}
}

func (s *scanner) orExpected(err error, what string) error {
	if err != nil {
		return s.cut(err)
	}
	return s.fail("this is no JSON of a list of nodes: expected %s", what)
}

// skip reads a value. It copies it to dst, unless that is nil.
func (s *scanner) skip(dst *[]byte) error {
	c, err := s.peek()
	if err != nil {
		return s.cut(err)
	}
	scan := s.nested
	switch c {
	case '{', '[':
	case '"':
		scan = s.quoted
	default:
		scan = s.literal
	}
	s.stack = s.stack[:0]
	state := scanState{}
	for {
		from := s.pos
		done, err := scan(&state)
		if err != nil {
			return err
		}
		if dst != nil {
			if *dst = append(*dst, s.buf[from:s.pos]...); len(*dst) > maxValue {
				return s.fail("a value of more than %d MB, which no Node has", maxValue>>20)
			}
		}
		if done {
			return nil
		}
		if err := s.fill(); err != nil {
			if errors.Is(err, io.EOF) && c != '{' && c != '[' && c != '"' {
				return nil // a literal ends with the file
			}
			return s.cut(err)
		}
	}
}

// scanState is where a scan stands in a value.
type scanState struct{ begun, inString, escaped bool }

// quoted reads to the end of a string, or of what was read.
func (s *scanner) quoted(st *scanState) (bool, error) {
	if !st.begun {
		st.begun = true
		s.pos++
	}
	for s.pos < len(s.buf) {
		c := s.buf[s.pos]
		s.pos++
		switch {
		case st.escaped:
			st.escaped = false
		case c == '\\':
			st.escaped = true
		case c == '"':
			return true, nil
		case c < ' ':
			s.pos--
			return false, s.fail("a control character in a string")
		}
	}
	return false, nil
}

// nested reads to the end of an object or array, or of what was read.
func (s *scanner) nested(st *scanState) (bool, error) {
	for s.pos < len(s.buf) {
		if st.inString {
			end, err := s.quoted(st)
			if err != nil || !end {
				return false, err
			}
			st.inString = false
			continue
		}
		c := s.buf[s.pos]
		s.pos++
		switch c {
		case '"':
			st.inString, st.begun = true, true
		case '{', '[':
			if s.stack = append(s.stack, c+2); len(s.stack) > maxDepth { // "}" is "{"+2, "]" is "["+2
				return false, s.fail("values nested more than %d deep", maxDepth)
			}
		case '}', ']':
			if s.stack[len(s.stack)-1] != c {
				s.pos--
				return false, s.fail("expected %q", string(s.stack[len(s.stack)-1]))
			}
			if s.stack = s.stack[:len(s.stack)-1]; len(s.stack) == 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

// literal reads to the end of a number or a word, or of what was read.
func (s *scanner) literal(st *scanState) (bool, error) {
	for ; s.pos < len(s.buf); s.pos++ {
		c := s.buf[s.pos]
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c == '-', c == '+', c == '.', c == 'E':
			st.begun = true
		case !st.begun:
			return false, s.fail("no JSON value begins with %q", string(rune(c)))
		default:
			return true, nil
		}
	}
	return false, nil
}

// rest returns all that is left, of at most max bytes.
func (s *scanner) rest(max int) ([]byte, error) {
	out := bytes.Clone(s.buf[s.pos:])
	for {
		err := s.fill()
		switch {
		case errors.Is(err, io.EOF):
			s.pos = len(s.buf)
			return out, nil
		case err != nil:
			return nil, err
		}
		if out = append(out, s.buf...); len(out) > max {
			return nil, fmt.Errorf("it is larger than %d MB", max>>20)
		}
	}
}

// place is a line and a column, from 1 on, for messages.
type place struct{ line, col int }

// count counts the lines of buf up to an index.
func (s *scanner) count(to int) {
	if to <= s.counted {
		return
	}
	part := s.buf[s.counted:to]
	if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
		s.lines += bytes.Count(part, []byte("\n"))
		s.begin = s.before + int64(s.counted+i) + 1
	}
	s.counted = to
}

// here is the place of the next byte.
func (s *scanner) here() place {
	s.count(s.pos)
	return place{s.lines + 1, int(s.before+int64(s.pos)-s.begin) + 1}
}

// place is the place of the next value.
func (s *scanner) place() place {
	_, _ = s.peek() // errors come again when it is read
	return s.here()
}

func (s *scanner) fail(format string, args ...any) error {
	return s.failAt(s.here(), format, args...)
}

func (s *scanner) failAt(p place, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if s.unplaced {
		return errors.New(text)
	}
	return &placeError{p, text}
}

// placeError is a fault at a place of the file.
type placeError struct {
	place
	text string
}

func (e *placeError) Error() string { return fmt.Sprintf("%d:%d: %s", e.line, e.col, e.text) }
