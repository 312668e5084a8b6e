package finding

import (
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

var identifier = lazy.Regexp(`^[A-Za-z_#$][A-Za-z0-9_$]*$`)

// Label quotes a label if CUE needs it quoted.
func Label(s string) string {
	if identifier().MatchString(s) || s == "*" || strings.HasPrefix(s, "[") {
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

var labelPattern = lazy.Regexp(`"(?:[^"\\]|\\.)*"|\[\d+\]|[^.\["]+`)

// Labels splits a path into its labels: it is the inverse of Path.
func Labels(path string) []string {
	var out []string
	for _, l := range labelPattern().FindAllString(path, -1) {
		if u, err := strconv.Unquote(l); err == nil {
			l = u
		}
		out = append(out, l)
	}
	return out
}
