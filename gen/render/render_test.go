package render

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/pki"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func cluster() *spec.Cluster {
	key := spec.Key{Algo: "ecdsa", Size: 256}
	leaf := func(profile string) spec.Leaf {
		return spec.Leaf{Subject: spec.Subject{CN: "system:kube-controller-manager"}, Key: key, Profile: profile, SANs: spec.SANs{Nodes: "own"}}
	}
	d := "/etc/k/"
	return &spec.Cluster{
		Name: "test", Version: spec.Version{Minor: 37}, Layout: spec.Systemd, Hardened: true, Generations: true,
		Nodes:     []spec.Node{{Name: "a", Arch: "amd64", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}},
		APIServer: spec.APIServer{Endpoint: "node", Port: 6443},
		Flags:     spec.Settings{},
		PKI: spec.PKI{
			CA: spec.Authority{Subject: spec.Subject{CN: "ca"}, Key: key, Expiry: 87600 * time.Hour}, ServiceAccount: spec.ServiceAccount{Key: key},
			Separate: true, Client: leaf("x"), Serving: leaf("x"),
			Profiles: map[string]spec.SigningProfile{"x": {Usages: []string{"client auth", "server auth"}, Expiry: 8760 * time.Hour}},
		},
		Kubeconfig: spec.Kubeconfig{Cluster: "k", User: "u", Context: "c"},
		Paths: spec.Paths{
			Dir: "/etc/k", CA: d + "ca.crt", CAKey: d + "ca.key", TLSCert: d + "kube-controller-manager.crt", TLSKey: d + "kube-controller-manager.key",
			Kubeconfig: d + "controller-manager.conf", ServiceAccountKey: d + "sa.key", FrontProxyCA: d + "front-proxy-ca.crt",
			Binary: "/usr/local/bin/kcm", Programs: "/usr/local/lib/kcmgen", Unit: "/etc/systemd/system/kcm.service", Manifest: "/etc/manifests/kcm.yaml", Generations: "/etc/g",
		},
		Pod: spec.Pod{Image: "x", HostNetwork: true, Liveness: &spec.Probe{PeriodSeconds: 1}},
	}
}

// rendered renders a cluster with the given keys.
func rendered(t *testing.T, c *spec.Cluster, b keys.Bundle) *Output {
	t.Helper()
	p, err := plan.New(c, b, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	made, err := pki.Issue(t.Context(), p, b, now)
	if err != nil {
		t.Fatal(err)
	}
	for id, pair := range made {
		b[id] = pair
	}
	out, err := Tree(p, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestGeneration: a generation's name changes if and only if the host changes.
func TestGeneration(t *testing.T) {
	b := keys.Bundle{}
	first := rendered(t, cluster(), b).Generations["a"]
	for name, tc := range map[string]struct {
		change  func(*spec.Cluster)
		another bool
	}{
		"nothing": {func(*spec.Cluster) {}, false},
		"a node elsewhere": {func(c *spec.Cluster) {
			c.Nodes = append(c.Nodes, spec.Node{Name: "b", Arch: "amd64", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.2")}})
		}, false},
		"ssh":               {func(c *spec.Cluster) { c.Nodes[0].SSH.User = "x" }, false},
		"a flag":            {func(c *spec.Cluster) { c.Flags["v"] = spec.Setting{Value: "4"} }, true},
		"the endpoint":      {func(c *spec.Cluster) { c.APIServer.Port = 8443 }, true},
		"a kubeconfig name": {func(c *spec.Cluster) { c.Kubeconfig.Context = "x" }, true},
		"a certificate":     {func(c *spec.Cluster) { c.PKI.Serving.Subject.OU = "x" }, true},
		"a client key":      {func(c *spec.Cluster) { c.PKI.Client.Key.Size = 384 }, true},
		"a path":            {func(c *spec.Cluster) { c.Paths.CA = "/etc/other/ca.crt" }, true},
		"the unit's path":   {func(c *spec.Cluster) { c.Paths.Unit = "/etc/systemd/system/other.service" }, true},
		"a directive":       {func(c *spec.Cluster) { c.Unit.Service = []spec.Directive{{Name: "Nice", Value: "1"}} }, true},
		"the layout":        {func(c *spec.Cluster) { c.Layout = spec.StaticPod }, true},
		"one file less": {func(c *spec.Cluster) {
			c.Flags["tls-cert-file"], c.Flags["tls-private-key-file"] = spec.Setting{Omit: true}, spec.Setting{Omit: true}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster()
			tc.change(c)
			copied := keys.Bundle{}
			for id, pair := range b {
				copied[id] = pair
			}
			if got := rendered(t, c, copied).Generations["a"]; (got != first) != tc.another {
				t.Errorf("generation %s, first was %s; want another: %v", got, first, tc.another)
			}
		})
	}
}

// TestMounts: the whole directory is bound only if nothing else is in it.
func TestMounts(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*spec.Cluster)
		whole  bool
	}{
		"nothing else":           {func(*spec.Cluster) {}, true},
		"a file elsewhere":       {func(c *spec.Cluster) { c.Paths.CA = "/etc/other/ca.crt" }, false},
		"a file of the host":     {func(c *spec.Cluster) { c.Flags["cloud-config"] = spec.Setting{Value: "/etc/k/cloud.conf"} }, false},
		"a directory of its own": {func(c *spec.Cluster) { c.Flags["cert-dir"] = spec.Setting{Value: "/etc/k"} }, false},
		"the binary":             {func(c *spec.Cluster) { c.Paths.Binary = "/etc/k/bin" }, false},
		"the working directory": {func(c *spec.Cluster) {
			c.Unit.Service = []spec.Directive{{Name: "WorkingDirectory", Value: "-/etc/k/run"}}
		}, false},
		"the key of another name": {func(c *spec.Cluster) { c.Flags["tls-sni-cert-key"] = spec.Setting{Value: "/x/a.crt,/etc/k/a.key:a.b"} }, false},
		"a file bound into it": {func(c *spec.Cluster) {
			c.Unit.Service = []spec.Directive{{Name: "BindPaths", Value: "-/srv/x:/etc/k/x:norbind"}}
		}, false},
		"a directory of a like name": {func(c *spec.Cluster) {
			c.Unit.Service = []spec.Directive{{Name: "ReadWritePaths", Value: "/etc/kcm"}}
		}, true},
		"a pod's volume":  {func(c *spec.Cluster) { c.Pod.Volumes = []spec.Volume{{MountPath: "/etc/k/x"}} }, false},
		"the generations": {func(c *spec.Cluster) { c.Paths.Generations = "/etc/k/g" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster()
			tc.change(c)
			e, _ := rendered(t, c, keys.Bundle{}).Tree.Get("nodes/a/etc/systemd/system/kcm.service")
			n := strings.Count(string(e.Data), "BindReadOnlyPaths=")
			if (n == 1) != tc.whole {
				t.Errorf("%d mounts; want the whole directory: %v\n%s", n, tc.whole, e.Data)
			}
		})
	}
}

// TestEndpoint: the server in the kubeconfig.
func TestEndpoint(t *testing.T) {
	six := netip.MustParseAddr("fd00::1")
	for want, change := range map[string]func(*spec.Cluster){
		"https://10.0.0.1:6443":  func(*spec.Cluster) {},
		"https://[fd00::1]:6443": func(c *spec.Cluster) { c.Nodes[0].Addresses[0] = six },
		"https://127.0.0.1:6443": func(c *spec.Cluster) { c.APIServer.Endpoint = "local" },
		"https://[::1]:6443":     func(c *spec.Cluster) { c.APIServer.Endpoint = "local"; c.Nodes[0].Addresses[0] = six },
		"https://api.x:8443": func(c *spec.Cluster) {
			c.APIServer = spec.APIServer{Endpoint: "loadBalancer", Address: "api.x", Port: 8443}
		},
		"https://[fd00::9]:6443": func(c *spec.Cluster) { c.APIServer = spec.APIServer{Endpoint: "vip", Address: "fd00::9", Port: 6443} },
	} {
		c := cluster()
		change(c)
		if got := c.Endpoint(&c.Nodes[0]); got != want {
			t.Errorf("endpoint is %s, want %s", got, want)
		}
	}
}

// TestProbe: the kubelet probes the address where the process listens, if it does.
func TestProbe(t *testing.T) {
	for want, change := range map[string]func(*spec.Cluster){
		"host: 127.0.0.1": func(*spec.Cluster) {},
		"host: 10.0.0.1":  func(c *spec.Cluster) { c.Flags["bind-address"] = spec.Setting{Value: "10.0.0.1"} },
		"port: 10999":     func(c *spec.Cluster) { c.Flags["secure-port"] = spec.Setting{Value: "10999"} },
		"!livenessProbe":  func(c *spec.Cluster) { c.Flags["secure-port"] = spec.Setting{Value: "0"} },
		"!host: 1":        func(c *spec.Cluster) { c.Pod.HostNetwork = false },
	} {
		c := cluster()
		c.Layout = spec.StaticPod
		change(c)
		e, _ := rendered(t, c, keys.Bundle{}).Tree.Get("nodes/a/etc/manifests/kcm.yaml")
		text, absent := strings.CutPrefix(want, "!")
		if strings.Contains(string(e.Data), text) == absent {
			t.Errorf("want %q in\n%s", want, e.Data)
		}
	}
}
