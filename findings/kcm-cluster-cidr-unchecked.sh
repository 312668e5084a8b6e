#!/bin/sh
# kube-controller-manager accepts any text for --cluster-cidr when it checks its flags, though it
# refuses a wrong controller or a port that is none. The ranges are parsed when the node IPAM
# controller is built, and only a leader builds controllers. So of three instances with
# "10.200.0.0/33" all start, two are healthy standbys, and each ends when its turn comes to lead.
#
# It needs minutes for the first run: it compiles kube-controller-manager's options.
set -eu
version=v1.37.1
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	netutils "k8s.io/utils/net"
)

// It checks flags as kube-controller-manager does before it starts.
func check(args ...string) error {
	o, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		panic(err)
	}
	all, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range o.Flags(all, disabled, aliases).FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	return o.Validate(all, disabled, aliases)
}

func main() {
	for _, value := range []string{"10.200.0.0/16", "10.200.0.0/33", "ten"} {
		_, err := netutils.ParseCIDRs([]string{value})
		fmt.Printf("--cluster-cidr=%s: %v (parsed: %v)\n", value, check("--allocate-node-cidrs", "--cluster-cidr="+value), err)
	}
	fmt.Println("--controllers=none-such:", check("--controllers=none-such"))
	fmt.Println("--secure-port=99999:", check("--secure-port=99999"))
}
END
go mod init repro 2>/dev/null
go mod edit -require "k8s.io/kubernetes@$version"
mod=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
for m in $(sed -n 's|^\t\(k8s.io/[a-z-]*\) v0\.0\.0$|\1|p' "$mod" | sort -u); do
	go mod edit -replace "$m=$m@v0.${version#v1.}"
done
go mod tidy >log 2>&1 || { cat log >&2; exit 1; }
echo "kube-controller-manager $version:"
go run . 2>/dev/null | tee said
grep -q '^--cluster-cidr=10.200.0.0/16: <nil> (parsed: <nil>)$' said
grep -q '^--cluster-cidr=10.200.0.0/33: <nil> (parsed: .*invalid CIDR' said
grep -q '^--cluster-cidr=ten: <nil> (parsed: .*invalid CIDR' said
grep -q '^--controllers=none-such: .*is not in the list' said
grep -q '^--secure-port=99999: .*must be between' said
