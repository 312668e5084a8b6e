package review

import "iter"

// both is one thing on both sides; nil where there is none.
type both[T any] struct{ old, now *T }

// each yields what two lists have, by key: in the order of the old one, with what comes
// before the common end. Of several with one key the first belongs to the first, the second
// to the second.
func each[T any, K comparable](old, now []T, key func(*T) K) iter.Seq2[K, both[T]] {
	return func(yield func(K, both[T]) bool) {
		start := 0 // most of two lists is the same, and needs no map
		for start < min(len(old), len(now)) && key(&old[start]) == key(&now[start]) {
			if !yield(key(&old[start]), both[T]{&old[start], &now[start]}) {
				return
			}
			start++
		}
		old, now := old[start:], now[start:]
		end := 0
		for end < min(len(old), len(now)) && key(&old[len(old)-1-end]) == key(&now[len(now)-1-end]) {
			end++
		}
		if !unordered(old[:len(old)-end], now[:len(now)-end], key, yield) {
			return
		}
		old, now = old[len(old)-end:], now[len(now)-end:]
		for i := range old {
			if !yield(key(&old[i]), both[T]{&old[i], &now[i]}) {
				return
			}
		}
	}
}

// unordered yields what two lists have in any order. It returns whether to go on.
func unordered[T any, K comparable](old, now []T, key func(*T) K, yield func(K, both[T]) bool) bool {
	if len(old)+len(now) == 0 {
		return true
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
			return false
		}
	}
	seen := map[K]int{}
	for i := range now {
		k := key(&now[i])
		if seen[k]++; seen[k] > count[k] && !yield(k, both[T]{nil, &now[i]}) {
			return false
		}
	}
	return true
}
