package main

// bound is the last number that is taken on the way from one that is to the last
// of its type; there is none if that is taken as well. Up to the bound all are.
// This file is compiled into the probe too.
func bound(good, last int64, taken func(int64) bool) (int64, bool) {
	if taken(last) {
		return 0, false
	}
	for bad := last; good-bad > 1 || bad-good > 1; {
		middle := good/2 + bad/2 + (good%2+bad%2)/2
		if taken(middle) {
			good = middle
		} else {
			bad = middle
		}
	}
	return good, true
}
