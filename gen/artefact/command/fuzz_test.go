package command

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
)

// FuzzRead: files are read or refused in a bounded time. Every place is in a file, and errors
// name one.
func FuzzRead(f *testing.F) {
	archives, err := filepath.Glob("testdata/read/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatalf("%d archives, %v", len(archives), err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for i, file := range a.Files {
			if file.Name != "want" {
				f.Add(file.Name, file.Data, a.Files[(i+1)%len(a.Files)].Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, name string, data, other []byte) {
		in := []Input{{Name: name, Data: data}, {Name: "etc/other", Data: other}}
		ends := map[string][]int{}
		for _, i := range in {
			for line := range strings.SplitSeq(string(i.Data), "\n") {
				ends[i.Name] = append(ends[i.Name], len(line)+1)
			}
		}
		start := time.Now()
		set := &text.Set{}
		results, err := Read(set, in, Options{Known: flags.Exists})
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it takes %s", took)
		}
		inside := func(what string, p text.Pos) {
			if e, ok := ends[p.File]; !ok || p.Line < 1 || p.Line > len(e) || p.Col < 1 || p.Col > e[p.Line-1] {
				t.Errorf("%s is at %v", what, p)
			}
		}
		for _, r := range results {
			for _, a := range r.Args {
				for i := range min(a.Len(), 1000) {
					inside(a.String(), set.Pos(a.At(i)))
				}
				if strings.ContainsAny(set.Show(a.Text), text.Reserved) {
					t.Errorf("a mark is in %q", set.Show(a.Text))
				}
			}
			for _, n := range r.Notes {
				inside(n.Message, set.Pos(n.At))
				if strings.ContainsAny(set.Show(text.Literal(n.Message, n.At)), text.Reserved) {
					t.Errorf("a mark is in %q", n.Message)
				}
			}
			if len(ends["etc/other"]) > 1 && r.At != (text.At{}) {
				inside("the command", set.Pos(r.At))
			}
		}
		for _, e := range each(err) {
			named, ok := e.(*Error) //nolint:errorlint // its type is documented
			if !ok {
				t.Fatalf("%T: %v", e, e)
			}
			if named.Pos.Line > 0 {
				inside(named.Message, named.Pos)
			}
			if len(named.Message) > 3000 || strings.ContainsAny(named.Message, text.Reserved) {
				t.Errorf("%d bytes, or with a mark: %.200s", len(named.Message), named.Message)
			}
		}
	})
}
