package shell

import (
	"mvdan.cc/sh/v3/syntax"
)

// test is a condition that looks at whether one variable is empty, the usual way to give
// it a default. The name is "" for any other condition.
type test struct {
	name  string
	empty bool // the condition holds if the variable is empty
}

// test reads a condition.
func (r *runner) test(cond []*syntax.Stmt) test {
	if len(cond) != 1 {
		return test{}
	}
	var t test
	switch c := cond[0].Cmd.(type) {
	case *syntax.CallExpr:
		t = r.testCommand(c.Args)
	case *syntax.TestClause:
		t = r.testClause(c.X)
	}
	if cond[0].Negated {
		t.empty = !t.empty
	}
	return t
}

// testCommand reads [ … ] and test ….
func (r *runner) testCommand(args []*syntax.Word) test {
	switch {
	case len(args) > 1 && args[0].Lit() == "[" && args[len(args)-1].Lit() == "]":
		args = args[1 : len(args)-1]
	case len(args) > 1 && (args[0].Lit() == "test" || args[0].Lit() == "[["):
		args = args[1:]
		if last := len(args) - 1; args[last].Lit() == "]]" {
			args = args[:last]
		}
	default:
		return test{}
	}
	not := false
	for len(args) > 1 && args[0].Lit() == "!" {
		args, not = args[1:], !not
	}
	var t test
	switch len(args) {
	case 1:
		t = tested(args[0], "", false)
	case 2:
		switch args[0].Lit() {
		case "-z":
			t = tested(args[1], "", true)
		case "-n":
			t = tested(args[1], "", false)
		}
	case 3:
		op := args[1].Lit()
		other := args[2].Lit() + quotedLit(args[2])
		if op != "=" && op != "==" && op != "!=" || other == "" && !isEmptyWord(args[2]) {
			return test{}
		}
		t = tested(args[0], other, op != "!=")
	}
	if not {
		t.empty = !t.empty
	}
	return t
}

// testClause reads the inside of [[ … ]].
func (r *runner) testClause(x syntax.TestExpr) test {
	switch x := x.(type) {
	case *syntax.Word:
		return tested(x, "", false)
	case *syntax.ParenTest:
		return r.testClause(x.X)
	case *syntax.UnaryTest:
		w, ok := x.X.(*syntax.Word)
		switch {
		case x.Op == syntax.TsNot:
			t := r.testClause(x.X)
			t.empty = !t.empty
			return t
		case ok && x.Op == syntax.TsEmpStr:
			return tested(w, "", true)
		case ok && x.Op == syntax.TsNempStr:
			return tested(w, "", false)
		}
	case *syntax.BinaryTest:
		a, ok := x.X.(*syntax.Word)
		b, also := x.Y.(*syntax.Word)
		if ok && also && isEmptyWord(b) && (x.Op == syntax.TsMatch || x.Op == syntax.TsMatchShort || x.Op == syntax.TsNoMatch) {
			return tested(a, "", x.Op != syntax.TsNoMatch)
		}
	}
	return test{}
}

// tested returns the test of a word that is prefix and one variable, such as "x$A".
func tested(w *syntax.Word, prefix string, empty bool) test {
	parts := w.Parts
	if len(parts) == 1 {
		if q, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = q.Parts
		}
	}
	if prefix != "" && len(parts) > 0 {
		l, ok := parts[0].(*syntax.Lit)
		if !ok || l.Value != prefix {
			return test{}
		}
		parts = parts[1:]
	}
	if len(parts) != 1 {
		return test{}
	}
	p, ok := parts[0].(*syntax.ParamExp)
	if !ok || p.Param == nil || !syntax.ValidName(p.Param.Value) || p.Length || p.Excl || p.Index != nil || p.Slice != nil || p.Repl != nil {
		return test{}
	}
	if p.Exp != nil {
		switch p.Exp.Op {
		case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
			if p.Exp.Word != nil {
				return test{}
			}
		case syntax.AlternateUnset, syntax.AlternateUnsetOrNull: // ${A+x}
			if p.Exp.Word == nil || p.Exp.Word.Lit() == "" {
				return test{}
			}
		default:
			return test{}
		}
	}
	return test{p.Param.Value, empty}
}

func isEmptyWord(w *syntax.Word) bool {
	if len(w.Parts) != 1 {
		return false
	}
	switch q := w.Parts[0].(type) {
	case *syntax.SglQuoted:
		return q.Value == ""
	case *syntax.DblQuoted:
		return len(q.Parts) == 0
	}
	return false
}

// quotedLit is the text of a word that is one text in quotes.
func quotedLit(w *syntax.Word) string {
	if len(w.Parts) != 1 {
		return ""
	}
	switch q := w.Parts[0].(type) {
	case *syntax.SglQuoted:
		return q.Value
	case *syntax.DblQuoted:
		return (&syntax.Word{Parts: q.Parts}).Lit()
	}
	return ""
}

// choose continues after branches of which the first one runs if a condition holds. The
// variable that the condition looks at is known if its value says which branch ran.
func (r *runner) choose(t test, first *scope, rest []*scope, all bool) {
	before := r.get(t.name)
	has := before.filled()
	sets := first.own[t.name] != nil
	for _, b := range rest {
		sets = sets || b.own[t.name] != nil
	}
	chosen := &scope{}
	if t.empty == (has == no) {
		chosen = first
	} else if len(rest) > 0 {
		chosen = rest[0]
	}
	v := chosen.own[t.name]
	if t.name == "" || !sets || has == maybe || len(rest) > 1 || len(rest) == 1 && !all || before == nil && v == nil {
		r.merge(append([]*scope{first}, rest...), all, "")
		return
	}
	r.merge(append([]*scope{first}, rest...), all, t.name)
	if v != nil {
		r.vars.set(t.name, v)
	}
}
