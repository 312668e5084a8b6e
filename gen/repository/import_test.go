package repository

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/flags"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// importText imports one file.
func importText(t *testing.T, name, text string, change func(*Import)) *Imported {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r := Import{
		Dir: filepath.Join(dir, "site"), Name: "site", Module: "example.com/clusters@v0", Kcmgen: "(devel)", Now: now,
		Stdin: strings.NewReader(""),
	}
	if err := r.Take(nil, []string{file}, "cp-1=10.0.0.11"); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&r)
	}
	done, err := r.Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return done
}

// randomFlag returns a value that a flag may have; false for flags that need others.
func randomFlag(r *rand.Rand, d flags.Def) (string, bool) {
	switch {
	case d.Deprecated, strings.Contains(d.Name, "signing"), strings.HasPrefix(d.Name, "tls-"), d.Name == "emulated-version", d.Name == "min-compatibility-version", d.Name == "version", d.Name == "help",
		strings.HasPrefix(d.Name, "log-"), d.Name == "vmodule", d.Name == "allow-metric-labels", d.Name == "disabled-metrics", d.Name == "show-hidden-metrics-for-version":
		return "", false
	case d.Name == "cluster-cidr":
		return []string{"10.200.0.0/16", "10.200.0.0/14", "fd00::/48"}[r.IntN(3)], true
	case d.Name == "service-cluster-ip-range":
		return "10.32.0.0/16", true
	case d.Name == "controllers":
		return []string{"*", "*,-ttl-controller", "*,bootstrap-signer-controller"}[r.IntN(3)], true
	case d.Name == "feature-gates":
		return "AllBeta=false", true
	case d.Name == "bind-address":
		return []string{"127.0.0.1", "10.0.0.11", "::1"}[r.IntN(3)], true
	case len(d.Allowed) > 0:
		return d.Allowed[r.IntN(len(d.Allowed))], true
	case d.Type == "bool":
		return []string{"true", "false"}[r.IntN(2)], true
	case d.Type == "duration":
		return []string{"30s", "5m0s", "1h30m", "2s"}[r.IntN(4)], true
	case strings.HasPrefix(d.Type, "int") && d.Type != "int32Slice", strings.HasPrefix(d.Type, "float"):
		return d.Default, d.Default != ""
	case strings.HasSuffix(d.Name, "-file"), strings.HasSuffix(d.Name, "kubeconfig"), strings.HasSuffix(d.Name, "-dir"):
		return "/etc/kubernetes/" + []string{"a.pem", "pki/b.crt", "c"}[r.IntN(3)], true
	case d.Type == "string" && !strings.Contains(d.Name, "cidr"):
		return []string{"plain", "two words", `a"b`, "it's", `back\slash`, "50%", "$HOME", "#x", "ü"}[r.IntN(9)], d.Name == "cluster-name"
	}
	return "", false
}

// unitArg quotes an argument for ExecStart.
func unitArg(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(s) + `"`
}

// TestImportedExportsTheSame: random units and pods, imported, export the arguments that they
// had.
func TestImportedExportsTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(18, 1))
	for i := range 40 {
		minor := []int{28, 34, 37}[i%3]
		var args []string
		for _, d := range flags.Of(minor).Flags {
			if v, ok := randomFlag(r, d); ok && r.IntN(3) == 0 {
				args = append(args, "--"+d.Name+"="+v)
			}
		}
		r.Shuffle(len(args), func(a, b int) { args[a], args[b] = args[b], args[a] })
		name, text := "kcm.service", unitOf(args, r)
		if i%2 == 1 {
			name, text = "kcm.yaml", podOf(args, minor)
		}
		t.Run(fmt.Sprintf("%d %s", i, name), func(t *testing.T) {
			done := importText(t, name, text, func(in *Import) { in.Version = fmt.Sprintf("v1.%d", minor) })
			if !done.Same || done.RoundTrips[0].Arguments.Of != len(args) {
				source, _ := os.ReadFile(done.File)
				t.Errorf("%+v\n%+v\n%s\n%s", done.RoundTrips, done.ProofFindings, text, source)
			}
		})
	}
}

func unitOf(args []string, r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("[Unit]\nDescription=A  unit\n")
	if r.IntN(2) == 0 {
		b.WriteString("After=network.target etcd.service\nAfter=b.service\n")
	}
	b.WriteString("[Service]\nUser=kube\nExecStart=/usr/bin/kube-controller-manager")
	for _, a := range args {
		b.WriteString(" \\\n  " + unitArg(a))
	}
	b.WriteString("\nRestart=on-failure\nLimitNOFILE=65536\nEnvironment=A=b \"C=d e\"\n")
	return b.String()
}

func podOf(args []string, minor int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-controller-manager\n  namespace: kube-system\n  annotations: {a.b/c: \"1\"}\nspec:\n  hostNetwork: true\n  tolerations: [{operator: Exists}]\n  containers:\n  - name: kube-controller-manager\n    image: registry.k8s.io/kube-controller-manager:v1.%d.1\n    env: [{name: A, value: \"b\"}]\n    command:\n    - kube-controller-manager\n", minor)
	for _, a := range args {
		fmt.Fprintf(&b, "    - %q\n", strings.ReplaceAll(a, "$", "$$"))
	}
	b.WriteString("    volumeMounts: [{name: logs, mountPath: /var/log/kcm}]\n  volumes: [{name: logs, hostPath: {path: /var/log/kcm, type: DirectoryOrCreate}}]\n")
	return b.String()
}

// TestRoundTripFindsDifferences: the comparison fails where the export has something else.
func TestRoundTripFindsDifferences(t *testing.T) {
	done := importText(t, "kcm.service", "[Service]\nExecStart=/k/kube-controller-manager --v=2 --cluster-name=a stray\nRestart=no\n", nil)
	if done.Same || !slices.ContainsFunc(done.RoundTrips[0].Differences, func(d string) bool { return strings.Contains(d, "argument stray") }) {
		t.Errorf("%+v", done.RoundTrips)
	}
	done = importText(t, "kcm.yaml", strings.ReplaceAll(podOf([]string{"--v=2"}, 34), "    env:", "    readinessProbe: {httpGet: {path: /x, port: 1}}\n    env:"), nil)
	if done.Same || len(done.Left) == 0 {
		t.Errorf("a probe that is left out: %+v, %q", done.RoundTrips, done.Left)
	}
}
