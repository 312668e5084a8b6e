#!/bin/sh
# A number of workers of 0, as in --concurrent-deployment-syncs=0, doesn't mean "no limit" and
# isn't refused: kube-controller-manager starts that controller without a worker. It is listed,
# healthy and idle: Deployments get no ReplicaSet. Negative numbers are the
# same.
#
# It needs minutes for the first run: it compiles a controller and kube-controller-manager's
# options.
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
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	"k8s.io/kubernetes/pkg/controller/deployment"
)

// sets returns how many ReplicaSets a Deployment has after three seconds.
func sets(workers int) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	labels := map[string]string{"app": "a"}
	pod := core.PodTemplateSpec{ObjectMeta: meta.ObjectMeta{Labels: labels}, Spec: core.PodSpec{Containers: []core.Container{{Name: "c", Image: "c"}}}}
	client := fake.NewSimpleClientset(&apps.Deployment{
		ObjectMeta: meta.ObjectMeta{Name: "d", Namespace: "n", UID: "1"},
		Spec:       apps.DeploymentSpec{Replicas: new(int32(1)), RevisionHistoryLimit: new(int32(10)), Selector: &meta.LabelSelector{MatchLabels: labels}, Template: pod,
			Strategy: apps.DeploymentStrategy{Type: apps.RecreateDeploymentStrategyType}},
	})
	all := informers.NewSharedInformerFactory(client, 0)
	c, err := deployment.NewDeploymentController(ctx, all.Apps().V1().Deployments(), all.Apps().V1().ReplicaSets(), all.Core().V1().Pods(), client)
	if err != nil {
		panic(err)
	}
	all.Start(ctx.Done())
	go c.Run(ctx, workers)
	n := 0
	for range 30 {
		time.Sleep(100 * time.Millisecond)
		list, err := client.AppsV1().ReplicaSets("n").List(ctx, meta.ListOptions{})
		if err != nil {
			panic(err)
		}
		n = len(list.Items)
	}
	return n
}

func main() {
	for _, workers := range []int32{1, 0, -1} {
		o, err := options.NewKubeControllerManagerOptions()
		if err != nil {
			panic(err)
		}
		o.DeploymentController.ConcurrentDeploymentSyncs = workers
		err = o.Validate(app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases())
		fmt.Printf("%d workers: refused: %v, ReplicaSets: %d\n", workers, err, sets(int(workers)))
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
echo "kube-controller-manager $version:"
go run . 2>log | tee said || { cat log >&2; exit 1; }
grep -q '^1 workers: refused: <nil>, ReplicaSets: 1$' said
grep -q '^0 workers: refused: <nil>, ReplicaSets: 0$' said
grep -q '^-1 workers: refused: <nil>, ReplicaSets: 0$' said
