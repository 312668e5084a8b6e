package remote

import "strings"

// wildcard reports whether a text matches a pattern of * (any number of characters) and
// ? (one). It backtracks only to the last star, so its time is bounded by the product of
// both lengths.
func wildcard(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// patternList reports whether a pattern of a comma-separated list matches, and none with an
// exclamation mark does. It ignores the patterns' case.
func patternList(list, s string) bool {
	matched := false
	for p := range strings.SplitSeq(list, ",") {
		p, not := strings.CutPrefix(strings.ToLower(p), "!")
		if !wildcard(p, s) {
			continue
		}
		if not {
			return false
		}
		matched = true
	}
	return matched
}
