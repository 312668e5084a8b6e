package conformance_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// offline returns an environment in which every access to a registry fails at once, and
// without a cache.
func offline(t testing.TB) []string {
	t.Helper()
	nowhere := "http://127.0.0.1:9"
	return []string{"CUE_REGISTRY=127.0.0.1:9+insecure", "CUE_CACHE_DIR=" + t.TempDir(), "HTTP_PROXY=" + nowhere, "HTTPS_PROXY=" + nowhere, "http_proxy=" + nowhere, "https_proxy=" + nowhere}
}

// TestStockCUE: stock cue works on the same files, without a network.
func TestStockCUE(t *testing.T) {
	env := offline(t)
	cue := need.Program(t, "cue")
	if r := execute(t, repo, env, cue, "vet", "-c", "./cue/..."); r.code != 0 || r.err != "" {
		t.Errorf("cue vet: exit %d\n%s", r.code, r.err)
	}
	for _, cluster := range []string{"ha-systemd", "static-pod", "example"} {
		r := execute(t, repo, env, cue, "export", "./cue/"+cluster, "-e", "cluster")
		if r.code != 0 {
			t.Errorf("cue export ./cue/%s: exit %d\n%s", cluster, r.code, r.err)
			continue
		}
		if got := fromJSON(t, r.out).(map[string]any)["name"]; got != cluster {
			t.Errorf("cue says that the name is %v, not %s", got, cluster)
		}
	}
	dir := module(t, map[string]string{"c": cluster("c", "systemd", oneNode+"nodez: 1")})
	if r := execute(t, dir, env, cue, "vet", "-c", "./c"); r.code == 0 || !strings.Contains(r.err, "nodez") {
		t.Errorf("cue vet lets an unknown field pass: exit %d\n%s", r.code, r.err)
	}
}

// TestKubectlReadsKubeconfigs: each kubeconfig has one cluster, user and context, with
// embedded keys and its node's apiserver.
func TestKubectlReadsKubeconfigs(t *testing.T) {
	e := ready(t)
	servers := map[string]string{
		"idc-k8s-01": "https://103.172.239.9:6443", "idc-k8s-02": "https://103.172.238.94:6443", "idc-k8s-03": "https://103.172.239.71:6443",
		"cp-1": "https://10.0.0.11:6443", "cp-2": "https://10.0.0.12:6443", "cp-3": "https://10.0.0.13:6443", "arm64": "https://192.168.10.50:6443",
	}
	configs := append(files(t, e.dir, "controller-manager.conf"), files(t, e.dir, "kube-controller-manager.kubeconfig")...)
	if len(configs) != len(servers) {
		t.Errorf("%d kubeconfigs, %d are meant", len(configs), len(servers))
	}
	for _, file := range configs {
		rel, err := filepath.Rel(e.dir, file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(rel, func(t *testing.T) {
			t.Parallel()
			server := servers[strings.Split(rel, string(filepath.Separator))[2]]
			if static := strings.Split(rel, string(filepath.Separator)); static[1] == "image" {
				server = servers[static[2]]
			}
			const name = "system:kube-controller-manager"
			want := map[string]any{
				"kind": "Config", "apiVersion": "v1", "current-context": name,
				"clusters": []any{map[string]any{"name": "kubernetes", "cluster": map[string]any{"server": server, "certificate-authority-data": "DATA+OMITTED"}}},
				"users":    []any{map[string]any{"name": name, "user": map[string]any{"client-certificate-data": "DATA+OMITTED", "client-key-data": "DATA+OMITTED"}}},
				"contexts": []any{map[string]any{"name": name, "context": map[string]any{"cluster": "kubernetes", "user": name}}},
			}
			got := fromJSON(t, ask(t, "", "kubectl", "config", "view", "-o", "json", "--kubeconfig", file)).(map[string]any)
			delete(got, "preferences")
			if !reflect.DeepEqual(got, want) {
				t.Errorf("kubectl reads\n%v\nmeant was\n%v", got, want)
			}
			if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o600 {
				t.Errorf("its mode is %v (%v)", fi.Mode(), err)
			}
		})
	}
}

// TestContainerfileValues: no base, address or path can add an instruction, a command or a
// word.
func TestContainerfileValues(t *testing.T) {
	hostile := []string{
		"\nRUN id", "\rRUN id", "x\\\nRUN id", "$(id)", "`id`", "${IFS}id", "x y", "x\ty", " && id", "x;id", "x|id", "x&&id", "'", "\"", "\\", "#", "--chmod=4755", "<<EOF", "[\"a\"]", "\x00", "\u2028RUN id", "\u0085RUN id", "\u00a0x", "*", "x AS y", "é",
	}
	const sum = `sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"`
	packages, values := map[string]string{}, map[string]string{}
	for i, h := range hostile {
		for field, text := range map[string]string{
			"base":  `binary: source: amd64: {url: "https://x.example/a", ` + sum + `}, image: base: "debian" + ` + quoted(h),
			"url":   `image: base: "debian:12", binary: source: amd64: {` + sum + `, url: "https://x.example/a" + ` + quoted(h) + `}`,
			"adds":  `image: base: "scratch", binary: source: amd64: {` + sum + `, url: "https://x.example/a" + ` + quoted(h) + `}`,
			"sum":   `image: base: "debian:12", binary: source: amd64: {url: "https://x.example/a", sha256: "00" + ` + quoted(h) + `}`,
			"dirs":  `binary: source: amd64: {url: "https://x.example/a", ` + sum + `}, image: {base: "debian:12", directories: ["/a" + ` + quoted(h) + `]}`,
			"makes": `binary: source: amd64: {url: "https://x.example/a", ` + sum + `}, image: {base: "scratch", directories: ["/a" + ` + quoted(h) + `]}`,
		} {
			name := field + string(rune('a'+i))
			packages[name] = cluster(name, "staticPod", oneNode+text)
			values[name] = h
		}
	}
	fit, refused := loadAll(t, module(t, packages))
	for name, v := range fit {
		made, err := generate(t, v)
		if err != nil {
			t.Errorf("%s %q: %v", name, values[name], err)
			continue
		}
		e, ok := made.Get("image/amd64/Containerfile")
		if !ok {
			t.Fatal("there is no Containerfile")
		}
		im, bin := v.Cluster.Image, v.Cluster.Binary.Source["amd64"]
		want := image{
			Base: im.Base, Downloads: map[string]string{v.Cluster.Paths.Binary: bin.URL}, Executable: []string{v.Cluster.Paths.Binary},
			Directories: map[string]string{}, Copied: map[string]string{}, Entrypoint: []string{v.Cluster.Paths.Binary},
		}
		for _, d := range im.Directories {
			want.Directories[d] = "root:root 755"
		}
		if im.Base != "scratch" {
			want.Unknown = []string{"echo '" + bin.SHA256 + "  " + v.Cluster.Paths.Binary + "' | sha256sum -c -"}
		}
		if got := readImage(string(e.Data)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s %q:\n%s\nreads as %+v\nmeant was %+v", name, values[name], e.Data, got, want)
		}
	}
	t.Logf("%d values refused, %d harmless", len(refused), len(fit))
}
