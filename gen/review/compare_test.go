package review_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// load evaluates a cluster in CUE.
func load(t testing.TB, text string) *spec.Cluster {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{
		"cue.mod/module.cue": "module: \"example.org/clusters@v0\"\nlanguage: version: \"v0.15.0\"\n", "prod/cluster.cue": text,
	} {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	res, err := config.Load(context.Background(), dir, []string{"./prod"}, config.Options{})
	if err != nil || len(res.Clusters) != 1 {
		t.Fatalf("%v, %+v", err, res)
	}
	return res.Clusters[0]
}

// describe describes a cluster in CUE.
func describe(t testing.TB, text string) *review.Cluster {
	t.Helper()
	c := load(t, text)
	root := filepath.Dir(c.Dir)
	d, err := review.Describe(c, review.Places{Root: root, Cwd: root}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Cluster
}

func compare(t testing.TB, old, now string) *review.Difference {
	t.Helper()
	return between([]*review.Cluster{describe(t, old)}, []*review.Cluster{describe(t, now)})
}

func between(old, now []*review.Cluster) *review.Difference {
	return review.Compare(&review.Sources{Clusters: old}, &review.Sources{Clusters: now}, nil)
}
