package finding

import (
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// The reference, in regular expressions.
var (
	identifierPattern = regexp.MustCompile(`^[A-Za-z_#$][A-Za-z0-9_$]*$`)
	labelPattern      = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\[\d+\]|[^.\["]+`)
)

// FuzzLabel: a label is quoted unless it is an identifier, an index or "*", and a path splits
// into its labels.
func FuzzLabel(f *testing.F) {
	for _, s := range []string{"", "a", "cp-1", "a.b", "#A", "A#", "$x", "1a", "*", "[0]", "[x", `a"b`, `\`, "ü", "a b", "\x00", `"a"`, "a[1].b", `"`, `"\"`, "[12", ".", "..a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := strconv.Quote(s)
		if identifierPattern.MatchString(s) || s == "*" || len(s) > 0 && s[0] == '[' {
			want = s
		}
		if got := Label(s); got != want {
			t.Errorf("Label(%q) is %s, not %s", s, got, want)
		}
		var labels []string
		for _, l := range labelPattern.FindAllString(s, -1) {
			if u, err := strconv.Unquote(l); err == nil && l[0] == '"' {
				l = u
			}
			labels = append(labels, l)
		}
		if got := Labels(s); !slices.Equal(got, labels) {
			t.Errorf("Labels(%q) are %q, not %q", s, got, labels)
		}
	})
}
