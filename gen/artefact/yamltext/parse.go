package yamltext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// Error is why a text can't be read. The message doesn't say the place.
type Error struct {
	At      text.At
	Message string
}

func (e *Error) Error() string { return e.Message }

// Parse parses the documents of YAML or JSON text. Empty documents are left out. Its error
// is an *Error.
func Parse(set *text.Set, t text.Text) ([]*Node, error) {
	const bom = "\ufeff"
	if strings.HasPrefix(t.String(), bom) {
		t = t.From(len(bom))
	}
	if err := characters(t); err != nil {
		return nil, err
	}
	in := &input{rest: []byte(t.String())}
	b := builder{set: set, source: newSource(t), anchors: map[*yaml.Node]built{}}
	var out []*Node
	for decoder := yaml.NewDecoder(in); ; {
		root, err := decode(decoder)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, b.source.explain(err, in.given)
		}
		doc, err := b.build(root, 0)
		if err != nil {
			return nil, err
		}
		if doc.Kind != Null || doc.Text.Len() > 0 {
			out = append(out, doc.Node)
		}
	}
}

// decode reads one document.
func decode(decoder *yaml.Decoder) (root *yaml.Node, err error) {
	// The library panics with what it calls internal errors, which an input can cause.
	defer func() {
		if problem := recover(); problem != nil {
			root, err = nil, fmt.Errorf("yaml: %v", problem)
		}
	}()
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: 1, Column: 1}, nil
	}
	return doc.Content[0], nil
}

// characters refuses what YAML doesn't allow. The library does so without a line.
func characters(t text.Text) error {
	for i, r := range t.String() {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(t.String()[i:], string(utf8.RuneError)):
			return &Error{t.At(i), "this byte isn't UTF-8"}
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r > '~' && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return &Error{t.At(i), fmt.Sprintf("the control character %U isn't allowed in YAML", r)}
		}
	}
	return nil
}

// input gives the parser a line at a time: how far it has read tells where an error is.
type input struct {
	rest  []byte
	given int
}

func (in *input) Read(p []byte) (int, error) {
	if len(in.rest) == 0 {
		return 0, io.EOF
	}
	n := len(in.rest)
	if i := bytes.IndexByte(in.rest, '\n'); i >= 0 {
		n = i + 1
	}
	n = copy(p, in.rest[:n])
	in.rest = in.rest[n:]
	in.given += n
	return n, nil
}

var (
	atLine   = lazy.Regexp(`^line (\d+): `)
	noAnchor = lazy.Regexp(`^unknown anchor '(.*)' referenced$`)
)

// explain finds the place of an error of the library. given is how much it has read.
func (s *source) explain(err error, given int) *Error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := atLine().FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	if m := noAnchor().FindStringSubmatch(message); m != nil {
		return &Error{s.t.At(max(0, strings.LastIndex(s.s[:given], "*"+m[1]))), "there is no anchor called " + m[1]}
	}
	// Here the library's line is that of what surrounds the error, or one before.
	if strings.HasPrefix(message, "did not find expected") {
		return &Error{s.t.At(s.lastLine(given)), message}
	}
	return &Error{s.t.At(s.lineStart(line)), message}
}

// lastLine returns where the last line with content begins before a position.
func (s *source) lastLine(end int) int {
	for end > 0 {
		start := strings.LastIndexByte(s.s[:end-1], '\n') + 1
		line := strings.TrimLeft(s.s[start:end], " \t\r\n")
		if line != "" && line[0] != '#' {
			return start + len(s.s[start:end]) - len(line)
		}
		end = start
	}
	return 0
}
