package schemas_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestHosts: what the vocabulary takes for a host or a subject alternative name is what
// gen/spec takes for one, which says why not.
func TestHosts(t *testing.T) {
	inst := load.Instances([]string{"."}, &load.Config{Env: []string{"CUE_REGISTRY=none"}})[0]
	ctx := cuecontext.New()
	v := ctx.BuildInstance(inst)
	if err := v.Err(); err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, s := range hostWords(3_000) {
		for def, parse := range map[string]func(string) (spec.Host, error){"#Host": spec.ParseHost, "#SAN": spec.ParseSAN} {
			_, err := parse(s)
			word := ctx.CompileString(strconv.QuoteToASCII(s))
			cueErr := v.LookupPath(cue.ParsePath(def)).Unify(word).Validate(cue.Concrete(true))
			if (err == nil) != (cueErr == nil) {
				t.Errorf("%s %.80q: gen/spec says %v, CUE %v", def, s, err, cueErr)
			}
			if err == nil {
				taken++
			}
		}
	}
	if taken < 500 {
		t.Errorf("%d were taken: too few to tell anything", taken)
	}
}

// hostWords are hosts and what looks like them, put together at random.
func hostWords(n int) []string {
	r := rand.New(rand.NewPCG(3, 5))
	parts := []string{
		"a", "b1", "1", "10", "0", "01", "256", "300", "255", "0x7f", "0X1", "0x", "-", "a-b", "xn--a", "_", "localhost", "example", "com", "*", "**", "", "fd00", "::", ":", "::1", "[", "]", "@",
		"/", "//", "https:", "6443", "%eth0", "::ffff:", " ", "é", strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("y.", 100),
	}
	joins := []string{".", ".", ".", ".", "", ":", "-"}
	out := []string{"10.0.0.1", "10.0.0.300", "010.0.0.1", "*.example.com", "*.com", "*.10.0", "fe80::1%eth0", "::ffff:10.0.0.1", strings.Repeat("abcdefg.", 32), strings.Repeat("abcdefg.", 31) + "abcde"}
	for len(out) < n {
		var b strings.Builder
		for i := range 1 + r.IntN(5) {
			if i > 0 {
				b.WriteString(joins[r.IntN(len(joins))])
			}
			b.WriteString(parts[r.IntN(len(parts))])
		}
		out = append(out, b.String())
	}
	return out
}
