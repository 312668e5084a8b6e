package conformance_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/internal/need"
)

// What the systemd document has outside its heredocs: the environment file, the hosts, and
// the targets of scp.
var (
	seedEnvironment = strings.NewReplacer("${K8S_DIR}", "/data/k8s", "${SERVICE_CIDR}", "10.254.0.0/16")
	seedNodes       = map[string]string{"idc-k8s-01": "103.172.239.9", "idc-k8s-02": "103.172.238.94", "idc-k8s-03": "103.172.239.71"}
	seedKubeconfig  = "/etc/kubernetes/kube-controller-manager.kubeconfig"
	seedPlaces      = map[string]string{ // path on a host: file of ours that it must hold
		"/etc/kubernetes/cert/ca.pem":                          "pki/ca.crt",
		"/etc/kubernetes/cert/ca-key.pem":                      "pki/ca.key",
		"/etc/kubernetes/cert/kube-controller-manager.pem":     "pki/shared/combined.crt",
		"/etc/kubernetes/cert/kube-controller-manager-key.pem": "pki/shared/combined.key",
	}
)

const seedUnit = "etc/systemd/system/kube-controller-manager.service"

// seedBools are the seeds' flags that are bools in v1.20: without a value they are true.
var seedBools = []string{"allocate-node-cidrs", "leader-elect", "logtostderr", "profiling", "use-service-account-credentials"}

func seed(t testing.TB, name string) string {
	return read(t, filepath.Join(repo, "testdata/seeds", name))
}

// difference collects how an output differs from its seed.
type difference []string

func (d *difference) addf(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

func (d *difference) equal(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		d.addf("%s is %v, the seed says %v", what, got, want)
	}
}

// seedFlags parses arguments as kube-controller-manager does.
func seedFlags(d *difference, args []string) map[string]string {
	out := map[string]string{}
	for _, a := range args {
		name, value, given := strings.Cut(a, "=")
		name, ok := strings.CutPrefix(name, "--")
		if !ok {
			d.addf("%q is no flag", a)
		}
		if !given {
			value = "true"
		}
		if isBool := slices.Contains(seedBools, name); isBool {
			b, err := strconv.ParseBool(value)
			if err != nil {
				d.addf("--%s: %v", name, err)
			}
			value = strconv.FormatBool(b)
		} else if !given {
			d.addf("--%s has no value", name)
		}
		if _, twice := out[name]; twice {
			d.addf("--%s is passed twice", name)
		}
		out[name] = value
	}
	return out
}

// equalCommands compares two command lines: the program, and every flag.
func (d *difference) equalCommands(got, want []string) {
	d.equal("the program", got[0], want[0])
	g, w := seedFlags(d, got[1:]), seedFlags(d, want[1:])
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if v, ok := g[name]; !ok {
			d.addf("flag --%s is missing", name)
		} else if v != w[name] {
			d.addf("flag --%s is %q, the seed says %q", name, v, w[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g)) {
		if _, ok := w[name]; !ok {
			d.addf("flag --%s is not the seed's", name)
		}
	}
}

// answers caches the tools' output for the documents, which don't change.
var answers struct {
	sync.Mutex
	said map[string]any
}

// once runs a tool on a document, unless it ran before.
func once[T any](document string, ask func() T) T {
	answers.Lock()
	defer answers.Unlock()
	if said, ok := answers.said[document]; ok {
		return said.(T)
	}
	said := ask()
	if answers.said == nil {
		answers.said = map[string]any{}
	}
	answers.said[document] = said
	return said
}

// systemdDiffers compares one node's tree with the document's unit template.
func systemdDiffers(t testing.TB, tree, node string) difference {
	t.Helper()
	var d difference
	template := strings.ReplaceAll(seedEnvironment.Replace(seed(t, "ha-systemd/kube-controller-manager.service.template")), "##NODE_IP##", seedNodes[node])
	host := filepath.Join(tree, "nodes", node)
	ours := read(t, filepath.Join(host, seedUnit))
	d.equalCommands(systemdArgs(t, ours), once("the unit of "+node, func() []string { return systemdArgs(t, template) }))
	got, err := artefact.ParseUnit([]byte(ours))
	if err != nil {
		t.Fatal(err)
	}
	want, err := artefact.ParseUnit([]byte(template))
	if err != nil {
		t.Fatal(err)
	}
	for section, directives := range want {
		for name, values := range directives {
			if name != "ExecStart" {
				d.equal("["+section+"] "+name, got[section][name], values)
			}
		}
	}
	work := want["Service"]["WorkingDirectory"][0]
	if fi, err := os.Stat(host + work); err != nil || !fi.IsDir() {
		d.addf("%s is no directory of the host", work)
	}
	d.places(t, tree, host, got["Service"]["BindReadOnlyPaths"])
	return d
}

// places: the unit sees every file that the document copies to a host at the same path, by a
// bind mount.
func (d *difference) places(t testing.TB, tree, host string, binds []string) {
	t.Helper()
	source := map[string]string{}
	for _, b := range binds {
		from, to, _ := strings.Cut(b, ":")
		source[to] = filepath.Join(host, from)
	}
	for at, file := range seedPlaces {
		data, err := os.ReadFile(source[at])
		if err != nil || string(data) != read(t, filepath.Join(tree, file)) {
			d.addf("%s is not %s on the host (%v)", at, file, err)
		}
	}
	if _, err := os.Stat(source[seedKubeconfig]); err != nil {
		d.addf("%s: %v", seedKubeconfig, err)
	}
}

// kubeconfigDiffers compares a node's kubeconfig with the document's.
func kubeconfigDiffers(t testing.TB, tree, node string) difference {
	t.Helper()
	var d difference
	for _, ours := range files(t, filepath.Join(tree, "nodes", node), "controller-manager.conf") {
		d.equal("the kubeconfig of "+node, kubeconfigJSON(t, ours), seedKubeconfigs(t)[node])
	}
	return d
}

var (
	makeKubeconfigs sync.Once
	madeKubeconfigs map[string]any
)

// seedKubeconfigs runs the document's kubectl commands with our keys, once, and its sed for
// each node.
func seedKubeconfigs(t testing.TB) map[string]any {
	t.Helper()
	need.Program(t, "kubectl")
	makeKubeconfigs.Do(func() {
		tree, work := filepath.Join(ready(t).dir, "ha-systemd"), t.TempDir()
		for name, from := range map[string]string{
			"ca.pem": "pki/ca.crt", "kube-controller-manager.pem": "pki/shared/combined.crt", "kube-controller-manager-key.pem": "pki/shared/combined.key",
		} {
			write(t, filepath.Join(work, name), read(t, filepath.Join(tree, from)))
		}
		ask(t, work, "sh", "-e", "-c", strings.ReplaceAll(seed(t, "ha-systemd/kubectl-config.sh"), "/opt/k8s/work", work))
		text := read(t, filepath.Join(work, "kube-controller-manager.kubeconfig"))
		made := map[string]any{}
		for node, address := range seedNodes {
			file := filepath.Join(work, node)
			write(t, file, strings.ReplaceAll(text, "##NODE_IP##", address))
			made[node] = kubeconfigJSON(t, file)
		}
		madeKubeconfigs = made
	})
	if madeKubeconfigs == nil {
		t.Fatal("the document's kubectl commands have failed")
	}
	return madeKubeconfigs
}

func kubeconfigJSON(t testing.TB, file string) any {
	t.Helper()
	return fromJSON(t, ask(t, "", "kubectl", "config", "view", "--raw", "-o", "json", "--kubeconfig", file))
}

func fromJSON(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

// requestDiffers compares the document's certificate request with our request and with the
// certificate itself.
func requestDiffers(t testing.TB, tree string) difference {
	t.Helper()
	var d difference
	var want, got struct {
		CN    string
		Key   any
		Hosts []string
		Names any
	}
	for name, into := range map[string]any{
		seed(t, "ha-systemd/kube-controller-manager-csr.json"):       &want,
		read(t, filepath.Join(tree, "pki/shared/combined-csr.json")): &got,
	} {
		if err := json.Unmarshal([]byte(name), into); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want.Hosts)
	slices.Sort(got.Hosts)
	d.equal("the certificate request", got, want)
	cert := readCertificate(t, filepath.Join(tree, "pki/shared/combined.crt"))
	name := want.Names.([]any)[0].(map[string]any)
	d.equal("the certificate's subject", cert.subject, map[string]string{
		"CN": want.CN, "C": name["C"].(string), "ST": name["ST"].(string), "L": name["L"].(string), "O": name["O"].(string), "OU": name["OU"].(string),
	})
	var sans []string
	for _, h := range want.Hosts {
		sans = append(sans, "IP Address:"+h)
	}
	d.equal("the certificate's names", cert.sans, sans)
	d.equal("the certificate's key", cert.key, "rsa-2048")
	return d
}

// TestSeedSystemd finds every flag, directive, kubeconfig setting and certificate field of
// the document in the export.
func TestSeedSystemd(t *testing.T) {
	tree := filepath.Join(ready(t).dir, "ha-systemd")
	need.Program(t, "systemd-analyze")
	for node := range seedNodes {
		t.Run(node, func(t *testing.T) {
			agree(t, systemdDiffers(t, tree, node))
			agree(t, kubeconfigDiffers(t, tree, node))
		})
	}
	t.Run("request", func(t *testing.T) { agree(t, requestDiffers(t, tree)) })
	t.Run("hosts", func(t *testing.T) {
		entries, err := os.ReadDir(filepath.Join(tree, "nodes"))
		if err != nil || len(entries) != len(seedNodes) {
			t.Errorf("%d hosts (%v), the document has %d", len(entries), err, len(seedNodes))
		}
	})
}

func agree(t *testing.T, d difference) {
	t.Helper()
	for _, line := range d {
		t.Error(line)
	}
}
