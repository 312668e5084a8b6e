package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/config"
)

// TestNoClusterIsSkipped: packages that obviously have no cluster aren't loaded, so their
// imports may be missing. All others are loaded.
func TestNoClusterIsSkipped(t *testing.T) {
	const nowhere = "import \"example.com/none\"\n\nx: none.x\n"
	for name, c := range map[string]struct {
		files map[string]string
		rules []string // of the findings; nil if the package is skipped
	}{
		"plain":            {map[string]string{"a.cue": "package p\n\n" + nowhere}, nil},
		"in two files":     {map[string]string{"a.cue": "package p\n\n" + nowhere, "b.cue": "package p\n\nlet y = 1\n\"z\": y\n"}, nil},
		"a cluster":        {map[string]string{"a.cue": "package p\n\n" + nowhere, "b.cue": "package p\n\ncluster: {}\n"}, []string{"cue-import"}},
		"a quoted cluster": {map[string]string{"a.cue": "package p\n\n" + nowhere + "\"cluster\": {}\n"}, []string{"cue-import"}},
		"computed":         {map[string]string{"a.cue": "package p\n\n" + nowhere + "(\"clus\" + \"ter\"): {}\n"}, []string{"cue-import"}},
		"embedded":         {map[string]string{"a.cue": "package p\n\n" + nowhere + "{cluster: {}}\n"}, []string{"cue-import"}},
		"conditional":      {map[string]string{"a.cue": "package p\n\n" + nowhere + "if true {cluster: {}}\n"}, []string{"cue-import"}},
		"above":            {map[string]string{"a.cue": "package p\n\ncluster: {}\n", "below/a.cue": "package p\n\n" + nowhere}, []string{"cue-import"}},
		"no package":       {map[string]string{"a.cue": "x: 1\n"}, nil},
		"a fault":          {map[string]string{"a.cue": "package p\n\nx: {\n"}, []string{"cue-syntax"}},
		"two packages":     {map[string]string{"a.cue": "package p\n", "b.cue": "package q\n"}, []string{"cue-syntax"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t, header)
			for file, text := range c.files {
				at := filepath.Join(dir, "many", file)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			res, err := config.Load(t.Context(), dir, []string{"./many/..."}, config.Options{})
			if err != nil {
				t.Fatal(err)
			}
			rules := map[string]bool{}
			for _, f := range res.Findings {
				if f.Rule != "cue-no-cluster" {
					rules[f.Rule] = true
				}
			}
			if diff := cmp.Diff(c.rules, slices.Sorted(maps.Keys(rules))); diff != "" {
				t.Errorf("-want +got\n%s%v %v", diff, res.Findings, res.Skipped)
			}
		})
	}
}
