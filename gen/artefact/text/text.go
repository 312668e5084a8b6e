// Package text has pieces of files after quotes, escapes and variables were resolved. Each
// byte knows where it comes from, through any number of such steps, and what isn't known
// is there as a hole with a name.
package text

import (
	"strings"
)

// At is a place in one of a Set's files.
type At struct {
	File   int32 // index in the set
	Offset int32 // in bytes
}

// Text is a string whose bytes know their place. A hole in it is a mark, which no file has:
// see Set.Hole.
type Text struct {
	s  string
	at []At // of each byte
}

// String returns the text with its marks. Set.Show has the holes as they are written.
func (t Text) String() string { return t.s }

// Len is the length in bytes.
func (t Text) Len() int { return len(t.s) }

// At is the place of a byte; that of the last one, if the text ends before i.
func (t Text) At(i int) At {
	if len(t.at) == 0 {
		return At{}
	}
	return t.at[min(max(i, 0), len(t.at)-1)]
}

// Slice returns the bytes from i to before j.
func (t Text) Slice(i, j int) Text { return Text{t.s[i:j], t.at[i:j]} }

// From returns the bytes from i on.
func (t Text) From(i int) Text { return t.Slice(i, len(t.s)) }

// Cut is strings.Cut.
func (t Text) Cut(sep string) (before, after Text, found bool) {
	i := strings.Index(t.s, sep)
	if i < 0 {
		return t, Text{}, false
	}
	return t.Slice(0, i), t.From(i + len(sep)), true
}

// TrimSpace removes blanks, tabs and line ends from both ends.
func (t Text) TrimSpace() Text { return t.Trim(" \t\r\n") }

// Trim removes the bytes of a set from both ends.
func (t Text) Trim(set string) Text {
	i, j := 0, len(t.s)
	for i < j && strings.IndexByte(set, t.s[i]) >= 0 {
		i++
	}
	for i < j && strings.IndexByte(set, t.s[j-1]) >= 0 {
		j--
	}
	return t.Slice(i, j)
}

// Lines returns the lines, each with its end.
func (t Text) Lines() []Text {
	var out []Text
	for from := 0; from < len(t.s); {
		end := len(t.s)
		if i := strings.IndexByte(t.s[from:], '\n'); i >= 0 {
			end = from + i + 1
		}
		out = append(out, t.Slice(from, end))
		from = end
	}
	return out
}

// Known reports whether the text has no hole.
func (t Text) Known() bool { return !strings.Contains(t.s, open) }

// IsHole reports whether the text is one hole and nothing else.
func (t Text) IsHole() bool {
	return strings.HasPrefix(t.s, open) && strings.Index(t.s, shut) == len(t.s)-len(shut)
}

// Moved returns a text that is all at one place, such as a value that comes from another
// file and is to be found where it is used.
func (t Text) Moved(at At) Text { return Literal(t.s, at) }

// Literal returns a string, all at one place.
func Literal(s string, at At) Text {
	t := Text{s, make([]At, len(s))}
	for i := range t.at {
		t.at[i] = at
	}
	return t
}

// Join concatenates texts.
func Join(ts ...Text) Text {
	var b Builder
	for _, t := range ts {
		b.Write(t)
	}
	return b.Text()
}

// Builder makes a text byte by byte.
type Builder struct {
	b  strings.Builder
	at []At
}

// Byte adds a byte that comes from a place.
func (b *Builder) Byte(c byte, at At) {
	b.b.WriteByte(c)
	b.at = append(b.at, at)
}

// Write adds a text.
func (b *Builder) Write(t Text) {
	b.b.WriteString(t.s)
	b.at = append(b.at, t.at...)
}

// Literal adds a string that comes from a place.
func (b *Builder) Literal(s string, at At) { b.Write(Literal(s, at)) }

// Len is the length so far.
func (b *Builder) Len() int { return b.b.Len() }

// Text returns what was added, and begins anew.
func (b *Builder) Text() Text {
	t := Text{b.b.String(), b.at}
	*b = Builder{}
	return t
}
