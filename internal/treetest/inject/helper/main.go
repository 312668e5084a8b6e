// Helper is the helper process of package inject as a program of its own. A test binary
// that imports much takes 20 times as long to start, and each run starts it twice.
package main

import (
	"fmt"
	"os"

	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

func main() {
	inject.Main()
	fmt.Fprintln(os.Stderr, "only package inject starts this program")
	os.Exit(2)
}
