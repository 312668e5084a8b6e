package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// bound is a unit like kcmgen's, with a program that only sleeps. One bind is of a
// directory, the other of a file in a directory that other programs use.
const bound = `[Service]
ExecStart=/usr/bin/sleep infinity
ProtectSystem=strict
BindReadOnlyPaths=/etc/kubernetes/kcmgen/%[1]s:/etc/kubernetes/kube-controller-manager
BindReadOnlyPaths=/etc/kubernetes/kcmgen/%[1]s/ca.crt:/etc/kubernetes/pki/ca.crt

[Install]
WantedBy=multi-user.target
`

const (
	boundDirectory = "/etc/kubernetes/kube-controller-manager/ca.crt"
	boundFile      = "/etc/kubernetes/pki/ca.crt"
)

// TestBind: only the unit's process sees the generation at the fixed paths. It changes as a
// whole, with a restart and with nothing else.
func TestBind(t *testing.T) {
	h := onGround(t).Hosts[0]
	write := func(path, content string) {
		t.Helper()
		if err := h.WriteFile(t.Context(), path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, generation := range []string{"one", "two"} {
		write("/etc/kubernetes/kcmgen/"+generation+"/ca.crt", generation)
	}
	write("/etc/kubernetes/pki/apiserver.crt", "another's")
	commit := func(generation string) { // as deploy does: a rename in the same directory
		t.Helper()
		write("/etc/systemd/system/.bound.new", fmt.Sprintf(bound, generation))
		do(t, h, "mv", "-T", "/etc/systemd/system/.bound.new", "/etc/systemd/system/bound.service")
	}

	commit("one")
	do(t, h, "systemctl", "daemon-reload")
	do(t, h, "systemctl", "enable", "--now", "bound")
	first := mainProcess(t, h, "bound", "/usr/bin/sleep")
	sees(t, h, first, "one")
	if out := do(t, h, "cat", first+"/root/etc/kubernetes/pki/apiserver.crt"); out != "another's" {
		t.Errorf("next to a bound file the process sees %q", out)
	}
	if out := do(t, h, "stat", "-c", "%a %U", first+"/root"+boundDirectory); out != "600 root\n" {
		t.Errorf("a bound file is %q", out)
	}
	checkMountPoints(t, h)
	checkReadOnly(t, h)

	commit("two")
	sees(t, h, first, "one")
	do(t, h, "systemctl", "daemon-reload")
	sees(t, h, first, "one") // without a restart it runs what it ran
	do(t, h, "systemctl", "restart", "bound")
	second := mainProcess(t, h, "bound", "/usr/bin/sleep")
	if second == first {
		t.Fatal("a restart kept the process")
	}
	sees(t, h, second, "two")
	checkMountPoints(t, h)

	commit("one")
	do(t, h, "systemctl", "daemon-reload")
	do(t, h, "systemctl", "restart", "bound")
	sees(t, h, mainProcess(t, h, "bound", "/usr/bin/sleep"), "one")

	commit("gone")
	do(t, h, "systemctl", "daemon-reload")
	do(t, h, "systemctl", "restart", "bound") // exits with 0: it waits only for the fork
	eventually(t, func() error {
		show, err := h.Show(t.Context(), "bound", "ExecMainStatus", "ActiveState")
		if err == nil && (show["ExecMainStatus"] != "226" || show["ActiveState"] != "failed") {
			err = fmt.Errorf("a generation that isn't there: expected status 226 (NAMESPACE), not %v", show)
		}
		return err
	})
	checkMountPoints(t, h)
}

// sees checks which generation a process sees at both paths.
func sees(t *testing.T, h *ground.Host, process, generation string) {
	t.Helper()
	for _, path := range []string{boundDirectory, boundFile} {
		if out := do(t, h, "cat", process+"/root"+path); out != generation {
			t.Errorf("the process sees %q at %s, expected %q", out, path, generation)
		}
	}
}

// checkMountPoints: other processes see empty mount points, which stay when the unit ends.
func checkMountPoints(t *testing.T, h *ground.Host) {
	t.Helper()
	if out := do(t, h, "sh", "-c", "ls -A /etc/kubernetes/kube-controller-manager; cat "+boundFile); out != "" {
		t.Errorf("others see %q where the process has its files", out)
	}
	if out := do(t, h, "ls", "/etc/kubernetes/pki"); out != "apiserver.crt\nca.crt\n" {
		t.Errorf("others see %q in their own directory", out)
	}
}

// checkReadOnly: the process can write neither to its files nor elsewhere.
func checkReadOnly(t *testing.T, h *ground.Host) {
	t.Helper()
	pid := strings.TrimPrefix(mainProcess(t, h, "bound", "/usr/bin/sleep"), "/proc/")
	for _, path := range []string{boundDirectory, boundFile, "/etc/kubernetes/kube-controller-manager/new", "/etc/new", "/usr/new"} {
		r, err := h.Run(t.Context(), "nsenter", "--target="+pid, "--mount", "--", "sh", "-c", `echo x >>"$1"`, "sh", path)
		if err != nil || r.Code == 0 || !strings.Contains(r.Err, "Read-only file system") {
			t.Errorf("writing to %s: %+v, %v", path, r, err)
		}
	}
}
