package report

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// hostile are texts that a stranger's file may have.
var hostile = []string{
	"", "plain", "a\n::error::b", "\r\n::set-output name=x::y", "::stop-commands::x", "100% of %0A", "a,b:c", "]]>", "<!--", "&amp;<x y='z'>", "\x00\x1b[31m\x7f\u0080\u009f",
	"\xff\xfe", "\ufffe\uffff", "\U0001f600", "{0} {{", "[a](b)", "a\u2028b\u2029c", "\\", `"`, "\u202e", "../..//x", "C:\\x", strings.Repeat("x", 100),
}

func fuzzed(message, file, field string) *Report {
	f := finding.Finding{Rule: "a-rule", Severity: finding.Error, Cluster: field, Node: message, Field: field, Pos: finding.Pos{File: file, Line: 1, Col: 2}, Message: message, Expected: field, Hint: file, Waived: ""}
	return &Report{Findings: []finding.Finding{f}, Shown: []finding.Finding{f}, Places: Places{Dir: "/r", Root: "/r"}}
}

func seed(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, hostile[(i+7)%len(hostile)], hostile[(i+13)%len(hostile)])
	}
}

// FuzzGitHub: a finding is one line, of one command, and GitHub's runner gets the texts as
// they were, without control characters.
func FuzzGitHub(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, message, file, field string) {
		r := fuzzed(message, file, field)
		out := write(t, r, "github")
		text, rest, _ := strings.Cut(out, "\n")
		if rest != "" || strings.ContainsRune(text, '\r') {
			t.Fatalf("more than a line: %q", out)
		}
		command, properties, text, ok := parseCommand(text)
		line, col := "1", "2"
		if _, inner := own(file); inner || file == "" { // such a place is none
			line, col = "", ""
		}
		if !ok || command != "error" || properties["line"] != line || properties["col"] != col || properties["title"] != "kcmgen: a-rule" {
			t.Fatalf("%q is %q %q", out, command, properties)
		}
		if want := r.items()[0].path; properties["file"] != visible(want) {
			t.Errorf("the file is %q, not %q", properties["file"], want)
		}
		if !strings.HasPrefix(text, visible(message)) {
			t.Errorf("the text is %q, not %q", text, message)
		}
	})
}

// parseCommand reads a line as the runner does: ActionCommand.TryParseV2 in
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
func parseCommand(line string) (command string, properties map[string]string, text string, ok bool) {
	line, ok = strings.CutPrefix(strings.TrimLeft(line, " \t"), "::")
	head, text, found := strings.Cut(line, "::")
	if !ok || !found {
		return "", nil, "", false
	}
	command, list, _ := strings.Cut(head, " ")
	properties = map[string]string{}
	for _, p := range strings.Split(list, ",") {
		name, value, _ := strings.Cut(p, "=")
		properties[strings.TrimSpace(name)] = unescape(value, "%3A", ":", "%2C", ",")
	}
	return command, properties, unescape(text), true
}

// unescape replaces %0D, %0A, what is given, and %25 last.
func unescape(s string, more ...string) string {
	all := append([]string{"%0D", "\r", "%0A", "\n"}, more...)
	for i := 0; i < len(all); i += 2 {
		s = strings.ReplaceAll(s, all[i], all[i+1])
	}
	return strings.ReplaceAll(s, "%25", "%")
}

// FuzzJUnit: a document is well-formed, has one failed case, and its texts come back as
// they were, with U+FFFD in place of what XML can't hold.
func FuzzJUnit(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, message, file, field string) {
		out := write(t, fuzzed(message, file, field), "junit")
		var doc struct {
			Suites []struct {
				Cases []struct {
					Name    string `xml:"name,attr"`
					Failure []struct {
						Message string `xml:"message,attr"`
						Body    string `xml:",chardata"`
					} `xml:"failure"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		d := xml.NewDecoder(strings.NewReader(out))
		if err := d.Decode(&doc); err != nil {
			t.Fatalf("%v: %q", err, out)
		}
		if len(doc.Suites) != 1 || len(doc.Suites[0].Cases) != 1 || len(doc.Suites[0].Cases[0].Failure) != 1 {
			t.Fatalf("%+v", doc)
		}
		got := doc.Suites[0].Cases[0].Failure[0]
		if want := held(message); got.Message != want || !strings.Contains(got.Body, want) {
			t.Errorf("the message is %q with %q, not %q", got.Message, got.Body, want)
		}
	})
}

// held is a text as XML 1.0 can hold it: https://www.w3.org/TR/xml/#charsets
func held(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r >= 0x20 && r < 0x7f || r >= 0xa0 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 {
			return r
		}
		return '\ufffd'
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// FuzzJSON: SARIF and GitLab's format are JSON without control characters, and the message
// of GitLab is on one line.
func FuzzJSON(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, message, file, field string) {
		for _, format := range []string{"sarif", "gitlab"} {
			out := write(t, fuzzed(message, file, field), format)
			var doc any
			if err := json.Unmarshal([]byte(out), &doc); err != nil || !utf8.ValidString(out) {
				t.Fatalf("%s: %v: %q", format, err, out)
			}
			if strings.ContainsFunc(strings.ReplaceAll(out, "\n", ""), isControl) {
				t.Errorf("%s: a control character in %q", format, out)
			}
		}
		var all []quality
		_ = json.Unmarshal([]byte(write(t, fuzzed(message, file, field), "gitlab")), &all)
		if len(all) != 1 || strings.ContainsAny(all[0].Description, "\r\n") {
			t.Errorf("%+v", all)
		}
	})
}
