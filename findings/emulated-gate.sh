#!/bin/sh
# k8s.io/component-base: where an earlier version is emulated, a feature gate that was
# born deprecated can be set, though the version that is emulated has no such gate.
# A gate of any other kind that came later is refused as "PreAlpha at emulated version".
set -eu
version=v0.33.4 earlier=v0.31.12
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir new old
cat >new/main.go <<'END'
package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
	_ "k8s.io/apiserver/pkg/features"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
)

func main() {
	for _, gate := range []string{"AggregatedDiscoveryRemoveBetaType=true", "ListFromCacheSnapshot=true"} {
		g := utilfeature.DefaultMutableFeatureGate.DeepCopy()
		if err := g.SetEmulationVersion(version.MajorMinor(1, 31)); err != nil {
			panic(err)
		}
		fmt.Printf("%s: %v\n", gate, g.Set(gate))
	}
}
END
cat >old/main.go <<'END'
package main

import (
	"fmt"

	_ "k8s.io/apiserver/pkg/features"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
)

func main() {
	gate := "AggregatedDiscoveryRemoveBetaType=true"
	fmt.Printf("%s: %v\n", gate, utilfeature.DefaultMutableFeatureGate.Set(gate))
}
END
run() {
	(cd "$1" && go mod init repro && go get "k8s.io/apiserver@$2" && go mod tidy && go run .) 2>"$1.log" || { cat "$1.log" >&2; exit 1; }
}
echo "k8s.io/apiserver $version, emulating 1.31:"
run new $version | tee new.out
echo "k8s.io/apiserver $earlier itself:"
run old $earlier | tee old.out
grep -q '^AggregatedDiscoveryRemoveBetaType=true: <nil>$' new.out
grep -q '^ListFromCacheSnapshot=true: .*PreAlpha at emulated version' new.out
grep -q '^AggregatedDiscoveryRemoveBetaType=true: unrecognized feature gate' old.out
echo "so it is: a gate that 1.31 refuses is taken where 1.31 is emulated"
