package review

import "iter"

// both is one thing on both sides; nil where there is none.
type both[T any] struct{ old, now *T }

// each yields what two lists have, by key: in the order of the old one, then what comes. Of
// several with one key the first belongs to the first, the second to the second.
func each[T any, K comparable](old, now []T, key func(*T) K) iter.Seq2[K, both[T]] {
	return func(yield func(K, both[T]) bool) {
		if aligned(old, now, key) { // as most lists are
			for i := range old {
				if !yield(key(&old[i]), both[T]{&old[i], &now[i]}) {
					return
				}
			}
			return
		}
		type numbered struct {
			key K
			n   int
		}
		count := map[K]int{}
		present := map[numbered]*T{}
		for i := range now {
			k := key(&now[i])
			present[numbered{k, count[k]}] = &now[i]
			count[k]++
		}
		clear(count)
		for i := range old {
			k := key(&old[i])
			at := numbered{k, count[k]}
			count[k]++
			if !yield(k, both[T]{&old[i], present[at]}) {
				return
			}
		}
		seen := map[K]int{}
		for i := range now {
			k := key(&now[i])
			if seen[k]++; seen[k] > count[k] && !yield(k, both[T]{nil, &now[i]}) {
				return
			}
		}
	}
}

// aligned reports whether two lists have the same keys in the same places.
func aligned[T any, K comparable](old, now []T, key func(*T) K) bool {
	if len(old) != len(now) {
		return false
	}
	for i := range old {
		if key(&old[i]) != key(&now[i]) {
			return false
		}
	}
	return true
}
