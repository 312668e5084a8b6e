package shell

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"mvdan.cc/sh/v3/syntax"
)

// Command is one simple command with its words as the program gets them: variables are
// expanded, fields split, quotes removed. Redirections, assignments before it and & are
// left out.
type Command struct {
	Words []text.Text
	Env   map[string]text.Text // assignments before the command (A=1 cmd), may be nil
	At    text.At
}

// maxExpansion bounds what the variables of a script add, in bytes.
const maxExpansion = 1 << 20

// maxWork bounds the time for what functions and loops may set, in names and nodes.
const maxWork = 10_000_000

// runner follows a script from its begin to its end.
type runner struct {
	*Script
	vars *scope
	work int                 // so far. If it is too much, no variable is known any more
	room func(size int) bool // whether a value of that size may be added

	bodies   []*syntax.FuncDecl // to be read at the end
	commands []placed[Command]
	docs     []placed[Heredoc]
	sources  []placed[text.Text]
}

// placed is something with its offset in the script.
type placed[T any] struct {
	offset int
	it     T
}

// sorted returns things in the order of the file.
func sorted[T any](list []placed[T]) []T {
	slices.SortStableFunc(list, func(a, b placed[T]) int { return cmp.Compare(a.offset, b.offset) })
	out := make([]T, len(list))
	for i, p := range list {
		out[i] = p.it
	}
	return out
}

// run follows the script. The bodies of functions come after everything else, as what they
// use is mostly set by the time that they are called.
func (s *Script) run(env map[string]text.Text) *runner {
	left := maxExpansion
	r := &runner{Script: s, vars: &scope{}}
	r.room = func(size int) bool {
		if size > left {
			return false
		}
		left -= size
		return true
	}
	for name, value := range env {
		r.vars.set(name, scalar(value, value.At(0)))
	}
	r.vars = &scope{up: r.vars}
	r.stmts(s.file.Stmts)
	for len(r.bodies) > 0 {
		d := r.bodies[0]
		r.bodies = r.bodies[1:]
		r.branch(func() {
			r.unclear("@", r.at(d))
			r.unclear("*", r.at(d))
			r.stmt(d.Body, nil)
		})
	}
	return r
}

// Commands returns every simple command of the script in the order of the file, also those
// in pipelines, branches, loops, functions and subshells, but not those in $(…). env are
// variables that files at hand define; the script's own assignments win.
func (s *Script) Commands(env map[string]text.Text) []Command { return sorted(s.run(env).commands) }

// Sources are the files that the script reads with . or source.
func (s *Script) Sources() []text.Text { return sorted(s.run(nil).sources) }

// Vars are the variables at the end of the script with their values. One that depends on
// what happens when it runs, and an array, is a hole.
func (s *Script) Vars() map[string]text.Text {
	out := map[string]text.Text{}
	for name, v := range s.run(nil).vars.own {
		switch {
		case !syntax.ValidName(name):
		case v.kind == unset:
		case v.kind == unclear || v.array:
			out[name] = s.set.Hole(name, "${"+name+"}", v.at)
		default:
			out[name] = v.words[0]
		}
	}
	return out
}

// get returns a variable.
func (r *runner) get(name string) *variable {
	if r.work > maxWork {
		return &variable{kind: unclear}
	}
	return r.vars.get(name)
}

// branch follows a part of the script whose variables may be lost.
func (r *runner) branch(part func()) *scope {
	base := r.vars
	r.vars = &scope{up: base}
	part()
	own := r.vars
	r.vars = base
	return own
}

func (r *runner) stmts(list []*syntax.Stmt) {
	for _, s := range list {
		r.stmt(s, nil)
	}
}

// stmt follows a statement. next are those that read its output.
func (r *runner) stmt(s *syntax.Stmt, next []*syntax.Stmt) {
	follow := func() {
		r.heredocs(s, next)
		r.command(s.Cmd, s.Negated)
	}
	if s.Background || s.Coprocess {
		r.branch(follow)
		return
	}
	follow()
}

// command follows a command of any kind.
func (r *runner) command(c syntax.Command, negated bool) {
	switch c := c.(type) {
	case *syntax.CallExpr:
		r.simple(c)
	case *syntax.DeclClause:
		r.declare(c.Variant.Value, c.Args)
	case *syntax.FuncDecl:
		r.bodies = append(r.bodies, c)
	case *syntax.Block:
		r.stmts(c.Stmts)
	case *syntax.Subshell:
		r.branch(func() { r.stmts(c.Stmts) })
	case *syntax.BinaryCmd:
		r.binary(c, negated)
	case *syntax.IfClause:
		r.ifClause(c)
	case *syntax.CaseClause:
		r.caseClause(c)
	case *syntax.WhileClause:
		r.loop(r.at(c), nil, func() { r.stmts(c.Cond); r.stmts(c.Do) }, c.Cond, c.Do)
	case *syntax.ForClause:
		r.forClause(c)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			r.stmt(c.Stmt, nil)
		}
	case *syntax.CoprocClause:
		r.branch(func() { r.stmt(c.Stmt, nil) })
	case *syntax.ArithmCmd:
		r.arithmetic(c.X)
	case *syntax.LetClause:
		for _, x := range c.Exprs {
			r.arithmetic(x)
		}
	}
}

// simple follows a simple command, or assignments without one.
func (r *runner) simple(c *syntax.CallExpr) {
	if len(c.Args) == 0 {
		for _, a := range c.Assigns {
			r.assign(a)
		}
		return
	}
	command := Command{Words: r.words(c.Args), At: r.at(c)}
	if len(c.Assigns) > 0 {
		own := r.branch(func() {
			for _, a := range c.Assigns {
				r.assign(a)
			}
		}).own
		command.Env = map[string]text.Text{}
		for _, a := range c.Assigns {
			if v := own[a.Name.Value]; v != nil && v.kind == known && !v.array {
				command.Env[a.Name.Value] = v.words[0]
			}
			delete(own, a.Name.Value)
		}
		for name, v := range own { // what an expansion sets, such as ${A:=x}, stays
			r.vars.set(name, v)
		}
	}
	if first := c.Args[0].Lit(); len(command.Words) > 0 && !isDecl(first) {
		r.commands = append(r.commands, placed[Command]{offset(c.Pos()), command})
	}
	r.builtin(c, command.Words)
	if len(command.Words) > 0 && isSpecial(command.Words[0].String()) {
		for name := range command.Env { // it stays in dash, but not in bash
			r.unclear(name, command.At)
		}
	}
}

// isSpecial reports whether assignments before a command of this name may outlast it.
func isSpecial(name string) bool {
	switch name {
	case ":", ".", "eval", "exec", "export", "readonly", "set", "shift", "trap", "unset", "times", "exit", "return", "break", "continue":
		return true
	}
	return false
}

// binary follows two statements with &&, || or | between them.
func (r *runner) binary(c *syntax.BinaryCmd, negated bool) {
	if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
		parts := pipeline(c)
		for i, p := range parts {
			r.branch(func() { r.stmt(p, parts[i+1:]) })
		}
		return
	}
	r.stmt(c.X, nil)
	test := r.test([]*syntax.Stmt{c.X})
	if c.Op == syntax.OrStmt {
		test.empty = !test.empty
	}
	then := r.branch(func() { r.stmt(c.Y, nil) })
	r.choose(test, then, nil, false)
}

// pipeline returns the parts of a pipeline.
func pipeline(c *syntax.BinaryCmd) []*syntax.Stmt {
	var out []*syntax.Stmt
	for _, s := range []*syntax.Stmt{c.X, c.Y} {
		if b, ok := s.Cmd.(*syntax.BinaryCmd); ok && (b.Op == syntax.Pipe || b.Op == syntax.PipeAll) && len(s.Redirs) == 0 {
			out = append(out, pipeline(b)...)
			continue
		}
		out = append(out, s)
	}
	return out
}

func (r *runner) ifClause(c *syntax.IfClause) {
	r.stmts(c.Cond)
	test := r.test(c.Cond)
	first := r.branch(func() { r.stmts(c.Then) })
	var rest []*scope
	all := false
	for e := c.Else; e != nil; e = e.Else {
		rest = append(rest, r.branch(func() { r.stmts(e.Cond); r.stmts(e.Then) }))
		all = len(e.Cond) == 0
	}
	r.choose(test, first, rest, all)
}

func (r *runner) caseClause(c *syntax.CaseClause) {
	var branches []*scope
	all := false
	through := false
	for _, item := range c.Items {
		branches = append(branches, r.branch(func() { r.stmts(item.Stmts) }))
		through = through || item.Op != syntax.Break
		for _, p := range item.Patterns {
			all = all || p.Lit() == "*"
		}
	}
	if through { // a branch may run after another one
		for _, b := range branches {
			for name, v := range b.own {
				b.set(name, &variable{kind: unclear, at: v.at})
			}
		}
	}
	r.merge(branches, all, "")
}

func (r *runner) forClause(c *syntax.ForClause) {
	each := map[string]bool{}
	switch l := c.Loop.(type) {
	case *syntax.WordIter:
		each[l.Name.Value] = true
	case *syntax.CStyleLoop:
		for _, x := range []syntax.ArithmExpr{l.Init, l.Cond, l.Post} {
			r.arithmetic(x)
		}
	}
	r.loop(r.at(c), each, func() { r.stmts(c.Do) }, c.Do)
}

// loop follows a loop. What it sets may be set already when it begins anew.
func (r *runner) loop(at text.At, each map[string]bool, body func(), lists ...[]*syntax.Stmt) {
	sets := r.assigned(lists...)
	maps.Copy(sets, each)
	done := r.branch(func() {
		r.changed(sets, at)
		body()
	})
	r.merge([]*scope{done}, false, "")
}
