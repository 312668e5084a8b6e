package vet

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// pool is a pod network that kube-controller-manager divides into ranges of one size, as
// its IPAM controller does: CidrSet of pkg/controller/nodeipam/ipam/cidrset, which is the
// same from v1.20 to v1.37. A range has a number, from 0 on.
type pool struct {
	netip.Prefix
	mask int // prefix length of a range
}

// divides reports whether the network can be divided: otherwise no leader starts, and
// node-mask-size says so.
func (p pool) divides() bool {
	more := p.mask - p.Bits()
	return p.IsValid() && more >= 0 && p.mask <= p.Addr().BitLen() && more < 32 && (p.Addr().Is4() || more <= maxMaskDiff)
}

// size is the number of ranges.
func (p pool) size() uint64 { return 1 << (p.mask - p.Bits()) }

// numbers is the first and the last number of consecutive ranges.
type numbers struct{ first, last uint64 }

// occupied returns the ranges that a node's range, or the services', takes away: every one
// that shares an address with it, whatever its size. ok is false if they have no address
// in common. For a node's range that ends the leader.
func (p pool) occupied(r netip.Prefix) (s numbers, ok bool) {
	r = r.Masked()
	switch {
	case !p.Overlaps(r):
		return numbers{}, false
	case r.Bits() <= p.Bits():
		return numbers{0, p.size() - 1}, true
	}
	s.first = p.number(r.Addr())
	s.last = s.first
	if r.Bits() < p.mask {
		s.last += 1<<(p.mask-r.Bits()) - 1
	}
	return s, true
}

// number returns the number of the range that holds an address of the pool.
func (p pool) number(a netip.Addr) uint64 {
	at, base := a.As16(), p.Masked().Addr().As16()
	hi := binary.BigEndian.Uint64(at[:8]) ^ binary.BigEndian.Uint64(base[:8])
	lo := binary.BigEndian.Uint64(at[8:]) ^ binary.BigEndian.Uint64(base[8:])
	n := p.Addr().BitLen() - p.mask // how many bits a range has
	if n >= 64 {
		return hi >> (n - 64)
	}
	return hi<<(64-n) | lo>>n
}

// rangeAt returns the range of a number.
func (p pool) rangeAt(number uint64) netip.Prefix {
	base := p.Masked().Addr().As16()
	hi, lo := binary.BigEndian.Uint64(base[:8]), binary.BigEndian.Uint64(base[8:])
	n := p.Addr().BitLen() - p.mask
	if n >= 64 {
		hi |= number << (n - 64)
	} else {
		hi |= number >> (64 - n)
		lo |= number << n
	}
	binary.BigEndian.PutUint64(base[:8], hi)
	binary.BigEndian.PutUint64(base[8:], lo)
	a := netip.AddrFrom16(base)
	if p.Addr().Is4() {
		a = a.Unmap()
	}
	return netip.PrefixFrom(a, p.mask)
}

// union returns how many different ranges are in runs. It sorts them.
func union(runs []numbers) uint64 {
	slices.SortFunc(runs, func(a, b numbers) int { return cmp.Compare(a.first, b.first) })
	var sum, next uint64 // next: the first number that isn't counted
	for _, s := range runs {
		first := max(s.first, next)
		if s.last < first {
			continue
		}
		sum += s.last - first + 1
		next = s.last + 1
	}
	return sum
}
