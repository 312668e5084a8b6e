package text

import (
	"fmt"
	"sync"
	"testing"
)

// TestConcurrentHoles: files are read at the same time, and their holes keep their names.
func TestConcurrentHoles(t *testing.T) {
	var set Set
	file := set.Add("f", "x")
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			want := fmt.Sprintf("${A%d}", i%10)
			for range 100 {
				if got := set.Show(set.Hole("", want, file.At(0))); got != want {
					t.Errorf("%q, not %q", got, want)
				}
			}
		})
	}
	all.Wait()
}
