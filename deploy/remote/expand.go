package remote

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// tokens are ssh's percent tokens. Those that this machine's own names go into
// are left out, and say so where they are used.
func (r *sshConfig) tokens(e *endpoint) map[byte]string {
	known := e.host
	if alias := r.value("hostkeyalias"); alias != "" {
		known = alias
	}
	return map[byte]string{
		'd': r.Home, 'h': e.host, 'k': known, 'n': r.typed,
		'p': strconv.Itoa(e.port), 'r': e.user, 'u': r.User,
	}
}

// expand puts tokens into a value.
func expand(s setting, value string, tokens map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			b.WriteByte(value[i])
			continue
		}
		i++
		if i == len(value) {
			return "", s.fail("%q ends in a single %%", value)
		}
		text, ok := tokens[value[i]]
		switch {
		case value[i] == '%':
			b.WriteByte('%')
		case ok:
			b.WriteString(text)
		default:
			return "", s.fail("%q: %%%c isn't followed here", value, value[i])
		}
	}
	return b.String(), nil
}

// env asks for a variable that a line names.
func (r *sshConfig) env(s setting, name string) (string, error) {
	if r.LookupEnv != nil {
		if value, ok := r.LookupEnv(name); ok {
			return value, nil
		}
	}
	return "", s.fail("the variable %s isn't set", name)
}

// AtHome puts the home folder into the name of a file that begins with ~.
func (c *Config) AtHome(name string) (string, error) {
	rest, ok := strings.CutPrefix(name, "~")
	switch {
	case !ok:
		return name, nil
	case rest != "" && rest[0] != '/' && rest[0] != filepath.Separator:
		return "", fmt.Errorf("%q: the home of another user isn't followed here", name)
	}
	return c.Home + rest, nil
}

// path puts the home folder and variables into the name of a file.
func (r *sshConfig) path(s setting, name string) (string, error) {
	name, err := r.AtHome(name)
	if err != nil {
		return "", s.fail("%v", err)
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(name, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		variable, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", s.fail("%q: ${ is never closed", name)
		}
		value, err := r.env(s, variable)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
		name = after
	}
}

// fileName is the name of a file with everything put in.
func (r *sshConfig) fileName(s setting, name string, tokens map[byte]string) (string, error) {
	name, err := expand(s, name, tokens)
	if err != nil {
		return "", err
	}
	return r.path(s, name)
}
