package outdir_test

import "github.com/kcmgen/kcmgen/internal/treetest"

var (
	file, dir, secret = treetest.File, treetest.Dir, treetest.Secret
	newTree           = treetest.New
)
