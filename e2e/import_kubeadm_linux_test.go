package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKubeadm: an import of what kubeadm writes exports the same, and an import of what kubeadm
// reads is an import of what it writes.
func TestKubeadm(t *testing.T) {
	versions, configs := kubeadms, slices.Clone(kubeadmConfigs)
	for seed := range uint64(30) {
		configs = append(configs, randomConfig(seed))
	}
	if testing.Short() {
		versions, configs = versions[:1], configs[:4]
	}
	for _, v := range versions {
		program, err := builder.Kubernetes(v.version, "kubeadm")
		if err != nil {
			t.Fatal(err)
		}
		start, n := time.Now(), 0
		t.Run(v.version, func(t *testing.T) {
			for _, api := range v.apis {
				k := &kubeadm{program: program, version: v.version, api: api}
				for _, c := range configs {
					if !c.takes(api) {
						continue
					}
					n++
					t.Run(api+"/"+c.name, func(t *testing.T) {
						t.Parallel()
						k.check(t, c)
					})
				}
			}
			t.Run("defaults", (&kubeadm{program: program, version: v.version}).checkDefaults)
		})
		figure(t, "kubeadm "+v.version, "%d configurations in %.1f s", n, time.Since(start).Seconds())
	}
}

// kubeadm is the program, with a version of its configuration.
type kubeadm struct{ program, version, api string }

// check compares a configuration, its manifest, and what kcmgen makes of each.
func (k *kubeadm) check(t *testing.T, c kubeadmConfig) {
	dir := t.TempDir()
	config := placed(t, dir, "kubeadm.yaml", c.yaml(k.version, k.api))
	manifest := placed(t, dir, "kube-controller-manager.yaml", k.manifest(t, config, c))
	want := podIn(t, manifest)
	if r := at(t, dir, kcmgen, "flags", "--check", manifest); (r.code == 0) != (c.errors == 0) || !strings.Contains(r.err, fmt.Sprintf(": %d error", c.errors)) || !strings.Contains(r.err, fmt.Sprintf("checked %d arguments", len(want.args))) {
		t.Errorf("flags --check of %d arguments: exit %d\n%s%s", len(want.args), r.code, r.err, r.out)
	}
	read := commandsIn(t, [][]hostFile{{{filepath.Base(manifest), textOf(t, manifest)}}, {{"kubeadm.yaml", textOf(t, config)}}})
	if got := words(read[0]); !slices.Equal(got, want.args) || read[0].Err != "" {
		t.Errorf("the manifest is read as\n%q, %s\nand has\n%q", got, read[0].Err, want.args)
	}
	importing(t, dir, manifest).compare(t, want, c)
	if c.externalCA {
		return
	}
	sameArgs(t, "the configuration is read", words(read[1]), want.args)
	imported := importing(t, dir, config)
	if trip := imported.RoundTrips[0]; len(trip.Differences) > 0 {
		t.Errorf("the round trip of the configuration: %q", trip.Differences)
	}
	if !imported.finds("path-hidden") { // the configuration doesn't say kubeadm's own volumes
		sameMeaning(t, "the configuration is exported", imported.export(t).args, want.args)
	}
	migrated := placed(t, dir, "migrated.yaml", k.run(t, "config", "migrate", "--old-config", config))
	read = commandsIn(t, [][]hostFile{{{"migrated.yaml", textOf(t, migrated)}}})
	sameArgs(t, "the migrated configuration is read", words(read[0]), want.args)
}

// checkDefaults reads what kubeadm prints as an example.
func (k *kubeadm) checkDefaults(t *testing.T) {
	dir := t.TempDir()
	config := placed(t, dir, "defaults.yaml", k.run(t, "config", "print", "init-defaults"))
	want := podIn(t, placed(t, dir, "kube-controller-manager.yaml", k.manifest(t, config, kubeadmConfig{})))
	read := commandsIn(t, [][]hostFile{{{"defaults.yaml", textOf(t, config)}}})
	sameArgs(t, "the defaults are read", words(read[0]), want.args)
	i := importing(t, dir, config)
	if len(i.RoundTrips[0].Differences) > 0 {
		t.Errorf("the round trip: %q", i.RoundTrips[0].Differences)
	}
}

// run runs kubeadm without the machine's settings.
func (k *kubeadm) run(t *testing.T, args ...string) string {
	t.Helper()
	r := at(t, t.TempDir(), k.program, args...)
	if r.code != 0 {
		t.Fatalf("kubeadm %q: exit %d\n%s", args, r.code, r.err)
	}
	return r.out
}

// manifest has kubeadm write the static pod, into an /etc of its own.
func (k *kubeadm) manifest(t *testing.T, config string, c kubeadmConfig) string {
	t.Helper()
	const script = `mount --make-rprivate /
mount -t tmpfs -o mode=755 none /etc
program=$1 config=$2 external=$3
shift 3
mkdir /etc/kubernetes "$@"
if $external; then
	"$program" init phase certs all --config "$config" >&2
	"$program" init phase kubeconfig all --config "$config" >&2
	rm /etc/kubernetes/pki/ca.key /etc/kubernetes/pki/front-proxy-ca.key
fi
"$program" init phase control-plane controller-manager --config "$config" >&2
cat /etc/kubernetes/manifests/*`
	cmd := exec.Command("sh", append([]string{"-euc", script, "sh", k.program, config, strconv.FormatBool(c.externalCA)}, c.directories...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	r, err := finish(t.Context(), cmd)
	if err != nil || r.code != 0 {
		t.Fatalf("kubeadm: exit %d, %v\n%s\n%s", r.code, err, r.err, textOf(t, config))
	}
	return r.out
}

// imported is what kcmgen import says, and where the cluster is.
type imported struct {
	dir, File, Version string
	RoundTrips         []struct {
		Arguments, Fields struct{ Equal, Of int }
		Ordered           bool
		Differences       []string
	}
	Findings []struct{ Rule, Severity string }
}

// importing imports a file into a repository of its own.
func importing(t *testing.T, dir, file string) *imported {
	t.Helper()
	i := &imported{dir: filepath.Join(dir, "of-"+strings.TrimSuffix(filepath.Base(file), ".yaml"))}
	r := at(t, dir, kcmgen, "import", file, "-o", i.dir, "--name", "adopted", "--nodes", "cp-1=10.0.0.11", "--format", "json")
	if err := json.Unmarshal([]byte(r.out), i); err != nil || r.code != 0 && r.code != 4 || len(i.RoundTrips) != 1 {
		t.Fatalf("kcmgen import %s: exit %d, %v\n%s%s", filepath.Base(file), r.code, err, r.err, r.out)
	}
	if same := len(i.RoundTrips[0].Differences) == 0; same != (r.code == 0) {
		t.Errorf("kcmgen import %s: exit %d with the differences %q", filepath.Base(file), r.code, i.RoundTrips[0].Differences)
	}
	return i
}

func (i *imported) finds(rule string) bool {
	for _, f := range i.Findings {
		if f.Rule == rule {
			return true
		}
	}
	return false
}

var packageLine = regexp.MustCompile(`(?m)^package .*$`)

// export waives the findings of what runs, and returns the pod that an export makes.
func (i *imported) export(t *testing.T) *managerPod {
	t.Helper()
	source := i.File
	if !filepath.IsAbs(source) {
		source = filepath.Join(filepath.Dir(i.dir), source)
	}
	waived := packageLine.FindString(textOf(t, source)) + "\n\n"
	for _, f := range i.Findings {
		if line := fmt.Sprintf("cluster: waivers: %q: reason: \"it was so\"\n", f.Rule); f.Severity == "error" && !strings.Contains(waived, line) {
			waived += line
		}
	}
	placed(t, filepath.Dir(source), "waived.cue", waived)
	if r := at(t, i.dir, kcmgen, "export", "-o", "exported", filepath.Dir(source)); r.code != 0 {
		t.Fatalf("kcmgen export: exit %d\n%s%s\n%s", r.code, r.err, r.out, textOf(t, source))
	}
	files, err := filepath.Glob(filepath.Join(i.dir, "exported/adopted/nodes/cp-1/etc/kubernetes/manifests/*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("exported manifests: %q, %v", files, err)
	}
	return podIn(t, files[0])
}

// compare compares the round trip and the export with the manifest.
func (i *imported) compare(t *testing.T, want *managerPod, c kubeadmConfig) {
	t.Helper()
	trip := i.RoundTrips[0]
	left := slices.Clone(trip.Differences)
	for _, r := range c.differs {
		if at := slices.IndexFunc(left, func(d string) bool { return strings.Contains(d, r) }); at >= 0 {
			left = slices.Delete(left, at, at+1)
		} else {
			t.Errorf("the import reports no %q", r)
		}
	}
	if len(left) > 0 {
		t.Errorf("the round trip: %q", left)
	}
	got := i.export(t)
	ordered := slices.IsSorted(names(want.args)) && len(slices.Compact(names(want.args))) == len(want.args) && !c.respelt
	if ordered != trip.Ordered {
		t.Errorf("the import says %v about the order, and it is %v", trip.Ordered, ordered)
	}
	if ordered && !slices.Equal(got.args, want.args) {
		t.Errorf("exported are\n%q\nand kubeadm's are\n%q", got.args, want.args)
	}
	sameMeaning(t, "the manifest is exported", got.args, want.args)
	if len(c.differs) == 0 && !reflect.DeepEqual(got.rest, want.rest) {
		t.Errorf("the exported pod is\n%v\nand kubeadm's is\n%v", got.rest, want.rest)
	}
}

// sameArgs compares arguments regardless of their order, and says if only that differs.
func sameArgs(t *testing.T, what string, got, want []string) {
	t.Helper()
	switch {
	case slices.Equal(got, want):
	case slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))):
		t.Errorf("%s in another order:\n%q\n%q", what, got, want)
	default:
		t.Errorf("%s as\n%q, and there are\n%q", what, got, want)
	}
}

// sameMeaning compares arguments with each flag once: the last one, or for --feature-gates and
// the like all of them.
func sameMeaning(t *testing.T, what string, got, want []string) {
	t.Helper()
	if a, b := meaning(got), meaning(want); !maps.Equal(a, b) {
		t.Errorf("%s as\n%q, and there are\n%q", what, got, want)
	}
}

func meaning(args []string) map[string]string {
	out := map[string]string{}
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		if name == "--feature-gates" {
			pairs := strings.Split(strings.TrimPrefix(out[name]+","+value, ","), ",")
			slices.Sort(pairs)
			value = strings.Join(pairs, ",")
		}
		switch value {
		case "1":
			value = "true"
		case "F":
			value = "false"
		}
		out[name] = value
	}
	return out
}

func names(args []string) []string {
	var out []string
	for _, a := range args {
		name, _, _ := strings.Cut(a, "=")
		out = append(out, name)
	}
	return out
}

func words(c command) []string {
	out := []string{}
	for _, a := range c.Args {
		out = append(out, string(a))
	}
	return out
}

// at runs a program in a directory, with a minimal environment.
func at(t *testing.T, dir, program string, args ...string) result {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	r, err := finish(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func placed(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func textOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
