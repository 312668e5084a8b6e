package promtext_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/internal/promtext"
)

// FuzzRead: whatever a page is, only what is asked for is read, and an error is one line
// that a terminal only shows.
func FuzzRead(f *testing.F) {
	for _, page := range []string{
		"", "g 1", "# HELP g h\n# TYPE g gauge\ng{a=\"b\\n\"} NaN 12\n", "# TYPE c_total counter\nc_total{a=\"1\",b=\"2\"} 1e9\n",
		"# TYPE g histogram\ng_bucket{le=\"+Inf\"} 1\ng_sum 1\ng_count 1\n", "# TYPE g summary\ng{quantile=\"1\"} 1\n",
		"{\"g\",a=\"b\"} 1\n", "g{\"other\"} 1\n", "# TYPE \"g\" gauge\n", "g 1\r\n", "\xffg 1\n", "#  TYPE g gauge\n g{} 1 # {} 1\n",
		"# TYPE g untyped\ng -Inf\n# TYPE g gauge\n", "g {\"h\"} 1\n", "g{a=\"\\\x1b\"} 1\n",
	} {
		f.Add([]byte(page))
	}
	asked := []string{"g", "c_total"}
	f.Fuzz(func(t *testing.T, page []byte) {
		got, err := promtext.Read(bytes.NewReader(page), 1<<20, asked...)
		again, err2 := promtext.Read(iotest.OneByteReader(bytes.NewReader(page)), 1<<20, asked...)
		if (err == nil) != (err2 == nil) || !cmp.Equal(got, again, same) {
			t.Errorf("at once: %v, %v\nbyte by byte: %v, %v", got, err, again, err2)
		}
		if err != nil {
			if got != nil || len(err.Error()) > 1000 || strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%v, %q", got, err)
			}
			return
		}
		for name, all := range got {
			if !slices.Contains(asked, name) || len(all) == 0 {
				t.Errorf("%q wasn't asked for: %v", name, all)
			}
		}
	})
}
