package review_test

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/review"
)

// TestDescribe: the example's description has the same bytes each time, and each file that
// its tree has.
func TestDescribe(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	res, err := config.Load(context.Background(), root, []string{"./cue/example"}, config.Options{})
	if err != nil || len(res.Clusters) != 1 {
		t.Fatal(err, len(res.Clusters))
	}
	var before []byte
	for range 3 {
		d, err := review.Describe(res.Clusters[0], review.Places{Root: root, Cwd: root}, nil)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(d.Cluster)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !bytes.Equal(before, data) {
			t.Errorf("the second time it is\n%s\nand it was\n%s", data, before)
		}
		before = data
		files := len(d.Cluster.Files)
		for _, n := range d.Cluster.Nodes {
			files += len(n.Files)
			if !strings.Contains(n.Text, "@generation@") {
				t.Errorf("%s: the unit has no placeholder:\n%s", n.Name, n.Text)
			}
			for _, f := range n.Flags {
				if f.Name == "cluster-cidr" && (f.Origin != review.ByField || f.At != "cue/example/cluster.cue:18:3") {
					t.Errorf("%s: %+v", n.Name, f)
				}
			}
		}
		if files != len(d.Tree.Entries()) {
			t.Errorf("%d files are described, the tree has %d", files, len(d.Tree.Entries()))
		}
	}
}
