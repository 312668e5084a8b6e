package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Severity of a finding.
type Severity string

// Severities. An error ends a command with exit code 3; a warning does with
// --strict; not checked says that a rule lacked a fact.
const (
	Error      Severity = "error"
	Warning    Severity = "warning"
	NotChecked Severity = "not checked"
)

// Finding is a fault in the user's input, for the person who must mend it.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Cluster  string   `json:"cluster,omitempty"`
	Node     string   `json:"node,omitempty"`
	Field    string   `json:"field,omitempty"` // path, as in CUE
	Pos      Pos      `json:"position"`        // the user's side
	Also     []Pos    `json:"also,omitempty"`  // the other sides, the schema's last
	Message  string   `json:"message"`
	Expected string   `json:"expected,omitempty"`
	Hint     string   `json:"hint,omitempty"`
	Waived   string   `json:"-"` // the waiver's reason
}

// MarshalJSON writes a finding for programs. One that is waived has that as its
// severity: what counts errors must not count it.
func (f Finding) MarshalJSON() ([]byte, error) {
	type plain Finding
	out := struct {
		plain
		Waived   bool     `json:"waived,omitempty"`
		Reason   string   `json:"reason,omitempty"`
		Accepted Severity `json:"waivedSeverity,omitempty"`
	}{plain: plain(f)}
	if f.Waived != "" {
		out.Waived, out.Reason, out.Accepted = true, f.Waived, f.Severity
		out.Severity = "waived"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // whoever prints it escapes what has to be
	err := enc.Encode(out)
	return b.Bytes(), err
}

// Told are findings of which each says something: a fault without words is one of ours
// or of a library's, and is no reason to leave people with an empty line.
func Told(all []Finding) []Finding {
	for i, f := range all {
		if strings.TrimSpace(f.Message) == "" {
			all[i].Message = "this is refused, and nothing says why"
			if f.Hint == "" {
				all[i].Hint = "type: cue vet, which may say more"
			}
		}
	}
	return all
}

// Pos is a place in a file. Line and Col count from 1; the zero value is no place.
type Pos struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"column,omitempty"`
}

func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Source tells where the user wrote the fields of a cluster, by path. A label
// of "*" stands for a pattern constraint.
type Source map[string]Pos

// At returns the place of a field, or of the nearest one around it.
func (s Source) At(field string) Pos {
	labels := Labels(field)
	for n := len(labels); n >= 0; n-- {
		if p, ok := s.lookup(labels[:n]); ok {
			return p
		}
	}
	return Pos{}
}

// Exact returns the place of a field that the user wrote, its own or its list's.
func (s Source) Exact(field string) (Pos, bool) {
	labels := Labels(field)
	if p, ok := s.lookup(labels); ok {
		return p, true
	}
	if n := len(labels) - 1; n > 0 && strings.HasPrefix(labels[n], "[") {
		return s.lookup(labels[:n])
	}
	return Pos{}, false
}

// lookup tries the labels as they are, then with one of them as a pattern.
func (s Source) lookup(labels []string) (Pos, bool) {
	if p, ok := s[Path(labels...)]; ok {
		return p, true
	}
	for i := range labels {
		wild := append(append(append([]string{}, labels[:i]...), "*"), labels[i+1:]...)
		if p, ok := s[Path(wild...)]; ok {
			return p, true
		}
	}
	return Pos{}, false
}

var identifier = regexp.MustCompile(`^[A-Za-z_#$][A-Za-z0-9_$]*$`)

// Label quotes a label where CUE needs it to be quoted.
func Label(s string) string {
	if identifier.MatchString(s) || s == "*" || strings.HasPrefix(s, "[") {
		return s
	}
	return strconv.Quote(s)
}

// Path joins labels to a path as CUE writes it: nodes."cp-1".address. An index
// is a label of the form [0].
func Path(labels ...string) string {
	var b strings.Builder
	for i, l := range labels {
		if i > 0 && !strings.HasPrefix(l, "[") {
			b.WriteByte('.')
		}
		b.WriteString(Label(l))
	}
	return b.String()
}

var labelPattern = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\[\d+\]|[^.\["]+`)

// Labels splits what Path joined.
func Labels(path string) []string {
	var out []string
	for _, l := range labelPattern.FindAllString(path, -1) {
		if u, err := strconv.Unquote(l); err == nil {
			l = u
		}
		out = append(out, l)
	}
	return out
}
