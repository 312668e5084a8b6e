package review

import (
	"net/netip"
	"slices"
)

// way returns how ranges of one use change, one of the Ways; "" if some come or go as a
// whole, or one isn't a prefix. Of two families the worse counts.
func way(old, now rangeList) string {
	was, ok := prefixesOf(old)
	is, fine := prefixesOf(now)
	if !ok || !fine || len(was) == 0 || len(is) == 0 {
		return ""
	}
	found := []string{}
	for _, v4 := range []bool{true, false} {
		other := func(p netip.Prefix) bool { return p.Addr().Is4() != v4 }
		a, b := slices.DeleteFunc(slices.Clone(was), other), slices.DeleteFunc(slices.Clone(is), other)
		stays, fits := inside(a, b), inside(b, a)
		switch {
		case stays && fits: // the same, or none
		case len(a) == 0:
			found = append(found, FamilyAdded)
		case len(b) == 0:
			found = append(found, FamilyRemoved)
		case stays:
			found = append(found, Grown)
		case fits:
			found = append(found, Shrunk)
		default:
			found = append(found, Moved)
		}
	}
	for _, worst := range []string{Moved, Shrunk, FamilyRemoved, FamilyAdded, Grown} {
		if slices.Contains(found, worst) {
			return worst
		}
	}
	return Reordered
}

// inside reports whether each of some prefixes lies in one of others.
func inside(some, others []netip.Prefix) bool {
	return !slices.ContainsFunc(some, func(p netip.Prefix) bool {
		return !slices.ContainsFunc(others, func(o netip.Prefix) bool { return o.Bits() <= p.Bits() && o.Contains(p.Addr()) })
	})
}

func prefixesOf(l rangeList) ([]netip.Prefix, bool) {
	var out []netip.Prefix
	for _, r := range l {
		p, err := netip.ParsePrefix(r.Prefix)
		if err != nil {
			return nil, false
		}
		out = append(out, p.Masked())
	}
	return out, true
}
