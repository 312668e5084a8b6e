package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// drift is a change of a host by hand.
type drift struct {
	name string
	do   func(t *testing.T, h *ground.Host, home string)
	// says is what diff --live must say of this host alone.
	says []string
	// byHand undoes what no deployment undoes.
	byHand string
}

func drifts() []drift {
	const unitFile = "/" + unitOnHost
	edit := func(t *testing.T, h *ground.Host) {
		t.Helper()
		do(t, h, "sed", "-i", "s/--node-cidr-mask-size=24/--node-cidr-mask-size=25/", unitFile)
	}
	return []drift{
		{"an edited file of the generation", func(t *testing.T, h *ground.Host, home string) {
			do(t, h, "sh", "-c", `echo >>"$1/ca.crt"`, "sh", home)
		}, []string{"changed ", "/ca.crt"}, ""},
		{"a file's mode", func(t *testing.T, h *ground.Host, home string) {
			do(t, h, "chmod", "644", home+"/sa.key")
		}, []string{"/sa.key: mode is 644, not 600"}, ""},
		{"a file's owner", func(t *testing.T, h *ground.Host, home string) {
			do(t, h, "chown", "ops:ops", home+"/ca.key")
		}, []string{"/ca.key: owner is ops:ops, not root:root"}, ""},
		{"a file that is gone", func(t *testing.T, h *ground.Host, home string) {
			do(t, h, "rm", home+"/sa.key")
		}, []string{"new ", "/sa.key"}, ""},
		{"the unit, not restarted", func(t *testing.T, h *ground.Host, _ string) {
			edit(t, h)
		}, []string{"~ --node-cidr-mask-size=24, was 25", "/" + unitOnHost}, ""},
		{"the unit, restarted", func(t *testing.T, h *ground.Host, _ string) {
			edit(t, h)
			do(t, h, "systemctl", "daemon-reload")
			do(t, h, "systemctl", "restart", unit)
		}, []string{"process: it runs with other arguments", "has --node-cidr-mask-size=25"}, ""},
		{"a process of another unit", func(t *testing.T, h *ground.Host, _ string) {
			do(t, h, "cp", "-a", unitFile, "/run/kept")
			edit(t, h)
			do(t, h, "systemctl", "daemon-reload")
			do(t, h, "systemctl", "restart", unit)
			do(t, h, "cp", "-a", "/run/kept", unitFile)
			do(t, h, "systemctl", "daemon-reload")
		}, []string{"process: it runs with other arguments: has --node-cidr-mask-size=25, lacks --node-cidr-mask-size=24"}, ""},
		{"a drop-in", func(t *testing.T, h *ground.Host, _ string) {
			if err := h.WriteFile(t.Context(), unitFile+".d/50-own.conf", "[Service]\nNice=5\n", 0o644); err != nil {
				t.Fatal(err)
			}
			do(t, h, "systemctl", "daemon-reload")
		}, []string{"drop-in " + unitFile + ".d/50-own.conf"}, "rm -r " + unitFile + ".d; systemctl daemon-reload"},
		{"a drop-in that systemd hasn't read", func(t *testing.T, h *ground.Host, _ string) {
			if err := h.WriteFile(t.Context(), unitFile+".d/50-own.conf", "[Service]\nNice=5\n", 0o644); err != nil {
				t.Fatal(err)
			}
		}, []string{"process: " + unit + ".service changed since systemd read it"}, "rm -r " + unitFile + ".d"},
		{"its program is gone", func(t *testing.T, h *ground.Host, _ string) {
			do(t, h, "mv", "/usr/local/bin/kube-controller-manager", "/usr/local/bin/moved")
		}, []string{"process: /usr/local/bin/kube-controller-manager isn't there any more"}, "mv /usr/local/bin/moved /usr/local/bin/kube-controller-manager"},
		{"not enabled", func(t *testing.T, h *ground.Host, _ string) {
			do(t, h, "systemctl", "disable", unit)
		}, []string{"process: ", "isn't started at boot"}, ""},
		{"stopped", func(t *testing.T, h *ground.Host, _ string) {
			do(t, h, "systemctl", "stop", unit)
		}, []string{"process: ", "inactive"}, ""},
	}
}

// TestDiffLive: each change of a host by hand is reported, for that host alone, and the next
// deployment undoes it. Without differences there is no output.
func TestDiffLive(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	same := func() {
		t.Helper()
		if r := s.must(t, 0, "diff", "--live", "."); r.Out != "" {
			t.Errorf("nothing differs, and it says %q", r.Out)
		}
	}
	same()
	before := pictures(t, s.Ground)
	h := s.Hosts[2]
	home := filepath.Join("/", homeOnHost, s.exported(t, h.Name))
	seen := 0
	for _, d := range drifts() {
		ok := t.Run(d.name, func(t *testing.T) {
			d.do(t, h, home)
			r := s.must(t, 4, "diff", "--live", ".")
			for _, want := range d.says {
				if !strings.Contains(r.Out, want) {
					t.Errorf("it doesn't say %q:\n%s", want, r.Out)
				}
			}
			if strings.Contains(r.Out, "cp-1") || strings.Contains(r.Out, "cp-2") || !strings.Contains(r.Out, h.Name) {
				t.Errorf("%s alone differs:\n%s", h.Name, r.Out)
			}
			if d.byHand != "" { // not kcmgen's: it is reported and left
				do(t, h, "sh", "-ec", d.byHand)
				same()
				return
			}
			w := watchHosts(t, s.Ground)
			s.deploy(t, 0)
			w.end().spared(t)
			if diff := differences(before[h.Name], pictureOf(t, s.Ground, h)); len(diff) > 0 {
				t.Errorf("deployed, and still different: %q", diff)
			}
			same()
		})
		if ok {
			seen++
		}
	}
	figure(t, "changes by hand that diff --live tells", "%d of %d, each put right by the next deploy where it is kcmgen's", seen, len(drifts()))
}
