package apart

import (
	"fmt"
	"testing"
)

// TestGroups: small places of one kind are loaded together, and each worker has some.
func TestGroups(t *testing.T) {
	sizes := map[int]int{4: 600 << 10, 5: 300 << 10, 6: 300 << 10}
	kind := func(i int) string {
		if i >= 8 {
			return "/b"
		}
		return "/a"
	}
	var todo []int
	for i := range 12 {
		todo = append(todo, i)
	}
	for n, want := range map[int]string{
		1: "[[0 1 2 3] [4] [5] [6 7] [8 9 10 11]]",
		4: "[[0 1 2] [3] [4] [5] [6 7] [8 9 10] [11]]",
	} {
		x := &crew[int]{Work: &Work[int]{Size: func(i int) int { return sizes[i] }, Kind: kind}}
		if got := fmt.Sprint(x.groups(todo, n)); got != want {
			t.Errorf("%d workers: %s, not %s", n, got, want)
		}
	}
}
