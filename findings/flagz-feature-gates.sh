#!/bin/sh
# What a component of Kubernetes shows as its own --feature-gates, as on /flagz, isn't what was
# given to it: each gate has a ":" before it, for the component without a name. A tool that
# compares the flags of a running process with those of its unit finds a difference where there
# is none. A duration of 0, which needs no unit, is shown as 0s.
set -eu
version=v0.37.1
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	base "k8s.io/component-base/compatibility"
)

func main() {
	registry := base.NewComponentGlobalsRegistry()
	if err := registry.Register(base.DefaultKubeComponent, compatibility.DefaultBuildEffectiveVersion(), utilfeature.DefaultMutableFeatureGate); err != nil {
		panic(err)
	}
	fs := pflag.NewFlagSet("program", pflag.ContinueOnError)
	registry.AddFlags(fs)
	fs.Duration("delay", time.Minute, "")
	given := []string{"--feature-gates=AllBeta=true", "--delay=0"}
	if err := fs.Parse(given); err != nil {
		panic(err)
	}
	fmt.Println("given:", given)
	fmt.Println("shown:", fs.Lookup("feature-gates").Value, fs.Lookup("delay").Value)
}
END
cat >go.mod <<END
module finding

go 1.26

require (
	k8s.io/apiserver $version
	k8s.io/component-base $version
)
END
go mod tidy >log 2>&1 || { cat log; exit 1; }
echo "component-base $version"
go run . | tee output
grep -q '^shown: :AllBeta=true 0s$' output
