package text

import (
	"strings"
)

// Template is a syntax in which something fills in a file before it is used.
type Template string

// The templates that Mask knows.
const (
	Jinja     Template = "Jinja, Helm or Go" // {{ a }}
	ERB       Template = "ERB"               // <%= a %>
	Terraform Template = "Terraform"         // %{if a}
	Sed       Template = "a script with sed" // ##A##, @@A@@, __A__
)

// Mask replaces the expressions of templates by holes, and leaves out their statements,
// which print nothing themselves; of a line with nothing else, its end too. It returns where
// the first of each is.
func (s *Set) Mask(t Text) (Text, map[Template]At) {
	if !strings.ContainsAny(t.s, "{<%#@_") {
		return t, nil
	}
	var b Builder
	var seen map[Template]At
	from := 0
	for i := 0; i < len(t.s); {
		what, length, statement := expression(t.s, i)
		if length == 0 {
			i++
			continue
		}
		if seen == nil {
			seen = map[Template]At{}
		}
		if _, again := seen[what]; !again {
			seen[what] = t.at[i]
		}
		begin, end := i, i+length
		if statement {
			begin, end = wholeLine(t.s, from, i, end)
		}
		b.Write(t.Slice(from, begin))
		if !statement {
			b.Write(s.Hole("", t.s[i:end], t.at[i]))
		}
		i, from = end, end
	}
	b.Write(t.From(from))
	return b.Text(), seen
}

// wholeLine widens a statement to its line if there is nothing but white space beside it: the
// line must not end what a backslash on the one before it continues.
func wholeLine(s string, from, i, end int) (int, int) {
	begin := i
	for begin > from && (s[begin-1] == ' ' || s[begin-1] == '\t') {
		begin--
	}
	if begin > 0 && s[begin-1] != '\n' {
		return i, end
	}
	for after := end; after < len(s); after++ {
		switch s[after] {
		case ' ', '\t', '\r':
		case '\n':
			return begin, after + 1
		default:
			return i, end
		}
	}
	return i, end
}

// brackets are the pairs around expressions and statements.
var brackets = []struct {
	open, shut string
	what       Template
	statement  bool
}{
	{"{{/*", "*/}}", Jinja, true},
	{"{{- /*", "*/ -}}", Jinja, true},
	{"{{", "}}", Jinja, false},
	{"{%", "%}", Jinja, true},
	{"{#", "#}", Jinja, true},
	{"<%=", "%>", ERB, false},
	{"<%", "%>", ERB, true},
	{"%{", "}", Terraform, true},
	{"##", "##", Sed, false},
	{"@@", "@@", Sed, false},
	{"__", "__", Sed, false},
}

// maxExpression bounds an expression, so that an opening bracket alone isn't one.
const maxExpression = 400

// expression returns the length of the expression or statement at a position; 0 if there is
// none.
func expression(s string, i int) (what Template, length int, statement bool) {
	if strings.IndexByte("{<%#@_", s[i]) < 0 {
		return "", 0, false
	}
	for _, p := range brackets {
		if !strings.HasPrefix(s[i:], p.open) || p.open == "{#" && i > 0 && s[i-1] == '$' { // ${#a} of a shell
			continue
		}
		rest := s[i+len(p.open) : min(len(s), i+maxExpression)]
		end := strings.Index(rest, p.shut)
		if end < 0 || p.what == Sed && !isName(rest[:end]) || p.what == Terraform && !isDirective(rest[:end]) {
			continue
		}
		body := rest[:end]
		if strings.ContainsAny(body, Reserved) { // a part of it was masked before
			continue
		}
		if p.open == "{{" {
			body = strings.Trim(body, "-~ \t\r\n")
			if strings.ContainsAny(body, "{}") && !strings.Contains(body, `"{`) {
				continue // a map of maps on one line
			}
			statement = isControl(body)
		}
		return p.what, len(p.open) + end + len(p.shut), statement || p.statement
	}
	return "", 0, false
}

// isName reports whether a text is a name in capitals, as scripts replace with sed.
func isName(s string) bool {
	return len(s) > 1 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && s[0] != '_' && s[len(s)-1] != '_'
}

// isControl reports whether an expression in {{ }} is a statement of Go's templates.
func isControl(body string) bool {
	word, _, _ := strings.Cut(body, " ")
	switch word {
	case "if", "else", "end", "range", "with", "define", "block", "break", "continue":
		return true
	}
	return strings.HasPrefix(body, "/*") || strings.HasPrefix(body, "$") && strings.Contains(body, ":=")
}

// isDirective reports whether the body of %{…} is a directive of Terraform's templates.
func isDirective(body string) bool {
	word, _, _ := strings.Cut(strings.Trim(body, "~ \t"), " ")
	switch word {
	case "if", "else", "endif", "for", "endfor":
		return !strings.Contains(body, "\n")
	}
	return false
}
