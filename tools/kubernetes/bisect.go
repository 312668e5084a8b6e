package main

// bound returns the last number from good towards last that is taken. All between good
// and the bound must be taken. It returns false if last is taken as well. This file is
// also compiled into the probe.
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
