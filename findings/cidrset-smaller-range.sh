#!/bin/sh
# Kubernetes' allocator of node ranges takes a range that is smaller than the node mask (after
# the mask was changed, nodes keep what they have), and marks the whole block around it as used.
# It doesn't count how many share a block. So if two nodes have a /25 each of one /24, and one of
# them is deleted, the block counts as free, and the next node gets the /24 with the addresses
# that the other node's pods still have.
set -eu
version=v1.37.1
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"
	"net"

	"k8s.io/kubernetes/pkg/controller/nodeipam/ipam/cidrset"
)

func parse(s string) *net.IPNet {
	_, n, err := net.ParseCIDR(s)
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// It does what the IPAM controller does: it occupies the ranges of nodes that exist, releases
// that of a deleted one, and allocates one for a new node.
func main() {
	set, err := cidrset.NewCIDRSet(parse("10.0.0.0/23"), 24)
	must(err)
	must(set.Occupy(parse("10.0.0.0/25")))
	must(set.Occupy(parse("10.0.0.128/25")))
	must(set.Release(parse("10.0.0.0/25")))
	for range 2 {
		got, err := set.AllocateNext()
		must(err)
		fmt.Printf("a new node gets %s; a node has 10.0.0.128/25\n", got)
	}
}
END
minor=${version#v1.}
go mod init repro 2>/dev/null
mod=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
go mod edit -require="k8s.io/kubernetes@$version"
sed -n 's|.*\(k8s.io/[a-z-]*\) => ./staging/.*|\1|p' "$mod" | while read -r name; do
	go mod edit -replace="$name=$name@v0.$minor"
done
go mod tidy >log 2>&1 || { cat log >&2; exit 1; }
echo "k8s.io/kubernetes $version:"
go run . | sort | tee said
cat >want <<'END'
a new node gets 10.0.0.0/24; a node has 10.0.0.128/25
a new node gets 10.0.1.0/24; a node has 10.0.0.128/25
END
cmp want said
