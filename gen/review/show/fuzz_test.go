package show_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/show"
)

// hostile is a difference whose every text is s.
func hostile(s string) *review.Difference {
	v := &review.Value{Text: s, At: s}
	return &review.Difference{
		Base: review.Side{Name: s}, Head: review.Side{Name: s}, Untouched: []string{s}, Notes: []string{s},
		Shared: []review.SharedFile{{File: s, Clusters: []string{s}}},
		Clusters: []review.ClusterDifference{{
			Name: s, OldName: s, State: review.Renamed, Upgrade: &review.Upgrade{From: s, To: s, Notes: []string{s}},
			Changes: []review.Change{
				{Kind: review.OfFlag, Name: s, Old: v, New: v, Nodes: []string{s}, Way: s, Export: review.Makes, Reason: s, Effect: review.Effect{Classes: []string{s}, Risk: "high", Part: s, Text: s, Source: s}},
				{Kind: review.OfFile, Name: s, New: v, Effect: review.Effect{Risk: "low", Text: s}},
			},
			Come:  []finding.Finding{{Rule: s, Severity: finding.Error, Message: s, Node: s, Pos: finding.Pos{File: s}}},
			Nodes: []review.NodeDifference{{Name: s, State: review.Changed}},
		}},
	}
}

// marks returns what Markdown reads as marks: what is in code spans, or escaped, is text.
func marks(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i += 2
		case s[i] == '`':
			n := 0
			for i+n < len(s) && s[i+n] == '`' {
				n++
			}
			end := closing(s[i+n:], n)
			if end < 0 {
				out.WriteString("OPEN")
				return out.String()
			}
			i += n + end + n
		case strings.ContainsRune("*_[]<>|\n@#!$~", rune(s[i])):
			out.WriteByte(s[i])
			i++
		default:
			i++
		}
	}
	return out.String()
}

// closing returns where a run of n backticks begins, or -1.
func closing(s string, n int) int {
	for i := 0; i < len(s); i++ {
		run := 0
		for i+run < len(s) && s[i+run] == '`' {
			run++
		}
		if run == n {
			return i
		}
		if run > 0 {
			i += run - 1
		}
	}
	return -1
}

// FuzzWrite: no text breaks out of a format, obeys a terminal, or makes a comment too long.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{"x", "`", "``a`", "</details><script>", "@user #1 !2", "[a](b)", "\x1b[31m", "a\n\n# b", "\u202e", "\\", "1. a", "- b", "https://x", "www.x.y", "\xff", strings.Repeat("`", 700)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || strings.HasPrefix(s, "https://") { // nothing, or a source, is another form
			return
		}
		d := hostile(s)
		for _, format := range show.Formats() {
			text := write(t, d, format, show.Options{})
			if text != write(t, d, format, show.Options{}) {
				t.Fatalf("%s: the second time it is something else", format)
			}
			for _, r := range text {
				if unicode.IsControl(r) && r != '\n' {
					t.Fatalf("%s has %q", format, r)
				}
			}
		}
		if text := write(t, d, "json", show.Options{}); !json.Valid([]byte(text)) {
			t.Fatalf("no JSON: %s", text)
		}
		md := write(t, d, "markdown", show.Options{})
		if len(md) > show.GitHubLimit {
			t.Fatalf("%d bytes", len(md))
		}
		plain := "x"
		if got, want := marks(strings.ReplaceAll(md, "&#8203;", "")), marks(write(t, hostile(plain), "markdown", show.Options{})); got != want {
			t.Fatalf("%q changes the form:\n%s\n%q\n%q", s, md, got, want)
		}
	})
}

// TestLimit: a comment keeps its limit, closes what it opens, and counts what it left out.
func TestLimit(t *testing.T) {
	d := hostile("x")
	d.Clusters[0].Changes = nil
	for i := range 3000 {
		risk := []string{"high", "medium", "low"}[i%3]
		d.Clusters[0].Changes = append(d.Clusters[0].Changes, review.Change{Kind: review.OfFlag, Name: fmt.Sprint(i), New: &review.Value{Text: "y"}, Effect: review.Effect{Risk: risk, Classes: []string{"load"}, Text: "something"}})
	}
	for _, limit := range []int{0, 3000, 20_000, show.GitLabLimit} {
		md := write(t, d, "markdown", show.Options{Limit: limit})
		most := limit
		if most == 0 {
			most = show.GitHubLimit
		}
		shown := strings.Count(md, "`--")
		if len(md) > most || strings.Count(md, "<details>") != strings.Count(md, "</details>") {
			t.Errorf("limit %d: %d bytes", limit, len(md))
		}
		if shown < 3000 != strings.Contains(md, fmt.Sprintf(" %d changes", 3000-shown)) {
			t.Errorf("limit %d: %d changes are shown, and it ends with %s", limit, shown, md[len(md)-300:])
		}
	}
}
