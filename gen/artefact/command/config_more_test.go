package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

func TestKindName(t *testing.T) {
	for in, want := range map[string]string{
		"kind: Service\napiVersion: v1":                                                "a Service",
		"kind: Ingress\napiVersion: networking.k8s.io/v1":                              "an Ingress",
		"kind: KubeadmControlPlane\napiVersion: controlplane.cluster.x-k8s.io/v1beta1": "a KubeadmControlPlane of Cluster API",
		"kind: JoinConfiguration\napiVersion: kubeadm.k8s.io/v1beta4":                  "a JoinConfiguration of kubeadm",
		"kind: InitConfiguration\napiVersion: kubeadm.k8s.io/v1beta4":                  "an InitConfiguration of kubeadm",
		"kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1":             "a Kustomization of Kustomize",
		"kind: Thing\napiVersion: example.com/v1":                                      "a Thing of example.com",
		"kind: Deployment\napiVersion: apps/v1":                                        "a Deployment",
		"replicaCount: 1\nimage: {}":                                                   "a values file of Helm",
		"services: {}\nvolumes: {}":                                                    "a Compose file",
		"a: 1\nb: 2\nc: 3":                                                             "a YAML map with the keys a, b, c",
		"a: 1":                                                                         "a YAML map with the key a",
		"a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1":                                     "a YAML map with the keys a, b, c, d, e, f, …",
		"- hosts: all\n  tasks: []":                                                    "a playbook of Ansible",
		"- a":                                                                          "a YAML list",
		"a":                                                                            "a string in YAML",
		"{}":                                                                           "an empty YAML map",
		"~":                                                                            "YAML without a value",
		"on: push\njobs: {}":                                                           "a workflow of GitHub",
		"kind: Cluster\napiVersion: kops.k8s.io/v1alpha2":                              "a Cluster of kops",
		"kind: KubeControllerManager\napiVersion: operator.openshift.io/v1": "a KubeControllerManager of OpenShift",
		"[{op: add, path: /a}]": "a JSON patch",
		"kind: Cluster\napiVersion: provisioning.cattle.io/v1\nmetadata: {name: default}": "a Cluster of Rancher",
	} {
		_, docs := configDocs(t, in)
		if got := kindName(docs[0]); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// What looks like a form, and isn't.
func TestNoConfig(t *testing.T) {
	for _, in := range []string{
		"kind: JoinConfiguration\napiVersion: kubeadm.k8s.io/v1beta4",
		"kind: InitConfiguration\napiVersion: kubeadm.k8s.io/v1beta4\ncontrollerManager: {extraArgs: {v: '1'}}",
		"kind: ClusterConfiguration\ncontrollerManager: {extraArgs: {v: '1'}}",
		"kind: Cluster\napiVersion: cluster.x-k8s.io/v1beta1\nspec: {clusterNetwork: {}}",
		"kind: KubeadmConfigTemplate\napiVersion: bootstrap.cluster.x-k8s.io/v1beta1\nspec: {template: {spec: {joinConfiguration: {}}}}",
		"controllerManager: {extraArgs: {v: '1'}}",
		"cluster: {controllerManager: {extraArgs: {v: '1'}}}\nreplicaCount: 1",
		"machine: {}",
		"services: {kube-controller: {image: a}}",
		"services: {web: {image: nginx, command: nginx -g x}}",
		"services: {web: {image: bitnami/kubectl, command: [sh, -c, pkill kube-controller-manager]}}",
		"cluster-cidr: 10.0.0.0/8",
		"extendedArguments: {v: ['2']}",
		"kubernetes::cluster: a",
		"kind: List\napiVersion: v1\nitems: [{kind: Pod, apiVersion: v1}]",
		"kind: Cluster\napiVersion: provisioning.cattle.io/v1\nspec: {}",
		"a", "[a]", "~", "{}",
	} {
		if set, got := configCommands(t, in); len(got) > 0 {
			t.Errorf("%q: %s", in, listing(set, got))
		}
	}
}

func TestShellWords(t *testing.T) {
	set := &text.Set{}
	for in, want := range map[string][]string{
		"":                               nil,
		" a  b\tc\n":                     {"a", "b", "c"},
		`a'b c'"d e"f`:                   {"ab cd ef"},
		`'' ""`:                          {"", ""},
		`a\ b "c\"d\e" '\'`:              {"a b", `c"d\e`, `\`},
		"a \\\n b\\\nc":                  {"a", "bc"},
		`"a`:                             {"a"},
		`--x=$$A`:                        {"--x=$A"},
		`${A:-b c} ${B-${C:-d}} ${D} $E`: {"b", "c", "d", "${D}", "$E"},
		`$1 ${ $`:                        {"$1", "${", "$"},
	} {
		var got []string
		for _, w := range shellWords(interpolated(set, set.Add("f", in))) {
			got = append(got, set.Show(w))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestMinor(t *testing.T) {
	for in, want := range map[string]int{"1.34": 34, "v1.34.2": 34, "v1.30.1+k3s1": 30, "stable-1": 0, "v1.9": 9, "": 0, "1.2345": 0, "v2.1": 0} {
		if got := minorOf(text.Literal(in, text.At{})); got != want {
			t.Errorf("%q: %d", in, got)
		}
	}
}

// Nothing panics, and all is somewhere in the file.
func FuzzConfig(f *testing.F) {
	files, _ := filepath.Glob("testdata/config/*.yaml")
	for _, file := range files {
		in, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(in), "\n---\n") {
			f.Add(doc)
		}
	}
	f.Fuzz(func(t *testing.T, in string) {
		if strings.ContainsAny(in, text.Reserved) {
			return
		}
		set := &text.Set{}
		masked, _ := set.Mask(set.Add("f", in))
		docs, err := yamltext.Parse(set, masked)
		if err != nil {
			return
		}
		var out []Command
		for _, doc := range docs {
			if kindName(doc) == "" {
				t.Fatal("no name")
			}
			out = append(out, config(set, doc)...)
		}
		for _, c := range beside(set, out, docs) {
			for _, a := range c.Args {
				if !strings.Contains(a.String(), "=") && c.Form != Compose {
					t.Fatalf("%q", a.String())
				}
				for i := range a.Len() {
					if int(a.At(i).Offset) >= max(1, len(in)) {
						t.Fatal(a.String())
					}
				}
			}
		}
	})
}
