package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// configDocs parses a text as the reader of files does.
func configDocs(t testing.TB, in string) (*text.Set, []*yamltext.Node) {
	t.Helper()
	set := &text.Set{}
	masked, _ := set.Mask(set.Add("f", in))
	docs, err := yamltext.Parse(set, masked)
	if err != nil {
		t.Fatal(err)
	}
	return set, docs
}

func configCommands(t testing.TB, in string) (*text.Set, []Command) {
	t.Helper()
	set, docs := configDocs(t, in)
	var out []Command
	for _, doc := range docs {
		out = append(out, config(set, doc)...)
	}
	return set, beside(set, out, docs)
}

// listing writes commands with the places of all that they have.
func listing(set *text.Set, commands []Command) string {
	var b strings.Builder
	for _, c := range commands {
		at := func(t text.Text, i int) string {
			p := set.Pos(t.At(i))
			return fmt.Sprintf("%d:%d", p.Line, p.Col)
		}
		p := set.Pos(c.At)
		fmt.Fprintf(&b, "%d:%d %s", p.Line, p.Col, c.Form)
		if c.Partial {
			b.WriteString(", partial")
		}
		b.WriteString("\n")
		for _, f := range []struct {
			name string
			text text.Text
		}{{"program", c.Program}, {"image", c.Image}, {"version", c.Version}, {"pods", c.Pods}, {"services", c.Services}} {
			if f.text.Len() > 0 {
				fmt.Fprintf(&b, "  %s %s %s\n", f.name, at(f.text, 0), set.Show(f.text))
			}
		}
		for _, a := range c.Args {
			fmt.Fprintf(&b, "    %s %s %s", at(a.Text, 0), at(a.Text, strings.IndexByte(a.String(), '=')+1), set.Show(a.Text))
			if a.By != "" {
				fmt.Fprintf(&b, " [%s]", a.By)
			}
			b.WriteString("\n")
		}
		for _, n := range c.Notes {
			p := set.Pos(n.At)
			fmt.Fprintf(&b, "  note %d:%d %s: %s", p.Line, p.Col, n.Rule, n.Message)
			if n.Expected != "" {
				fmt.Fprintf(&b, " (%s)", n.Expected)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// UPDATE=1 writes what is read, to be looked at and committed.
func TestConfig(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := listing(configCommands(t, string(in)))
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
