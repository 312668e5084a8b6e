package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact"
)

// FuzzQuoteArg: an argument is refused, or quoted on one line, and parsed by systemd's
// rules as the same single word, next to any other.
func FuzzQuoteArg(f *testing.F) {
	for _, s := range []string{
		"", " ", "a", "--a=b c", `"`, `'`, `\`, `\\`, `a\`, "%", "%n", "$", "${X}", "$HOME", ";", "#", "a;b", "é", "漢", "\u00a0", "\u2028", "\ufeff", "\xff", "\x00", "\n", "\t", "\x7f", "\u0085", `\x41`, strings.Repeat("a ", 1000),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		q, err := quoteArg(arg)
		if err != nil {
			return
		}
		if strings.ContainsAny(q, "\n\r\x00") {
			t.Errorf("%q is written on more than one line: %q", arg, q)
		}
		line := "/bin/x " + q + " \\\n  " + q + " last"
		got, err := artefact.SplitCommand(line)
		if err != nil || !slices.Equal(got, []string{"/bin/x", arg, arg, "last"}) {
			t.Errorf("%q is written as %q and reads back as %q (%v)", arg, line, got, err)
		}
	})
}
