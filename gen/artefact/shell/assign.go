package shell

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"mvdan.cc/sh/v3/syntax"
)

// assign sets a variable as an assignment says.
func (r *runner) assign(a *syntax.Assign) {
	name, at := a.Name.Value, r.at(a)
	old := r.get(name)
	switch {
	case a.Index != nil:
		r.unclear(name, at)
	case a.Array != nil:
		r.array(a, old)
	case !a.Append:
		r.vars.set(name, scalar(r.whole(a.Value), at))
	case old == nil || old.kind == unclear: // what it is appended to isn't known
		before := r.set.Hole(name, "${"+name+"}", at)
		r.vars.set(name, scalar(text.Join(before, r.whole(a.Value)), at))
	case old.kind == unset:
		r.vars.set(name, scalar(r.whole(a.Value), at))
	case old.array:
		r.unclear(name, at)
	case !r.room(old.words[0].Len()):
		r.unclear(name, at)
	default:
		r.vars.set(name, scalar(text.Join(old.words[0], r.whole(a.Value)), at))
	}
}

// array sets a variable to the words of A=(…) or A+=(…).
func (r *runner) array(a *syntax.Assign, old *variable) {
	v := &variable{array: true, at: r.at(a)}
	if a.Append {
		size := 0
		switch {
		case old == nil: // it is rare that the environment has it, and can't have an array
		case old.kind == unclear:
			r.unclear(a.Name.Value, v.at)
			return
		case old.kind == known:
			v.words = append(v.words, old.words...)
		}
		for _, w := range v.words {
			size += w.Len() + 1
		}
		if !r.room(size) {
			r.unclear(a.Name.Value, v.at)
			return
		}
	}
	var list []*syntax.Word
	for _, e := range a.Array.Elems {
		if e.Index != nil || e.Value == nil {
			r.unclear(a.Name.Value, v.at)
			return
		}
		list = append(list, e.Value)
	}
	v.words = append(v.words, r.words(list)...)
	r.vars.set(a.Name.Value, v)
}

func (r *runner) unclear(name string, at text.At) {
	r.vars.set(name, &variable{kind: unclear, at: at})
}

// declare handles export, readonly, declare and local.
func (r *runner) declare(variant string, args []*syntax.Assign) {
	odd := false // an option changes what is assigned
	for _, a := range args {
		switch {
		case a.Name == nil:
			t := r.whole(a.Value)
			if strings.HasPrefix(t.String(), "-") {
				odd = odd || variant != "export" && strings.ContainsAny(t.String(), "niulcA")
				continue
			}
			name, value, ok := t.Cut("=")
			switch {
			case !syntax.ValidName(name.String()):
			case odd:
				r.unclear(name.String(), r.at(a))
			case ok:
				r.vars.set(name.String(), scalar(value, r.at(a)))
			case variant == "local":
				r.unclear(name.String(), r.at(a))
			}
		case odd, a.Naked && variant == "local":
			r.unclear(a.Name.Value, r.at(a))
		case a.Naked:
		default:
			r.assign(a)
		}
	}
}

// builtin applies what a command does to variables.
func (r *runner) builtin(c *syntax.CallExpr, words []text.Text) {
	if len(words) == 0 {
		return
	}
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.String()
	}
	at := r.at(c)
	switch {
	case isDecl(list[0]):
		var args []*syntax.Assign
		for _, w := range c.Args[1:] {
			args = append(args, &syntax.Assign{Naked: true, Value: w})
		}
		r.declare(list[0], args)
		return
	case list[0] == "." || list[0] == "source":
		if len(words) > 1 {
			r.sources = append(r.sources, placed[text.Text]{offset(c.Pos()), words[1]})
		}
		return
	case list[0] == "set" && len(list) > 1 && (list[1] == "--" || !strings.HasPrefix(list[1], "-") && !strings.HasPrefix(list[1], "+")):
		rest := words[1:]
		if list[1] == "--" {
			rest = words[2:]
		}
		r.vars.set("@", &variable{array: true, words: rest, at: at})
		r.vars.set("*", &variable{array: true, words: rest, at: at})
		return
	}
	for _, name := range changes(list) {
		v := &variable{kind: unclear, at: at}
		if list[0] == "unset" {
			v.kind = unset
			if len(list) > 1 && list[1] == "-f" {
				continue
			}
		}
		r.vars.set(name, v)
	}
	sets := changed{}
	r.called(list[0], sets)
	r.changed(sets, at)
}

// changed follows something that sets variables, in a way that isn't known.
func (r *runner) changed(sets changed, at text.At) {
	for name, anew := range sets {
		v := r.get(name)
		switch {
		case !syntax.ValidName(name) && name != "@":
		case anew, v == nil, v.kind != known, len(v.words) == 0, v.words[len(v.words)-1].Len() == 0, !r.room(size(v.words)):
			r.unclear(name, at)
		default: // it only appends
			r.vars.set(name, r.open(name, v))
		}
	}
}

// arithmetic marks the variables that arithmetic sets.
func (r *runner) arithmetic(x syntax.ArithmExpr) {
	if x == nil {
		return
	}
	syntax.Walk(x, func(n syntax.Node) bool {
		for _, name := range arithmeticSets(n) {
			r.unclear(name, r.at(x))
		}
		return n != nil
	})
}
