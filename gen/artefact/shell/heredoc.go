package shell

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"mvdan.cc/sh/v3/syntax"
)

// Heredoc is a here-document.
type Heredoc struct {
	Body text.Text // as the shell passes it on
	File text.Text // the file that it is written to; empty if unknown
	At   text.At   // of the body's first byte
}

// Heredocs returns the here-documents of the script in the order of the file. env is as
// for Commands.
func (s *Script) Heredocs(env map[string]text.Text) []Heredoc { return sorted(s.run(env).docs) }

// heredocs reads the here-documents of a statement. next are those that read its output.
func (r *runner) heredocs(s *syntax.Stmt, next []*syntax.Stmt) {
	for _, d := range s.Redirs {
		if d.Op != syntax.Hdoc && d.Op != syntax.DashHdoc {
			continue
		}
		doc := Heredoc{At: r.at(d)}
		if d.N == nil || d.N.Value == "0" {
			doc.File = r.target(s, next)
		}
		if d.Hdoc != nil {
			doc.Body = r.body(d)
			doc.At = r.at(d.Hdoc)
			if doc.Body.Len() > 0 {
				doc.At = doc.Body.At(0)
			}
		}
		r.docs = append(r.docs, placed[Heredoc]{offset(d.Pos()), doc})
	}
}

// body returns the text of a here-document.
func (r *runner) body(d *syntax.Redirect) text.Text {
	tabs := d.Op == syntax.DashHdoc
	if stop, quoted := delimiter(d.Word); quoted {
		return r.verbatim(r.begin(d), stop, tabs)
	}
	f := fields{whole: true, doc: true, tabs: tabs, begin: true}
	r.parts(&f, d.Hdoc.Parts, double)
	return f.cur.Text()
}

// delimiter returns the line that ends a here-document, and whether any of it is quoted.
// The parser itself looks at nothing but the last part for that.
func delimiter(w *syntax.Word) (stop string, quoted bool) {
	var b strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			quoted = quoted || strings.Contains(p.Value, "\\")
			b.WriteString(strings.ReplaceAll(p.Value, "\\", ""))
		case *syntax.SglQuoted:
			quoted = true
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			quoted = true
			b.WriteString((&syntax.Word{Parts: p.Parts}).Lit())
		}
	}
	return b.String(), quoted
}

// begin is where the body of a here-document begins. The parser's position is after an
// escaped line end.
func (r *runner) begin(d *syntax.Redirect) int {
	str, at := r.src.String(), offset(d.Hdoc.Pos())
	for {
		at = strings.LastIndexByte(str[:at], '\n') + 1
		before := strings.TrimSuffix(strings.TrimSuffix(str[:at], "\n"), "\r")
		if !strings.HasSuffix(before, "\\") || strings.LastIndexByte(before, '\n') < offset(d.Word.End()) {
			return at
		}
		at -= 2
	}
}

// verbatim returns the lines from an offset up to one that is stop.
func (r *runner) verbatim(from int, stop string, tabs bool) text.Text {
	var b text.Builder
	str := r.src.String()
	for from < len(str) {
		end := len(str)
		if i := strings.IndexByte(str[from:], '\n'); i >= 0 {
			end = from + i + 1
		}
		for tabs && from < end && str[from] == '\t' {
			from++
		}
		line := strings.TrimSuffix(str[from:end], "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == stop {
			break
		}
		b.Write(r.src.Slice(from, from+len(line)))
		if end > from+len(line) {
			b.Byte('\n', r.src.At(end-1))
		}
		from = end
	}
	return b.Text()
}

// target is the file that a statement writes its standard input to, itself or through the
// statements that read its output.
func (r *runner) target(s *syntax.Stmt, next []*syntax.Stmt) text.Text {
	for {
		name, args := r.program(s)
		switch name {
		case "tee":
			for _, a := range args {
				if !strings.HasPrefix(a.String(), "-") {
					return a
				}
			}
		case "cat":
			for _, a := range args {
				if a.String() != "-" {
					return text.Text{}
				}
			}
		default:
			return text.Text{}
		}
		if to := output(s); to != nil {
			return r.whole(to)
		}
		if len(next) == 0 {
			return text.Text{}
		}
		s, next = next[0], next[1:]
	}
}

// program returns the command that a statement runs, and its arguments. What runs another
// command is left out.
func (r *runner) program(s *syntax.Stmt) (string, []text.Text) {
	c, ok := s.Cmd.(*syntax.CallExpr)
	if !ok {
		return "", nil
	}
	words := r.words(c.Args)
	for len(words) > 0 {
		switch word := words[0].String(); word {
		case "sudo", "command", "doas":
			words = words[1:]
			for len(words) > 0 && strings.HasPrefix(words[0].String(), "-") {
				option := words[0].String()
				words = words[1:]
				if len(words) > 0 && (option == "-u" || option == "-g") {
					words = words[1:]
				}
			}
		default:
			return word[strings.LastIndexByte(word, '/')+1:], words[1:]
		}
	}
	return "", nil
}

// output is the file that a statement redirects its standard output to.
func output(s *syntax.Stmt) *syntax.Word {
	var to *syntax.Word
	for _, d := range s.Redirs {
		if d.N != nil && d.N.Value != "1" {
			continue
		}
		switch d.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			to = d.Word
		case syntax.DplOut:
			to = nil
		}
	}
	return to
}
