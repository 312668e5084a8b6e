package artefact

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Arg is an argument after the program's name, and where its text begins in the
// file: line and column from 1, the column in bytes.
type Arg struct {
	Value     string
	Line, Col int
}

// MaxFile bounds a file that CommandLine reads, in bytes.
const MaxFile = 1 << 20

// CommandLine finds the arguments that a file starts kube-controller-manager with:
// a systemd unit, a static pod, or a plain list of words, in which a line may end
// with "\" and one that begins with "#" is a comment. Quotes are a unit's.
func CommandLine(data []byte) ([]Arg, error) {
	switch {
	case len(data) > MaxFile:
		return nil, fmt.Errorf("file is too large: %d bytes, at most %d", len(data), MaxFile)
	case !utf8.Valid(data):
		return nil, fmt.Errorf("byte %d is no UTF-8: neither a unit nor a pod nor a list of flags has such", invalid(data))
	case bytes.IndexByte(data, 0) >= 0:
		return nil, fmt.Errorf("byte %d is a NUL: neither a unit nor a pod nor a list of flags has one", bytes.IndexByte(data, 0))
	}
	words, err := words(data)
	if err == nil && len(words) == 0 {
		err = errors.New("it starts no program: no ExecStart, no command, no flag")
	}
	if err != nil {
		return nil, err
	}
	args := locate(string(data), words)
	if !strings.HasPrefix(words[0], "-") {
		args = args[1:] // the program
	}
	return args, nil
}

func invalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}

var (
	unitSection = regexp.MustCompile(`(?m)^\s*\[Service\]\s*$`)
	podKind     = regexp.MustCompile(`(?m)^\s*"?(kind|apiVersion)"?\s*:`)
)

func words(data []byte) ([]string, error) {
	switch {
	case unitSection.Match(data):
		u, err := ParseUnit(data)
		if err != nil {
			return nil, err
		}
		return u.Args()
	case podKind.Match(data):
		p, err := ParsePod(data)
		if err != nil {
			return nil, err
		}
		return PodArgs(p)
	}
	return plainWords(string(data))
}

// plainWords are the words of a list. Unlike in a unit, "%" and "$" mean
// themselves.
func plainWords(text string) ([]string, error) {
	var out []string
	escaped := strings.NewReplacer("%", "%%", "$", "$$")
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		line = strings.TrimSuffix(line, "\\")
		if strings.HasPrefix(line, "#") {
			continue
		}
		words, err := SplitCommand(escaped.Replace(line))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, words...)
	}
	return out, nil
}

// locate finds where each word stands. Quotes and escapes may hide one: it is then
// where its name is, or else where the word before it was.
func locate(text string, words []string) []Arg {
	out := make([]Arg, 0, len(words))
	from, at := 0, 0
	for _, w := range words {
		name, _, _ := strings.Cut(w, "=")
		for _, part := range []string{w, name} {
			if i := strings.Index(text[from:], part); i >= 0 && part != "" {
				at = from + i
				from = at + len(part)
				break
			}
		}
		line := strings.Count(text[:at], "\n")
		out = append(out, Arg{Value: w, Line: line + 1, Col: at - strings.LastIndexByte(text[:at], '\n')})
	}
	return out
}
