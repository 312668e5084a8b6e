package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// rtt is the round-trip time to the hosts for all figures.
const rtt = 30 * time.Millisecond

// exampleOn is what cue/example needs to run on the ground. Leases are short, since the tests
// wait for a leader dozens of times.
const exampleOn = `package example

cluster: {
	apiserver: {
		endpoint: "vip"
		address:  "10.77.0.10"
	}
	flags: {
		"leader-elect-lease-duration": "3s"
		"leader-elect-renew-deadline": "2s"
		"leader-elect-retry-period":   "500ms"
	}
	deploy: {
		gate: "20s"
		soak: "1s"
	}
}
`

// example returns cue/example with the ground's addresses.
func example() (map[string]string, error) {
	content, err := os.ReadFile("../cue/example/cluster.cue")
	if err != nil {
		return nil, err
	}
	moved := strings.ReplaceAll(string(content), `"10.0.0.`, `"10.77.0.`)
	if n := strings.Count(moved, "10.77.0."); n != 4 {
		return nil, fmt.Errorf("cue/example has %d addresses of 10.0.0.0/24, expected three nodes and their network", n)
	}
	return map[string]string{"cluster.cue": moved, "ground.cue": exampleOn}, nil
}

// hosts is the ground of all tests of a run. TestMain ends it.
var hosts keeper

// keeper keeps a ground from the first test that needs it.
type keeper struct {
	sync.Mutex
	ground *ground.Ground
	kind   kind
	err    error
	logs   []string // kept so far
}

// kind is what differs between grounds: what their hosts have, in turn.
type kind struct {
	systems  []ground.System
	kubelets []string // versions
}

func (k kind) equal(other kind) bool {
	return slices.Equal(k.systems, other.systems) && slices.Equal(k.kubelets, other.kubelets)
}

// start returns a ground of a kind.
func (k *keeper) start(kind kind) (*ground.Ground, error) {
	if !kind.equal(k.kind) {
		if err := k.stop(true); err != nil { // an earlier test's logs may be needed
			return nil, err
		}
	}
	k.Lock()
	defer k.Unlock()
	if k.ground == nil && k.err == nil { // after a failure every test gets the error
		k.kind = kind
		k.ground, k.err = startGround(kind)
	}
	return k.ground, k.err
}

// usual returns the hosts' systems for all tests except those about systems; BASE=trixie
// selects another one.
func usual() []ground.System {
	if base := os.Getenv("BASE"); base != "" {
		return []ground.System{ground.System(base)}
	}
	return []ground.System{ground.Bookworm}
}

// tell prints where the logs are, after a failure.
func (k *keeper) tell() {
	if k.ground != nil {
		say("the hosts' logs are in %s", strings.Join(append(k.logs, k.ground.Logs), ", "))
	}
}

// stop ends the ground. Logs are kept until no test can fail any more.
func (k *keeper) stop(keep bool) error {
	k.Lock()
	defer k.Unlock()
	if k.ground == nil {
		return nil
	}
	g := k.ground
	k.ground, k.logs = nil, append(k.logs, g.Logs)
	if keep {
		return g.Stop(true)
	}
	errs := []error{g.Stop(false)}
	for _, logs := range k.logs {
		errs = append(errs, os.RemoveAll(filepath.Dir(logs)))
	}
	return errors.Join(errs...)
}

func startGround(kind kind) (*ground.Ground, error) {
	apiserver, err := builder.Kubernetes(clusterVersion, "kube-apiserver")
	if err != nil {
		return nil, err
	}
	manager, err := builder.Kubernetes(clusterVersion, "kube-controller-manager")
	if err != nil {
		return nil, err
	}
	var kubelets []string
	for _, version := range kind.kubelets {
		kubelet, err := builder.Kubernetes(version, "kubelet")
		if err != nil {
			return nil, err
		}
		kubelets = append(kubelets, kubelet)
	}
	cluster, err := example()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute) // systems may have to be built
	defer cancel()
	g, err := ground.Start(ctx, ground.Options{
		Kcmgen: kcmgen, KubeAPIServer: apiserver, ControllerManager: manager,
		Cluster: cluster, RTT: rtt, Systems: kind.systems, Kubelets: kubelets, Log: say,
	})
	if err != nil {
		return nil, err
	}
	say("ground: up after %.1f s, logs in %s", time.Since(start).Seconds(), g.Logs)
	return g, nil
}

// clusterVersion is the version of the ground's cluster.
const clusterVersion = "v1.37.1"

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// onGround returns the ground in its initial state.
func onGround(t *testing.T) *ground.Ground {
	t.Helper()
	return onSystems(t, usual()...)
}

// onSystems returns such a ground whose hosts have the given systems, in turn.
func onSystems(t *testing.T, systems ...ground.System) *ground.Ground {
	t.Helper()
	return onKind(t, kind{systems: systems})
}

// onKubelets returns such a ground whose hosts have kubelets of the given versions, in turn.
func onKubelets(t *testing.T, versions ...string) *ground.Ground {
	t.Helper()
	return onKind(t, kind{systems: usual(), kubelets: versions})
}

func onKind(t *testing.T, kind kind) *ground.Ground {
	t.Helper()
	g, err := hosts.start(kind)
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

func newOperator(t *testing.T, g *ground.Ground) *ground.Operator {
	t.Helper()
	o, err := g.NewOperator(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// do runs a program on a host that must succeed.
func do(t *testing.T, h *ground.Host, args ...string) string {
	t.Helper()
	out, err := h.Do(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mainProcess returns the /proc directory of a unit's main process, once it is the program:
// systemd reports "active" after the fork, before the mounts and the sandbox are made.
func mainProcess(t *testing.T, h *ground.Host, unit, program string) string {
	t.Helper()
	directory := ""
	eventually(t, func() error {
		show, err := h.Show(t.Context(), unit, "MainPID")
		if err != nil {
			return err
		}
		directory = "/proc/" + show["MainPID"]
		r, err := h.Run(t.Context(), "readlink", directory+"/exe")
		if err == nil && r.Out != program+"\n" {
			err = fmt.Errorf("%s has process %s, which runs %q", unit, show["MainPID"], r.Out)
		}
		return err
	})
	return directory
}

// patience is longer than any step takes on a busy machine.
const patience = 3 * time.Minute

// eventually calls ask until it returns nil.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	t.Fatalf("not within %s: %v", patience, err)
}
