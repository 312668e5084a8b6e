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

// Embedded has values from files that a cluster's CUE embeds. The author of the CUE
// chooses the files, and may have no right to read them. So their contents and what
// derives from them are redacted in findings, except values that the CUE has itself. Add
// all values before the first call of Redact. A nil Embedded redacts nothing.
type Embedded struct {
	files []string
	own   map[string]bool // values of the CUE itself
	words map[string]bool // whole values, and labels of fields
	parts []string        // values of which pieces are redacted too

	once      sync.Once
	of, ownOf *suffixarray.Index
	longest   int
}

// piece is the minimum length in bytes of a piece that reveals something.
const piece = 8

// NewEmbedded returns an Embedded for files, by the names to show, and a package whose
// CUE has the strings, names and numbers in own.
func NewEmbedded(files []string, own map[string]bool) *Embedded {
	return &Embedded{files: files, own: own, words: map[string]bool{}}
}

// Add adds the contents of an embedded file, or a value that derives from one.
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

// Own adds a value that derives from the CUE alone.
func (e *Embedded) Own(text string) { e.own[text] = true }

// IsOwn reports whether a text is a value of the CUE itself, or an expression or a path
// of such values.
func (e *Embedded) IsOwn(text string) bool {
	if e.own[text] {
		return true
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("()[]{}.,:&|!=~<> \"", r) })
	return !slices.ContainsFunc(words, func(w string) bool { return !e.own[w] })
}

// Place is the text that replaces redacted values.
func (e *Embedded) Place() string {
	names := e.files
	if len(names) > 3 {
		names = append(slices.Clone(names[:3]), "…")
	}
	return "(embedded from " + strings.Join(names, ", ") + ")"
}

// Redact replaces embedded values and pieces of them in a text with Place.
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
	rest := 0 // start of the text that isn't written yet
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

// longWord is the maximum length for word; pieceAt finds pieces of longer values.
const longWord = 256

// word returns the length of the longest value at a position between two word
// boundaries; 0 if there is none.
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

// pieceAt returns the length of the longest piece of a value at a position. skip is the
// number of bytes before it that are neither letters nor digits: values may be cut and
// quoted. It returns 0, 0 if there is none.
func (e *Embedded) pieceAt(text string, at int) (skip, length int) {
	found := func(n int) bool {
		return len(e.of.Lookup([]byte(text[at:at+n]), 1)) > 0
	}
	if len(text)-at < piece || !found(piece) {
		return 0, 0
	}
	// If a piece of some length is found, every shorter one is.
	n := piece + searchLast(len(text)-at-piece, func(more int) bool { return found(piece + more) })
	mark := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	got := strings.TrimLeftFunc(text[at:at+n], mark)
	skip = n - len(got)
	got = strings.TrimRightFunc(got, mark)
	if len(got) < piece || len(e.ownOf.Lookup([]byte(got), 1)) > 0 {
		return 0, 0
	}
	return skip, len(got)
}

// searchLast returns the last of 0 to n for which ok is true; ok must be true for all
// before it.
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

// boundary reports whether a word can begin or end at a position in a text.
func boundary(text string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	in := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return at == 0 || at == len(text) || !in(before) || !in(after)
}

// Finding redacts the texts of a finding.
func (e *Embedded) Finding(f finding.Finding) finding.Finding {
	if e == nil {
		return f
	}
	for _, s := range []*string{&f.Cluster, &f.Node, &f.Field, &f.Message, &f.Expected, &f.Hint, &f.Waived} {
		*s = e.Redact(*s)
	}
	return f
}

// PackedEmbedded is an Embedded that can be sent to another process. It holds secrets: never
// print it. Texts are bytes, since files may be of any.
type PackedEmbedded struct {
	Files []string `json:"files"`
	Own   [][]byte `json:"own"`
	Words [][]byte `json:"words"`
	Parts [][]byte `json:"parts"`
}

// Pack returns the same to be sent; nil of nil.
func (e *Embedded) Pack() *PackedEmbedded {
	if e == nil {
		return nil
	}
	out := &PackedEmbedded{Files: e.files}
	for s := range e.own {
		out.Own = append(out.Own, []byte(s))
	}
	for s := range e.words {
		out.Words = append(out.Words, []byte(s))
	}
	for _, s := range e.parts {
		out.Parts = append(out.Parts, []byte(s))
	}
	return out
}

// Unpack is the inverse of Pack.
func (p *PackedEmbedded) Unpack() *Embedded {
	if p == nil {
		return nil
	}
	e := NewEmbedded(p.Files, map[string]bool{})
	for _, s := range p.Own {
		e.own[string(s)] = true
	}
	for _, s := range p.Words {
		e.words[string(s)] = true
		e.longest = max(e.longest, len(s))
	}
	for _, s := range p.Parts {
		e.parts = append(e.parts, string(s))
	}
	return e
}
