package systemd

import (
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
	first, rest, ok, err := Word(value, Unescape)
	if err != nil || !ok {
		return Line{}, rest, false, err
	}
	n := first.Len() - len(strings.TrimLeft(first.String(), execPrefixes))
	line = Line{At: first.At(0), Prefixes: first.String()[:n], Program: Specifiers(set, first.From(n))}
	if strings.Contains(line.Prefixes, "@") { // the next word is argv[0]
		if _, rest, _, err = Word(rest, Unescape); err != nil {
			return Line{}, rest, false, err
		}
	}
	for rest.Len() > 0 {
		begins := rest.String()
		if begins == ";" || strings.HasPrefix(begins, ";") && blank(begins[1]) {
			return line, rest.From(1), true, nil
		}
		if strings.HasPrefix(begins, `\;`) && (len(begins) == 2 || blank(begins[2])) {
			line.Args = append(line.Args, rest.Slice(1, 2))
			rest = trimStart(rest.From(2))
			continue
		}
		var word text.Text
		if word, rest, ok, err = Word(rest, Unescape); err != nil {
			return Line{}, rest, false, err
		}
		if !ok {
			break
		}
		word = Specifiers(set, word)
		if strings.Contains(line.Prefixes, ":") {
			line.Args = append(line.Args, word)
			continue
		}
		words, err := Variables(set, word, env)
		if err != nil {
			return Line{}, rest, false, err
		}
		line.Args = append(line.Args, words...)
	}
	return line, text.Text{}, true, nil
}

// specifierLetters are the letters of specifiers of all versions of systemd. What follows
// another character stays as it is.
const specifierLetters = "aAbBcCdDEfFgGhHiIjJlLmMnNopPqrRsStTuUvVwWyY"

// Specifiers replaces %% and makes holes of specifiers such as %H.
func Specifiers(set *text.Set, t text.Text) text.Text {
	s := t.String()
	if strings.IndexByte(s, '%') < 0 {
		return t
	}
	var b text.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '%' || i+1 == len(s):
			b.Byte(s[i], t.At(i))
		case s[i+1] == '%':
			b.Byte('%', t.At(i))
			i++
		case strings.IndexByte(specifierLetters, s[i+1]) < 0:
			b.Byte('%', t.At(i))
		default:
			b.Write(set.Hole("specifier_"+s[i+1:i+2], s[i:i+2], t.At(i)))
			i++
		}
	}
	return b.Text()
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
			if n < 0 {
				b.Byte('$', word.At(i))
				continue
			}
			expr := s[i : i+n+1]
			switch value, ok := env[expr[2:n]]; {
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
