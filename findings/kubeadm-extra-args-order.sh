#!/bin/sh
# kubeadm takes extraArgs as a list, in which a flag may be there twice. Up to v1.34 it sorts
# the arguments by name and then by value, as text, so the file's order means nothing: of v=5
# and then v=10, the last on the command line is v=5, and that counts. (From v1.35 on the
# file's order is kept.)
#
# It needs minutes for the first run: it compiles a part of kubeadm.
version=v1.34.2
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"fmt"
	"os"
	"strings"

	"k8s.io/kubernetes/cmd/kubeadm/app/phases/controlplane"
	kubeadmconfig "k8s.io/kubernetes/cmd/kubeadm/app/util/config"
)

// It prints the static pod of kube-controller-manager that kubeadm makes of a configuration.
func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	c, err := kubeadmconfig.BytesToInitConfiguration(data, true)
	if err != nil {
		panic(err)
	}
	pod := controlplane.GetStaticPodSpecs(&c.ClusterConfiguration, &c.LocalAPIEndpoint, nil)["kube-controller-manager"]
	for _, a := range pod.Spec.Containers[0].Command[1:] {
		fmt.Println(a)
	}
	probe := pod.Spec.Containers[0].LivenessProbe.HTTPGet.Port.String()
	for _, p := range pod.Spec.Containers[0].Ports {
		if p.Name == probe {
			probe = fmt.Sprint(p.ContainerPort)
		}
	}
	fmt.Println("liveness probe: port", strings.TrimSpace(probe))
}
END
go mod init repro 2>/dev/null
go mod edit -require "k8s.io/kubernetes@$version"
mod=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
for m in $(sed -n 's|^\t\(k8s.io/[a-z-]*\) v0\.0\.0$|\1|p' "$mod" | sort -u); do
	go mod edit -replace "$m=$m@v0.${version#v1.}"
done
go mod tidy >log 2>&1 || { cat log >&2; exit 1; }
cat >config.yaml <<'END'
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.34.2
controllerManager:
  extraArgs:
  - {name: v, value: "5"}
  - {name: v, value: "10"}
END
echo "kubeadm $version, extraArgs v=5, then v=10:"
go run . config.yaml 2>log | grep '^--v=' | tee said
printf -- '--v=10\n--v=5\n' >want
cmp want said
