#!/bin/sh
# The kubelet reads the first document of a static pod's file and drops the others, without an
# event or a word in its log. kubectl takes all documents of a file, so a file with two pods is
# expected to run both, or to be refused.
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
			fmt.Printf("  %s/%s %s\n", p.Namespace, p.Name, p.Spec.Containers[0].Image)
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
mkdir manifests
cat >manifests/both.yaml <<'END'
apiVersion: v1
kind: Pod
metadata: {name: first, namespace: kube-system}
spec: {containers: [{name: c, image: "registry.example/first:1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: second, namespace: kube-system}
spec: {containers: [{name: c, image: "registry.example/second:1"}]}
END
echo "kubelet $version:"
go run . manifests >said 2>log
cat said log
grep -q '^manifests: 1 pods$' said
grep -q 'kube-system/first-node registry.example/first:1$' said
[ ! -s log ]
