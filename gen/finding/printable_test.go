package finding

import "testing"

// TestPrintable: text of others stays on its line, and can't control a terminal.
func TestPrintable(t *testing.T) {
	for text, want := range map[string][2]string{ // as text, as a name
		"a b":          {"a b", "a b"},
		`say "x"`:      {`say "x"`, `say "x"`},
		" a":           {" a", `" a"`},
		"a\nb":         {`a\nb`, `"a\nb"`},
		"\x1b[2Jx":     {`\x1b[2Jx`, `"\x1b[2Jx"`},
		"\xff":         {`\xff`, `"\xff"`},
		"\u009b1\"x\"": {`\u009b1"x"`, `"\u009b1\"x\""`},
		"größe":        {"größe", "größe"},
	} {
		if got := Printable(text); got != want[0] {
			t.Errorf("%q: %s, not %s", text, got, want[0])
		}
		if got := PlainName(text); got != want[1] {
			t.Errorf("%q: %s, not %s", text, got, want[1])
		}
	}
}
