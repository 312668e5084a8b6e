package promtext_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/promtext"
)

// repeated is a reader that gives a text again and again, and calls seen after each 8 MiB.
type repeated struct {
	text string
	left int64 // in bytes; below 0: it never ends
	seen func()

	read int64
}

func (r *repeated) Read(p []byte) (n int, err error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	before := r.read >> 23
	for n < len(p) && r.left != 0 {
		m := copy(p[n:], r.text[int(r.read)%len(r.text):])
		if r.left > 0 {
			m = int(min(int64(m), r.left))
			r.left -= int64(m)
		}
		n, r.read = n+m, r.read+int64(m)
	}
	if r.seen != nil && r.read>>23 > before {
		r.seen()
	}
	return n, nil
}

// bucket is a line as most of a page are.
const bucket = `apiserver_request_duration_seconds_bucket{component="",group="apps",resource="deployments",scope="cluster",verb="LIST",version="v1",le="0.005"} 12` + "\n"

// inUse returns the size of what is reachable.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestLongPage: 100 MB of other metrics are read without keeping them.
func TestLongPage(t *testing.T) {
	const most = 4 << 20
	before := inUse()
	checks := 0
	others := &repeated{text: bucket, left: 100_000_000 / int64(len(bucket)) * int64(len(bucket))}
	others.seen = func() {
		checks++
		if is := inUse(); is > before+most && !t.Failed() {
			t.Errorf("after %d MB, %d MB are in use", others.read/1_000_000, (is-before)/1_000_000)
		}
	}
	page := io.MultiReader(strings.NewReader("g{a=\"first\"} 1\n"), others, strings.NewReader("g{a=\"last\"} 2\n"))
	got, err := promtext.Read(page, 1<<30, "g")
	if err != nil || len(got["g"]) != 2 || got["g"][1].Labels["a"] != "last" || checks < 10 {
		t.Errorf("%v, %v, after %d checks", got, err, checks)
	}
}

// TestLimits: a page, a line, or what is asked for, that is too long ends reading at once.
func TestLimits(t *testing.T) {
	const limit = 1 << 20
	line := func(n int) string { return "other " + strings.Repeat("x", n-len("other \n")) + "\n" }
	for name, c := range map[string]struct {
		page io.Reader
		says string // "": it is read
	}{
		"as long as allowed":    {&repeated{text: "other 1\n", left: limit}, ""},
		"longer":                {&repeated{text: "other 1\n", left: limit + 1}, "it is longer than 1024 KiB"},
		"without end":           {&repeated{text: "other 1\n", left: -1}, "it is longer than 1024 KiB"},
		"a line without end":    {&repeated{text: "x", left: -1}, "a line is longer than 64 KiB"},
		"a line without NUL":    {&repeated{text: "\x00", left: -1}, "a line is longer than 64 KiB"},
		"a line as allowed":     {strings.NewReader("g 1\n" + line(64<<10) + "g 2\n"), ""},
		"a longer line":         {strings.NewReader("g 1\n" + line(64<<10+1) + "g 2\n"), "a line is longer than 64 KiB"},
		"a longer line at last": {strings.NewReader("g 1\n" + line(70<<10)), "a line is longer than 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			counted := &counting{r: c.page}
			_, err := promtext.Read(counted, limit, "g")
			var long *promtext.TooLongError
			switch {
			case c.says == "" && err != nil, c.says != "" && (!errors.As(err, &long) || err.Error() != c.says):
				t.Errorf("%v: want %q", err, c.says)
			case counted.n > limit+64<<10:
				t.Errorf("%d bytes were read", counted.n)
			}
		})
	}
	// What a parser makes of a line takes far more memory than the line.
	const most = 256 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	asked := &repeated{text: "g 1\n", left: -1}
	_, err := promtext.Read(asked, 1<<30, "g")
	runtime.ReadMemStats(&after)
	var long *promtext.TooLongError
	if !errors.As(err, &long) || err.Error() != "what is asked for is longer than 1024 KiB" || asked.read > 2<<20 {
		t.Errorf("after %d bytes of what is asked for: %v", asked.read, err)
	}
	runtime.ReadMemStats(&before)
	got, err := promtext.Read(&repeated{text: "g 1\n", left: 1 << 20}, 1<<30, "g")
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err != nil || len(got["g"]) != 1<<18 || took > most {
		t.Errorf("%d samples took %d MB: %v", len(got["g"]), took>>20, err)
	}
}

// counting counts what is read.
type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
