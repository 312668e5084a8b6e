package treetest

import (
	"testing"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// File returns a file that everyone may read.
func File(p, data string) tree.Entry { return tree.Entry{Path: p, Mode: 0o644, Data: []byte(data)} }

// Dir returns a directory.
func Dir(p string) tree.Entry { return tree.Entry{Path: p, Mode: 0o755, Dir: true} }

// Secret returns a private key's file.
func Secret(p, data string) tree.Entry {
	return tree.Entry{Path: p, Mode: 0o600, Secret: keys.NewSecret([]byte(data))}
}

// New makes a tree, or fails the test.
func New(t testing.TB, es ...tree.Entry) tree.Tree {
	t.Helper()
	all, err := tree.New(es)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
