package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestExample: the export of cue/example, copied to hosts by tar as in the README, is a
// kube-controller-manager that leads and works, on each host in turn and in its sandbox.
func TestExample(t *testing.T) {
	g := onGround(t)
	operator := newOperator(t, g)
	for _, h := range g.Hosts {
		if err := h.Extract(t.Context(), filepath.Join(operator.Repository, "out", "example", "nodes", h.Name)); err != nil {
			t.Fatal(err)
		}
		do(t, h, "systemctl", "daemon-reload")
		do(t, h, "systemctl", "enable", "--now", unit)
	}
	checkSandbox(t, g.Hosts)
	standing := slices.Clone(g.Hosts)
	for len(standing) > 0 {
		start := time.Now()
		i := leads(t, g, standing)
		h := standing[i]
		t.Logf("%s leads after %.1f s", h.Name, time.Since(start).Seconds())
		checkWork(t, g, h)
		checkCalm(t, g.Hosts)
		do(t, h, "systemctl", "stop", unit)
		standing = slices.Delete(standing, i, i+1)
	}
}

const unit = "kube-controller-manager"

// leads returns the index of the host that holds the lease and renews it.
func leads(t *testing.T, g *ground.Ground, hosts []*ground.Host) int {
	t.Helper()
	leader, first := -1, ground.Lease{}
	eventually(t, func() error {
		lease, err := g.Lease(t.Context())
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(lease.Holder, "_")
		leader = slices.IndexFunc(hosts, func(h *ground.Host) bool { return h.Name == name })
		switch {
		case leader < 0:
			return fmt.Errorf("the lease is held by %q", lease.Holder)
		case lease.Holder != first.Holder:
			first = lease
			return errors.New("it has just been taken")
		case !lease.Renewed.After(first.Renewed):
			return fmt.Errorf("%s doesn't renew it", lease.Holder)
		}
		return nil
	})
	return leader
}

// checkWork: a new Node gets its pod range, a Deployment its ReplicaSet, and that its pods.
func checkWork(t *testing.T, g *ground.Ground, leader *ground.Host) {
	t.Helper()
	const deployments = "/apis/apps/v1/namespaces/default/deployments"
	name := fmt.Sprintf("%s-%d", leader.Name, time.Now().UnixMilli())
	labels := map[string]any{"app": name}
	create(t, g, "/api/v1/nodes", map[string]any{
		"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": name},
	})
	create(t, g, deployments, map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"replicas": 2, "selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}},
			},
		},
	})
	eventually(t, func() error {
		var node struct {
			Spec struct{ PodCIDR netip.Prefix }
		}
		if err := g.API(t.Context(), http.MethodGet, "/api/v1/nodes/"+name, nil, &node); err != nil {
			return err
		}
		if cidr := node.Spec.PodCIDR; cidr.Bits() != 24 || !netip.MustParsePrefix("10.200.0.0/16").Contains(cidr.Addr()) {
			return fmt.Errorf("the node's pod range is %s", cidr)
		}
		var sets struct {
			Items []struct {
				Spec   struct{ Replicas int }
				Status struct{ Replicas int }
			}
		}
		if err := g.API(t.Context(), http.MethodGet, "/apis/apps/v1/namespaces/default/replicasets?labelSelector=app%3D"+name, nil, &sets); err != nil {
			return err
		}
		if len(sets.Items) != 1 || sets.Items[0].Spec.Replicas != 2 || sets.Items[0].Status.Replicas != 2 {
			return fmt.Errorf("the deployment's replica sets are %+v", sets.Items)
		}
		return nil
	})
}

// create makes an object that is deleted with the test.
func create(t *testing.T, g *ground.Ground, path string, object map[string]any) {
	t.Helper()
	if err := g.API(t.Context(), http.MethodPost, path, object, nil); err != nil {
		t.Fatal(err)
	}
	name := object["metadata"].(map[string]any)["name"].(string)
	t.Cleanup(func() {
		if err := g.API(context.Background(), http.MethodDelete, path+"/"+name+"?propagationPolicy=Background", nil, nil); err != nil {
			t.Error(err)
		}
	})
}

// checkSandbox: the unit runs with its exported settings.
func checkSandbox(t *testing.T, hosts []*ground.Host) {
	t.Helper()
	want := map[string]string{
		"ActiveState": "active", "ProtectSystem": "strict", "ProcSubset": "pid", "ProtectProc": "invisible",
		"MemoryDenyWriteExecute": "yes", "NoNewPrivileges": "yes", "PrivateDevices": "yes", "CapabilityBoundingSet": "",
	}
	for _, h := range hosts {
		process := mainProcess(t, h, unit, "/usr/local/bin/kube-controller-manager")
		names := []string{"SystemCallFilter"}
		for name := range want {
			names = append(names, name)
		}
		show, err := h.Show(t.Context(), unit, names...)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if show[name] != value {
				t.Errorf("%s: %s is %q, expected %q", h.Name, name, show[name], value)
			}
		}
		if filter := show["SystemCallFilter"]; !strings.Contains(filter, "read") || strings.Contains(filter, "reboot") {
			t.Errorf("%s: SystemCallFilter is %q", h.Name, filter)
		}
		// 2 is the kernel's value for a filter.
		if status := do(t, h, "cat", process+"/status"); !regexp.MustCompile(`(?m)^Seccomp:\s+2$`).MatchString(status) {
			t.Errorf("%s: no system calls are filtered:\n%s", h.Name, status)
		}
	}
}

// checkCalm: none was restarted, and none logs errors about certificates or rights.
func checkCalm(t *testing.T, hosts []*ground.Host) {
	t.Helper()
	trouble := regexp.MustCompile(`(?m)^.*(x509|forbidden|Unauthorized|Error retrieving resource lock|operation not permitted|permission denied).*$`)
	for _, h := range hosts {
		if show, err := h.Show(t.Context(), unit, "NRestarts", "Result"); err != nil || show["NRestarts"] != "0" || show["Result"] != "success" {
			t.Errorf("%s: %v, %v", h.Name, show, err)
		}
		log, err := h.Journal(t.Context(), unit)
		if err != nil || !strings.Contains(log, "Serving securely") {
			t.Errorf("%s never served: %v\n%s", h.Name, err, log)
		}
		if lines := trouble.FindAllString(log, 5); lines != nil {
			t.Errorf("%s complains:\n%s", h.Name, strings.Join(lines, "\n"))
		}
	}
}
