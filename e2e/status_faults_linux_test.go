package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// mayRestart is what every fault that restarts the process by hand may show.
var mayRestart = []string{"restarts", "leader-changes"}

// edited are findings of an edited generation.
func edited(more ...string) []string { return append(append(more, "files-differ"), mayRestart...) }

func statusFaults() []statusFault {
	return []statusFault{
		{"down", onStandby("not-running", `systemctl stop "$2"`, `systemctl start "$2"`), mayRestart},
		{"a drop-in", onStandby("drop-in", `mkdir "$1.d"; printf '[Service]\nNice=5\n' >"$1.d/50-own.conf"; systemctl daemon-reload`, `rm -r "$1.d"; systemctl daemon-reload`), nil},
		{"an edited unit", onStandby("unit-foreign", `cp -a "$1" /run/kept; echo "# by hand" >>"$1"`, `cp -a /run/kept "$1"; systemctl daemon-reload`), []string{"not-restarted"}},
		{"not restarted", onStandby("not-restarted", `cp -a "$1" /run/kept
			sed -i s/--node-cidr-mask-size=24/--node-cidr-mask-size=25/ "$1"; systemctl daemon-reload; systemctl restart "$2"
			cp -a /run/kept "$1"; systemctl daemon-reload`, `systemctl restart "$2"`), mayRestart},
		{"a node without a podCIDR", nodeWithoutCIDR, []string{"no-leader", "not-running", "apiserver-away", "restarts", "leader-changes"}},
		{"a leader that does nothing", idleLeader, append([]string{"unit-foreign", "not-running", "not-restarted"}, mayRestart...)},

		{"its process hangs", onStandby("healthz", `kill -STOP "$(systemctl show "$2" -p MainPID --value)"`, `kill -CONT "$(systemctl show "$2" -p MainPID --value)"`), append([]string{"metrics"}, mayRestart...)},
		{"another process", onStandby("other-process", `cp "$(command -v sleep)" /run/kube-controller-manager
			setsid /run/kube-controller-manager 1000 >/dev/null 2>&1 </dev/null & echo $! >/run/other`, `kill "$(cat /run/other)"`), mayRestart},
		{"restarts", onStandby("restarts", `kill -9 "$(systemctl show "$2" -p MainPID --value)"; sleep 3`, `systemctl restart "$2"`), []string{"not-running", "leader-changes"}},
		{"not started at boot", onStandby("not-enabled", `systemctl disable "$2"`, `systemctl enable "$2"`), mayRestart},
		{"a changed file", onStandby("files-differ", `f=$(ls /etc/kubernetes/kcmgen/*/ca.crt | head -n 1); cp -a "$f" /run/kept; echo >>"$f"`, `cp -a /run/kept "$(ls /etc/kubernetes/kcmgen/*/ca.crt | head -n 1)"`), mayRestart},
		{"a key that others may read", onStandby("files-differ", `chmod 644 /etc/kubernetes/kcmgen/*/sa.key`, `chmod 600 /etc/kubernetes/kcmgen/*/sa.key`), mayRestart},
		{"a clock a minute ahead", onStandby("clock", `printf '#!/bin/sh\nexec /bin/date -d "@$(($(/bin/date +%%s) + 60))" "$@"\n' >/usr/local/bin/date; chmod 755 /usr/local/bin/date`, `rm /usr/local/bin/date`), mayRestart},
		{"no way to the apiserver", onStandby("apiserver-away", `ip route add blackhole 10.77.0.10/32`, `ip route del blackhole 10.77.0.10/32`), append([]string{"healthz", "not-running", "metrics"}, mayRestart...)},
		{"a host that is gone", unreachable, nil},
		{"no instance runs", noLeader, append([]string{"not-running"}, mayRestart...)},
		{"a foreign leader", foreignLeader, append([]string{"not-running", "healthz", "metrics"}, mayRestart...)},
		{"the wrong CA", kubeconfigFault("apiserver-untrusted", func(t *testing.T, s *scene) (ca, cert, key []byte) {
			_, cert, key = s.issue(t, "system:kube-controller-manager", -time.Hour, time.Hour)
			ca, _, _ = s.selfSigned(t)
			return ca, cert, key
		}), edited("certificate-ends")},
		{"an expired certificate", kubeconfigFault("certificate-expired", func(t *testing.T, s *scene) (ca, cert, key []byte) {
			return s.issue(t, "system:kube-controller-manager", -2*time.Hour, -time.Hour)
		}), edited("apiserver-unauthorized")},
		{"a certificate of another CA", kubeconfigFault("apiserver-unauthorized", func(t *testing.T, s *scene) (ca, cert, key []byte) {
			ca, _, _ = s.issue(t, "x", 0, time.Hour)
			_, cert, key = s.selfSigned(t)
			return ca, cert, key
		}), edited("certificate-ends")},
		{"a certificate that ends soon", kubeconfigFault("certificate-ends", func(t *testing.T, s *scene) (ca, cert, key []byte) {
			return s.issue(t, "system:kube-controller-manager", -time.Hour, 24*time.Hour)
		}), edited()},
		{"another user", kubeconfigFault("apiserver-forbidden", func(t *testing.T, s *scene) (ca, cert, key []byte) {
			return s.issue(t, "guest", -time.Hour, 400*24*time.Hour)
		}), edited()},
		{"etcd hangs", func(t *testing.T, s *scene, _ onHosts) (string, func()) {
			t.Helper()
			goOn, err := s.HangEtcd()
			return "apiserver", resume(t, goOn, err)
		}, append([]string{"no-leader", "apiserver-away", "healthz", "not-running", "metrics"}, mayRestart...)},
		{"no apiserver", func(t *testing.T, s *scene, _ onHosts) (string, func()) {
			t.Helper()
			s.StopAPI()
			return "apiserver", func() {
				if err := s.StartAPI(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}, append([]string{"apiserver-away", "healthz", "not-running", "metrics"}, mayRestart...)},
		{"a node outside the ranges", nodes("node-outside", "172.31.0.0/24"), append([]string{"log-error"}, mayRestart...)},
		{"two nodes with one range", nodes("nodes-overlap", "10.200.77.0/24", "10.200.77.0/24"), mayRestart},
		{"no more ranges", nodes("ranges-left", many("10.200.%d.0/24", 250)...), mayRestart},
	}
}

// resume returns what lets a process go on.
func resume(t *testing.T, goOn func() error, err error) func() {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := goOn(); err != nil {
			t.Error(err)
		}
	}
}

func unreachable(t *testing.T, _ *scene, on onHosts) (string, func()) {
	t.Helper()
	do(t, on.standby, "systemctl", "stop", "ssh")
	return "host-unreached@" + on.standby.Name, func() { do(t, on.standby, "systemctl", "start", "ssh") }
}

func noLeader(t *testing.T, s *scene, _ onHosts) (string, func()) {
	t.Helper()
	each := func(what string) {
		for _, h := range s.Hosts {
			do(t, h, "systemctl", what, unit)
		}
	}
	each("stop")
	return "no-leader", func() { each("start") }
}

// nodeWithoutCIDR makes a Node while no instance runs that would give it a range.
func nodeWithoutCIDR(t *testing.T, s *scene, on onHosts) (string, func()) {
	t.Helper()
	_, start := noLeader(t, s, on)
	post(t, s.Ground, "/api/v1/nodes", nodeObject("worker-1"))
	return "node-without-podcidr", func() {
		remove(t, s.Ground, "/api/v1/nodes/worker-1")
		start()
	}
}

func nodeObject(name string, cidr ...string) map[string]any {
	out := map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": name}}
	if len(cidr) > 0 {
		out["spec"] = map[string]any{"podCIDR": cidr[0], "podCIDRs": cidr}
	}
	return out
}

// nodes makes nodes with ranges.
func nodes(id string, cidrs ...string) func(*testing.T, *scene, onHosts) (string, func()) {
	return func(t *testing.T, s *scene, _ onHosts) (string, func()) {
		t.Helper()
		for i, cidr := range cidrs {
			post(t, s.Ground, "/api/v1/nodes", nodeObject(fmt.Sprint("worker-", i), cidr))
		}
		return id, func() {
			for i := range cidrs {
				remove(t, s.Ground, fmt.Sprint("/api/v1/nodes/worker-", i))
			}
		}
	}
}

func many(format string, n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}

func remove(t *testing.T, g *ground.Ground, path string) {
	t.Helper()
	if err := g.API(t.Context(), http.MethodDelete, path, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// foreignLeader gives the lease to a host that is none of the cluster's.
func foreignLeader(t *testing.T, s *scene, _ onHosts) (string, func()) {
	t.Helper()
	const path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager"
	var err error
	for range 20 { // its holder writes it, too
		var lease map[string]any
		if err := s.API(t.Context(), http.MethodGet, path, nil, &lease); err != nil {
			t.Fatal(err)
		}
		spec := lease["spec"].(map[string]any)
		spec["holderIdentity"], spec["leaseDurationSeconds"] = "stranger_0b5f", 3600
		spec["renewTime"] = time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00")
		if err = s.API(t.Context(), http.MethodPut, path, lease, nil); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return "foreign-leader", func() { remove(t, s.Ground, path) }
}

// idleLeader makes an instance lead that runs one controller, which has nothing to do.
func idleLeader(t *testing.T, s *scene, on onHosts) (string, func()) {
	t.Helper()
	do(t, on.standby, "sh", "-euc", `cp -a "$1" /run/kept; sed -i 's/--allocate-node-cidrs=true/& --controllers=ttl-after-finished-controller/' "$1"; grep -q -e '--controllers=ttl' "$1"
		systemctl daemon-reload; systemctl restart "$2"`, "sh", "/"+unitOnHost, unit)
	for _, h := range []*ground.Host{on.leader, on.other} {
		do(t, h, "systemctl", "stop", unit)
	}
	return "leader-idle@" + on.standby.Name, func() {
		do(t, on.standby, "sh", "-euc", `cp -a /run/kept "$1"; systemctl daemon-reload; systemctl restart "$2"`, "sh", "/"+unitOnHost, unit)
		for _, h := range []*ground.Host{on.leader, on.other} {
			do(t, h, "systemctl", "start", unit)
		}
	}
}

// kubeconfigFault gives a standby another kubeconfig, and restarts it.
func kubeconfigFault(id string, parts func(*testing.T, *scene) (ca, cert, key []byte)) func(*testing.T, *scene, onHosts) (string, func()) {
	return func(t *testing.T, s *scene, on onHosts) (string, func()) {
		t.Helper()
		file := filepath.Join("/", homeOnHost, s.exported(t, on.standby.Name), "controller-manager.conf")
		was := do(t, on.standby, "cat", file)
		text := was
		ca, cert, key := parts(t, s)
		for name, data := range map[string][]byte{"certificate-authority-data": ca, "client-certificate-data": cert, "client-key-data": key} {
			text = regexp.MustCompile(name+`: .*`).ReplaceAllLiteralString(text, name+": "+base64.StdEncoding.EncodeToString(data))
		}
		if text == was {
			t.Fatalf("%s has no such fields", file)
		}
		write := func(text string) {
			do(t, on.standby, "cp", "-a", file, "/run/kept")
			if err := on.standby.WriteFile(t.Context(), file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			do(t, on.standby, "sh", "-euc", `chown --reference=/run/kept "$1"; chmod --reference=/run/kept "$1"; systemctl reset-failed "$2"; systemctl restart "$2" || :`, "sh", file, unit)
		}
		write(text)
		return id + "@" + on.standby.Name, func() { write(was) }
	}
}

// issue returns the cluster's CA, and a client certificate that it has signed.
func (s *scene) issue(t *testing.T, user string, from, to time.Duration) (ca, cert, key []byte) {
	t.Helper()
	pki, err := filepath.Glob(filepath.Join(s.o.Repository, "out", "*", "pki"))
	if err != nil || len(pki) != 1 {
		t.Fatal(pki, err)
	}
	authority, err := tls.LoadX509KeyPair(filepath.Join(pki[0], "ca.crt"), filepath.Join(pki[0], "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	cert, key = sign(t, user, from, to, authority.Leaf, authority.PrivateKey)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate[0]}), cert, key
}

// selfSigned returns a CA of its own, as both CA and client.
func (s *scene) selfSigned(t *testing.T) (ca, cert, key []byte) {
	t.Helper()
	cert, key = sign(t, "system:kube-controller-manager", -time.Hour, 400*24*time.Hour, nil, nil)
	return cert, cert, key
}

// sign returns a client certificate and its key; without an authority it signs itself.
func sign(t *testing.T, user string, from, to time.Duration, ca *x509.Certificate, caKey any) (cert, key []byte) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: user},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if ca == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
		ca, caKey = template, own
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &own.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}

func post(t *testing.T, g *ground.Ground, path string, object map[string]any) {
	t.Helper()
	if err := g.API(t.Context(), http.MethodPost, path, object, nil); err != nil {
		t.Fatal(err)
	}
}
