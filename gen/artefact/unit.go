// Package artefact parses systemd units and static pods, and returns the arguments that
// the program gets.
package artefact

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// Unit has the values of a systemd unit by section and directive, in the order of their
// lines. An empty value resets the values before it, as in systemd.
type Unit map[string]map[string][]string

// ParseUnit parses a unit file as systemd does: it ignores what is no directive.
func ParseUnit(data []byte) (Unit, error) {
	var set text.Set
	parsed, err := systemd.Parse(set.Add("", string(data)))
	if err != nil {
		return nil, fmt.Errorf("reading unit: %w", err)
	}
	u := Unit{}
	for _, d := range parsed.Directives {
		if u[d.Section] == nil {
			u[d.Section] = map[string][]string{}
		}
		u[d.Section][d.Name] = append(u[d.Section][d.Name], d.Value.String())
	}
	return u, nil
}

// Args returns the command line of the unit's only ExecStart.
func (u Unit) Args() ([]string, error) {
	line, err := u.execStart()
	if err != nil {
		return nil, err
	}
	words, err := SplitCommand(line)
	return withoutMarks(words), err
}

// execStart returns the unit's only ExecStart after resets by empty ones.
func (u Unit) execStart() (string, error) {
	lines := u["Service"]["ExecStart"]
	for i, line := range slices.Backward(lines) {
		if strings.TrimSpace(line) == "" {
			lines = lines[i+1:]
			break
		}
	}
	if len(lines) != 1 {
		return "", fmt.Errorf("%d ExecStart lines where one is expected", len(lines))
	}
	return lines[0], nil
}

// withoutMarks removes the prefixes of the program's path, and with "@" the next word,
// which sets argv[0].
func withoutMarks(words []string) []string {
	if len(words) == 0 {
		return words
	}
	program := strings.TrimLeft(words[0], execPrefixes)
	if marks := words[0][:len(words[0])-len(program)]; strings.Contains(marks, "@") && len(words) > 1 {
		return append([]string{program}, words[2:]...)
	}
	words[0] = program
	return words
}

// execPrefixes may precede a program's path, in any order (systemd.service(5), "Special
// executable prefixes").
const execPrefixes = "-@:+!|"

// SplitCommand splits a command line as systemd does (systemd.service(5), "Command
// lines"): words at white space, single and double quotes, C escapes, %% and $$. It
// returns an error for a specifier or a variable, whose value only the host knows.
func SplitCommand(line string) ([]string, error) {
	var set text.Set
	words, err := systemd.Words(set.Add("", strings.ReplaceAll(line, "\\\n", " ")), systemd.Unescape)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, w := range words {
		plain, err := withoutDoubles(w.String())
		if err != nil {
			return nil, err
		}
		out = append(out, plain)
	}
	return out, nil
}

// withoutDoubles replaces %% and $$.
func withoutDoubles(word string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if c := word[i]; c == '%' || c == '$' {
			if i+1 == len(word) || word[i+1] != c {
				return "", fmt.Errorf("a %c in %.80q is a specifier or variable", c, word)
			}
			i++
		}
		b.WriteByte(word[i])
	}
	return b.String(), nil
}
