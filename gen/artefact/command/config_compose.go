package command

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// fromCompose reads the services of a Compose file that run the program.
func fromCompose(set *text.Set, doc *yamltext.Node) []Command {
	if doc.Has("apiVersion") {
		return nil
	}
	var out []Command
	for _, service := range doc.Get("services").Each() {
		if c, ok := composeService(set, service); ok {
			out = append(out, c)
		}
	}
	return out
}

func composeService(set *text.Set, service *yamltext.Node) (Command, bool) {
	image := interpolated(set, service.Get("image").Value())
	byImage := strings.Contains(lastElement(image.String()), Program)
	entry, command := composeWords(set, service.Get("entrypoint")), composeWords(set, service.Get("command"))
	words := slices.Concat(entry, command)
	says := func(w text.Text) bool {
		return strings.Contains(w.String(), Program) && !strings.HasPrefix(w.String(), "-") || strings.HasPrefix(w.String(), "--"+k3sArgKey)
	}
	var c Command
	switch {
	case byImage && len(entry) == 0 && (len(command) == 0 || strings.HasPrefix(command[0].String(), "-")):
		c = Command{Args: args(command)} // the image has the program's name
	case !slices.ContainsFunc(words, says):
		return Command{}, false
	default:
		var err error
		if c, err = (&reader{set: set, want: Program}).program(words, composeEnv(set, service.Get("environment"))); err != nil {
			return Command{}, false
		}
	}
	if c.At = service.Place(); wrapper(c.Form, Compose) != Compose {
		return c, true
	}
	c.Form, c.Image = Compose, image
	if byImage {
		c.Version = tag(image)
	}
	return c, true
}

// composeWords returns the words of a command: of a list, or of a string as a shell has them.
func composeWords(set *text.Set, n *yamltext.Node) []text.Text {
	if n.Is(yamltext.Scalar) {
		return shellWords(interpolated(set, n.Text))
	}
	var out []text.Text
	for _, item := range n.List() {
		if item.Is(yamltext.Scalar) {
			out = append(out, interpolated(set, item.Text))
		}
	}
	return out
}

// composeEnv returns the variables of a service that have a value.
func composeEnv(set *text.Set, n *yamltext.Node) map[string]text.Text {
	out := map[string]text.Text{}
	for name, value := range n.Each() {
		if value.Is(yamltext.Scalar) {
			out[name.String()] = interpolated(set, value.Text)
		}
	}
	for _, item := range n.List() {
		if name, value, ok := item.Value().Cut("="); ok {
			out[name.String()] = interpolated(set, value)
		}
	}
	return out
}

var composeVariable = lazy.Regexp(`^\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])((?:[^{}]|\$\{[^{}]*\})*))?\})`)

// interpolated puts variables in, as Compose does before all else. They come from outside of
// the file, so one without a default isn't known.
func interpolated(set *text.Set, t text.Text) text.Text {
	if !strings.Contains(t.String(), "$") {
		return t
	}
	var b text.Builder
	for i := 0; i < t.Len(); {
		m := composeVariable().FindStringSubmatchIndex(t.String()[i:])
		if m == nil {
			b.Write(t.Slice(i, i+1))
			i++
			continue
		}
		whole := t.Slice(i, i+m[1])
		group := func(n int) string {
			if m[2*n] < 0 {
				return ""
			}
			return whole.String()[m[2*n]:m[2*n+1]]
		}
		switch {
		case whole.String() == "$$":
			b.Write(whole.Slice(1, 2))
		case strings.HasSuffix(group(3), "-"):
			b.Write(interpolated(set, whole.Slice(m[8], m[9])))
		default:
			b.Write(set.Hole(group(1)+group(2), whole.String(), whole.At(0)))
		}
		i += m[1]
	}
	return b.Text()
}

// shellWords splits a string into words, which quotes and backslashes keep together.
func shellWords(t text.Text) []text.Text {
	var out []text.Text
	var b text.Builder
	inside := false
	var quote byte
	s := t.String()
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			if inside {
				out = append(out, b.Text())
			}
			inside = false
			continue
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(s) && (quote == 0 || strings.IndexByte("\"\\$`\n", s[i+1]) >= 0):
			i++
			if s[i] != '\n' {
				b.Byte(s[i], t.At(i))
			} else if !inside {
				continue
			}
		default:
			b.Byte(c, t.At(i))
		}
		inside = true
	}
	if inside {
		out = append(out, b.Text())
	}
	return out
}
