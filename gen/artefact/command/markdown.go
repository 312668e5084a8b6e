package command

import (
	"fmt"
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

var fence = lazy.Regexp("^([ \t]*)(```+|~~~+)[ \t]*([^`\r\n]*)\r?\n?$")

// isMarkdown reports whether a text is a guide with blocks of code.
func (r *reader) isMarkdown(t text.Text, first string) bool {
	s := t.String()
	if isMarkdownName(r.set.Name(t.At(0))) {
		return strings.Contains(s, "```") || strings.Contains(s, "~~~")
	}
	return strings.Count(s, "\n```") > 1 && !shebang().MatchString(s) && !mapping().MatchString(first) || strings.HasPrefix(first, "```")
}

func isMarkdownName(name string) bool {
	extension := path.Ext(name)
	return extension == ".md" || extension == ".markdown"
}

// guide reads the blocks of code of Markdown, each a document of its own.
func (r *reader) guide(t text.Text) ([]Command, error) {
	var parts []part
	var block []text.Text
	end := "" // of the block; "" outside of one
	for _, line := range t.Lines() {
		m := fence().FindStringSubmatch(line.String())
		switch {
		case end == "" && m != nil:
			end, block = m[2], nil
		case end != "" && m != nil && strings.HasPrefix(m[2], end) && m[3] == "":
			if part, ok := r.block(block); ok {
				parts = append(parts, part)
			}
			end = ""
		case end != "":
			block = append(block, line)
		}
	}
	if len(parts) == 0 {
		return nil, faultf(t.At(0), "this is Markdown, and none of its blocks of code names %s", Program)
	}
	out, err := r.nested(parts)
	if len(out) == 0 {
		return nil, faultf(t.At(0), "this is Markdown, and none of its blocks of code starts %s: give the file that it describes", Program)
	}
	return out, err
}

// block makes a document of lines of code, without the white space before all of them.
func (r *reader) block(lines []text.Text) (part, bool) {
	if len(lines) == 0 {
		return part{}, false
	}
	indent := -1
	for _, line := range lines {
		s := line.String()
		rest := strings.TrimLeft(s, " \t")
		if n := len(s) - len(rest); strings.TrimSpace(rest) != "" && (indent < 0 || n < indent) {
			indent = n
		}
	}
	var b text.Builder
	for _, line := range lines {
		b.Write(line.From(min(max(indent, 0), len(strings.TrimRight(line.String(), "\r\n")))))
	}
	t := b.Text()
	if !mayStart(t.String()) {
		return part{}, false
	}
	at := lines[0].At(0)
	note := Note{at, "", fmt.Sprintf("it is read from the block of code on line %d", r.set.Pos(at).Line), ""}
	return part{text: t, note: &note}, true
}

// mayStart reports whether a text may start the program, or have the variables for that.
func mayStart(s string) bool {
	for _, word := range []string{Program, "controllerManager", "controller-manager", "CONTROLLER", "kubeadm"} {
		if strings.Contains(s, word) {
			return true
		}
	}
	return false
}

// prompted returns the commands of a terminal's text, without the prompts and the output.
func prompted(t text.Text) text.Text {
	var b text.Builder
	goesOn := false
	for _, line := range t.Lines() {
		s := strings.TrimRight(line.String(), " \t\r\n")
		rest := strings.TrimLeft(s, " \t")
		switch {
		case strings.HasPrefix(rest, "$ "):
			line = line.From(len(s) - len(rest) + 2)
		case goesOn && strings.HasPrefix(rest, "> "):
			line = line.From(len(s) - len(rest) + 2)
		case !goesOn:
			continue
		}
		b.Write(line)
		goesOn = strings.HasSuffix(s, `\`)
	}
	return b.Text()
}
