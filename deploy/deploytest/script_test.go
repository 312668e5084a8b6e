package deploytest_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kcmgen/kcmgen/deploy/deploytest"
)

var update = flag.Bool("update", false, "rewrite the traces")

// TestScripts runs each script and compares its trace.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/rollout_*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(ar.Files) == 0 || ar.Files[0].Name != "script" {
				t.Fatal("its first file isn't the script")
			}
			got, err := deploytest.Script(string(ar.Files[0].Data))
			if err != nil {
				t.Fatalf("%s%v", got, err)
			}
			if *update {
				ar.Files = append(ar.Files[:1], txtar.File{Name: "trace", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(ar.Files) != 2 || string(ar.Files[1].Data) != got {
				t.Errorf("another trace; go test ./deploy/deploytest -update shows the difference in git:\n%s", got)
			}
		})
	}
}
