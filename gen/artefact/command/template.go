package command

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// autoconf matches a mark that configure scripts and meson replace.
var autoconf = lazy.Regexp(`@[A-Za-z][A-Za-z0-9_]+@`)

// mask replaces the expressions of templates by holes, and leaves out their statements. Of what
// stands in two branches, one is left.
func (r *reader) mask(t text.Text) (text.Text, map[text.Template]text.At) {
	s := t.String()
	if !strings.ContainsAny(s, "{<%#@_") {
		return t, nil
	}
	if last := r.masked; last.in.String() == s && last.in.At(0) == t.At(0) && last.in.At(len(s)) == t.At(len(s)) {
		return last.out, last.seen
	}
	r.masked.out, r.masked.seen = r.maskAll(t)
	r.masked.in = t
	return r.masked.out, r.masked.seen
}

// masked is a text that was masked: what a file is, and what it has, is found out in steps.
type masked struct {
	in, out text.Text
	seen    map[text.Template]text.At
}

func (r *reader) maskAll(t text.Text) (text.Text, map[text.Template]text.At) {
	branched, first := r.branches(t)
	masked, seen := r.set.Mask(branched)
	if len(first) > 0 && seen == nil {
		seen = map[text.Template]text.At{}
	}
	for what, at := range first {
		if _, ok := seen[what]; !ok {
			seen[what] = at
		}
	}
	if strings.Count(masked.String(), "@") < 2 {
		return masked, seen
	}
	return r.marks(masked, seen)
}

// marks replaces @A@.
func (r *reader) marks(t text.Text, seen map[text.Template]text.At) (text.Text, map[text.Template]text.At) {
	s := t.String()
	found := autoconf().FindAllStringIndex(s, -1)
	if len(found) == 0 {
		return t, seen
	}
	if seen == nil {
		seen = map[text.Template]text.At{}
	}
	if _, ok := seen[text.Sed]; !ok {
		seen[text.Sed] = t.At(found[0][0])
	}
	return r.replaced(t, found), seen
}

// replaced puts holes in the place of parts of a text.
func (r *reader) replaced(t text.Text, parts [][]int) text.Text {
	var b text.Builder
	from := 0
	for _, m := range parts {
		b.Write(t.Slice(from, m[0]))
		expr := t.String()[m[0]:m[1]]
		name := ""
		if strings.HasPrefix(expr, "<") { // such as <your address>, whose first word says little
			name = strings.Join(strings.FieldsFunc(expr, func(c rune) bool { return strings.ContainsRune("<> .-", c) }), "_")
		}
		b.Write(r.set.Hole(name, expr, t.At(m[0])))
		from = m[1]
	}
	b.Write(t.From(from))
	return b.Text()
}

var (
	// statement matches what begins, divides or ends a branch of a template.
	statement = lazy.Regexp(`\{%[-+~]?\s*(if|elif|else|endif|for|endfor)\b(?s:.*?)%\}|` +
		`\{\{-?\s*(if|else if|else|end|range|with|define|block)\b[^{}]*\}\}|` +
		`<%-?\s*(?:(if|unless|case|while|elsif|else|end)\b|[^%\n]*\b(do)\b)[^%]*%>|` +
		`%\{~?\s*(if|else|endif|for|endfor)\b[^{}\n]*\}`)
	// branchFlag matches a flag with its value, which may have expressions in it.
	branchFlag = lazy.Regexp(`--([A-Za-z][A-Za-z0-9_.-]*)=(?:\{\{[^{}]*\}\}|<%=[^%]*%>|\$\{[^{}]*\}|[^\s'"\\,\]]|,[^\s'"\\\]])*`)
)

// branch is an if of a template that has no other one in it.
type branch struct {
	begin, after int
	parts        [][2]int // from and to of what one of the branches has
	orElse       bool     // the last is that of else
}

// kinds of a statement.
const (
	opens  = "if for range with define block do unless case while"
	closes = "endif endfor end"
)

// simpleBranches finds them.
func simpleBranches(s string) []branch {
	var out []branch
	var stack []branch
	for _, m := range statement().FindAllStringSubmatchIndex(s, -1) {
		word := ""
		for i := 2; i < len(m); i += 2 {
			if m[i] >= 0 {
				word = s[m[i]:m[i+1]]
			}
		}
		top := len(stack) - 1
		switch {
		case listed(opens, word):
			if top >= 0 {
				stack[top].begin = -1 // there is another one in it
			}
			b := branch{begin: m[0], parts: [][2]int{{m[1], m[1]}}}
			if word != "if" {
				b.begin = -1
			}
			stack = append(stack, b)
		case top < 0:
		case listed(closes, word):
			b := stack[top]
			stack = stack[:top]
			b.parts[len(b.parts)-1][1], b.after = m[0], m[1]
			if b.begin >= 0 {
				out = append(out, b)
			}
		default:
			b := &stack[top]
			b.parts[len(b.parts)-1][1] = m[0]
			b.parts, b.orElse = append(b.parts, [2]int{m[1], m[1]}), word == "else"
		}
	}
	return out
}

// edit is a part of a text with what is in its place.
type edit struct {
	from, to int
	with     text.Text
}

// branches makes one of what a template has in two: a flag in both branches is one with a hole
// for its value, and a branch within a word is a hole.
func (r *reader) branches(t text.Text) (text.Text, map[text.Template]text.At) {
	s := t.String()
	if !strings.Contains(s, "if") || !strings.Contains(s, "{%") && !strings.Contains(s, "{{") && !strings.Contains(s, "<%") && !strings.Contains(s, "%{") {
		return t, nil
	}
	var edits []edit
	seen := map[text.Template]text.At{}
	for _, b := range simpleBranches(s) {
		if more := r.branchEdits(t, b); len(more) > 0 {
			edits = append(edits, more...)
			seen[templateOf(s[b.begin:])] = t.At(b.begin)
		}
	}
	if len(edits) == 0 {
		return t, nil
	}
	var out text.Builder
	from := 0
	for _, e := range edits {
		out.Write(t.Slice(from, e.from))
		out.Write(e.with)
		from = e.to
	}
	out.Write(t.From(from))
	return out.Text(), seen
}

func templateOf(s string) text.Template {
	switch {
	case strings.HasPrefix(s, "<%"):
		return text.ERB
	case strings.HasPrefix(s, "%{"):
		return text.Terraform
	}
	return text.Jinja
}

// branchEdits are the changes for one if.
func (r *reader) branchEdits(t text.Text, b branch) []edit {
	s := t.String()
	whole := s[b.begin:b.after]
	before := s[lineBegin(s, b.begin):b.begin]
	inWord := b.begin > 0 && strings.IndexByte(" \t\r\n", s[b.begin-1]) < 0 && strings.ContainsAny(before, "=:")
	if !strings.Contains(whole, "\n") && !strings.Contains(whole, "--") && (inWord || b.orElse) {
		name := strings.TrimRight(before, "=: \"'")
		name = name[strings.LastIndexAny(name, " \t-/'\"=:")+1:]
		return []edit{{b.begin, b.after, r.set.Hole(name, shortened(whole), t.At(b.begin))}}
	}
	type flag struct {
		from, to, part int
		values         []string
	}
	firsts := map[string]*flag{}
	var names []string
	var out []edit
	for i, p := range b.parts {
		for _, m := range branchFlag().FindAllStringSubmatchIndex(s[p[0]:p[1]], -1) {
			name := strings.ReplaceAll(s[p[0]+m[2]:p[0]+m[3]], "_", "-")
			from, to := p[0]+m[3]+1, p[0]+m[1]
			first := firsts[name]
			switch {
			case first == nil:
				firsts[name] = &flag{from, to, i, []string{s[from:to]}}
				names = append(names, name)
			case first.part != i:
				first.values = append(first.values, s[from:to])
				from, to = wholeItem(s, p[0], p[0]+m[0], to)
				out = append(out, edit{from, to, text.Text{}})
			}
		}
	}
	for _, name := range names {
		if f := firsts[name]; slices.ContainsFunc(f.values, func(v string) bool { return v != f.values[0] }) {
			expr := s[b.begin:b.parts[0][0]] + strings.Join(f.values, " | ") + s[b.parts[len(b.parts)-1][1]:b.after]
			out = append(out, edit{f.from, f.to, r.set.Hole(strings.ReplaceAll(name, "-", "_"), shortened(expr), t.At(f.from))})
		}
	}
	slices.SortFunc(out, func(a, b edit) int { return a.from - b.from })
	return out
}

// maxBeside bounds how much of a line is looked at: a file may be one line.
const maxBeside = 200

// lineBegin is where the line of a position begins, or what is looked at of it.
func lineBegin(s string, at int) int {
	low := max(0, at-maxBeside)
	return low + strings.LastIndexByte(s[low:at], '\n') + 1
}

// wholeItem widens a flag to its line if there is nothing beside it but what makes it an
// element of a list, or goes on to the next line.
func wholeItem(s string, low, from, to int) (int, int) {
	begin := max(low, lineBegin(s, from))
	rest := s[to:min(len(s), to+maxBeside)]
	after, _, ended := strings.Cut(rest, "\n")
	ended = ended || len(rest) < maxBeside
	if !ended || begin == low || strings.Trim(s[begin:from], " \t-'\"") != "" || strings.Trim(after, " \t\r\\,'\"") != "" {
		return from, to
	}
	return begin, min(to+len(after)+1, len(s))
}

// shortened is a text on one line that isn't long.
func shortened(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const most = 120
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xc0 == 0x80 { // within a character
		cut--
	}
	return s[:cut] + "…"
}
