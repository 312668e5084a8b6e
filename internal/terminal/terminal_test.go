package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// TestSay: text of others can't control the terminal; colours pass.
func TestSay(t *testing.T) {
	var b bytes.Buffer
	Say(&b, "%s", Red+"a"+unstyled+"\x1b[2J\tb\xff\u009b")
	SayVisibly(&b, "%s", "a\x1b[2J\nb\u009b")
	if got, want := b.String(), Red+"a"+unstyled+`\x1b[2J`+"\t"+`b\xff\u009b`+"\na\ufffd[2J\nb\ufffd\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if got := Colour(&b, Red, "a"); got != "a" {
		t.Errorf("a colour for a buffer: %q", got)
	}
}

// TestAsk: an answer that is refused is asked again, and an empty one is the fallback.
func TestAsk(t *testing.T) {
	even := func(s string) error {
		if len(s)%2 != 0 {
			return fmt.Errorf("%s is odd", s)
		}
		return nil
	}
	for in, want := range map[string]string{"ab\n": "ab", "\n": "fall", "a\nb\n cd \n": "cd", "a\n": "", "": "", strings.Repeat("a\n", 11): ""} {
		var out bytes.Buffer
		got, err := NewAsker(strings.NewReader(in), &out).Ask("which", "fall", even)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
		if refused := strings.Count(out.String(), " is odd\n"); refused != min(10, strings.Count(in, "a\n")+strings.Count(in, "b\n")) && want != "ab" {
			t.Errorf("%q: refused %d times", in, refused)
		}
	}
	for in, want := range map[string]bool{"y\n": true, "YES\n": true, "maybe\nyes\n": true, "no\n": false, "\n": false} {
		if got, err := NewAsker(strings.NewReader(in), &bytes.Buffer{}).Confirm("go on?"); got != want || err != nil {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if yes, err := NewAsker(strings.NewReader(""), &bytes.Buffer{}).Confirm("go on?"); yes || err == nil {
		t.Errorf("without an answer: %v, %v", yes, err)
	}
}

// TestPrint: documents have their schema first, columns are aligned, and findings have
// their place.
func TestPrint(t *testing.T) {
	var b bytes.Buffer
	err := errors.Join(
		JSON(&b, struct{}{}),
		List(&b, "names", []string{"<a>", "\u009b"}),
		List[string](&b, "names", nil),
		Rows(&b, [][]string{{"a", "bb"}, {"ccc", ""}}),
		Finding(&b, finding.Finding{Rule: "r", Severity: finding.Error, Cluster: "c\n", Message: "m\x1b", Hint: "h"}, nil),
	)
	const want = `{
  "schema": 1
}
{
  "schema": 1,
  "names": [
    "<a>",
    "\u009b"
  ]
}
{
  "schema": 1,
  "names": []
}
a    bb
ccc
cluster c\n: error: m\x1b [r]
    hint      h
`
	if got := b.String(); err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}
