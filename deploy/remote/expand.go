package remote

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// fileName is the name of a file as ssh opens it. Of keys and certificates ssh -G
// prints what the configuration says, and of most others what came out.
func (c *Config) fileName(a *answer, name string) (string, error) {
	rest, atHome := strings.CutPrefix(name, "~")
	if !atHome {
		return c.expand(name, a.tokens)
	}
	if rest != "" && !os.IsPathSeparator(rest[0]) {
		return "", otherHome(name)
	}
	rest, err := c.expand(rest, a.tokens)
	return a.home + rest, err
}

func otherHome(name string) error {
	return fmt.Errorf("%q: the home of another user isn't followed here", name)
}

// expand puts in tokens, %h, and variables, ${NAME}, in one go: what was put in
// isn't looked at again.
func (c *Config) expand(value string, tokens map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch {
		case strings.HasPrefix(value[i:], "${"):
			name, _, closed := strings.Cut(value[i+2:], "}")
			if !closed {
				return "", fmt.Errorf("%q: ${ is never closed", value)
			}
			text, err := c.env(name)
			if err != nil {
				return "", fmt.Errorf("%q: %w", value, err)
			}
			b.WriteString(text)
			i += len("${}") + len(name) - 1
		case value[i] != '%':
			b.WriteByte(value[i])
		case i+1 == len(value):
			return "", fmt.Errorf("%q ends in a single %%", value)
		default:
			i++
			text, ok := tokens[value[i]]
			if value[i] == '%' {
				text, ok = "%", true
			}
			if !ok {
				return "", fmt.Errorf("%q: %%%c isn't followed here", value, value[i])
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}

// env asks for a variable that the configuration names.
func (c *Config) env(name string) (string, error) {
	if c.LookupEnv != nil {
		if value, ok := c.LookupEnv(name); ok {
			return value, nil
		}
	}
	return "", fmt.Errorf("the variable %s isn't set", name)
}

// fileNames are those of a list, which ssh -G prints with a space between them, and
// the names' own spaces as they are. A name is taken to begin at its root or at ~: one
// that doesn't may be the rest of the one before. Where it could be either, it is
// refused: of two files that say what is trusted, none may be lost.
func (c *Config) fileNames(a *answer, keyword string) ([]string, error) {
	var out []string
	for _, list := range a.values[keyword] {
		var names []string
		for _, word := range strings.Split(list, " ") {
			switch _, err := os.Lstat(word); {
			case strings.EqualFold(list, "none"), filepath.IsAbs(word), strings.HasPrefix(word, "~"):
				names = append(names, word)
			case len(names) == 0 || err == nil && word != "":
				return nil, fmt.Errorf("%s %q: where a name begins can't be told: give names that begin with / or ~, and have no spaces", keyword, list)
			default:
				names[len(names)-1] += " " + word
			}
		}
		for _, name := range names {
			if strings.EqualFold(name, "none") {
				continue
			}
			if rest, atHome := strings.CutPrefix(name, "~"); atHome {
				if rest == "" || !os.IsPathSeparator(rest[0]) {
					return nil, fmt.Errorf("%s %w", keyword, otherHome(name))
				}
				name = filepath.Join(a.home, rest)
			}
			out = append(out, name)
		}
	}
	return out, nil
}
