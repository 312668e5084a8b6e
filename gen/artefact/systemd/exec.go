package systemd

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// Line is a command of ExecStart= after variables were replaced.
type Line struct {
	Prefixes string    // of the program's path
	Program  text.Text // without them
	Args     []text.Text
	At       text.At
}

// execPrefixes may precede a program's path, in any order (systemd.service(5), "Special
// executable prefixes").
const execPrefixes = "-@:+!|"

// Commands splits the value of ExecStart= into its commands, which ";" separates, and
// replaces variables and specifiers (systemd.service(5), "Command lines"). env are the
// variables that are known; an unknown one is a hole.
func Commands(set *text.Set, value text.Text, env map[string]text.Text) ([]Line, error) {
	var out []Line
	for {
		line, rest, ok, err := command(set, value, env)
		if err != nil || !ok {
			return out, err
		}
		out, value = append(out, line), rest
	}
}

func command(set *text.Set, value text.Text, env map[string]text.Text) (line Line, rest text.Text, ok bool, err error) {
	first, rest, ok, err := Word(value, Unescape|Tail)
	if err != nil || !ok {
		return Line{}, rest, false, err
	}
	n := first.Len() - len(strings.TrimLeft(first.String(), execPrefixes))
	line = Line{At: first.At(0), Prefixes: first.String()[:n]}
	if line.Program, err = Specifiers(set, first.From(n)); err != nil {
		return Line{}, rest, false, err
	}
	if strings.Contains(line.Prefixes, "@") { // the next word is argv[0]
		if _, rest, _, err = Word(rest, Unescape|Tail); err != nil {
			return Line{}, rest, false, err
		}
	}
	line.Args, rest, err = arguments(set, rest, env, !strings.Contains(line.Prefixes, ":"))
	return line, rest, err == nil, err
}

// Arguments splits words up to a ";", and replaces variables and specifiers.
func Arguments(set *text.Set, value text.Text, env map[string]text.Text) ([]text.Text, error) {
	out, _, err := arguments(set, value, env, true)
	return out, err
}

// The kernel starts no program with a longer argument, or with more in all (execve(2)).
const (
	maxWord = 128 << 10
	maxArgs = 2 << 20
)

func arguments(set *text.Set, rest text.Text, env map[string]text.Text, replace bool) (out []text.Text, more text.Text, err error) {
	size := 0
	for rest.Len() > 0 {
		begins := rest.String()
		if begins == ";" || strings.HasPrefix(begins, ";") && blank(begins[1]) {
			return out, rest.From(1), nil
		}
		if strings.HasPrefix(begins, `\;`) && (len(begins) == 2 || blank(begins[2])) {
			out = append(out, rest.Slice(1, 2))
			rest = trimStart(rest.From(2))
			continue
		}
		var word text.Text
		var ok bool
		if word, rest, ok, err = Word(rest, Unescape|Tail); err != nil {
			return nil, rest, err
		}
		if !ok {
			break
		}
		if word, err = Specifiers(set, word); err != nil {
			return nil, rest, err
		}
		words := []text.Text{word}
		if replace {
			if words, err = Variables(set, word, env); err != nil {
				return nil, rest, err
			}
		}
		for _, w := range words {
			size += w.Len() + 1
		}
		if size > maxArgs {
			return nil, rest, &Error{word.At(0), fmt.Sprintf("the arguments are longer than %d bytes, which the kernel refuses", maxArgs)}
		}
		out = append(out, words...)
	}
	return out, text.Text{}, nil
}

// specifierLetters are the letters of specifiers of all versions of systemd.
const specifierLetters = "aAbBcCdDEfgGhHiIjJlLmMnNopPqrRsStTuUvVwWyY"

// Specifiers replaces %% and makes holes of specifiers such as %H. systemd keeps a % before
// what is neither a letter nor a digit, and refuses it before one that it doesn't know.
func Specifiers(set *text.Set, t text.Text) (text.Text, error) {
	s := t.String()
	if strings.IndexByte(s, '%') < 0 {
		return t, nil
	}
	var b text.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '%' || i+1 == len(s):
			b.Byte(s[i], t.At(i))
		case s[i+1] == '%':
			b.Byte('%', t.At(i))
			i++
		case notLetter(rune(s[i+1])):
			b.Byte('%', t.At(i))
		case strings.IndexByte(specifierLetters, s[i+1]) < 0:
			return text.Text{}, &Error{t.At(i), fmt.Sprintf("%s is no specifier of systemd, which refuses the line: %%%% stands for %%", s[i:i+2])}
		default:
			b.Write(set.Hole("specifier_"+s[i+1:i+2], s[i:i+2], t.At(i)))
			i++
		}
	}
	return b.Text(), nil
}

// Variables replaces variables in a word: $A alone becomes any number of words, ${A} within
// a word its value. A name without braces within a word stays as it is (replace_env_argv in
// systemd). A variable that isn't in env is a hole.
func Variables(set *text.Set, word text.Text, env map[string]text.Text) ([]text.Text, error) {
	s := word.String()
	if strings.IndexByte(s, '$') < 0 {
		return []text.Text{word}, nil
	}
	if s[0] == '$' && (len(s) == 1 || s[1] != '{' && s[1] != '$') {
		value, ok := env[s[1:]]
		if !ok {
			return []text.Text{set.Hole(s[1:], s, word.At(0))}, nil
		}
		return Words(value, Relax)
	}
	var b text.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '$' || i+1 == len(s):
			b.Byte(s[i], word.At(i))
		case s[i+1] == '$':
			b.Byte('$', word.At(i))
			i++
		case s[i+1] == '{':
			n := strings.IndexByte(s[i:], '}')
			if n < 0 { // not closed: the rest stays as it is
				b.Write(word.From(i))
				return []text.Text{b.Text()}, nil
			}
			expr := s[i : i+n+1]
			switch value, ok := env[expr[2:n]]; {
			case ok && b.Len()+value.Len() > maxWord:
				return nil, &Error{word.At(i), fmt.Sprintf("the argument is longer than %d bytes, which the kernel refuses", maxWord)}
			case ok:
				b.Write(value)
			case strings.Contains(expr, ":"): // ${A:-b} is nothing to systemd here
				b.Write(word.Slice(i, i+n+1))
			default:
				b.Write(set.Hole(expr[2:n], expr, word.At(i)))
			}
			i += n
		default:
			b.Byte('$', word.At(i))
		}
	}
	return []text.Text{b.Text()}, nil
}
