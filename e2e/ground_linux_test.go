package e2e

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// rtt is the distance to the hosts that all figures are told for.
const rtt = 30 * time.Millisecond

// groundCluster is cue/example on the ground's addresses, with a leader found in
// seconds: the suite waits for one dozens of times.
const groundCluster = `package ground

import "github.com/kcmgen/kcmgen/schemas/v1_37"

cluster: v1_37.#Cluster & {
	name:    "ground"
	version: "v1.37.1"
	layout:  "systemd"

	nodes: {
		"cp-1": address: "10.77.0.11"
		"cp-2": address: "10.77.0.12"
		"cp-3": address: "10.77.0.13"
	}
	networks: {
		pods: ["10.200.0.0/16"]
		services: ["10.32.0.0/16"]
		nodes: ["10.77.0.0/24"]
	}
	apiserver: {
		endpoint: "vip"
		address:  "10.77.0.10"
		flags: "service-cluster-ip-range": "10.32.0.0/16"
	}
	flags: {
		"leader-elect-lease-duration": "3s"
		"leader-elect-renew-deadline": "2s"
		"leader-elect-retry-period":   "500ms"
	}
}
`

// shared is the ground of all tests of a run; run stops it.
var shared = sync.OnceValues(func() (*ground.Ground, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	start := time.Now()
	apiserver, err := program(clusterVersion, "kube-apiserver")
	if err != nil {
		return nil, err
	}
	manager, err := program(clusterVersion, "kube-controller-manager")
	if err != nil {
		return nil, err
	}
	g, err := ground.Start(ctx, ground.Options{
		Kcmgen: kcmgen, KubeAPIServer: apiserver, ControllerManager: manager,
		Cluster: groundCluster, RTT: rtt, Log: say,
	})
	if err != nil {
		return nil, err
	}
	say("ground: up after %.1f s, logs in %s", time.Since(start).Seconds(), g.Logs)
	stopGround = func(failed bool) error { return g.Stop(failed) }
	return g, nil
})

// clusterVersion is the version of the ground's cluster.
const clusterVersion = "v1.37.1"

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// onGround is the ground as it was at its start, whatever ran before.
func onGround(t *testing.T) *ground.Ground {
	t.Helper()
	g, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := g.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("reset in %.1f s; logs in %s", time.Since(start).Seconds(), g.Logs)
	return g
}

// TestGround: the hosts are what they seem to be.
func TestGround(t *testing.T) {
	g := onGround(t)
	operator := newOperator(t, g)
	for _, h := range g.Hosts {
		t.Run(h.Name, func(t *testing.T) { checkHost(t, operator, h) })
	}
}

func newOperator(t *testing.T, g *ground.Ground) *ground.Operator {
	t.Helper()
	o, err := g.NewOperator(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func checkHost(t *testing.T, operator *ground.Operator, h *ground.Host) {
	ctx := t.Context()
	if out, err := h.Do(ctx, "systemctl", "is-system-running"); err != nil || out != "running\n" {
		t.Errorf("systemd is %q, %v", out, err)
	}
	for destination, command := range map[string]string{h.Name: "id -u; hostname", "ops@" + h.Name: "sudo -n sh -c 'id -u; hostname'"} {
		start := time.Now()
		r, err := operator.SSH(ctx, destination, command)
		if want := "0\n" + h.Name + "\n"; err != nil || r.Out != want {
			t.Errorf("ssh %s %s: %q, %v, expected %q\n%s", destination, command, r.Out, err, want, r.Err)
		}
		t.Logf("ssh %s: %.0f ms", destination, time.Since(start).Seconds()*1000)
	}
}
