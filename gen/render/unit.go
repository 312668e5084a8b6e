package render

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// unit renders the systemd unit of a node.
func unit(c *spec.Cluster, h plan.Host, generation string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Written by kcmgen for node %s of cluster %s. Change the CUE, not this file.\n", h.Node.Name, c.Name)
	b.WriteString("[Unit]\n")
	if err := directives(&b, policy.WithDefault(c.Unit.Unit, c.Unit.Omitted.Unit, spec.Directive{Name: "After", Value: "network-online.target"},
		spec.Directive{Name: "Wants", Value: "network-online.target"})); err != nil {
		return nil, err
	}
	b.WriteString("\n[Service]\nExecStart=")
	if err := command(&b, c, h); err != nil {
		return nil, err
	}
	if err := directives(&b, policy.Service(c, h.Flags)); err != nil {
		return nil, err
	}
	if c.Generations {
		for _, m := range mounts(c, h, generation) {
			fmt.Fprintf(&b, "BindReadOnlyPaths=%s:%s\n", m.from, m.to)
		}
	}
	b.WriteString("\n[Install]\n")
	if err := directives(&b, c.Unit.Install); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// command writes the command line, one flag per line.
func command(b *bytes.Buffer, c *spec.Cluster, h plan.Host) error {
	words := []string{c.Program(h.Node)}
	for _, f := range h.Flags {
		words = append(words, f.String())
	}
	for i, w := range words {
		q, err := quoteArg(w)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteString(" \\\n  ")
		}
		b.WriteString(q)
	}
	b.WriteByte('\n')
	return nil
}

// plainArg are the characters without a special meaning to systemd, anywhere in a word.
const plainArg = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=./:,+@*!^~()[]{}<>|&?#"

// quoteArg quotes an argument of ExecStart: it doubles % and $, and adds double quotes if
// a character needs them (systemd.service(5), "Command lines"). It returns an error for
// control characters.
func quoteArg(s string) (string, error) {
	if !spec.PlainLine(s) {
		return "", fmt.Errorf("%q is not a line of text", s)
	}
	plain := s != ""
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '%' || r == '$':
			b.WriteRune(r)
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			plain = false
		case !strings.ContainsRune(plainArg, r):
			plain = false
		}
		b.WriteRune(r)
	}
	if plain {
		return b.String(), nil
	}
	return `"` + b.String() + `"`, nil
}

// directives writes lines as the user wrote them, in systemd's syntax. It returns an
// error for a value that would end its line early or join the next one.
func directives(b *bytes.Buffer, ds []spec.Directive) error {
	for _, d := range ds {
		if !spec.PlainLine(d.Value) {
			return fmt.Errorf("%s=%q is not a line of text", d.Name, d.Value)
		}
		if strings.HasSuffix(strings.TrimRight(d.Value, " \t"), `\`) {
			return fmt.Errorf("%s=%q ends in a backslash, which joins the next line to it", d.Name, d.Value)
		}
		fmt.Fprintf(b, "%s=%s\n", d.Name, d.Value)
	}
	return nil
}

// mount binds a file or directory of the generation to a path in the flags.
type mount struct{ from, to, name string }

// mounts returns one mount of the whole directory if nothing else is in it, else one per
// file, so that other files in the directory stay visible.
func mounts(c *spec.Cluster, h plan.Host, generation string) []mount {
	dir := path.Join(c.Paths.Generations, generation)
	if len(h.Placed) == 0 {
		return nil
	}
	if policy.InDir(c, h.Placed, h.Flags) {
		return []mount{{from: dir, to: c.Paths.Dir}}
	}
	var out []mount
	seen := map[string]bool{}
	for _, r := range h.Placed {
		to := c.Paths.Of(r)
		if seen[to] {
			continue
		}
		seen[to] = true
		out = append(out, mount{from: path.Join(dir, r.FileName()), to: to, name: r.FileName()})
	}
	return out
}
