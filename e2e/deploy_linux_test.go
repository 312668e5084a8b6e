package e2e

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// changed writes a CUE file next to the operator's cluster, and exports it.
func changed(t *testing.T, o *ground.Operator, text string) {
	t.Helper()
	file := filepath.Join(o.Repository, "changed.cue")
	if err := os.WriteFile(file, []byte("package example\n\ncluster: {\n"+text+"\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	kcmgenDoes(t, o, 0, "export")
}

// kcmgenDoes runs kcmgen, which must end with a code.
func kcmgenDoes(t *testing.T, o *ground.Operator, code int, args ...string) ground.Result {
	t.Helper()
	r, err := o.Kcmgen(t.Context(), args...)
	if err != nil || r.Code != code {
		t.Fatalf("kcmgen %q: exit %d, expected %d, %v\n%s%s", args, r.Code, code, err, r.Err, r.Out)
	}
	return r
}

// TestInterrupt: after Ctrl-C, or a closed terminal, while a host is on trial, the host goes
// back.
func TestInterrupt(t *testing.T) {
	if sampled(t) {
		return
	}
	g := onGround(t)
	o := newOperator(t, g)
	kcmgenDoes(t, o, 0, "deploy", "--yes", "--kubeconfig", o.Kubeconfig, ".")
	unit := "/etc/systemd/system/kube-controller-manager.service"
	before := do(t, g.Hosts[0], "cat", unit)
	changed(t, o, `flags: "node-monitor-grace-period": "55s"`)
	for _, c := range []struct {
		name string
		sig  syscall.Signal
		gone bool // its output isn't read any more
	}{{"Ctrl-C", syscall.SIGINT, false}, {"Ctrl-C, to a tee, too", syscall.SIGINT, true}, {"end", syscall.SIGTERM, false}, {"a closed terminal", syscall.SIGHUP, false}} {
		t.Run(c.name, func(t *testing.T) { interrupted(t, o, c.sig, c.gone) })
		if after := do(t, g.Hosts[0], "cat", unit); after != before {
			t.Errorf("%s: the host has another unit\n%s", c.name, after)
		}
		if out := do(t, g.Hosts[0], "ls", "-A", "/etc/kubernetes/kcmgen"); strings.Contains(out, "trial") || strings.Contains(out, "partial") {
			t.Errorf("%s: left behind: %s", c.name, out)
		}
	}
}

// interrupted sends a signal while a host is on trial.
func interrupted(t *testing.T, o *ground.Operator, sig syscall.Signal, gone bool) {
	t.Helper()
	// Under nohup tests ignore SIGHUP, and kcmgen would inherit that.
	cmd := o.Command("env", "--default-signal=HUP", kcmgen, "deploy", "--yes", "--kubeconfig", o.Kubeconfig, "--limit", "cp-1", ".")
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewReader(io.TeeReader(talk, &said))
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("it ended before a host was on trial\n%s", said.String())
		}
		if strings.HasPrefix(line, "cp-1: healthy: ") {
			break
		}
	}
	if gone {
		_ = talk.Close()
	}
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, lines)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 5 || !gone && !strings.Contains(said.String(), "cp-1: back: as it was") {
		t.Errorf("exit %d, expected 5 (%v)\n%s", code, cmd.ProcessState, said.String())
	}
}

// TestInstall: a program is installed with its generation, and removed with the last
// generation that starts it.
func TestInstall(t *testing.T) {
	if sampled(t) {
		return
	}
	g := onGround(t)
	o := newOperator(t, g)
	h := g.Hosts[0]
	manager, err := builder.Kubernetes(clusterVersion, "kube-controller-manager")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(manager)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	directory := "/usr/local/lib/kcmgen/" + hex.EncodeToString(sum[:8])
	install := fmt.Sprintf("binary: {install: true, source: amd64: {file: %q, sha256: %q}}", manager, hex.EncodeToString(sum[:]))
	changed(t, o, install)
	deploy := []string{"deploy", "--yes", "--kubeconfig", o.Kubeconfig, "--limit", h.Name, "."}
	kcmgenDoes(t, o, 0, "fetch")
	kcmgenDoes(t, o, 0, "export")
	kcmgenDoes(t, o, 0, deploy...)
	if out := do(t, h, "sh", "-c", "readlink /proc/$(systemctl show -P MainPID kube-controller-manager)/exe"); out != directory+"/kube-controller-manager\n" {
		t.Errorf("it runs %s, expected it in %s", out, directory)
	}
	if out := kcmgenDoes(t, o, 0, deploy...).Out; !strings.Contains(out, "nothing to do") {
		t.Errorf("again: %s", out)
	}
	for _, value := range []string{"55s", "56s"} { // two generations without it
		changed(t, o, `flags: "node-monitor-grace-period": "`+value+`"`)
		kcmgenDoes(t, o, 0, deploy...)
	}
	if r, err := h.Run(t.Context(), "ls", directory); err != nil || r.Code == 0 {
		t.Errorf("%s is still there: %v", directory, err)
	}
}

// TestRetire: nothing of kcmgen's is left on a retired host.
func TestRetire(t *testing.T) {
	g := onGround(t)
	o := newOperator(t, g)
	h := g.Hosts[2]
	kcmgenDoes(t, o, 0, "deploy", "--yes", "--kubeconfig", o.Kubeconfig, ".")
	cluster := filepath.Join(o.Repository, "cluster.cue")
	data, err := os.ReadFile(cluster)
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(string(data), `"cp-3": address`, `// "cp-3": address`, 1)
	if err := os.WriteFile(cluster, []byte(without), 0o644); err != nil || without == string(data) {
		t.Fatal(err, "the cluster has no cp-3")
	}
	kcmgenDoes(t, o, 1, "export")
	kcmgenDoes(t, o, 0, "export", "--accept", "node/cp-3")
	if out := kcmgenDoes(t, o, 0, "deploy", "--yes", "--kubeconfig", o.Kubeconfig, ".").Err; !strings.Contains(out, "cp-3 left the cluster, and may run still: kcmgen retire cp-3 example") {
		t.Errorf("nothing is said of a host that left:\n%s", out)
	}
	if out := kcmgenDoes(t, o, 0, "retire", "--yes", "cp-3").Out; out != "example: cp-3: retired\n" {
		t.Errorf("%q", out)
	}
	for _, path := range []string{"/etc/kubernetes/kcmgen", "/etc/systemd/system/kube-controller-manager.service", "/etc/systemd/system/kcmgen-recover.service"} {
		if r, err := h.Run(t.Context(), "ls", path); err != nil || r.Code == 0 {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if r, err := h.Run(t.Context(), "pidof", "kube-controller-manager"); err != nil || r.Code == 0 {
		t.Errorf("it still runs: %s, %v", r.Out, err)
	}
	kcmgenDoes(t, o, 1, "retire", "--yes", "cp-3") // it isn't in the reports any more
	if out := kcmgenDoes(t, o, 0, "deploy", "--yes", "--kubeconfig", o.Kubeconfig, ".").Err; strings.Contains(out, "cp-3") {
		t.Errorf("it is still mentioned:\n%s", out)
	}
}
