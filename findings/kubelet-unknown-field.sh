#!/bin/sh
# The kubelet drops fields of a static pod that it doesn't know, without a word. kubectl and the
# apiserver have refused them for years (strict field validation), so a typing error in a
# manifest is expected to show. Here the pod of "hostNetwrok: true" runs in a network of its
# own, and a probe under "livenesProbe" is never asked.
#
# It needs minutes for the first run: it compiles a part of the kubelet.
set -eu
version=v1.37.1
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'END'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/kubelet/config"
	"k8s.io/kubernetes/pkg/kubelet/types"
)

type observer struct{}

func (observer) ObservedPodOnWatch(klog.Logger, *v1.Pod, time.Time) {}

// It reads directories of manifests as the kubelet does.
func main() {
	for _, dir := range os.Args[1:] {
		all := config.NewPodConfig(record.NewFakeRecorder(100), observer{})
		config.NewSourceFile(klog.Background(), dir, "node", time.Hour, all.Channel(context.Background(), types.FileSource))
		pods := (<-all.Updates()).Pods
		fmt.Printf("%s: %d pods\n", dir, len(pods))
		for _, p := range pods {
			fmt.Printf("  %s/%s %s\n", p.Namespace, p.Name, fmt.Sprintf("hostNetwork=%v livenessProbe=%v", p.Spec.HostNetwork, p.Spec.Containers[0].LivenessProbe != nil))
		}
	}
}
END
go mod init repro 2>/dev/null
go mod edit -require "k8s.io/kubernetes@$version"
mod=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
for m in $(sed -n 's|^\t\(k8s.io/[a-z-]*\) v0\.0\.0$|\1|p' "$mod" | sort -u); do
	go mod edit -replace "$m=$m@v0.${version#v1.}"
done
go mod tidy >log 2>&1 || { cat log >&2; exit 1; }
mkdir right wrong
cat >right/pod.yaml <<'END'
apiVersion: v1
kind: Pod
metadata: {name: controllers, namespace: kube-system}
spec:
  hostNetwork: true
  containers:
    - name: c
      image: registry.example/c:1
      livenessProbe: {httpGet: {path: /healthz, port: 10257, scheme: HTTPS}}
END
sed 's/hostNetwork/hostNetwrok/; s/livenessProbe/livenesProbe/' right/pod.yaml >wrong/pod.yaml
echo "kubelet $version:"
go run . right wrong >said 2>log
cat said log
grep -A 1 '^right: 1 pods$' said | grep -q 'hostNetwork=true livenessProbe=true$'
grep -A 1 '^wrong: 1 pods$' said | grep -q 'hostNetwork=false livenessProbe=false$'
[ ! -s log ]
