package logs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/logs"
)

// errorLines are lines of real errors by their ID, in the form that v1.37 gives them, unless
// another version is named. They have no header: see lines.
var errorLines = map[string][]string{
	"lease-lost": {
		`controllermanager.go:413] "leaderelection lost/stopped"`,
		`controllermanager.go:444] "migration leaderelection lost/stopped"`,
		`controllermanager.go:302] "leaderelection lost"`, // v1.28
	},
	"aggregated-api": {
		`resource_quota_controller.go:446] "Unhandled Error" err="unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1" logger="UnhandledError"`,
		`resource_quota_controller.go:446] "Unhandled Error" err="error trying to reach service: x509: certificate signed by unknown authority" logger="UnhandledError"`,
		`reflector.go:227] "Failed to watch" err="failed to list *v1.PartialObjectMetadata: x509: certificate has expired or is not yet valid: current time 2026-11-30T14:28:12Z is after 2026-11-01T00:00:00Z" logger="UnhandledError" type="*v1.PartialObjectMetadata"`,
	},
	"webhook": {
		`deployment_controller.go:516] "Unhandled Error" err="Internal error occurred: failed calling webhook \"pods.example.com\": failed to call webhook: Post \"https://hook.default.svc:443/mutate?timeout=10s\": dial tcp 10.96.12.7:443: connect: connection refused" logger="UnhandledError"`,
		`replica_set.go:640] "Unhandled Error" err="sync \"default/web-5d9\" failed with Internal error occurred: failed calling webhook \"pods.example.com\": failed to call webhook: Post \"https://hook.default.svc:443/mutate?timeout=10s\": tls: failed to verify certificate: x509: certificate signed by unknown authority" logger="UnhandledError"`,
		`replica_set.go:640] "Unhandled Error" err="sync \"default/web-5d9\" failed with Internal error occurred: failed calling webhook \"pods.example.com\": failed to call webhook: Post \"https://hook.default.svc:443/mutate?timeout=10s\": context deadline exceeded" logger="UnhandledError"`,
		`reflector.go:227] "Failed to watch" err="failed to list *v1.PartialObjectMetadata: conversion webhook for example.com/v1, Kind=Thing failed: Post \"https://hook.default.svc:443/convert?timeout=30s\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-30T14:28:12Z is after 2026-11-01T00:00:00Z" logger="UnhandledError" reflector="k8s.io/client-go/metadata/metadatainformer/informer.go:144" type="*v1.PartialObjectMetadata"`,
	},
	"client-refused": {
		`authentication.go:76] "Unable to authenticate the request" err="[x509: certificate signed by unknown authority, verifying certificate SN=1, SKID=, AKID= failed: x509: certificate signed by unknown authority]"`,
		`authentication.go:76] "Unable to authenticate the request" err="[x509: certificate has expired or is not yet valid: current time 2026-11-30T14:28:12Z is after 2026-11-01T00:00:00Z, verifying certificate SN=1, SKID=, AKID= failed: x509: certificate has expired or is not yet valid: current time 2026-11-30T14:28:12Z is after 2026-11-01T00:00:00Z]"`,
	},
	"unauthorized": {
		`leaderelection.go:439] "Error retrieving lease lock" err="Unauthorized" lock="kube-system/kube-controller-manager"`,
		`leaderelection.go:332] error retrieving resource lock kube-system/kube-controller-manager: Unauthorized`, // v1.28
		`reflector.go:227] "Failed to watch" err="failed to list *v1.Node: Unauthorized" logger="UnhandledError" reflector="k8s.io/client-go/informers/factory.go:161" type="*v1.Node"`,
		`run.go:72] "command failed" err="unable to load configmap based request-header-client-ca-file: Unauthorized"`,
	},
	"certificate-expired": {
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://10.77.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-30T14:28:12Z is after 2026-11-01T00:00:00Z" lock="kube-system/kube-controller-manager"`,
	},
	"apiserver-untrusted": {
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://10.77.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\" while trying to verify candidate authority certificate \"kubernetes\")" lock="kube-system/kube-controller-manager"`,
	},
	"apiserver-name": {
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://10.77.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": tls: failed to verify certificate: x509: certificate is valid for 10.96.0.1, 10.77.0.11, not 10.77.0.10" lock="kube-system/kube-controller-manager"`,
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://10.77.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": tls: failed to verify certificate: x509: cannot validate certificate for 10.77.0.10 because it doesn't contain any IP SANs" lock="kube-system/kube-controller-manager"`,
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://api:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": tls: failed to verify certificate: x509: certificate is not valid for any names, but wanted to match api" lock="kube-system/kube-controller-manager"`,
	},
	"forbidden": {
		`reflector.go:227] "Failed to watch" err="failed to list *v1.Node: nodes is forbidden: User \"system:kube-controller-manager\" cannot list resource \"nodes\" in API group \"\" at the cluster scope" logger="UnhandledError" reflector="k8s.io/client-go/informers/factory.go:161" type="*v1.Node"`,
		`reflector.go:148] k8s.io/client-go/informers/factory.go:150: Failed to watch *v1.Node: failed to list *v1.Node: nodes is forbidden: User "system:kube-controller-manager" cannot list resource "nodes" in API group "" at the cluster scope`, // v1.28
		`leaderelection.go:439] "Error retrieving lease lock" err="leases.coordination.k8s.io \"kube-controller-manager\" is forbidden: User \"system:kube-controller-manager\" cannot get resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"kube-system\"" lock="kube-system/kube-controller-manager"`,
	},
	"no-ranges-left": {
		`range_allocator.go:257] "Error processing node work item" err="error syncing 'cp-3': failed to allocate cidr from cluster cidr at idx:0: CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range, requeuing" logger="UnhandledError"`,
	},
	"podcidr-outside": {
		`controllermanager.go:637] "Error initializing a controller" err="failed to mark cidr[10.9.0.0/24] at idx [0] as occupied for node: cp-3: cidr 10.9.0.0/24 is out the range of cluster cidr 10.244.0.0/16" controller="node-ipam-controller"`,
		`controllermanager.go:637] "Error initializing a controller" err="node:cp-3 has an allocated cidr: fd00::/64 at index:1 that does not exist in cluster cidrs configuration" controller="node-ipam-controller"`,
	},
	"quota": {
		`replica_set.go:640] "Unhandled Error" err="sync \"default/web-5d9\" failed with pods \"web-5d9-\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4" logger="UnhandledError"`,
	},
	"signing-key": {
		`controllermanager.go:637] "Error initializing a controller" err="failed to init kubernetes.io/kubelet-serving certificate controller: error reading CA cert file \"/etc/kubernetes/ca.crt\": open /etc/kubernetes/ca.crt: no such file or directory" controller="certificatesigningrequest-signing-controller"`,
		`controllermanager.go:637] "Error initializing a controller" err="failed to init kubernetes.io/kubelet-serving certificate controller: error reading CA cert file \"csr-controller::/etc/kubernetes/ca.crt::/etc/kubernetes/ca.key\": expected 1 certificate, found 2" controller="certificatesigningrequest-signing-controller"`,
		`controllermanager.go:637] "Error initializing a controller" err="failed to init kubernetes.io/kubelet-serving certificate controller: error reading CA cert file \"/etc/kubernetes/ca.crt\": tls: private key does not match public key" controller="certificatesigningrequest-signing-controller"`,
		`controllermanager.go:590] "Error starting controller" err="failed to start kubernetes.io/kubelet-serving certificate controller: error reading CA key file \"/etc/kubernetes/ca.key\"" controller="csrsigning"`, // v1.26
	},
	"key-pair": {
		`run.go:72] "command failed" err="tls: private key does not match public key"`,
		`dynamic_serving_content.go:204] "Unhandled Error" err="key failed with : tls: private key does not match public key" logger="UnhandledError"`,
	},
	"unknown-flag": {"Error: unknown flag: --pod-eviction-timeout", "Error: unknown shorthand flag: 'x' in -x"},
	"bad-value": {
		`Error: invalid argument "yes" for "--leader-elect" flag: strconv.ParseBool: parsing "yes": invalid syntax`,
		`run.go:72] "command failed" err="unrecognized feature gate: RotateEverything"`,
		`run.go:72] "command failed" err="cannot set feature gate ExecProbeTimeout to false, feature is locked to true"`,
		`run.go:72] "command failed" err="cannot set feature gate New to true, feature is PreAlpha at emulated version 1.36, min compatibility version 1.35"`,
	},
	"port-taken": {
		`run.go:72] "command failed" err="failed to create listener: failed to listen on 0.0.0.0:10257: listen tcp 0.0.0.0:10257: bind: address already in use"`,
	},
	"port-denied": {
		`run.go:72] "command failed" err="failed to create listener: failed to listen on 127.0.0.1:22: listen tcp 127.0.0.1:22: bind: permission denied"`,
		`run.go:72] "command failed" err="failed to create listener: failed to listen on 10.9.9.9:10257: listen tcp 10.9.9.9:10257: bind: cannot assign requested address"`,
	},
	"no-file": {
		`run.go:72] "command failed" err="stat /etc/kubernetes/controller-manager.conf: no such file or directory"`,
		`run.go:72] "command failed" err="open /etc/kubernetes/ca.crt: permission denied"`,
		`run.go:72] "command failed" err="invalid configuration: [unable to read client-cert /etc/kubernetes/kcm.crt for default-user due to open /etc/kubernetes/kcm.crt: no such file or directory, unable to read client-key /etc/kubernetes/kcm.key for default-user due to open /etc/kubernetes/kcm.key: no such file or directory]"`,
		`controllermanager.go:637] "Error initializing a controller" err="error reading key for service account token controller: open /etc/kubernetes/sa.key: permission denied" controller="serviceaccount-token-controller"`,
	},
	"etcd-slow": {
		`leaderelection.go:480] "Failed to update lease" err="etcdserver: request timed out" lock="kube-system/kube-controller-manager"`,
		`leaderelection.go:480] "Failed to update lease" err="etcdserver: leader changed" lock="kube-system/kube-controller-manager"`,
		`leaderelection.go:480] "Failed to update lease" err="rpc error: code = Unavailable desc = etcdserver: no leader" lock="kube-system/kube-controller-manager"`,
	},
	"apiserver-away": {
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://10.77.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": dial tcp 10.77.0.10:6443: connect: connection refused" lock="kube-system/kube-controller-manager"`,
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://10.77.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": context deadline exceeded" lock="kube-system/kube-controller-manager"`,
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://api:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": dial tcp: lookup api: no such host" lock="kube-system/kube-controller-manager"`,
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://10.77.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": net/http: TLS handshake timeout" lock="kube-system/kube-controller-manager"`,
		`leaderelection.go:439] "Error retrieving lease lock" err="Get \"https://10.77.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s\": net/http: request canceled (Client.Timeout exceeded while awaiting headers)" lock="kube-system/kube-controller-manager"`,
		`reflector.go:227] "Failed to watch" err="Get \"https://10.77.0.10:6443/api/v1/nodes?watch=true\": dial tcp 10.77.0.10:6443: i/o timeout" logger="UnhandledError" reflector="k8s.io/client-go/informers/factory.go:161" type="*v1.Node"`,
		`reflector.go:227] "Failed to watch" err="Get \"https://10.77.0.10:6443/api/v1/nodes?watch=true\": dial tcp 10.77.0.10:6443: connect: no route to host" logger="UnhandledError" reflector="k8s.io/client-go/informers/factory.go:161" type="*v1.Node"`,
		`reflector.go:227] "Failed to watch" err="Get \"https://10.77.0.10:6443/api/v1/nodes?watch=true\": read tcp 10.77.0.10:51000->10.77.0.10:6443: read: connection reset by peer" logger="UnhandledError" reflector="k8s.io/client-go/informers/factory.go:161" type="*v1.Node"`,
		`run.go:72] "command failed" err="unable to load configmap based request-header-client-ca-file: Get \"https://10.77.0.10:6443/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication\": dial tcp 10.77.0.10:6443: connect: connection refused"`,
	},
}

// lines returns a line of errorLines as klog's text and, if it is structured, as JSON, with
// a severity.
func lines(t *testing.T, text string, severity byte) []string {
	t.Helper()
	if strings.HasPrefix(text, "Error: ") { // before there is a log
		return []string{text}
	}
	out := []string{string(severity) + "1130 14:28:12.592505  100129 " + text}
	parts := regexp.MustCompile(`^(\S+)\] ("(?:[^"\\]|\\.)*")(?: err=("(?:[^"\\]|\\.)*"))?`).FindStringSubmatch(text)
	if parts == nil {
		return out
	}
	quoted := func(klogs string) string {
		plain, err := strconv.Unquote(klogs)
		if err != nil {
			t.Fatalf("%s: %v", klogs, err)
		}
		again, err := json.Marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		return string(again)
	}
	line := `{"ts":1796048892592.505,"caller":"app/` + parts[1] + `","msg":` + quoted(parts[2])
	if severity == 'I' {
		line += `,"v":2`
	}
	if parts[3] != "" {
		line += `,"err":` + quoted(parts[3])
	}
	return append(out, line+"}")
}

// TestExplain: every known error is found in its lines, as text and as JSON, and each is
// found in some.
func TestExplain(t *testing.T) {
	for id, all := range errorLines {
		for _, text := range all {
			for _, line := range lines(t, text, 'E') {
				if got := logs.Explain(line); got == nil || got.ID != id {
					t.Errorf("%s\nis %+v, want %s", line, got, id)
				}
			}
			for _, line := range lines(t, text, 'I') {
				if got := logs.Explain(line); got != nil && !strings.HasPrefix(text, "Error: ") {
					t.Errorf("%s\nis %s, but it is no error", line, got.ID)
				}
			}
		}
	}
	seen := map[string]bool{}
	for _, k := range logs.All() {
		if len(errorLines[k.ID]) == 0 || seen[k.ID] {
			t.Errorf("%s has no line of its own here, or is there twice", k.ID)
		}
		seen[k.ID] = true
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(k.ID) || k.Means == "" || k.Hint == "" || strings.HasSuffix(k.Means+k.Hint, ".") || strings.Contains(k.Means+k.Hint, "\n") {
			t.Errorf("%s: %q, %q", k.ID, k.Means, k.Hint)
		}
	}
	for id := range errorLines {
		if !seen[id] {
			t.Errorf("%s isn't known", id)
		}
	}
}

// TestHarmless: no line of a leader's start is explained, and it tells of one election. Nor
// are other lines that only look like errors.
func TestHarmless(t *testing.T) {
	text, err := os.ReadFile("testdata/leader.log") // of v1.37.1, on a test's host
	if err != nil {
		t.Fatal(err)
	}
	n, elections := 0, 0
	now := time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		n++
		is := logs.Parse(line, now)
		if got := logs.Explain(line); got != nil {
			t.Errorf("%s\nis %s", line, got.ID)
		}
		if !strings.Contains("IWE", string(is.Severity)) || is.Time.Format(time.DateOnly) != "2026-11-30" {
			t.Errorf("%s\nis %q at %s", line, is.Severity, is.Time)
		}
		if is.Leads() != logs.NoChange {
			elections++
		}
	}
	if n < 50 || elections != 1 {
		t.Errorf("%d lines, of %d elections", n, elections)
	}
	for _, line := range []string{
		`I1130 14:28:12.592505  100129 flags.go:64] FLAG: --feature-gates="unrecognized feature gate, unknown flag: , connection refused"`,
		`FLAG: --x="connection refused"`,
		`I1130 14:28:12.592505  100129 log.go:245] http: TLS handshake error from 10.0.0.9:51000: read tcp 10.0.0.1:10257->10.0.0.9:51000: read: connection reset by peer`,
		`I1130 14:28:12.592505  100129 leaderelection.go:429] "Failed to update lease optimistically, falling back to slow path" lock="kube-system/kube-controller-manager" err="context deadline exceeded"`,
		`{"ts":1796048892592.505,"caller":"leaderelection/leaderelection.go:304","msg":"Failed to renew lease","v":0,"lock":"kube-system/kube-controller-manager","err":"context deadline exceeded"}`,
		`{"ts":1796048892592.505,"caller":"prometheus/processstarttime.go:40","msg":"Could not get process start time, open /proc/stat: no such file or directory\n"}`,
		`E1130 14:28:12.592505  100129 plugins.go:585] "Error initializing dynamic plugin prober" err="error (re-)creating driver directory: mkdir /usr/libexec/kubernetes: permission denied"`,
		`E1130 14:28:12.592505  100129 core.go:105] "Failed to start service controller" err="WARNING: no cloud provider provided, services of type LoadBalancer will fail"`, // v1.28
		`E1130 14:28:12.592505  100129 replica_set.go:640] "Unhandled Error" err="sync \"default/web-5d9\" failed with Operation cannot be fulfilled on replicasets.apps \"web-5d9\": the object has been modified; please apply your changes to the latest version and try again" logger="UnhandledError"`,
		`E1130 14:28:12.592505  100129 replica_set.go:640] "Unhandled Error" err="sync \"default/web-5d9\" failed with pods \"web-5d9-\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true" logger="UnhandledError"`,
		"", "\x00", "goroutine 1 [running]:",
	} {
		if got := logs.Explain(line); got != nil {
			t.Errorf("%s\nis %s", line, got.ID)
		}
	}
}

// TestTable: the documentation has each known error, as it is told.
func TestTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range logs.All() {
		if row := fmt.Sprintf("| `%s` | %s | %s |", k.ID, k.Means, k.Hint); !strings.Contains(string(page), row) {
			t.Errorf("docs/status.md lacks: %s", row)
		}
	}
}
