package command

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
)

var update = flag.Bool("update", false, "write what Read returns into the archives")

// TestRead: each archive's files are read in one call, and "want" is what comes out. Lines of
// the archive's comment that begin with "bytes" change a file first, as in
//
//	bytes FILE crlf
//
// because an archive can't hold, say, a file without a newline at its end.
func TestRead(t *testing.T) {
	archives, err := filepath.Glob("testdata/read/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("%d archives, %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var in []Input
			want := -1
			for i, f := range a.Files {
				if f.Name == "want" {
					want = i
					continue
				}
				found := strings.HasPrefix(f.Name, "found/")
				in = append(in, Input{Name: f.Name, Data: changed(t, a.Comment, f), Found: found})
			}
			set := &text.Set{}
			results, err := Read(set, in, Options{Known: flags.Exists})
			got := written(set, results, err)
			switch {
			case *update && want < 0:
				a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
			case *update:
				a.Files[want].Data = []byte(got)
			case want < 0:
				t.Fatal("the archive has no want")
			default:
				if diff := cmp.Diff(string(a.Files[want].Data), got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				return
			}
			if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil { //nolint:gosec // testdata
				t.Fatal(err)
			}
		})
	}
}

// changed returns a file's bytes as the archive's comment wants them.
func changed(t *testing.T, comment []byte, f txtar.File) []byte {
	t.Helper()
	data := f.Data
	for line := range strings.Lines(string(comment)) {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "bytes" || words[1] != f.Name {
			continue
		}
		switch words[2] {
		case "crlf":
			data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
		case "bom":
			data = append([]byte("\ufeff"), data...)
		case "cut": // the newline at the end
			data = bytes.TrimSuffix(data, []byte("\n"))
		case "nul": // each word ends in a NUL, as in /proc/PID/cmdline
			data = bytes.ReplaceAll(data, []byte("\n"), []byte{0})
		case "utf16":
			out := []byte{0xff, 0xfe}
			for _, u := range utf16.Encode([]rune(string(data))) {
				out = append(out, byte(u), byte(u>>8))
			}
			data = out
		case "latin1":
			data = bytes.ReplaceAll(data, []byte("\u00e4"), []byte{0xe4})
		default:
			t.Fatalf("%q is no change", words[2])
		}
	}
	return data
}

// written writes what Read returns, with the places of all of it.
func written(set *text.Set, results []*Result, err error) string {
	var b strings.Builder
	for _, r := range results {
		place := func(at text.At) string {
			p := set.Pos(at)
			out := fmt.Sprintf("%d:%d", p.Line, p.Col)
			if p.File != r.File {
				out = p.File + ":" + out
			}
			return out
		}
		fmt.Fprintf(&b, "%s: %s at %s", r.File, r.Form, place(r.At))
		if r.Partial {
			b.WriteString(", partial")
		}
		if r.Defaults {
			b.WriteString(", with defaults")
		}
		b.WriteString("\n")
		for _, f := range []struct {
			name string
			text text.Text
		}{{"image", r.Image}, {"version", r.Version}, {"pods", r.Pods}, {"services", r.Services}, {"program", r.Program}, {"target", r.Target}} {
			if f.text.Len() > 0 {
				fmt.Fprintf(&b, "  %s %s %s\n", f.name, place(f.text.At(0)), set.Show(f.text))
			}
		}
		for _, a := range r.Args {
			where := "-" // an empty argument has no place
			if a.Len() > 0 {
				where = place(a.At(0))
			}
			fmt.Fprintf(&b, "    %s %s", where, quotedIfNeeded(set.Show(a.Text)))
			if a.By != "" {
				fmt.Fprintf(&b, " by %s", a.By)
			}
			b.WriteString("\n")
		}
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "  note %s [%s] %s", place(n.At), n.Rule, set.Show(text.Literal(n.Message, n.At)))
			if n.Expected != "" {
				fmt.Fprintf(&b, " (expected: %s)", n.Expected)
			}
			b.WriteString("\n")
		}
	}
	for _, e := range each(err) {
		fmt.Fprintf(&b, "error: %v\n", e)
	}
	return b.String()
}

// quotedIfNeeded quotes what would not be seen otherwise.
func quotedIfNeeded(s string) string {
	if s == "" || strings.TrimSpace(s) != s || strings.ContainsAny(s, "\n\r\t") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// each returns the errors of a joined one.
func each(err error) []error {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}
