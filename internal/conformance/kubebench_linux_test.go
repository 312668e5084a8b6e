package conformance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/need"
)

// onHost are the paths that kube-bench looks at.
const onHost = oneNode + `
	policy: ["cis-1.9"]
	generations: false
	paths: {
		manifest: "/etc/kubernetes/manifests/kube-controller-manager.yaml"
		kubeconfig: "/etc/kubernetes/controller-manager.conf"
		ca: "/etc/kubernetes/pki/ca.crt", caKey: "/etc/kubernetes/pki/ca.key", serviceAccountKey: "/etc/kubernetes/pki/sa.key"
		tlsCert: "/etc/kubernetes/pki/kcm.crt", tlsKey: "/etc/kubernetes/pki/kcm.key"
	}
`

// systemdUnit are the fields of the cluster that systemd starts.
const systemdUnit = "unit: {}"

// benchChecks are kube-bench's checks of kube-controller-manager and its files.
var benchChecks = []string{"1.1.3", "1.1.4", "1.1.17", "1.1.18", "1.1.19", "1.1.20", "1.1.21", "1.3.1", "1.3.2", "1.3.3", "1.3.4", "1.3.5", "1.3.6", "1.3.7"}

// TestKubeBench: what kube-bench fails on a host with the files and the command line of a
// cluster, vet finds in the cluster, with the control's number; and the other way round, but
// for what vet takes more seriously.
func TestKubeBench(t *testing.T) {
	need.Root(t)
	namespaces := need.Namespaces(t)
	bench := need.Program(t, "kube-bench")
	var downloaded struct{ Dir string }
	list := exec.Command("go", "mod", "download", "-json", "github.com/aquasecurity/kube-bench")
	list.Dir = filepath.Join(repo, "tools/benchmark")
	text, err := list.Output()
	if err == nil {
		err = json.Unmarshal(text, &downloaded)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, fields string
		fails        []string // by both
		stricter     []string // found by vet alone
	}{
		{"as kcmgen writes it", "", []string{"1.1.20"}, nil},
		{"profiling", "flags: profiling: true", []string{"1.1.20", "1.3.2"}, nil},
		{"profiling by default", "flags: profiling: null", []string{"1.1.20", "1.3.2"}, nil},
		{"no threshold", `flags: "terminated-pod-gc-threshold": null`, []string{"1.1.20", "1.3.1"}, nil},
		{"one identity", `flags: "use-service-account-credentials": false`, []string{"1.1.20", "1.3.3"}, nil},
		{"no key for tokens", `flags: "service-account-private-key-file": null`, []string{"1.1.20", "1.3.4"}, nil},
		{"no root CA", `flags: "root-ca-file": null`, []string{"1.1.20", "1.3.5"}, nil},
		{"a gate that is off", `flags: "feature-gates": RotateKubeletServerCertificate: false`, []string{"1.1.20", "1.3.6"}, nil},
		{"all addresses", `flags: "bind-address": "0.0.0.0"`, []string{"1.1.20", "1.3.7"}, nil},
		{"another loopback address", `flags: "bind-address": "127.0.0.2"`, []string{"1.1.20", "1.3.7"}, nil},
		{"all addresses by default", `flags: "bind-address": null`, []string{"1.1.20"}, []string{"1.3.7"}},
		{"profiling in another spelling", `flags: profiling: "0"`, []string{"1.1.20", "1.3.2"}, nil},
		{"every gate of beta is off", `flags: "feature-gates": AllBeta: false`, []string{"1.1.20"}, []string{"1.3.6"}},
		{"another user's pod", `pod: spec: securityContext: runAsUser: 65520`, []string{"1.1.18", "1.1.19", "1.1.20"}, nil},
		{"a unit", systemdUnit, []string{"1.1.20", "1.1.3", "1.1.4"}, nil},
	} {
		t.Run(strings.ReplaceAll(tc.name, " ", "_"), func(t *testing.T) {
			startedBy := "staticPod"
			if tc.fields == systemdUnit {
				startedBy = "systemd"
			}
			v := vetted(t, cluster("bench", startedBy, onHost+tc.fields))
			host := t.TempDir()
			argv := install(t, v, host)
			said := runBench(t, strings.Fields(namespaces), bench, downloaded.Dir, host, argv)
			ours := controlsIn(v.Findings)
			if !slices.Equal(said, tc.fails) {
				t.Errorf("kube-bench fails %q, want %q; the command line is %q", said, tc.fails, argv)
			}
			want := append(slices.Clone(tc.fails), tc.stricter...)
			if slices.Sort(want); !slices.Equal(ours, want) {
				t.Errorf("vet finds %q, want %q", ours, want)
			}
		})
	}
}

func vetted(t *testing.T, text string) *gen.Vetted {
	t.Helper()
	dir := module(t, map[string]string{"c": text})
	res, err := config.Load(t.Context(), dir, []string{"./c"}, config.Options{})
	if err != nil || len(res.Clusters) != 1 {
		t.Fatal(err, res.Findings)
	}
	return gen.Vet(res.Clusters[0], "", time.Now())
}

// controlsIn returns the checks of kube-bench's that findings name.
func controlsIn(found []finding.Finding) []string {
	var out []string
	for _, f := range found {
		for _, c := range f.Controls {
			if number, ok := strings.CutPrefix(c, "cis-1.9 "); ok {
				out = append(out, number)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// install writes what a host gets below a directory, and returns the command line that the
// manifest starts.
func install(t *testing.T, v *gen.Vetted, host string) []string {
	t.Helper()
	made, err := generate(t, v)
	if err != nil {
		t.Fatal(err)
	}
	var argv []string
	for _, e := range made.Entries() {
		_, at, ok := layout.OnHost(e.Path)
		if !ok {
			continue
		}
		name := filepath.Join(host, filepath.FromSlash(at))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		uid, gid, err := e.IDs()
		if err != nil {
			t.Fatal(err)
		}
		if e.Dir {
			err = os.MkdirAll(name, e.Mode)
		} else {
			err = os.WriteFile(name, e.Bytes(), e.Mode)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, e.Mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(name, uid, gid); err != nil {
			t.Fatal(err)
		}
		if at == v.Cluster.StartFile() {
			argv = started(t, v.Cluster, e.Data)
		}
	}
	if len(argv) == 0 {
		t.Fatal("nothing is started")
	}
	return argv
}

// started returns the command line of a manifest or a unit.
func started(t *testing.T, c *spec.Cluster, data []byte) []string {
	t.Helper()
	var argv []string
	if c.Layout == spec.StaticPod {
		pod, err := artefact.ParsePod(data)
		if err == nil {
			argv, err = artefact.PodCommand(pod, c.Paths.Binary)
		}
		if err != nil {
			t.Fatal(err)
		}
		return argv
	}
	unit, err := artefact.ParseUnit(data)
	if err == nil {
		argv, err = unit.Args()
	}
	if err != nil {
		t.Fatal(err)
	}
	return argv
}

// benchScript runs kube-bench where it sees a host's files in /etc, and three programs by
// their names, of which only the last has the arguments that count: kube-bench checks none
// without the others. $1 is the host, $2 the directory of the programs, $3 kube-bench, $4 its
// configuration, $5 the checks.
const benchScript = `set -eu
mkdir "$1/etc/x" && cp /etc/passwd /etc/group "$1/etc/" && rmdir "$1/etc/x"
mount --bind "$1/etc" /etc
host=$1 programs=$2 bench=$3 cfg=$4 checks=$5
shift 5
"$programs/kube-apiserver" & a=$!
"$programs/kube-scheduler" & s=$!
"$programs/kube-controller-manager" "$@" & c=$!
trap 'kill $a $s $c' EXIT
for i in $(seq 100); do
	ps -ef | grep -q '[k]ube-controller-manager --' && ps -ef | grep -q '[k]ube-apiserver' && ps -ef | grep -q '[k]ube-scheduler' && break
	sleep 0.1
done
"$bench" run --benchmark cis-1.9 --config-dir "$cfg" --config "$cfg/config.yaml" --targets master --check "$checks" --json
`

// runBench returns the checks that kube-bench doesn't pass, sorted.
func runBench(t *testing.T, namespaces []string, bench, module, host string, argv []string) []string {
	t.Helper()
	programs := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kube-apiserver", "kube-scheduler", spec.ProgramName} {
		if err := os.Symlink(self, filepath.Join(programs, name)); err != nil {
			t.Fatal(err)
		}
	}
	args := append(namespaces[1:], "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--", "sh", "-c", benchScript, "sh",
		host, programs, bench, filepath.Join(module, "cfg"), strings.Join(benchChecks, ","))
	r := execute(t, host, []string{waits + "=1"}, namespaces[0], append(args, argv[1:]...)...)
	var doc struct {
		Controls []struct {
			Tests []struct {
				Results []struct {
					Number string `json:"test_number"`
					Status string `json:"status"`
				} `json:"results"`
			} `json:"tests"`
		}
	}
	if err := json.Unmarshal([]byte(r.out), &doc); err != nil {
		t.Fatalf("%v\n%s%s", err, r.out, r.err)
	}
	var out, seen []string
	for _, c := range doc.Controls {
		for _, group := range c.Tests {
			for _, one := range group.Results {
				seen = append(seen, one.Number)
				if one.Status != "PASS" {
					out = append(out, one.Number)
				}
			}
		}
	}
	if len(seen) != len(benchChecks) {
		t.Fatalf("kube-bench ran %q\n%s", seen, r.err)
	}
	slices.Sort(out)
	return out
}

// waits is the variable with which this program does nothing but wait, under another name.
const waits = "KCMGEN_TEST_WAITS"

func init() {
	if os.Getenv(waits) != "" && strings.HasPrefix(filepath.Base(os.Args[0]), "kube-") {
		fmt.Fprintln(os.Stderr, os.Args[0], "waits")
		time.Sleep(time.Hour)
	}
}
