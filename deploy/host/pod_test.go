//go:build linux

package host_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/internal/need"
)

// podSession is session in a PID namespace, whose only other process is a kubelet that waits.
// setup is run first; the session's directory is $d.
func podSession(t *testing.T, setup, kubelet string) (*host.Session, string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "kubelet")
	// The name of a script is its process's name.
	if err := os.WriteFile(program, []byte("#!/bin/sh\n[ \"$1\" = --version ] && echo Kubernetes v1.37.1 && exit\nwhile :; do sleep 100; done\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	begin := "cd " + host.Quote(dir) + " && d=$PWD && mount -t tmpfs tmpfs /run && mkdir -p /run/log && " + setup
	if kubelet != "" {
		begin += " && { ./kubelet " + kubelet + " </dev/null >/dev/null 2>&1 & } && until grep -lx kubelet /proc/[0-9]*/comm >/dev/null; do :; done"
	}
	command := "exec " + need.Namespaces(t) + " --mount --pid --fork --kill-child --mount-proc sh -c " + host.Quote(begin+" && "+host.Shell(true))
	s, err := host.Open(within(t), start(t, command), "0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, dir
}

// TestLookAtKubelet: what decides which static pods a kubelet runs arrives as it is.
func TestLookAtKubelet(t *testing.T) {
	s, dir := podSession(t, `mkdir -p manifests/.hidden drop && printf 'staticPodPath: a\nx: "|"' >config && printf 'b: 1\n' >drop/20.conf && printf 'c: 1\n' >drop/10.conf && : >drop/no.yaml &&
		printf 'kind: Pod\n' >manifests/etcd.yaml && : >manifests/kcm.yaml && : >manifests/.kcm.yaml.swp`,
		`--v=2 --config config --config-dir="$d/drop" --pod-manifest-path=x --pod-manifest-path manifests --hostname-override=N1`)
	u := plan.Unit{GenerationsDir: dir + "/home", File: dir + "/manifests/kcm.yaml", Name: "kube-system/kcm"}
	seen, err := s.Look(within(t), u, plan.ImageOf{}, nil, 50)
	if err != nil {
		t.Fatal(err)
	}
	k := seen.Kubelet
	if k == nil || k.PID == 0 || k.Dir != dir || !slices.Contains(k.Args, "--config-dir="+dir+"/drop") || k.Args[len(k.Args)-1] != "--hostname-override=N1" {
		t.Fatalf("the kubelet is %+v", k)
	}
	want := []plan.Text{{File: dir + "/config", Data: []byte("staticPodPath: a\nx: \"|\"\n")}, {File: dir + "/drop/10.conf", Data: []byte("c: 1\n")}, {File: dir + "/drop/20.conf", Data: []byte("b: 1\n")}}
	if !slices.EqualFunc(k.Configs, want, sameText) {
		t.Errorf("its configuration is %q, expected %q", k.Configs, want)
	}
	if want := []plan.Text{{File: dir + "/manifests/etcd.yaml", Data: []byte("kind: Pod\n")}}; !slices.EqualFunc(k.Manifests, want, sameText) {
		t.Errorf("other manifests are %q, expected %q", k.Manifests, want)
	}
	if out, err := s.Do(within(t), host.Raw("pod_node")); err != nil || strings.TrimSpace(out[0]) != "n1" {
		t.Errorf("the node is %q, %v", out, err)
	}
	p := seen.Process
	if p.Running || p.Dead || !p.Known || !strings.Contains(p.Active, "the kubelet has not started it") {
		t.Errorf("the pod is %+v", p)
	}
}

// sameText compares files; the last line may have got an end.
func sameText(a, b plan.Text) bool {
	return a.File == b.File && strings.TrimRight(string(a.Data), "\n") == strings.TrimRight(string(b.Data), "\n")
}

func TestLookWithoutKubelet(t *testing.T) {
	s, dir := podSession(t, "mkdir manifests", "")
	u := plan.Unit{GenerationsDir: dir + "/home", File: dir + "/manifests/kcm.yaml", Name: "kube-system/kcm"}
	seen, err := s.Look(within(t), u, plan.ImageOf{Name: "localhost/kcm:v1"}, nil, 50)
	if err != nil || seen.Kubelet == nil || seen.Kubelet.PID != 0 || seen.Kubelet.Runtime != "" {
		t.Fatalf("the kubelet is %+v, %v", seen.Kubelet, err)
	}
	if p := seen.Process; p.Known || !p.Dead {
		t.Errorf("the pod is %+v", p)
	}
	if err := os.WriteFile(u.File, []byte("kind: Pod\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if seen, err = s.Look(within(t), u, plan.ImageOf{}, nil, 50); err != nil || !strings.Contains(seen.Process.Active, "no kubelet runs") {
		t.Errorf("the pod is %+v, %v", seen.Process, err)
	}
}

// TestPodRestarts: only restarts since kcmgen changed the manifest count, whatever the
// numbers of the log files.
func TestPodRestarts(t *testing.T) {
	s, dir := podSession(t, "mkdir home && mkdir -p /run/pods", "")
	for _, c := range []struct {
		logs, noted string // numbers of log files, those since the change with a "+"; what was noted of the pod
		want        int
	}{
		{"", "", 0},
		{"0", "", 0},
		{"0 +1", "", 1},
		{"0 1 +12", "", 12},
		{"3", "3", 0},
		{"3 +4", "3", 0},
		{"+4", "3", 0}, // its log directory was removed meanwhile
		{"3 +4 +5", "3", 1},
		{"+0", "3", 0}, // its containers, too
		{"+0 +1", "3", 1},
		{"+2 +3", "3", 3},
		{"+3 +4", "3", 4},
		{"9 +10", "9", 0},
	} {
		script := `pod_node() { echo n; }; home=` + host.Quote(dir) + `/home; at=/var/log/pods/ns_p-n_0123abcd/c; mount -t tmpfs tmpfs /var/log && mkdir -p "$at" && `
		script += `for n in ` + c.logs + `; do case $n in +*) t=2026-03-04T05:06:07.5Z ;; *) t=2026-03-04T05:06:05.5+00:00 ;; esac; echo "$t stderr F I0304 x" >"$at/${n#+}.log"; done; rm -f "$home/ran"; `
		if c.noted != "" {
			script += `echo "log.0123abcd ` + c.noted + `" >"$home/ran"; touch -d 2026-03-04T05:06:06Z "$home/ran"; `
		}
		out, err := s.Do(within(t), host.Raw(script+`pod_restarts "$home" ns/p 0123abcd; umount /var/log`))
		if got := strings.TrimSpace(out[0]); err != nil || got != strconv.Itoa(c.want) {
			t.Errorf("logs %q, noted %q: %q restarts, expected %d (%v)", c.logs, c.noted, got, c.want, err)
		}
	}
}

// TestPodCounts: what was recorded of a pod is kept when its log directory is gone.
func TestPodCounts(t *testing.T) {
	s, dir := podSession(t, "mkdir home && mount -t tmpfs tmpfs /var/log", "")
	script := `pod_node() { echo n; }; at=/var/log/pods/ns_p-n_; home=` + host.Quote(dir) + `/home; mkdir -p ${at}aa/c ${at}bb/c ${at}cc; : >${at}aa/c/4.log; : >${at}bb/c/0.log; touch -d yesterday ${at}bb;
		printf 'process 1 2 aa\nof x\nlog.aa 3\nlog.dd 7\nlog.ee \n' >"$home/ran"; pod_counts "$home" ns/p; rm -r ${at}*; pod_note "$home" ns/p ''; cat "$home/ran"`
	out, err := s.Do(within(t), host.Raw(strings.ReplaceAll(script, "\n\t\t", " ")))
	if got, want := strings.Join(out, ""), "log.aa 4\nlog.bb 0\nlog.dd 7\nlog.aa 3\nlog.dd 7\n"; err != nil || got != want {
		t.Errorf("%q, expected %q (%v)", got, want, err)
	}
}

// TestPodUIDs: the pod's directories are found by the node's name, or if a cloud gave the node
// another one, without it. Those of other pods aren't.
func TestPodUIDs(t *testing.T) {
	s, _ := podSession(t, "mount -t tmpfs tmpfs /var/log", "")
	for _, c := range []struct{ dirs, want string }{
		{"", ""},
		{"ns_p-n_0123abcd ns_p-other-n_0123abce ns_q-n_0123abcf", "0123abcd"},
		{"ns_p-n_0123abcd-aa ns_p-n_zz", ""},
		{"ns_p-ip-10-0-0-1.internal_0123abcd", "0123abcd"},
	} {
		script := `pod_node() { echo n; }; rm -rf /var/log/pods; for d in ` + c.dirs + `; do mkdir -p "/var/log/pods/$d"; done; pod_uids ns/p`
		out, err := s.Do(within(t), host.Raw(script))
		if got := strings.TrimSpace(out[0]); err != nil || got != c.want {
			t.Errorf("%q: %q, expected %q (%v)", c.dirs, got, c.want, err)
		}
	}
}

// TestPodUnnoticed: if a manifest comes back before the kubelet noticed that it was gone, the
// process that ran all the time counts again. Else the replaced one doesn't.
func TestPodUnnoticed(t *testing.T) {
	s, dir := podSession(t, "mkdir -p home/a home/b manifests", "")
	const script = `
		home=$d/home at=$d/manifests/kcm.yaml
		pod_processes() { [ ! -e "$home/runs" ] || cat "$home/runs"; }
		pod_uids() { :; }
		image_restore() { :; }
		sleep() { [ ! -e "$home/slow" ] || rm "$home/runs"; }
		pod_gone() { return 2; }
		pod_forgotten() { :; }
		replace() { pod_replace "$home" "$at" ns/kcm "$home/$1/kcm.yaml" no; }
		main() { echo "$1 $(pod_main "$home" ns/kcm)"; }
		echo a >"$home/a/kcm.yaml" && echo b >"$home/b/kcm.yaml" && cp "$home/a/kcm.yaml" "$at" && echo 7 100 0a >"$home/runs"
		main at-first
		replace b && main changed
		replace a && main unnoticed
		replace b && main again-changed
		echo 9 200 0b >"$home/runs" && main replaced
		replace a && main back
		replace b && main back-unnoticed
		pod_replace "$home" "$at" ns/kcm none; replace b && main stayed
		replace a && : >"$home/slow"
		replace b && main noticed`
	out, err := s.Do(within(t), host.Raw("d="+host.Quote(dir)+strings.ReplaceAll(script, "\n", "; ")))
	want := []string{"at-first 7 100 0a", "changed", "unnoticed 7 100 0a", "again-changed", "replaced 9 200 0b", "back", "back-unnoticed 9 200 0b", "stayed 9 200 0b", "noticed"}
	var got []string
	for line := range strings.Lines(strings.Join(out, "\n")) {
		got = append(got, strings.TrimSpace(line))
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, expected %q", got, err, want)
	}
}

// TestPodReplaced: the new manifest comes only after the old pod is gone, and the kubelet has
// cleared up after it. The same manifest stays, unless the pod is to be started again.
func TestPodReplaced(t *testing.T) {
	s, dir := podSession(t, "mkdir -p home/a home/b manifests", "")
	const script = `
		home=$d/home at=$d/manifests/kcm.yaml
		pod_processes() { :; }
		pod_uids() { :; }
		image_restore() { :; }
		is() { echo "$1 $(cat "$at" 2>/dev/null)"; }
		pod_gone() { is gone; }
		pod_forgotten() { is forgotten; }
		replace() { pod_replace "$home" "$at" ns/kcm "$home/$1/kcm.yaml" "$2"; is "$1"; }
		echo a >"$home/a/kcm.yaml" && echo b >"$home/b/kcm.yaml"
		replace a no
		replace a no
		replace b no
		replace b yes`
	out, err := s.Do(within(t), host.Raw("d="+host.Quote(dir)+strings.ReplaceAll(script, "\n", "; ")))
	want := []string{"a a", "a a", "gone", "forgotten", "b b", "gone", "forgotten", "b b"}
	var got []string
	for line := range strings.Lines(strings.Join(out, "\n")) {
		got = append(got, strings.TrimSpace(line))
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, expected %q", got, err, want)
	}
}

// TestPodUndo: an undo that ends while no manifest is there is finished by another undo, the
// timer or at boot, and recorded. What prevents it comes before the old manifest is removed.
func TestPodUndo(t *testing.T) {
	s, dir := podSession(t, "mount -t tmpfs tmpfs /var/log && mkdir -p home/g1 home/g2 manifests", "")
	const script = `
		home=$d/home file_of=$d/manifests/kcm.yaml
		arm() { [ ! -e "$d/unarmed" ]; }
		disarm() { :; }
		systemctl() { [ "$1" != is-active ]; }
		install_recovery() { : >"$d/recover"; }
		image_restore() { :; }
		had() { rm -f "$home/trial"; echo 1 >"$home/g1/kcm.yaml"; echo 2 >"$home/g2/kcm.yaml"; cp "$home/g2/kcm.yaml" "$file_of"; printf 'generation g2\nprevious %s\nstart %s\nunit ns/kcm\nby deploy\nended yes\n' "$1" "$file_of" >"$home/state"; }
		is() { echo "$1: $(cat "$file_of" 2>/dev/null), state $(field "$home/state" generation) $(field "$home/state" previous) $(field "$home/state" by), trial $(field "$home/trial" generation)"; }
		stopped() { (move_in() { [ "$1" != "$file_of" ] && mv "${1%/*}/.${1##*/}.kcmgen" "$1" || exit 9; }; undo "$home" g2); is stopped; }
		had g1; stopped; act back "$home"; is timer
		had g1; stopped; act reboot "$home"; is boot
		had g1; stopped; undo "$home" g2; is again
		had g1; stopped; : >"$d/unarmed"; undo "$home" g2; is again-unarmed; rm "$d/unarmed"
		had g1; stopped; confirm "$home" g2 programs 2>/dev/null || is confirmed; rearm "$home" g2 2>/dev/null || is prolonged
		had g1; undo "$home" g2; is undone; undo "$home" g2; is twice
		had none; undo "$home" g2; is none
		had g1; : >"$d/unarmed"; undo "$home" g2 || is unarmed; rm "$d/unarmed"
		had g1; rm "$home/g1/kcm.yaml"; undo "$home" g2 2>/dev/null || is missing
		had g1; printf 'generation g3\nprevious g2\n' >"$home/trial"; undo "$home" g2 2>/dev/null || is on-trial
		[ -e "$d/recover" ] && echo recover`
	out, err := s.Do(within(t), host.Raw("d="+host.Quote(dir)+strings.ReplaceAll(script, "\n\t", "; ")))
	const stopped, back = "stopped: , state g2 g1 deploy, trial g2", ": 1, state g1 - undo, trial"
	want := []string{
		stopped, "timer" + back, stopped, "boot" + back, stopped, "again" + back, stopped, "again-unarmed" + back,
		stopped, "confirmed: , state g2 g1 deploy, trial g2", "prolonged: , state g2 g1 deploy, trial g2",
		"undone" + back, "twice" + back, "none: , state   , trial",
		"unarmed: 2, state g2 g1 deploy, trial", "missing: 2, state g2 g1 deploy, trial g2", "on-trial: 2, state g2 g1 deploy, trial g3", "recover",
	}
	var got []string
	for line := range strings.Lines(strings.Join(out, "\n")) {
		got = append(got, strings.TrimSpace(line))
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\n%s\nexpected\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestProcesses: processes of the same program are found, besides the pod's own; not those of a
// program whose name begins with the same 15 characters. Without one of its own that can't be
// said.
func TestProcesses(t *testing.T) {
	s, dir := podSession(t, "mkdir home", "")
	script := `effective() { its=ns/p; }; pod_main() { echo "$pid 7 aa"; }; is() { echo "$1: $(processes home ns/p m ou of 2>&1 | sed "s/^$pid\$/own/; s/^$b\$/other/" | tr '\n' ' ')"; }
		runs() { until grep -q "^program-of-an-" "/proc/$1/comm"; do :; done; }
		cp "$(command -v sleep)" program-of-an-operator && cp program-of-an-operator program-of-an-option; b=none
		./program-of-an-operator 300 & pid=$!; runs $pid; is one
		./program-of-an-option 300 & c=$!; runs $c; is another
		./program-of-an-operator 300 & b=$!; runs $b; is two
		kill $b; wait $b 2>/dev/null; is gone
		kill $pid; wait $pid 2>/dev/null; is none; kill $c`
	out, err := s.Do(within(t), host.Raw("cd "+host.Quote(dir)+"; "+strings.ReplaceAll(script, "\n\t\t", "; ")))
	if got, want := strings.Join(out, ""), "one: own \nanother: own \ntwo: own other \ngone: own \nnone: no process of ns/p runs \n"; err != nil || got != want {
		t.Errorf("%q, expected %q (%v)", got, want, err)
	}
}

// TestImageNameInShell: the script and the plan name images alike.
func TestImageNameInShell(t *testing.T) {
	s := session(t)
	for _, name := range []string{"kcm", "kcm:v1", "a/kcm", "a/b/kcm:1", "a/b.c/d:1/e", "localhost/kcm", "registry.k8s.io/kcm:v1", "r:5000/kcm", "r.example/kcm@sha256:ab", "r.example/a/kcm:v@sha256:ab"} {
		out, err := s.Do(within(t), host.Raw("image_name "+host.Quote(name)))
		if err != nil || strings.TrimSpace(out[0]) != plan.ImageName(name) {
			t.Errorf("%s is %q on a host and %q here, %v", name, out[0], plan.ImageName(name), err)
		}
	}
	file := filepath.Join(t.TempDir(), "manifest")
	for text, want := range map[string]string{
		"    image: localhost/kcm:v1\n": "localhost/kcm:v1", "  - image: \"a/b:c\"\n": "a/b:c", "    image: 'x'\n    image: y\n": "x", "    imagePullPolicy: Never\n": "",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := s.Do(within(t), host.Raw("image_of "+host.Quote(file)))
		if err != nil || strings.TrimSpace(out[0]) != want {
			t.Errorf("the image in %q is %q, expected %q, %v", text, out[0], want, err)
		}
	}
}

// TestSealOwners: files get the owners that the pod needs, and a look shows their numbers.
func TestSealOwners(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(dir+"/g.partial", 0o700), os.WriteFile(dir+"/g.partial/a b", []byte("data"), 0o600), os.WriteFile(dir+"/g.partial/m", []byte("data"), 0o600)); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("data"))
	sums := []string{fmt.Sprintf("%x  a b", sum), fmt.Sprintf("%x  m", sum)}
	s := session(t)
	if err := s.Seal(within(t), dir+"/g.partial", dir+"/g", sums, []string{"65520:65521 a b", "65520:65520 ."}); err != nil {
		t.Fatal(err)
	}
	seen, err := s.Look(within(t), plan.Unit{GenerationsDir: dir, File: dir + "/u", Name: "u"}, plan.ImageOf{}, []string{dir + "/g", dir + "/g/a b", dir + "/g/m"}, 50)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"/g": "65520:65520", "/g/a b": "65520:65521", "/g/m": "0:0"} {
		if got := seen.Files[dir+name].IDs; got != want {
			t.Errorf("%s belongs to %s, expected %s", name, got, want)
		}
	}
}
