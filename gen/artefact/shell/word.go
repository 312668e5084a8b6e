package shell

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"mvdan.cc/sh/v3/syntax"
)

// fields collects the words that a word of the script becomes.
type fields struct {
	whole bool // it stays one word, such as the value of an assignment
	done  []text.Text
	cur   text.Builder
	open  bool // the current word is there, even if it is empty

	doc, tabs bool // it is a here-document; one whose tabs are removed
	begin     bool // of a line of a here-document
}

// add adds a text as it is.
func (f *fields) add(t text.Text) {
	f.cur.Write(t)
	f.open = f.open || t.Len() > 0
	f.begin = false
}

// literal adds a text of the script. It may be within a here-document with tabs.
func (f *fields) literal(t text.Text) {
	if !f.tabs {
		f.add(t)
		return
	}
	for i := range t.Len() {
		if c := t.String()[i]; c != '\t' || !f.begin {
			f.cur.Byte(c, t.At(i))
			f.begin = c == '\n'
		}
	}
}

const blanks = " \t\n"

// split adds a text that is split at blanks, as an expansion without quotes is.
func (f *fields) split(t text.Text) {
	if f.whole {
		f.add(t)
		return
	}
	for t.Len() > 0 {
		i := strings.IndexAny(t.String(), blanks)
		if i < 0 {
			f.add(t)
			return
		}
		f.add(t.Slice(0, i))
		f.end()
		t = t.From(i + 1)
	}
}

// end ends the current word, if there is one.
func (f *fields) end() {
	if f.open || f.cur.Len() > 0 {
		f.done = append(f.done, f.cur.Text())
	}
	f.open = false
}

// list adds the words of "$@" or of an array.
func (f *fields) list(words []text.Text, quoted bool, at text.At) {
	for i, w := range words {
		switch {
		case i > 0 && f.whole:
			f.cur.Byte(' ', at)
		case i > 0:
			f.end()
		}
		if quoted {
			f.open = true
			f.add(w)
		} else {
			f.split(w)
		}
	}
}

// words expands the words of a command.
func (r *runner) words(list []*syntax.Word) []text.Text {
	var f fields
	for _, w := range list {
		if r.braces(w) {
			f.add(r.hole("", w))
		} else {
			r.parts(&f, w.Parts, bare)
		}
		f.end()
	}
	return f.done
}

// whole expands a word that stays one word.
func (r *runner) whole(w *syntax.Word) text.Text {
	f := fields{whole: true}
	if w != nil {
		r.parts(&f, w.Parts, bare)
	}
	return f.cur.Text()
}

// braces reports whether bash makes several words of one with braces, such as a{b,c}.
func (r *runner) braces(w *syntax.Word) bool {
	return !r.posix && syntax.SplitBraces(&syntax.Word{Parts: w.Parts})
}

// context is what surrounds parts of a word.
type context int

const (
	bare   context = iota // no quotes
	option                // no quotes, within ${A:-…}
	double                // in double quotes
	inside                // in double quotes, within ${A:-…}
)

// parts adds parts of a word.
func (r *runner) parts(f *fields, parts []syntax.WordPart, in context) {
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			r.lit(f, p, in)
		case *syntax.SglQuoted:
			r.single(f, p, in)
		case *syntax.DblQuoted:
			if !r.empty(p) {
				f.open = true
			}
			r.parts(f, p.Parts, double)
		case *syntax.ParamExp:
			r.param(f, p, in == double || in == inside)
		case *syntax.ExtGlob:
			f.add(r.source(p))
		default: // commands and arithmetic
			if a, ok := part.(*syntax.ArithmExp); ok {
				r.arithmetic(a.X)
			}
			f.add(r.hole("", part))
		}
	}
}

// lit adds text without quotes of its own.
func (r *runner) lit(f *fields, l *syntax.Lit, in context) {
	t := r.align(l.Value, offset(l.ValuePos))
	switch in {
	case bare:
		unescape(t, f.literal, f.literal)
	case option:
		unescape(t, f.split, f.literal)
	default:
		special := "$`\\"
		if !f.doc {
			special += `"`
		}
		if in == inside {
			special += `"}`
		}
		f.literal(within(t, special))
	}
}

// single adds text in single quotes. In double quotes they are nothing special, but the
// parser takes them for quotes in ${A:-'…'}.
func (r *runner) single(f *fields, q *syntax.SglQuoted, in context) {
	switch {
	case in == inside && (q.Dollar || strings.ContainsAny(q.Value, "$`\\\"}")):
		f.add(r.hole("", q))
	case in == inside:
		f.literal(r.source(q))
	case q.Dollar:
		f.open = true
		t, ok := ansi(r.align(q.Value, offset(q.Left)+2))
		if !ok {
			t = r.hole("", q)
		}
		f.add(t)
	default:
		f.open = true
		f.literal(r.align(q.Value, offset(q.Left)+1))
	}
}

// empty reports whether double quotes have nothing but lists without a word, which is no
// word then.
func (r *runner) empty(q *syntax.DblQuoted) bool {
	for _, part := range q.Parts {
		p, ok := part.(*syntax.ParamExp)
		if !ok || !isList(p) {
			return false
		}
		v := r.get(p.Param.Value)
		if v == nil || v.kind != known || !v.array || len(v.words) > 0 {
			return false
		}
	}
	return len(q.Parts) > 0
}

// isList reports whether an expansion is that of all words of a list.
func isList(p *syntax.ParamExp) bool {
	if p.Param == nil || p.Exp != nil || p.Repl != nil || p.Slice != nil || p.Length || p.Excl || p.Names != 0 {
		return false
	}
	return p.Index == nil && p.Param.Value == "@" || index(p.Index) == "@"
}

// index is an array's index if it is written as it is, "" otherwise.
func index(x syntax.ArithmExpr) string {
	if w, ok := x.(*syntax.Word); ok {
		return w.Lit()
	}
	return ""
}
