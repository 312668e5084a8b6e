package remote

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// fileName expands a file's name as ssh does. ssh -G prints the names of keys and
// certificates unexpanded, and most others expanded.
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

// expand replaces tokens, such as %h, and variables, such as ${NAME}, in one pass: values
// aren't expanded again.
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

// env returns the value of an environment variable.
func (c *Config) env(name string) (string, error) {
	if c.LookupEnv != nil {
		if value, ok := c.LookupEnv(name); ok {
			return value, nil
		}
	}
	return "", fmt.Errorf("the variable %s isn't set", name)
}

// fileNames splits a list of names. ssh -G prints them with spaces between them and doesn't
// quote spaces in names. A word that begins with / or ~ begins a name; any other belongs to
// the name before it, and is refused if it is also an existing file. No file of trusted
// keys may be lost.
func (c *Config) fileNames(a *answer, keyword string) ([]string, error) {
	var out []string
	for _, list := range a.values[keyword] {
		var names []string
		for _, word := range strings.Split(list, " ") {
			switch _, err := os.Lstat(word); {
			case strings.EqualFold(list, "none"), filepath.IsAbs(word), strings.HasPrefix(word, "~"):
				names = append(names, word)
			case len(names) == 0 || err == nil && word != "":
				return nil, fmt.Errorf("%s %q: can't tell where a name begins: give names that begin with / or ~, and have no spaces", keyword, list)
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
