package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

const manifest = `apiVersion: v1
kind: Pod
metadata: {name: kube-controller-manager, namespace: kube-system}
spec:
  hostNetwork: true
  containers:
  - name: kube-controller-manager
    image: kcm:v1.37.1
    command: [/usr/local/bin/kube-controller-manager, "--kubeconfig=/etc/kubernetes/kcm.conf", "--tls-cert-file=/srv/tls/kcm.crt", "--bind-address=::", "--profiling=$$x"]
    volumeMounts:
    - {name: kcmgen, mountPath: /etc/kubernetes/kcm.conf, subPath: kcm.conf}
    - {name: tls, mountPath: /srv/tls/}
  volumes:
  - {name: kcmgen, hostPath: {path: /etc/kubernetes/kcmgen/0123456789abcdef, type: Directory}}
  - {name: tls, hostPath: {path: /etc/ssl/kcm}}
`

var podUnit = Unit{GenerationsDir: "/etc/kubernetes/kcmgen", File: "/etc/kubernetes/manifests/kube-controller-manager.yaml", Name: "kube-system/kube-controller-manager"}

func podConfig(t *testing.T, text string) *Config {
	t.Helper()
	s, err := ParseConfig(podUnit, generation, []byte(text), func(p string, inImage bool) ([]byte, error) {
		if inImage {
			p = "in the image " + p
		}
		return []byte(p), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestParsePod: a pod's files are found behind its mounts, or in its image.
func TestParsePod(t *testing.T) {
	s := podConfig(t, manifest)
	if got := string(s.Kubeconfig.Reveal()); got != "/etc/kubernetes/kcmgen/0123456789abcdef/kcm.conf" {
		t.Errorf("the kubeconfig is %s", got)
	}
	if got := string(s.Serving); got != "/etc/ssl/kcm/kcm.crt" {
		t.Errorf("the serving certificate is %s", got)
	}
	if !s.Bound || s.HealthzAddress() != "127.0.0.1:10257" || s.Program() != "" || s.Image() != "docker.io/library/kcm:v1.37.1" || s.value("profiling") != "$x" {
		t.Errorf("bound %v, /healthz at %q, program %q, image %q, profiling %q", s.Bound, s.HealthzAddress(), s.Program(), s.Image(), s.value("profiling"))
	}
	baked := podConfig(t, strings.ReplaceAll(manifest, "/etc/kubernetes/kcm.conf\", \"", "/baked/kcm.conf\", \""))
	if got := string(baked.Kubeconfig.Reveal()); got != "in the image /baked/kcm.conf" {
		t.Errorf("the kubeconfig is %s", got)
	}
	own := podConfig(t, strings.Replace(manifest, "hostNetwork: true", "hostNetwork: false", 1))
	if own.HealthzAddress() != "" {
		t.Errorf("a pod with its own network serves at the host's %s", own.HealthzAddress())
	}
	wrapped := podConfig(t, strings.Replace(manifest, "[/usr/local/bin", "[/go-runner, --log-file=/var/log/kcm.log, /usr/local/bin", 1))
	if wrapped.value("bind-address") != "::" || wrapped.value("log-file") != "" {
		t.Errorf("a wrapper's flags are taken for the program's: %v", wrapped.flags)
	}
	for _, text := range []string{"", "kind: List\n", "a: [", strings.Replace(manifest, "$$x", "$(X)", 1)} {
		if _, err := ParseConfig(podUnit, Found, []byte(text), nil); err == nil {
			t.Errorf("parsed %q", text)
		}
	}
}

func TestPodChanges(t *testing.T) {
	was := podConfig(t, manifest)
	is := podConfig(t, strings.NewReplacer("kcm:v1.37.1", "kcm:v1.37.2", "0123456789abcdef", fresh, "--bind-address=::", "--bind-address=127.0.0.1").Replace(manifest))
	want := []string{"- - image: kcm:v1.37.1", "+ - image: kcm:v1.37.2"}
	got := unitChanges(was, is)
	if !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	withEnv := func(value string) *Config {
		return podConfig(t, strings.Replace(manifest, "    image:", "    env:\n    - name: A\n      value: "+value+"\n    image:", 1))
	}
	for value, config := range map[string]*Config{
		"a line":        withEnv("hunter2"),
		"several":       withEnv("|\n        hunter2\n        hunter3"),
		"in one line":   podConfig(t, `{"kind":"Pod","metadata":{"name":"kube-controller-manager","namespace":"kube-system"},"spec":{"containers":[{"name":"c","command":["/kube-controller-manager"],"env":[{"name":"A","value":"hunter2"}],"livenessProbe":{"httpGet":{"httpHeaders":[{"name":"h","value":"hunter2"}]}}}]}}`),
		"another pod's": {Generation: Found, Unit: []byte("- hunter2"), Pod: was.Pod},
	} {
		for _, changes := range [][]string{unitChanges(was, config), unitChanges(config, was)} {
			if got := strings.Join(changes, "\n"); strings.Contains(got, "hunter") || got == "" {
				t.Errorf("%s: shown, or not mentioned: %s", value, got)
			}
		}
	}
	if got := unitChanges(withEnv("one"), withEnv("two")); !slices.Equal(got, []string{"~ another value of the variable A"}) {
		t.Errorf("another value: %q", got)
	}
}

func TestImageName(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "kcm": "docker.io/library/kcm:latest", "kcm:v1": "docker.io/library/kcm:v1", "a/kcm": "docker.io/a/kcm:latest",
		"localhost/kcm:v1": "localhost/kcm:v1", "registry.k8s.io/kcm:v1": "registry.k8s.io/kcm:v1", "r:5000/kcm": "r:5000/kcm:latest",
		"r.example/kcm@sha256:ab": "r.example/kcm@sha256:ab",
	} {
		if got := ImageName(name); got != want {
			t.Errorf("%s is %s, expected %s", name, got, want)
		}
	}
}

// aKubelet watches the pod's directory.
func aKubelet(config string, args ...string) *Kubelet {
	return &Kubelet{
		PID: 7, Version: "Kubernetes v1.37.1", Dir: "/srv", Runtime: "ctr", Args: append([]string{"/usr/bin/kubelet"}, args...),
		Configs: []Text{{"/var/lib/kubelet/config.yaml", []byte(config)}},
	}
}

const watches = "staticPodPath: /etc/kubernetes/manifests\n"

func podHost(k *Kubelet) *Host {
	return &Host{Node: "cp-1", Unit: podUnit, Desired: &Desired{Config: Config{Generation: generation}}, Snapshot: &Snapshot{Kubelet: k}}
}

func TestUnfitKubelet(t *testing.T) {
	dropIn := aKubelet("staticPodPath: /elsewhere\n", "--config-dir=/d")
	dropIn.Configs = append(dropIn.Configs, Text{"/d/10.conf", []byte(watches)})
	flagged := aKubelet("staticPodPath: /elsewhere\n", "--pod-manifest-path", "/etc/kubernetes/manifests/")
	relative := aKubelet("staticPodPath: ../etc/kubernetes/manifests\n")
	backup := aKubelet(watches)
	backup.Manifests = []Text{{"/etc/kubernetes/manifests/etcd.yaml", []byte("kind: Pod\n")}, {"/etc/kubernetes/manifests/kcm.yaml.bak", []byte(manifest)}}
	second := aKubelet(watches)
	second.Manifests = []Text{{"/etc/kubernetes/manifests/x", []byte(strings.Replace(manifest, "name: kube-controller-manager, n", "name: kcm, n", 1))}}
	silent := aKubelet(watches)
	silent.Silent = "/run/containerd/containerd.sock"
	for name, c := range map[string]struct {
		k    *Kubelet
		want string // "" if it is fit
	}{
		"a silent runtime":      {silent, "doesn't answer at /run/containerd/containerd.sock"},
		"as it should be":       {aKubelet(watches), ""},
		"a drop-in counts more": {dropIn, ""},
		"a flag counts most":    {flagged, ""},
		"a relative path":       {relative, ""},
		"none":                  {&Kubelet{}, "no kubelet runs"},
		"another directory":     {aKubelet("staticPodPath: /etc/kubelet.d\n"), "watches /etc/kubelet.d, and the pod's manifest would be in /etc/kubernetes/manifests"},
		"no static pods":        {aKubelet("{}"), "set staticPodPath: /etc/kubernetes/manifests"},
		"not a configuration":   {aKubelet("a: ["), "isn't known: /var/lib/kubelet/config.yaml"},
		"a backup":              {backup, "kcm.yaml.bak has the same pod"},
		"a second one":          {second, "/etc/kubernetes/manifests/x starts a second kube-controller-manager here, as pod kube-system/kcm"},
	} {
		t.Run(name, func(t *testing.T) {
			errs := podHost(c.k).unfitKubelet()
			switch {
			case c.want == "" && len(errs) > 0:
				t.Errorf("unfit: %v", errs)
			case c.want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want)):
				t.Errorf("%v, expected %q", errs, c.want)
			}
		})
	}
	if errs := podHost(nil).unfitKubelet(); errs != nil {
		t.Errorf("a host with a unit needs a kubelet: %v", errs)
	}
}

func TestNoteKubelet(t *testing.T) {
	cluster := spec.Version{Minor: 37, Patch: 1}
	for version, want := range map[string]string{
		"Kubernetes v1.37.1": "", "Kubernetes v1.34.0": "", "Kubernetes v1.36.2+rke2r1": "",
		"Kubernetes v1.38.0": "newer than the cluster's v1.37.1", "Kubernetes v1.33.9": "only up to", "busybox": `calls itself "busybox"`,
	} {
		k := aKubelet(watches)
		k.Version = version
		got := podHost(k).noteKubelet(cluster)
		if want == "only up to" {
			want = "supports it with v1.36 at most"
		}
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: %q, expected %q", version, got, want)
		}
	}
}

// TestCheckInterval: a kubelet that isn't notified of a change looks for one now and then.
func TestCheckInterval(t *testing.T) {
	for config, want := range map[string]time.Duration{
		watches: 20 * time.Second, watches + "fileCheckFrequency: 7s\n": 7 * time.Second, watches + "fileCheckFrequency: 1h\n": time.Minute,
	} {
		o := &Observation{Hosts: []*Host{podHost(aKubelet(config)), podHost(nil), {}}}
		if got := o.checkInterval(); got != want {
			t.Errorf("%q: %v, expected %v", config, got, want)
		}
	}
	back := &Observation{Hosts: []*Host{{Desired: &Desired{Config: *podConfig(t, manifest)}, Snapshot: &Snapshot{}}}}
	if got := back.checkInterval(); got != 20*time.Second {
		t.Errorf("a rollback to a pod has %v more", got)
	}
}

// TestMissingImage: an image is brought where its digest isn't there, and where a tool can
// import it; else there is a note.
func TestMissingImage(t *testing.T) {
	archived := &Image{Name: "docker.io/library/kcm:v1.37.1", Digest: "sha256:1", Archive: tree.Blob{Path: "out/amd64.tar"}}
	for _, c := range []struct {
		runtime, digest string
		archived        *Image
		missing         bool
		note            string
	}{
		{"ctr", "", archived, true, ""},
		{"ctr", "sha256:2", archived, true, ""},
		{"ctr", "sha256:1", archived, false, ""},
		{"ctr", "", nil, false, ""},
		{"", "", archived, false, "import out/amd64.tar there by hand, unless its runtime has docker.io/library/kcm:v1.37.1"},
		{"", "", nil, false, "shows only when the pod starts"},
	} {
		k := aKubelet(watches)
		k.Runtime, k.ImageDigest = c.runtime, c.digest
		h := podHost(k)
		h.Desired = &Desired{Config: *podConfig(t, manifest), Archived: c.archived}
		if got := h.MissingImage(); (got != nil) != c.missing {
			t.Errorf("%+v: %v is missing", c, got)
		}
		if got := h.noteImage(); !strings.Contains(got, c.note) || (got == "") != (c.note == "") {
			t.Errorf("%+v: the note is %q", c, got)
		}
	}
}
