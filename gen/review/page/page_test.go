package page_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/page"
)

var update = flag.Bool("update", false, "rewrite the golden files and pictures")

func write(t testing.TB, d *review.Difference, heads []*review.Cluster, o page.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := page.Write(&b, d, heads, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGolden: a page is what it was, byte by byte, so that a change of it is seen in review.
func TestGolden(t *testing.T) {
	for name, got := range map[string][]byte{
		"difference": write(t, sample(), nil, page.Options{Now: now}),
		"state":      write(t, nil, []*review.Cluster{oldCluster()}, page.Options{}),
		"none":       write(t, &review.Difference{Base: review.Side{Name: "a"}, Head: review.Side{Name: "b"}}, nil, page.Options{}),
	} {
		file := filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s (-update rewrites it):\n%s", file, d)
		}
	}
}
