#!/bin/sh
# A static pod's UID is a checksum of the manifest's contents and of its path. So a manifest
# that is only renamed within the kubelet's directory is another pod with the same name: the
# kubelet ends the old one, and starts the new one when the old one is gone. A rename is no
# harmless tidying-up of a control plane, though a comment may be added without any effect.
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
			fmt.Printf("  %s/%s %s\n", p.Namespace, p.Name, p.UID)
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
cat >manifests/pod.yaml <<'END'
apiVersion: v1
kind: Pod
metadata: {name: controllers, namespace: kube-system}
spec: {containers: [{name: c, image: "registry.example/c:1"}]}
END
echo "kubelet $version:"
go run . manifests 2>log | tee said
mv manifests/pod.yaml manifests/kube-controllers.yaml
go run . manifests 2>>log | tee renamed
mv manifests/kube-controllers.yaml manifests/pod.yaml
sed -i '1i # a comment' manifests/pod.yaml
go run . manifests 2>>log | tee commented
[ ! -s log ]
! cmp -s said renamed
cmp said commented
