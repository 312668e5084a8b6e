package show

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/deploy/status"
)

//go:embed page.html
var pageText string

//go:embed page.css
var style string

// HTML writes one page about clusters, in their order. The page has no script, and asks for
// nothing elsewhere. Nothing is written after an error but that of w.
func HTML(w io.Writer, clusters []*status.Cluster) error {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, pageOf(clusters)); err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// maxText bounds a text that came from elsewhere, in characters.
const maxText = 1000

// plain returns a text on one line of at most maxText characters. Characters that can't be
// seen are escaped as in Go: text from a host must not steer a terminal or turn a line
// around.
func plain(s string) string { return cut(s, maxText) }

// cut is plain with another limit.
func cut(s string, limit int) string {
	var b strings.Builder
	for n := 0; s != ""; n++ {
		if n == limit {
			return b.String() + "…"
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[0]), 16))
		case r == '\t', r == '\n', r == '\r':
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}
