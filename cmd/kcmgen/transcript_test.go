//go:build unix

package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// transcript is a document's terminal sessions: its ```console blocks. A line that begins
// with "$ " is a command, which continues in the next line after a "\" at its end. The
// lines after it are its output, both streams in one. "…" alone on a line stands for any
// lines, inside a line for any text. Generations, digests, times and positions in the
// vocabulary may differ.
type transcript struct {
	lines []string // of the document
	steps []step
	other []string // errors in its blocks
}

// step is a command and its output.
type step struct {
	command string
	line    int // of the command, counted from 1
	hosts   bool
	from    int // the lines of its output: lines[from:to]
	to      int
}

// needsHosts, above a block, marks commands that need hosts, which tests don't have: they
// are parsed, and not run.
const needsHosts = "<!-- needs hosts -->"

// readTranscript finds the commands of a document.
func readTranscript(text string) *transcript {
	t := &transcript{lines: strings.Split(text, "\n")}
	above, marked := "", 0
	for i := 0; i < len(t.lines); i++ {
		line := strings.TrimSpace(t.lines[i])
		language, fence := strings.CutPrefix(line, "```")
		if !fence {
			if line != "" {
				above = line
			}
			continue
		}
		end := i + 1
		for end < len(t.lines) && strings.TrimSpace(t.lines[end]) != "```" {
			end++
		}
		switch language {
		case "sh", "bash", "shell", "zsh":
			t.other = append(t.other, fmt.Sprintf("%d: commands belong into a ```console block, where a test runs them", i+1))
		case "console":
			if above == needsHosts {
				marked++
			}
			t.block(i+1, end, above == needsHosts)
		}
		above, i = "", end
	}
	if marked > 1 {
		t.other = append(t.other, fmt.Sprintf("%d blocks need hosts; one is what a document may have", marked))
	}
	return t
}

// block reads the lines from:to.
func (t *transcript) block(from, to int, hosts bool) {
	for i := from; i < to; {
		command, ok := strings.CutPrefix(t.lines[i], "$ ")
		if !ok {
			t.other = append(t.other, fmt.Sprintf("%d: a ```console block begins with a command: $ …", i+1))
			return
		}
		s := step{line: i + 1, hosts: hosts}
		for i++; strings.HasSuffix(command, "\\") && i < to; i++ {
			command += "\n" + t.lines[i]
		}
		for ; i < to && (t.lines[i] == ">" || strings.HasPrefix(t.lines[i], "> ")); i++ { // as sh asks for more
			command += "\n" + strings.TrimPrefix(strings.TrimPrefix(t.lines[i], ">"), " ")
		}
		s.command, s.from = command, i
		for i < to && !strings.HasPrefix(t.lines[i], "$ ") {
			i++
		}
		s.to = i
		t.steps = append(t.steps, s)
	}
}

// want returns the documented output of a step, by line.
func (t *transcript) want(s step) []string { return t.lines[s.from:s.to] }

// saysMore reports whether a step's output has more than "…".
func (t *transcript) saysMore(s step) bool {
	for _, line := range t.want(s) {
		if strings.Trim(line, " …") != "" {
			return true
		}
	}
	return false
}

// variable matches text that differs from run to run.
var variable = []struct {
	form *regexp.Regexp
	name string
}{
	{schemaPlace, "$1:*"},
	{generation, "<generation>"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "<digest>"},
	{regexp.MustCompile(`\([0-9a-f]{12}\)`), "(<commit>)"}, // beside its name
	{regexp.MustCompile(`\b[0-9a-f]{7,8} → [0-9a-f]{7,8}\b`), "<commit> → <commit>"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?`), "<time>"},
	{regexp.MustCompile(`\b\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\b`), "<time>"},
}

func normal(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		for _, v := range variable {
			line = v.form.ReplaceAllString(line, v.name)
		}
		out[i] = strings.TrimRight(line, " ")
	}
	return out
}

// compare returns how the output differs from the documented one, or "".
func compare(want, got []string) string {
	want, got = normal(want), normal(got)
	if matches(want, got) {
		return ""
	}
	shown := make([]string, len(want))
	for i, line := range want {
		// A line that leaves something out and matches is no difference.
		shown[i] = line
		for _, g := range got {
			if line != "…" && strings.Contains(line, "…") && matches([]string{line}, []string{g}) {
				shown[i] = g
			}
		}
	}
	return string(diff.Diff("documented", text(shown), "printed", text(got)))
}

func text(lines []string) []byte {
	if len(lines) == 0 {
		return nil
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

func matches(want, got []string) bool {
	form := `^`
	for _, line := range want {
		if line == "…" {
			form += `(.*\n)*`
			continue
		}
		form += strings.ReplaceAll(regexp.QuoteMeta(line), "…", `.*`) + `\n`
	}
	return regexp.MustCompile(form + `$`).Match(text(got))
}

// rewrite returns the document with the output of some steps replaced. The steps are in the
// order of their lines.
func (t *transcript) rewrite(steps []step, got [][]string) string {
	var out []string
	at := 0
	for i, s := range steps {
		out = append(append(out, t.lines[at:s.from]...), got[i]...)
		at = s.to
	}
	return strings.Join(append(out, t.lines[at:]...), "\n")
}
