package spec

import (
	"index/suffixarray"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Embedded is what a cluster has from files that its CUE embeds. Whoever changes the
// CUE chooses them, and may not be who may read them: what they hold isn't shown,
// nor what was made of it, unless the CUE says the same itself. Fill it before it is
// used; a nil one holds nothing.
type Embedded struct {
	files []string
	own   map[string]bool // what the CUE says itself
	words map[string]bool // values as a whole, and the labels of fields
	parts []string        // of which any piece is found

	once      sync.Once
	of, ownOf *suffixarray.Index
	longest   int
}

// piece is the length from which a piece of a text gives something away.
const piece = 8

// NewEmbedded is of files, by the names that people are shown, in a package whose CUE
// says these strings, names and numbers itself.
func NewEmbedded(files []string, own map[string]bool) *Embedded {
	return &Embedded{files: files, own: own, words: map[string]bool{}}
}

// Add takes in a value that came of an embedded file, or such a file's contents.
func (e *Embedded) Add(text string) {
	for _, t := range []string{text, strings.Join(strings.Fields(text), " ")} {
		if e.own[t] || t == "" || e.words[t] {
			continue
		}
		e.words[t] = true
		e.longest = max(e.longest, len(t))
		if len(t) >= piece {
			e.parts = append(e.parts, t)
		}
	}
}

// Own takes in a value that comes of the CUE alone.
func (e *Embedded) Own(text string) { e.own[text] = true }

// Says reports whether a text is of the CUE's own making: said as it is, or an
// expression or a path of words that are.
func (e *Embedded) Says(text string) bool {
	if e.own[text] {
		return true
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("()[]{}.,:&|!=~<> \"", r) })
	return !slices.ContainsFunc(words, func(w string) bool { return !e.own[w] })
}

// Place stands for what isn't shown.
func (e *Embedded) Place() string {
	names := e.files
	if len(names) > 3 {
		names = append(slices.Clone(names[:3]), "…")
	}
	return "(embedded from " + strings.Join(names, ", ") + ")"
}

// Redact is a text with Place for all that it holds of what was embedded.
func (e *Embedded) Redact(text string) string {
	if e == nil || text == "" {
		return text
	}
	e.once.Do(func() {
		e.of = suffixarray.New([]byte(strings.Join(e.parts, "\x00")))
		var own strings.Builder
		for s := range e.own {
			own.WriteString(s)
			own.WriteByte(0)
		}
		e.ownOf = suffixarray.New([]byte(own.String()))
	})
	var b strings.Builder
	rest := 0 // where what isn't written yet begins
	for at := 0; at < len(text); {
		skip, n := 0, e.word(text, at)
		if n == 0 {
			skip, n = e.pieceAt(text, at)
		}
		if n == 0 {
			_, size := utf8.DecodeRuneInString(text[at:])
			at += size
			continue
		}
		b.WriteString(text[rest : at+skip])
		if !strings.HasSuffix(b.String(), e.Place()) {
			b.WriteString(e.Place())
		}
		at += skip + n
		rest = at
	}
	b.WriteString(text[rest:])
	return b.String()
}

// longWord is what word looks for at most: of longer values pieceAt finds each piece.
const longWord = 256

// word is the length of the longest value that the text has at a place between two
// boundaries of words.
func (e *Embedded) word(text string, at int) int {
	if !boundary(text, at) {
		return 0
	}
	for end := min(len(text), at+min(e.longest, longWord)); end > at; end-- {
		if boundary(text, end) && e.words[text[at:end]] {
			return end - at
		}
	}
	return 0
}

// pieceAt is the longest piece of a value that the text has at a place, without the
// spaces and marks around it, which it skips: values are cut, and quoted.
func (e *Embedded) pieceAt(text string, at int) (skip, length int) {
	found := func(n int) bool {
		return len(e.of.Lookup([]byte(text[at:at+n]), 1)) > 0
	}
	if len(text)-at < piece || !found(piece) {
		return 0, 0
	}
	// What is found of some length is found of every shorter one.
	n := piece + searchLast(len(text)-at-piece, func(more int) bool { return found(piece + more) })
	mark := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	said := strings.TrimLeftFunc(text[at:at+n], mark)
	skip = n - len(said)
	said = strings.TrimRightFunc(said, mark)
	if len(said) < piece || len(e.ownOf.Lookup([]byte(said), 1)) > 0 {
		return 0, 0
	}
	return skip, len(said)
}

// searchLast is the last of 0 to n for which ok holds, as it does for all before.
func searchLast(n int, ok func(int) bool) int {
	low := 0
	for low < n {
		mid := (low + n + 1) / 2
		if ok(mid) {
			low = mid
		} else {
			n = mid - 1
		}
	}
	return low
}

// boundary reports whether a word can begin or end at a place in a text.
func boundary(text string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	in := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return at == 0 || at == len(text) || !in(before) || !in(after)
}

// Finding is a finding without what was embedded.
func (e *Embedded) Finding(f finding.Finding) finding.Finding {
	if e == nil {
		return f
	}
	for _, s := range []*string{&f.Cluster, &f.Node, &f.Field, &f.Message, &f.Expected, &f.Hint, &f.Waived} {
		*s = e.Redact(*s)
	}
	return f
}
