package adopt

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// quote writes a string of CUE. What can't be seen, or isn't allowed in a file of CUE, is
// escaped.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// label writes a field's name. In quotes, it is no name that a reference could mean, nor hidden
// or a definition.
func label(name string) string {
	if plainName().MatchString(name) && !slices.Contains(taken, name) {
		return name
	}
	return quote(name)
}

// plainName excludes v1_34, which is the vocabulary's name in the file.
var plainName = lazy.Regexp(`^([a-uw-zA-Z][A-Za-z0-9_]*|v([A-Za-z_][A-Za-z0-9_]*)?)$`)

// taken are CUE's keywords, and what expressions in the file refer to.
var taken = strings.Fields("true false null for in if let import package func try else fallback otherwise values networks schemas cluster")

// isNumber reports whether a text is a number as CUE and the program both write it.
func isNumber(s string) bool {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return strconv.FormatInt(n, 10) == s
	}
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && strconv.FormatFloat(f, 'f', -1, 64) == s && strings.Contains(s, ".")
}

// number returns a flag's value as CUE and the program both write it, if the flag takes a number:
// the program reads 0x10, 010 and 1_000, too.
func number(s string, d flags.Def) (string, bool) {
	var n int64
	var err error
	switch {
	case d.Type == "Level" || d.Name == "v":
		var u uint64
		u, err = strconv.ParseUint(s, 10, 31)
		n = int64(u) //nolint:gosec // 31 bits
	case d.Type == "int" || d.Type == "int64":
		n, err = strconv.ParseInt(s, 0, 64)
	case d.Type == "int32":
		n, err = strconv.ParseInt(s, 0, 32)
	case strings.HasPrefix(d.Type, "uint"):
		var u uint64
		u, err = strconv.ParseUint(s, 0, 64)
		return strconv.FormatUint(u, 10), err == nil
	case d.Type == "float32", d.Type == "float64":
		bits, _ := strconv.Atoi(d.Type[len("float"):])
		f, err := strconv.ParseFloat(s, bits)
		return strconv.FormatFloat(f, 'f', -1, bits), err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
	default:
		return "", false
	}
	return strconv.FormatInt(n, 10), err == nil
}

// flagValue writes a flag's value in CUE, with the type that the vocabulary has for it.
func (w *writer) flagValue(name string, t text.Text, d flags.Def) string {
	s := t.String()
	if !t.Known() {
		if name == "controllers" && !t.IsHole() {
			return w.list(t)
		}
		return w.holes.expression(t)
	}
	n, isNumber := number(s, d)
	switch {
	case d.Type == "bool" && parses(s):
		return strconv.FormatBool(isTrue(s))
	case isNumber:
		return n
	case name == "controllers" && s != "" && !strings.ContainsAny(s, `"`):
		return w.list(t)
	}
	return quote(s)
}

// list writes a list of strings.
func (w *writer) list(t text.Text) string {
	var parts []string
	for {
		before, after, ok := t.Cut(",")
		parts = append(parts, w.holes.expression(before))
		if !ok {
			return "[" + strings.Join(parts, ", ") + "]"
		}
		t = after
	}
}
