package edit

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// cut is a range of bytes and its replacement.
type cut struct {
	start, end int
	text       string
}

// splice replaces ranges of a file. All else stays byte for byte: printing the syntax
// tree would change the layout elsewhere. Of overlapping ranges the outer one counts.
func splice(data []byte, cuts []cut) []byte {
	slices.SortFunc(cuts, func(a, b cut) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	var out []byte
	at := 0
	for _, c := range cuts {
		if c.start < at {
			if c.end > at && c.text == "" {
				at = c.end // two removals overlap
			}
			continue
		}
		out = append(append(out, data[at:c.start]...), c.text...)
		at = c.end
	}
	return append(out, data[at:]...)
}

// splices returns the cuts of each file.
func (c changes) splices(sources map[string]*source) map[string][]cut {
	out := map[string][]cut{}
	add := func(n ast.Node, cs ...cut) {
		name := n.Pos().Filename()
		out[name] = append(out[name], cs...)
	}
	for n, text := range c.text {
		add(n, cut{n.Pos().Offset(), n.End().Offset(), text})
	}
	for n := range c.bare {
		add(n, cut{n.Pos().Offset(), n.(*ast.Alias).Expr.Pos().Offset(), ""})
	}
	holders := map[ast.Node]bool{}
	for n, in := range c.dropped {
		if !holders[in] {
			holders[in] = true
			add(n, c.removals(sources[n.Pos().Filename()], in)...)
		}
	}
	return out
}

// removals returns the cuts that remove dropped nodes from a struct, a file or a list.
func (c changes) removals(s *source, in ast.Node) []cut {
	nodes := children(in)
	inner, braced := [2]int{}, false
	if in, ok := in.(*ast.StructLit); ok {
		if !in.Lbrace.IsValid() { // a: b: c
			return []cut{{nodes[0].Pos().Offset(), nodes[0].End().Offset(), "{}"}}
		}
		inner, braced = [2]int{in.Lbrace.Offset() + 1, in.Rbrace.Offset()}, true
	}
	var cuts []cut
	for i := 0; i < len(nodes); i++ {
		if c.dropped[nodes[i]] == nil {
			continue
		}
		r := s.extent(nodes[i], c.heads(s, nodes[i:]))
		for i+1 < len(nodes) && c.dropped[nodes[i+1]] != nil && !s.newline(r.end, nodes[i+1].Pos().Offset()) {
			i++
			r.end = s.extent(nodes[i], false).end
		}
		cuts = append(cuts, s.whole(r))
	}
	cuts = s.close(cuts)
	if braced && strings.TrimSpace(string(s.without(inner, cuts))) == "" {
		return []cut{{inner[0], inner[1], ""}}
	}
	return cuts
}

// children returns the nodes in a file, a struct, a list or an import declaration.
func children(in ast.Node) []ast.Node {
	var out []ast.Node
	switch in := in.(type) {
	case *ast.File:
		for _, d := range in.Decls {
			out = append(out, d)
		}
	case *ast.StructLit:
		for _, d := range in.Elts {
			out = append(out, d)
		}
	case *ast.ListLit:
		for _, x := range in.Elts {
			out = append(out, x)
		}
	case *ast.ImportDecl:
		for _, x := range in.Specs {
			out = append(out, x)
		}
	}
	return out
}

// Kept returns the positions of comments above a dropped field that stay, because they
// may be about the fields that follow.
func (fs *Files) Kept(name string) []finding.Pos {
	var out []finding.Pos
	s := fs.sources[name]
	for n, in := range fs.changes.dropped {
		nodes := children(in)
		if i := slices.Index(nodes, n); n.Pos().Filename() == name && i >= 0 && fs.changes.heads(s, nodes[i:]) {
			at := docOf(n).Pos()
			out = append(out, finding.Pos{File: s.shown, Line: at.Line(), Col: at.Column()})
		}
	}
	slices.SortFunc(out, func(a, b finding.Pos) int { return cmp.Or(a.Line-b.Line, a.Col-b.Col) })
	return out
}

// without returns a range of the file without the cuts in it.
func (s *source) without(r [2]int, cuts []cut) []byte {
	shifted := make([]cut, len(cuts))
	for i, c := range cuts {
		shifted[i] = cut{max(c.start-r[0], 0), min(c.end, r[1]) - r[0], ""}
	}
	return splice(s.data[r[0]:r[1]], shifted)
}

// extent returns the range of a node with the comma and the comment after it, and with
// the comment above it unless keepComment is set.
func (s *source) extent(n ast.Node, keepComment bool) cut {
	r := cut{start: n.Pos().Offset(), end: n.End().Offset()}
	if doc := docOf(n); doc != nil && !keepComment {
		r.start = doc.Pos().Offset()
	}
	rest := s.data[r.end:]
	blank := len(rest) - len(bytes.TrimLeft(rest, " \t"))
	if bytes.HasPrefix(rest[blank:], []byte(",")) {
		r.end += blank + 1
		rest = s.data[r.end:]
		blank = len(rest) - len(bytes.TrimLeft(rest, " \t"))
	}
	if bytes.HasPrefix(rest[blank:], []byte("//")) {
		r.end += blank + len(lineOf(rest[blank:]))
	}
	return r
}

// whole widens a removal to whole lines or, within a line, to the blanks and the comma
// that would be left over.
func (s *source) whole(r cut) cut {
	before := s.data[:r.start]
	start := len(bytes.TrimRight(before, " \t"))
	rest := s.data[r.end:]
	blank := len(rest) - len(bytes.TrimLeft(rest, " \t"))
	atStart := start == 0 || s.data[start-1] == '\n'
	atEnd := len(rest) == blank || rest[blank] == '\n' || bytes.HasPrefix(rest[blank:], []byte("\r\n"))
	switch {
	case atStart && atEnd:
		r.start = start
		r.end = len(s.data)
		if nl := bytes.IndexByte(rest, '\n'); nl >= 0 {
			r.end -= len(rest) - nl - 1
		}
	case !atEnd && !bytes.ContainsAny(rest[blank:blank+1], "}])"):
		r.end += blank // something follows
	default:
		r.start = start
		if start > 0 && s.data[start-1] == ',' {
			r.start--
		}
	}
	return r
}

// close joins adjacent removals. It also removes an empty line below one if there is
// an empty line, an opening brace or nothing above it.
func (s *source) close(cuts []cut) []cut {
	var out []cut
	for _, c := range cuts {
		if n := len(out); n > 0 && out[n-1].end == c.start {
			out[n-1].end = c.end
		} else {
			out = append(out, c)
		}
	}
	for i, c := range out {
		above := bytes.TrimRight(s.data[:c.start], " \t\r")
		if !bytes.HasSuffix(above, []byte("\n")) {
			continue
		}
		above = bytes.TrimRight(above[:len(above)-1], " \t\r")
		rest := s.data[c.end:]
		if n := len(lineOf(rest)); (len(above) == 0 || bytes.ContainsAny(above[len(above)-1:], "{[(\n")) && len(bytes.TrimSpace(rest[:n])) == 0 {
			out[i].end += len(rest) - len(bytes.TrimPrefix(bytes.TrimPrefix(rest[n:], []byte("\r")), []byte("\n")))
		}
	}
	return out
}

// newline reports whether there is a line end between two offsets.
func (s *source) newline(from, to int) bool {
	return from < to && bytes.IndexByte(s.data[from:to], '\n') >= 0
}

// lineOf returns the text up to the line end.
func lineOf(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// docOf returns the doc comment above a node, or nil.
func docOf(n ast.Node) *ast.CommentGroup {
	for _, g := range ast.Comments(n) {
		if g.Doc && g.Position == 0 && len(g.List) > 0 {
			return g
		}
	}
	return nil
}

// heads reports whether the comment above the first of some nodes is about a group that
// remains without it: the comment doesn't name the first node, and a node that stays
// follows without an empty line or a comment between them.
func (c changes) heads(s *source, nodes []ast.Node) bool {
	doc := docOf(nodes[0])
	f, ok := nodes[0].(*ast.Field)
	if doc == nil || !ok {
		return false
	}
	name, _, _ := ast.LabelName(plainLabel(f))
	for _, line := range doc.List {
		if name != "" && strings.Contains(line.Text, name) {
			return false
		}
	}
	for i, n := range nodes[1:] {
		between := s.data[nodes[i].End().Offset():n.Pos().Offset()]
		if bytes.Count(between, []byte("\n")) != 1 || docOf(n) != nil {
			return false
		}
		if c.dropped[n] == nil {
			return true
		}
	}
	return false
}
