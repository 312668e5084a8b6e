package shell

import (
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// function is what a function of the script may change where it is called.
type function struct {
	sets  changed
	calls map[string]bool
}

// changed are variables that something sets: true, or only appends to: false.
type changed map[string]bool

// add adds the variables of another one.
func (c changed) add(other changed) {
	for name, sets := range other {
		c[name] = c[name] || sets
	}
}

// functions returns the functions of a script.
func functions(file *syntax.File) map[string]*function {
	out := map[string]*function{}
	syntax.Walk(file, func(n syntax.Node) bool {
		d, ok := n.(*syntax.FuncDecl)
		if !ok || d.Name == nil {
			return true
		}
		f := out[d.Name.Value]
		if f == nil {
			f = &function{sets: changed{}, calls: map[string]bool{}}
			out[d.Name.Value] = f
		}
		w := newNames()
		syntax.Walk(d.Body, w.visit)
		for name := range w.local {
			delete(w.sets, name)
		}
		f.sets.add(w.sets)
		maps.Copy(f.calls, w.calls)
		return true
	})
	return out
}

// called adds the variables that a function sets, itself or through others.
func (r *runner) called(name string, sets changed) {
	seen := map[string]bool{}
	for todo := []string{name}; len(todo) > 0; {
		name, todo = todo[len(todo)-1], todo[:len(todo)-1]
		f := r.funcs[name]
		if f == nil || seen[name] || r.work > maxWork {
			continue
		}
		seen[name] = true
		sets.add(f.sets)
		todo = slices.AppendSeq(todo, maps.Keys(f.calls))
		r.work += len(f.sets) + len(f.calls)
	}
}

// assigned returns the variables that statements may set.
func (r *runner) assigned(lists ...[]*syntax.Stmt) changed {
	w := newNames()
	for _, list := range lists {
		for _, stmt := range list {
			syntax.Walk(stmt, func(n syntax.Node) bool {
				r.work++
				return r.work <= maxWork && w.visit(n)
			})
		}
	}
	for name := range w.calls {
		r.called(name, w.sets)
	}
	return w.sets
}

// names collects the variables that nodes set, and the commands that they call.
type names struct {
	sets         changed
	local, calls map[string]bool
}

func newNames() names {
	return names{changed{}, map[string]bool{}, map[string]bool{}}
}

func (w *names) visit(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.CmdSubst, *syntax.Subshell, *syntax.ProcSubst, *syntax.FuncDecl:
		return false // what they set is lost, or not set yet
	case *syntax.BinaryCmd:
		return n.Op == syntax.AndStmt || n.Op == syntax.OrStmt
	case *syntax.CallExpr:
		w.call(n)
	case *syntax.DeclClause:
		for _, a := range n.Args {
			name := declared(a)
			w.sets[name] = true
			if n.Variant.Value != "export" && n.Variant.Value != "readonly" {
				w.local[name] = true
			}
		}
	case *syntax.WordIter:
		w.sets[n.Name.Value] = true
	case *syntax.ParamExp:
		if n.Exp != nil && n.Param != nil && (n.Exp.Op == syntax.AssignUnset || n.Exp.Op == syntax.AssignUnsetOrNull) {
			w.sets[n.Param.Value] = true
		}
	case *syntax.BinaryArithm, *syntax.UnaryArithm:
		for _, name := range arithmeticSets(n) {
			w.sets[name] = true
		}
	}
	return true
}

func (w *names) call(c *syntax.CallExpr) {
	if len(c.Args) == 0 {
		for _, a := range c.Assigns {
			w.sets[a.Name.Value] = w.sets[a.Name.Value] || !appends(a)
		}
		return
	}
	words := make([]string, len(c.Args))
	for i, a := range c.Args {
		words[i] = a.Lit()
	}
	w.calls[words[0]] = true
	for _, name := range changes(words) {
		w.sets[name] = true
	}
	if isDecl(words[0]) {
		for _, a := range c.Args[1:] {
			name := declared(&syntax.Assign{Naked: true, Value: a})
			w.sets[name] = true
			if words[0] == "local" {
				w.local[name] = true
			}
		}
	}
}

// appends reports whether an assignment keeps the value of its variable and puts something
// behind it.
func appends(a *syntax.Assign) bool {
	old := a.Value
	switch {
	case a.Index != nil:
		return false
	case a.Append:
		return true
	case a.Array != nil && len(a.Array.Elems) > 0:
		old = a.Array.Elems[0].Value
	}
	if old == nil || len(old.Parts) == 0 {
		return false
	}
	part := old.Parts[0]
	if q, ok := part.(*syntax.DblQuoted); ok && len(q.Parts) > 0 {
		part = q.Parts[0]
	}
	p, ok := part.(*syntax.ParamExp)
	if !ok || p.Param == nil || p.Param.Value != a.Name.Value || p.Exp != nil || p.Repl != nil || p.Slice != nil || p.Length || p.Excl {
		return false
	}
	return p.Index == nil || index(p.Index) == "@"
}

// declared is the name of an argument of export and its like.
func declared(a *syntax.Assign) string {
	if a.Name != nil {
		return a.Name.Value
	}
	name, _, _ := strings.Cut(a.Value.Lit(), "=")
	if l, ok := a.Value.Parts[0].(*syntax.Lit); ok {
		name, _, _ = strings.Cut(l.Value, "=")
	}
	return name
}

func isDecl(word string) bool {
	switch word {
	case "export", "readonly", "local", "declare", "typeset":
		return true
	}
	return false
}

// changes returns the variables that a command changes in a way that isn't known.
func changes(words []string) []string {
	var out []string
	switch words[0] {
	case "read", "unset", "mapfile", "readarray":
		out = words[1:]
	case "getopts":
		out = append([]string{"OPTARG", "OPTIND"}, words[1:]...)
	case "printf":
		if len(words) > 2 && words[1] == "-v" {
			out = words[2:3]
		}
	case "set":
		if len(words) > 1 {
			return []string{"@"}
		}
	case "shift":
		return []string{"@"}
	}
	var valid []string
	for _, name := range out {
		if syntax.ValidName(name) {
			valid = append(valid, name)
		}
	}
	return valid
}

// arithmeticSets returns the variables that one operator of arithmetic sets.
func arithmeticSets(n syntax.Node) []string {
	var to syntax.ArithmExpr
	switch n := n.(type) {
	case *syntax.UnaryArithm:
		if n.Op == syntax.Inc || n.Op == syntax.Dec {
			to = n.X
		}
	case *syntax.BinaryArithm:
		switch n.Op {
		case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.QuoAssgn, syntax.RemAssgn,
			syntax.AndAssgn, syntax.OrAssgn, syntax.XorAssgn, syntax.ShlAssgn, syntax.ShrAssgn:
			to = n.X
		}
	}
	if name := index(to); name != "" {
		return []string{name}
	}
	return nil
}
