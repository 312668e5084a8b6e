package shell

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// merge continues after branches of which one ran, or none if they don't cover all cases.
// The variable skip stays as it is.
func (r *runner) merge(branches []*scope, all bool, skip string) {
	values := map[string][]*variable{}
	for _, b := range branches {
		for name, v := range b.own {
			values[name] = append(values[name], v)
		}
	}
	for name, list := range values {
		if name == skip {
			continue
		}
		at := list[0].at
		if !all || len(list) < len(branches) {
			list = append(list, r.vars.get(name))
		}
		same := true
		for _, v := range list[1:] {
			same = same && list[0].equal(v)
		}
		if same {
			r.vars.set(name, list[0])
			continue
		}
		r.vars.set(name, r.begun(name, list, at))
	}
}

// begun returns a variable of which only the begin is known: the words that its possible
// values have in common. A hole stands for what may follow.
func (r *runner) begun(name string, list []*variable, at text.At) *variable {
	lost := &variable{kind: unclear, at: at}
	for _, v := range list {
		if v == nil || v.kind != known || v.array != list[0].array {
			return lost
		}
	}
	var words []text.Text
	if list[0].array {
		words = commonWords(list)
	} else if t := commonBegin(list); t.Len() > 0 {
		words = []text.Text{t}
	}
	if len(words) == 0 || !r.room(size(words)) {
		return lost
	}
	return r.open(name, &variable{array: list[0].array, words: words, at: at})
}

// open returns a variable with a hole for what may follow its words.
func (r *runner) open(name string, v *variable) *variable {
	out := &variable{array: v.array, at: v.at}
	last := v.words[len(v.words)-1]
	at := last.At(last.Len())
	expr := "$" + name
	if v.array {
		expr = "${" + name + "[@]}"
	}
	rest := r.set.Hole(name, expr, at)
	switch {
	case strings.HasSuffix(last.String(), rest.String()): // it is open already
		return v
	case v.array:
		out.words = append(append(out.words, v.words...), rest)
	default:
		out.words = []text.Text{text.Join(last, text.Literal(" ", at), rest)}
	}
	return out
}

// commonWords returns the words with which all arrays begin.
func commonWords(list []*variable) []text.Text {
	words := list[0].words
	for _, v := range list[1:] {
		n := 0
		for n < min(len(words), len(v.words)) && words[n].String() == v.words[n].String() {
			n++
		}
		words = words[:n]
	}
	return words
}

// commonBegin returns the whole words with which all values begin.
func commonBegin(list []*variable) text.Text {
	first := list[0].words[0]
	s := first.String()
	for _, v := range list[1:] {
		other := v.words[0].String()
		n := 0
		for n < min(len(s), len(other)) && s[n] == other[n] {
			n++
		}
		s = s[:n]
	}
	ends := func(v *variable) bool {
		other := v.words[0].String()
		return len(other) == len(s) || strings.IndexByte(blanks, other[len(s)]) >= 0
	}
	for _, v := range list {
		if !ends(v) {
			s = s[:max(0, strings.LastIndexAny(s, blanks))]
			break // it is cut at a blank, which all of them have there
		}
	}
	s = strings.TrimRight(s, blanks)
	return first.Slice(0, len(s))
}

// size is how much room words take.
func size(words []text.Text) int {
	n := 0
	for _, w := range words {
		n += w.Len() + 1
	}
	return n
}
