package adopt

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cueliteral "cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// adopted writes a cluster of a file for each node, cp-1 at 10.0.0.1 and so on.
func adopted(t *testing.T, name string, files ...string) *Output {
	t.Helper()
	c := Cluster{Package: "clusters", Name: "c", Version: spec.Version{Minor: 34, Patch: 2}, Set: &text.Set{}}
	for i, data := range files {
		read, err := command.Read(c.Set, []command.Input{{Name: name, Data: []byte(data)}}, command.Options{Known: flags.Exists})
		if err != nil {
			t.Fatal(err)
		}
		c.Nodes = append(c.Nodes, Node{Name: "cp-" + string(rune('1'+i)), Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), Read: read[0]})
	}
	out, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const program = "[Service]\nExecStart=/usr/local/bin/kube-controller-manager --kubeconfig=/etc/k "

// squeezed has one space where there are several: CUE's formatter aligns.
func squeezed(s []byte) string { return strings.Join(strings.Fields(string(s)), " ") }

// TestUnit: what the arguments of a unit become.
func TestUnit(t *testing.T) {
	const pods = "--allocate-node-cidrs=true --cluster-cidr=10.1.0.0/16 --node-cidr-mask-size=25"
	for _, c := range []struct {
		name, args string
		has, not   []string
		left       string // what one of Left has
	}{
		{name: "a path with a hole", args: "--client-ca-file=${CA} --root-ca-file=${CA} --tls-cert-file=/x/${HOST}.crt", has: []string{`ca: values.CA`, `tlsCert: "/x/\(values.HOST).crt"`}},
		{name: "a directory that is a hole", args: "--client-ca-file=${DIR}/ca.crt", has: []string{`ca: "\(values.DIR)/ca.crt"`}},
		{
			name: "what a hole would have by default", args: "--use-service-account-credentials=${SAC} --leader-elect=${LE} --terminated-pod-gc-threshold=${GC} --leader-elect-lease-duration=${D} --leader-elect-renew-deadline=60s --leader-elect-retry-period=10s",
			has: []string{"values.SAC", "values.LE", "values.GC", "values.D"}, not: []string{"profile:"},
		},
		{name: "a flag whose name isn't known", args: "--${NAME}=1", not: []string{"values"}, left: "kcm.service:2: argument --${NAME}=1"},
		{name: "a network that isn't known", args: "--allocate-node-cidrs=true --cluster-cidr=${PODS} --node-cidr-mask-size=24", has: []string{`pods: [values.PODS]`, `"node-cidr-mask-size": 24`}},
		{name: "networks are written once", args: pods + " --service-cluster-ip-range=10.2.0.0/16,fd00::/112", has: []string{
			`"cluster-cidr": networks.pods[0]`, `"node-cidr-mask-size": networks.nodeMask.ipv4`, `"service-cluster-ip-range": "\(networks.services[0]),\(networks.services[1])"`,
		}},
		{name: "whole numbers", args: "--concurrent-gc-syncs=0x10 --concurrent-job-syncs=010 --v=010 --secure-port=1_000", has: []string{"gc-syncs\": 16", "job-syncs\": 8", "v: 10 ", "secure-port\": 1000"}},
		{name: "numbers", args: "--kube-api-qps=1e3 --unhealthy-zone-threshold=.55 --secondary-node-eviction-rate=0.10 --node-eviction-rate=1.0", has: []string{"api-qps\": 1000 ", "threshold\": 0.55 ", "secondary-node-eviction-rate\": 0.1 ", " \"node-eviction-rate\": 1 "}},
		{name: "no numbers", args: "--concurrent-gc-syncs=1e3 --v=0x2 --kube-api-qps=NaN", has: []string{`"1e3"`, `"0x2"`, `"NaN"`}},
		{name: "controllers", args: "--controllers=${C}", has: []string{"controllers: values.C"}},
		{name: "no controllers", args: "--controllers=", not: []string{"controllers:"}, left: "kcm.service:2: argument --controllers="},
		{name: "the places of a list", args: "--controllers=* \\\n --controllers=-ttl-controller", has: []string{`controllers: ["*", "-ttl-controller"] // kcm.service:2, kcm.service:3`}},
		{name: "characters that CUE refuses", args: "--cluster-name=a\ufeffb", has: []string{`"a\ufeffb"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			flagsOnly := "\n[Unit]\nDescription=x\n"
			out := adopted(t, "kcm.service", program+c.args+flagsOnly)
			src := squeezed(out.Source)
			for _, s := range c.has {
				if !strings.Contains(src, s) {
					t.Errorf("%s isn't in\n%s", s, out.Source)
				}
			}
			for _, s := range c.not {
				if strings.Contains(src, s) {
					t.Errorf("%s is in\n%s", s, out.Source)
				}
			}
			if found := slices.ContainsFunc(out.Left, func(s string) bool { return strings.Contains(s, c.left) }); c.left != "" && !found {
				t.Errorf("left: %q, not %s", out.Left, c.left)
			}
			noSamples(t, out)
		})
	}
}

// noSamples: a sample is in the proof alone.
func noSamples(t *testing.T, out *Output) {
	t.Helper()
	for _, s := range []string{"sample", "10.209.0.0", "10.210.0.0", text.Reserved[:3], text.Reserved[3:]} {
		if strings.Contains(string(out.Source), s) {
			t.Errorf("%q is in\n%s", s, out.Source)
		}
	}
}

// TestExpectedSamples: all that an export is compared with has the last sample of each hole,
// and none has the value that a flag would have without the hole.
func TestExpectedSamples(t *testing.T) {
	out := adopted(t, "kcm.service", program+"--master=https://${A}:1 --node-monitor-period=${D} --leader-elect=${LE} --terminated-pod-gc-threshold=${GC} --kube-api-qps=${Q} --concurrent-gc-syncs=0x10 --bind-address=${A}")
	got := map[string]string{}
	for _, g := range out.Expected[0].Flags {
		got[g.Name] = g.Value
	}
	for name, want := range map[string]string{"master": "https://10.209.0.0:1", "bind-address": "10.209.0.0", "node-monitor-period": "6s", "leader-elect": "false", "concurrent-gc-syncs": "16"} {
		if got[name] != want {
			t.Errorf("%s: %q, not %q", name, got[name], want)
		}
	}
	m := flags.Of(34)
	for name, usual := range usualFlags() {
		if v, ok := got[name]; ok && v == usual {
			t.Errorf("%s: the sample %s is what kcmgen adds", name, v)
		}
	}
	for _, name := range []string{"kube-api-qps", "terminated-pod-gc-threshold"} {
		if d, _ := m.Flag(name); got[name] == d.Default {
			t.Errorf("%s: the sample %s is the default", name, got[name])
		}
	}
}

// TestListSample: a list's hole has a list.
func TestListSample(t *testing.T) {
	out := adopted(t, "kcm.service", program+"--controllers=${C} --cluster-name=${N}")
	if !strings.Contains(squeezed(out.Samples), `C: ["*"] N: "sample1"`) {
		t.Errorf("%s", out.Samples)
	}
}

// TestNodes: what only some nodes have.
func TestNodes(t *testing.T) {
	hardened := "--authentication-kubeconfig=/etc/k --authorization-kubeconfig=/etc/k --client-ca-file=/etc/ca --root-ca-file=/etc/ca --bind-address=127.0.0.1 --use-service-account-credentials=true --tls-min-version=VersionTLS12 --cluster-signing-cert-file=/etc/ca --cluster-signing-key-file=/etc/ca.key --service-account-private-key-file=/etc/sa --terminated-pod-gc-threshold=12500 --leader-elect=true "
	out := adopted(t, "kcm.service", program+hardened+"--profiling=false", program+hardened)
	for _, s := range []string{`"cp-1": { address: "10.0.0.1" flags: { profiling: false // kcm.service:2 } }`, `"cp-2": { address: "10.0.0.2" flags: { profiling: null // it isn't passed there } }`} {
		if !strings.Contains(squeezed(out.Source), s) {
			t.Errorf("%s isn't in\n%s", s, out.Source)
		}
	}
}

// TestOwn: which holes are a node's own address and name.
func TestOwn(t *testing.T) {
	n := Node{Name: "cp-7", Address: netip.MustParseAddr("10.7.7.7")}
	for expr, want := range map[string]string{
		"${NODE_IP}": "10.7.7.7", "{{ ansible_default_ipv4.address }}": "10.7.7.7", "{{ ansible_host }}": "10.7.7.7", "{{ node.ip }}": "10.7.7.7", "$(HOST_IP)": "10.7.7.7",
		"{{ hostvars[inventory_hostname]['ansible_default_ipv4']['address'] }}": "10.7.7.7", "{{ hostvars[inventory_hostname].ansible_host }}": "10.7.7.7", "##NODE_IP##": "10.7.7.7",
		"{{ inventory_hostname }}": "cp-7", "${HOSTNAME}": "cp-7", "{{ hostname }}": "cp-7", "{{ ansible_hostname }}": "cp-7",
		"{{ lb.ip }}": "", "{{ vip.private_ip }}": "", "${MASTER_IP}": "", "{{ lb.hostname }}": "", "${IP}": "", "{{ hostvars['lb'].ansible_host }}": "", "{{ hostvars[groups['lb'][0]]['ansible_host'] }}": "",
	} {
		w := &writer{out: &Output{}, Cluster: Cluster{Set: &text.Set{}}}
		w.holes = newHoles(w.Set)
		at := w.Set.Add("f", "x").At(0)
		got := w.own(w.Set.Hole("", expr, at), n)
		switch {
		case want == "" && (got.Known() || len(w.out.Notes) > 0):
			t.Errorf("%s: %s, %q", expr, got, w.out.Notes)
		case want != "" && (got.String() != want || len(w.out.Notes) != 1):
			t.Errorf("%s: %q, %q", expr, got, w.out.Notes)
		}
	}
}

// TestPodHoles: each hole of a pod has a sample of the field's type.
func TestPodHoles(t *testing.T) {
	out := adopted(t, "kcm.yaml", `apiVersion: v1
kind: Pod
metadata: {name: kube-controller-manager, namespace: kube-system, annotations: {values: a, v1_34: b, networks: c, foo: "{{ bar }}", $x: d}}
spec:
  priority: {{ prio }}
  containers:
  - name: kube-controller-manager
    image: registry.k8s.io/kube-controller-manager:{{ tag }}
    imagePullPolicy: "{{ policy }}"
    command: [kube-controller-manager, --v=2]
    ports: [{containerPort: {{ port }}}]
    resources: {requests: {cpu: "{{ cpu }}", memory: "{{ mem }}Mi"}}
    securityContext: {runAsUser: {{ uid }}, runAsNonRoot: {{ nonroot }}}
    volumeMounts: [{name: a, mountPath: "{{ dir }}"}]
  volumes: [{name: a, hostPath: {path: "/x/{{ host }}", type: "{{ kind }}"}}]
`)
	samples := squeezed(out.Samples)
	for _, s := range []string{"prio: 22", "cpu: \"150m\"", "policy: \"Always\"", "nonroot: true", "kind: \"DirectoryOrCreate\"", "dir: \"/sample"} {
		if !strings.Contains(samples, s) {
			t.Errorf("%s isn't in\n%s", s, out.Samples)
		}
	}
	for _, name := range []string{`"values": `, `"v1_34": `, `"networks": `, `"$x": `} {
		if !strings.Contains(squeezed(out.Source), name) {
			t.Errorf("%s isn't in\n%s", name, out.Source)
		}
	}
	noSamples(t, out)
}

// TestUnplaced: a hole that the cluster has no place for is left, with its expression.
func TestUnplaced(t *testing.T) {
	set := &text.Set{}
	w := &writer{out: &Output{}, Cluster: Cluster{Set: set}, holes: newHoles(set)}
	at := set.Add("a.service", "x").At(0)
	used, named, lost := set.Hole("", "${USED}", at), set.Hole("", "${NAMED}", at), set.Hole("", "${LOST}", at)
	w.holes.referred("a: " + w.holes.expression(used) + "\n// b: " + w.holes.expression(lost))
	w.holes.fill(text.Join(named, lost), nil)
	w.out.Left = []string{"a.service:1: X=${NAMED}"}
	w.unplaced()
	if want := "a.service:1: ${LOST}, which nothing in the cluster stands for"; len(w.out.Left) != 2 || w.out.Left[1] != want {
		t.Errorf("%q", w.out.Left)
	}
}

// TestProgramHole: the hole of what can't be said is named, and no sample is in its place.
func TestProgramHole(t *testing.T) {
	out := adopted(t, "kcm.service", "[Service]\nExecStart=/opt/${VER}/kube-controller-manager --v=2\n")
	if said := strings.Join(append(out.Left, out.Notes...), "\n"); !strings.Contains(said, "${VER}") && !strings.Contains(string(out.Source), "values.VER") {
		t.Errorf("%s\n%s", said, out.Source)
	}
	noSamples(t, out)
}

// TestComments: nothing that a file says ends a comment.
func TestComments(t *testing.T) {
	for _, name := range []string{"a\n\"x\": 1 #.service", "a\r\u2028b\u0085c.service", "a\ufeff\x00b\xff.service"} {
		out := adopted(t, name, program+"--v=2 --leader-elect=false stray")
		if _, err := parser.ParseFile("x.cue", out.Source, parser.ParseComments); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		for line := range strings.Lines(string(out.Source)) {
			if strings.HasPrefix(strings.TrimSpace(line), `"x"`) || strings.ContainsAny(line, "\r\u2028\u0085\ufeff\x00") {
				t.Errorf("%q: %q", name, line)
			}
		}
	}
}

// TestLabels: no name may be one that a reference means, hidden, or a definition.
func TestLabels(t *testing.T) {
	for _, name := range []string{"values", "networks", "cluster", "v1_34", "_x", "__x", "$x", "#X", "_#X", "true", "null", "if", "a-b", "1a", "", "é", "a\nb"} {
		if label(name) != quote(name) {
			t.Errorf("%s isn't quoted", label(name))
		}
	}
	for _, name := range []string{"v", "vmodule", "value", "profiling", "N", "a1_b"} {
		if label(name) != name {
			t.Errorf("%s is quoted", name)
		}
	}
}

// TestEachHoleIsSaid: over all inputs of imports' tests, each hole is a value or is left, and
// no sample is in the cluster.
func TestEachHoleIsSaid(t *testing.T) {
	archives, err := filepath.Glob("../../cmd/kcmgen/testdata/script/import*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal(archives, err)
	}
	more, _ := filepath.Glob("../artefact/command/testdata/read/*.txtar")
	n := 0
	for _, name := range append(archives, more...) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range txtar.Parse(data).Files {
			n += eachHole(t, filepath.Base(name)+"/"+f.Name, f)
		}
	}
	if n < 50 {
		t.Errorf("%d files were read", n)
	}
}

func eachHole(t *testing.T, name string, f txtar.File) int {
	set := &text.Set{}
	read, _ := command.Read(set, []command.Input{{Name: f.Name, Data: f.Data}}, command.Options{Known: flags.Exists})
	for _, r := range read {
		out, err := New(Cluster{Package: "clusters", Name: "c", Version: spec.Version{Minor: 34, Patch: 2}, Set: set, Nodes: []Node{{Name: "cp-1", Read: r}}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		noSamples(t, out)
		said := string(out.Source) + strings.Join(out.Left, "\n") + strings.Join(out.Notes, "\n")
		for _, a := range r.Args {
			for _, h := range set.Holes(a.Text) {
				if expr := oneLine(h.Expr); !strings.Contains(said, expr) && !strings.Contains(said, "values."+cueName(h.Name)) {
					t.Errorf("%s: %s is gone:\n%s", name, expr, out.Source)
				}
			}
		}
	}
	return len(read)
}

// FuzzQuote: CUE reads each string and each label as it was.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", `\(values.X)`, "a\"b\\c", "\x00\x1b\x7f", "\ufeff", "a\ufdd0b", "\u2028\u2029\u0085", "\U0010ffff\U000e0001", "\r\n\t", "é\xff", "#\"", "v1_34", "_a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := string([]rune(s)) // invalid bytes have no form in CUE
		q := quote(s)
		if got, err := cueliteral.Unquote(q); err != nil || got != want {
			t.Fatalf("%q is %s, which is %q: %v", s, q, got, err)
		}
		src := "x: {" + label(s) + ": " + q + " // " + visible(s) + "\n}"
		if _, err := parser.ParseFile("x.cue", src, parser.ParseComments); err != nil && !strings.ContainsAny(s, "\n") {
			t.Fatalf("%q: %v", src, err)
		}
	})
}
