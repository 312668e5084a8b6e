package artefact

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

// Arg is an argument after the program's name, with its position in the file: line and
// column start at 1, and the column is in bytes.
type Arg struct {
	Value     string
	Line, Col int
	// Unknown means that a variable or a specifier makes its value known on the host
	// only.
	Unknown bool
}

// MaxFile is the maximum size of a file for CommandLine, in bytes.
const MaxFile = 1 << 20

// program is the base name of the program whose arguments are wanted.
const program = "kube-controller-manager"

// CommandLine returns the arguments with which a file starts kube-controller-manager. The
// file is a systemd unit, a static pod, an environment file whose variables hold flags,
// or a list of words, where a line may end with "\" and a line that begins with "#" is a
// comment. Quotes are as in units.
func CommandLine(data []byte) ([]Arg, error) {
	switch {
	case len(data) > MaxFile:
		return nil, fmt.Errorf("file is too large: %d bytes, at most %d", len(data), MaxFile)
	case !utf8.Valid(data):
		return nil, fmt.Errorf("byte %d isn't UTF-8, as units, pods and lists of flags are", firstInvalid(data))
	case bytes.IndexByte(data, 0) >= 0:
		return nil, fmt.Errorf("byte %d is a NUL: neither a unit nor a pod nor a list of flags has one", bytes.IndexByte(data, 0))
	}
	if keyMaterial().Match(data) {
		return nil, errors.New("it holds a key or a certificate, and is not read: neither a unit nor a pod nor a list of flags has one")
	}
	words, bare, err := words(data)
	if err != nil {
		return nil, err
	}
	args := locate(blankComments(string(data)), words)
	isProgram := func(a Arg) bool { return !strings.HasPrefix(a.Value, "-") && path.Base(a.Value) == program }
	switch at := slices.IndexFunc(args, isProgram); {
	case len(args) == 0:
		return nil, errors.New("it starts no program: no ExecStart, no command, no variable of flags, no flag")
	case bare && strings.HasPrefix(args[0].Value, "-"):
		return args, nil
	case at >= 0:
		return args[at+1:], nil // the words before it run it, such as env
	case bare:
		word := args[0].Value
		if !plainWord().MatchString(word) { // it may be anything, a password too
			return nil, fmt.Errorf("line %d: its first word is no flag, and not %s either", args[0].Line, program)
		}
		return nil, fmt.Errorf("line %d: %q is no flag, and not %s either", args[0].Line, word, program)
	}
	return nil, fmt.Errorf("it starts %.80s, and %s is nowhere among the words", args[0].Value, program)
}

// keyMaterial matches files with keys, whose lines must not appear in messages.
var keyMaterial = lazy.Regexp(`(?m)-----BEGIN [A-Z0-9 ]+-----|^PuTTY-User-Key-File-|AGE-SECRET-KEY-1|^\s*(?:"?client-key-data|"?token)"?\s*:`)

// plainWord matches words that may be meant as the name of a flag or a program.
var plainWord = lazy.Regexp(`^[a-z][a-z-]{0,39}$`)

func firstInvalid(data []byte) int {
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
	unitSection = lazy.Regexp(`(?m)^\s*\[Service\]\s*$`)
	podKind     = lazy.Regexp(`(?m)^\s*"?(kind|apiVersion)"?\s*:|^\s*\{`)
)

// words returns the words of the command line. bare means that the file is a plain list,
// which need not begin with a program.
func words(data []byte) (words []string, bare bool, err error) {
	switch {
	case unitSection().Match(data):
		words, err = unitWords(data)
	case podKind().Match(data):
		words, err = podWords(data)
	default:
		bare = true
		words, err = plainWords(blankComments(string(data)))
	}
	return words, bare, err
}

// unresolved precedes what is known on the host only. It is a private-use character, which
// no flag has.
const unresolved = "\ue000"

var expansion = lazy.Regexp(`\$\$|%%|\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|%[A-Za-z]|\$|%`)

func unitWords(data []byte) ([]string, error) {
	u, err := ParseUnit(data)
	if err != nil {
		return nil, err
	}
	line, err := u.execStart()
	if err != nil {
		return nil, err
	}
	words, err := SplitCommand(expansion().ReplaceAllStringFunc(line, func(s string) string {
		switch {
		case s == "$$" || s == "%%":
			return s
		case len(s) == 1:
			return s + s
		}
		return unresolved + s[:1] + s
	}))
	return withoutMarks(words), err
}

// podWords returns the command line of the container that starts the program, or of the
// only container.
func podWords(data []byte) ([]string, error) {
	p, err := ParsePod(data)
	if err != nil {
		return nil, err
	}
	cs := p.Spec.Containers
	at := programAt(p)
	if at < 0 {
		return nil, fmt.Errorf("none of its %d containers starts %s", len(cs), program)
	}
	var out []string
	for _, w := range slices.Concat(cs[at].Command, cs[at].Args) {
		if strings.Contains(strings.ReplaceAll(w, "$$", ""), "$(") {
			w = unresolved + w
		}
		out = append(out, strings.ReplaceAll(w, "$$", "$"))
	}
	return out, nil
}

// variable matches a line of an environment file.
var variable = lazy.Regexp(`^\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*=`)

// plainWords returns the words of a list, or of the variables that hold flags. Unlike in
// a unit, "%" and "$" have no special meaning.
func plainWords(text string) ([]string, error) {
	var out []string
	escaped := strings.NewReplacer("%", "%%", "$", "$$")
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(strings.TrimSpace(line), "\\")
		name := variable().FindString(line)
		if name != "" {
			line = strings.Trim(strings.TrimSpace(line[len(name):]), `"'`)
			if !strings.HasPrefix(line, "-") {
				continue // no flags
			}
		}
		words, err := SplitCommand(escaped.Replace(line))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, words...)
	}
	return out, nil
}

// blankComments replaces comments with blanks.
func blankComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if t := strings.TrimSpace(line); strings.HasPrefix(t, "#") || strings.HasPrefix(t, ";") {
			line = strings.Repeat(" ", len(strings.TrimRight(line, "\r\n"))) + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// locate finds the position of each word. A word that quotes or escapes hide has the
// position of its name, or else of the word before it.
func locate(text string, words []string) []Arg {
	out := make([]Arg, 0, len(words))
	from, at := 0, 0
	line, begins := 1, 0 // of the line that at is in
	for _, marked := range words {
		w := strings.ReplaceAll(marked, unresolved, "")
		name, _, _ := strings.Cut(w, "=")
		for _, part := range []string{w, name} {
			if i := strings.Index(text[from:], part); i >= 0 && part != "" {
				at = from + i
				from = at + len(part)
				break
			}
		}
		line += strings.Count(text[begins:at], "\n")
		begins = strings.LastIndexByte(text[:at], '\n') + 1
		out = append(out, Arg{Value: w, Line: line, Col: at - begins + 1, Unknown: w != marked})
	}
	return out
}
