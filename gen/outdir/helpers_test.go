package outdir_test

import (
	"testing"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/tree"
)

func file(p, data string) tree.Entry { return tree.Entry{Path: p, Mode: 0o644, Data: []byte(data)} }
func dir(p string) tree.Entry        { return tree.Entry{Path: p, Mode: 0o755, Dir: true} }
func secret(p, data string) tree.Entry {
	return tree.Entry{Path: p, Mode: 0o600, Secret: keys.NewSecret([]byte(data))}
}

func newTree(t testing.TB, es ...tree.Entry) tree.Tree {
	t.Helper()
	all, err := tree.New(es)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
