package adopt

import (
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
)

// quote writes a string of CUE.
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
		case r < ' ' || r == 0x7f:
			b.WriteString(`\u`)
			b.WriteString(strings.Repeat("0", 4-len(strconv.FormatInt(int64(r), 16))) + strconv.FormatInt(int64(r), 16))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// label writes a field's name.
func label(name string) string {
	if name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$") == "" && (name[0] < '0' || name[0] > '9') && !keyword(name) {
		return name
	}
	return quote(name)
}

func keyword(s string) bool {
	switch s {
	case "true", "false", "null", "for", "in", "if", "let", "import", "package", "func":
		return true
	}
	return false
}

// isNumber reports whether a text is a number as CUE and the program both write it.
func isNumber(s string) bool {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return strconv.FormatInt(n, 10) == s
	}
	f, err := strconv.ParseFloat(s, 64)
	return err == nil && strconv.FormatFloat(f, 'f', -1, 64) == s && strings.Contains(s, ".")
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
	switch {
	case d.Type == "bool" && parses(s):
		return strconv.FormatBool(isTrue(s))
	case (strings.HasPrefix(d.Type, "int") && d.Type != "int32Slice" || strings.HasPrefix(d.Type, "uint") || strings.HasPrefix(d.Type, "float") || d.Type == "Level" || d.Name == "v") && isNumber(s):
		return s
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
