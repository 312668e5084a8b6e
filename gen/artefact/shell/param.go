package shell

import (
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"mvdan.cc/sh/v3/syntax"
)

// param adds the expansion of a parameter.
func (r *runner) param(f *fields, p *syntax.ParamExp, quoted bool) {
	name := ""
	if p.Param != nil {
		name = p.Param.Value
	}
	v := r.get(name)
	switch {
	case p.Excl, p.Names != 0, p.Slice != nil, p.Repl != nil, p.Width, p.IsSet, p.Flags != nil, p.NestedParam != nil:
		r.unknown(f, p)
	case p.Exp != nil && isOption(p.Exp.Op) && p.Index == nil:
		r.option(f, p, v, quoted)
	case v == nil || v.kind == unclear:
		r.unknown(f, p)
	case v.kind == unset:
		if p.Length {
			f.add(text.Literal("0", r.at(p)))
		}
	case v.array || p.Index != nil:
		r.element(f, p, v, quoted)
	default:
		r.one(f, p, v.words[0], quoted)
	}
}

// unknown adds a hole for a parameter.
func (r *runner) unknown(f *fields, p *syntax.ParamExp) {
	name := ""
	if p.Param != nil && syntax.ValidName(p.Param.Value) {
		name = p.Param.Value
	}
	f.add(r.hole(name, p))
}

// value adds the value of a parameter, if there is room for it.
func (r *runner) value(f *fields, p *syntax.ParamExp, t text.Text, quoted bool) {
	switch {
	case !r.room(t.Len()):
		r.unknown(f, p)
	case quoted:
		f.open = true
		f.add(t)
	case !f.whole && r.get("IFS") != nil && !onlyHoles(t): // it is split at other bytes
		r.unknown(f, p)
	default:
		f.split(t)
		f.begin = false
	}
}

// element adds an array or one of its elements.
func (r *runner) element(f *fields, p *syntax.ParamExp, v *variable, quoted bool) {
	all := index(p.Index)
	if p.Index == nil && (p.Param.Value == "@" || p.Param.Value == "*") {
		all = p.Param.Value
	}
	size := 0
	for _, w := range v.words {
		size += w.Len() + 1
	}
	n, err := strconv.Atoi(all)
	switch {
	case p.Exp != nil, p.Length, !r.room(size), r.get("IFS") != nil:
		r.unknown(f, p)
	case all == "@", all == "*" && !quoted:
		f.list(v.words, quoted, r.at(p))
	case all == "*":
		joined := fields{whole: true}
		joined.list(v.words, true, r.at(p))
		f.open = true
		f.add(joined.cur.Text())
	case p.Index == nil && len(v.words) == 0: // nothing
	case p.Index == nil:
		r.value(f, p, v.words[0], quoted)
	case err == nil && n >= 0 && n < len(v.words):
		r.value(f, p, v.words[n], quoted)
	default:
		r.unknown(f, p)
	}
}

// one adds the value of a variable, or a part of it.
func (r *runner) one(f *fields, p *syntax.ParamExp, t text.Text, quoted bool) {
	switch {
	case (p.Length || p.Exp != nil) && !r.room(t.Len()): // to look at a value takes time too
		r.unknown(f, p)
	case p.Length && ascii(t):
		f.add(text.Literal(strconv.Itoa(t.Len()), r.at(p)))
	case p.Length:
		r.unknown(f, p)
	case p.Exp == nil:
		r.value(f, p, t, quoted)
	default:
		cut, ok := r.cut(t, p.Exp)
		if !ok {
			r.unknown(f, p)
			return
		}
		r.value(f, p, cut, quoted)
	}
}

// ascii reports whether a text has as many characters as bytes. Holes have no length.
func ascii(t text.Text) bool {
	return strings.IndexFunc(t.String(), func(c rune) bool { return c >= 0x80 }) < 0
}

func isOption(op syntax.ParExpOperator) bool {
	switch op {
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.DefaultUnset, syntax.DefaultUnsetOrNull,
		syntax.ErrorUnset, syntax.ErrorUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
		return true
	}
	return false
}

// option adds ${A:-x} and its like.
func (r *runner) option(f *fields, p *syntax.ParamExp, v *variable, quoted bool) {
	has := v.filled()
	switch p.Exp.Op {
	case syntax.AlternateUnset, syntax.DefaultUnset, syntax.ErrorUnset, syntax.AssignUnset:
		if v != nil && v.kind == known && (!v.array || len(v.words) > 0) {
			has = yes // even if it is empty
		}
	}
	if name := p.Param.Value; name == "#" || name == "?" || name == "$" || name == "!" || name == "-" || name == "0" {
		has = maybe
	}
	if has == maybe || v != nil && v.array && has == yes && !isAlternate(p.Exp.Op) {
		r.unknown(f, p)
		return
	}
	in := option
	if quoted {
		in = inside
		f.open = true
	}
	switch op := p.Exp.Op; {
	case isAlternate(op) && has == yes:
		r.alternative(f, p, in)
	case isAlternate(op) && v == nil, op == syntax.ErrorUnset && has == no, op == syntax.ErrorUnsetOrNull && has == no:
		r.unknown(f, p)
	case isAlternate(op):
	case has == yes:
		r.value(f, p, v.words[0], quoted)
	case op == syntax.AssignUnset || op == syntax.AssignUnsetOrNull:
		word := fields{whole: true, doc: f.doc, tabs: f.tabs}
		r.alternative(&word, p, in)
		t := word.cur.Text()
		r.vars.set(p.Param.Value, scalar(t, r.at(p)))
		r.value(f, p, t, quoted)
	default:
		r.alternative(f, p, in)
	}
}

func isAlternate(op syntax.ParExpOperator) bool {
	return op == syntax.AlternateUnset || op == syntax.AlternateUnsetOrNull
}

// alternative adds the word of an option.
func (r *runner) alternative(f *fields, p *syntax.ParamExp, in context) {
	if p.Exp.Word != nil {
		r.parts(f, p.Exp.Word.Parts, in)
	}
}

// cut applies %, %%, # and ##. It isn't ok if the value or the pattern isn't known, or the
// pattern is more than text with * and ?.
func (r *runner) cut(t text.Text, exp *syntax.Expansion) (text.Text, bool) {
	pattern := r.whole(exp.Word)
	quotes := false
	if exp.Word != nil {
		for _, part := range exp.Word.Parts {
			l, lit := part.(*syntax.Lit)
			quotes = quotes || !lit || strings.Contains(l.Value, "\\")
		}
	}
	glob := strings.ContainsAny(pattern.String(), `*?[\`)
	if !ascii(t) || !pattern.Known() || glob && (quotes || strings.ContainsAny(pattern.String(), `[\`)) {
		return text.Text{}, false
	}
	if glob && t.Len() > maxGlob {
		return text.Text{}, false // it takes time that is more than linear
	}
	n := t.Len()
	for i := range n + 1 {
		j := i
		if exp.Op == syntax.RemLargePrefix || exp.Op == syntax.RemSmallSuffix {
			j = n - i
		}
		switch exp.Op {
		case syntax.RemSmallPrefix, syntax.RemLargePrefix:
			if match(pattern.String(), t.String()[:j]) {
				return t.From(j), true
			}
		case syntax.RemSmallSuffix, syntax.RemLargeSuffix:
			if match(pattern.String(), t.String()[j:]) {
				return t.Slice(0, j), true
			}
		default:
			return text.Text{}, false
		}
	}
	return t, true
}

const maxGlob = 1000

// match reports whether a pattern with * and ? is that of all of s.
func match(pattern, s string) bool {
	star, again := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, again = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			again++
			p, i = star+1, again
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
