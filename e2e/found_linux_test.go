package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// byHandUnit is a unit as in common guides: certificates in one directory, a kubeconfig that
// names them, switches without a value, another address and port.
const byHandUnit = `[Unit]
Description=Kubernetes Controller Manager
Documentation=https://github.com/GoogleCloudPlatform/kubernetes

[Service]
WorkingDirectory=/etc/kubernetes
%sExecStart=/usr/local/bin/kube-controller-manager \
  --profiling \
  --cluster-name=kubernetes \
  --controllers=*,bootstrapsigner,tokencleaner \
  --leader-elect \
  --leader-elect-lease-duration=3s \
  --leader-elect-renew-deadline=2s \
  --leader-elect-retry-period=500ms \
  --use-service-account-credentials \
  --bind-address=%s \
  --secure-port=10252 \
  --tls-cert-file=/etc/kubernetes/cert/kube-controller-manager.pem \
  --tls-private-key-file=/etc/kubernetes/cert/kube-controller-manager-key.pem \
  --authentication-kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig \
  --authorization-kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig \
  --client-ca-file=/etc/kubernetes/cert/ca.pem \
  --cluster-signing-cert-file=/etc/kubernetes/cert/ca.pem \
  --cluster-signing-key-file=/etc/kubernetes/cert/ca-key.pem \
  --root-ca-file=/etc/kubernetes/cert/ca.pem \
  --service-account-private-key-file=/etc/kubernetes/cert/sa.pem \
  --kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig \
  --v=2
Restart=on-failure
RestartSec=1

[Install]
WantedBy=multi-user.target
`

// byHand installs such a unit with its files on a host, and starts it. before is an extra
// line of the unit.
func (s *scene) byHand(t *testing.T, h *ground.Host, file, before string) string {
	t.Helper()
	from := filepath.Join(s.o.Repository, "out", "example", "nodes", h.Name, homeOnHost, s.exported(t, h.Name))
	read := func(name string) string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	const cert = "/etc/kubernetes/cert/"
	config := read("controller-manager.conf")
	files := map[string]string{
		cert + "kube-controller-manager.pem":     read("kube-controller-manager.crt"),
		cert + "kube-controller-manager-key.pem": read("kube-controller-manager.key"),
		cert + "ca.pem":                          read("ca.crt"),
		cert + "ca-key.pem":                      read("ca.key"),
		cert + "sa.pem":                          read("sa.key"),
	}
	for key, name := range map[string]string{"certificate-authority": "api-ca.pem", "client-certificate": "client.pem", "client-key": "client-key.pem"} {
		line := regexp.MustCompile(key + `-data: (\S+)`)
		m := line.FindStringSubmatch(config)
		if m == nil {
			t.Fatalf("no %s in the kubeconfig", key)
		}
		data, err := base64.StdEncoding.DecodeString(m[1])
		if err != nil {
			t.Fatal(err)
		}
		files[cert+name] = string(data)
		config = line.ReplaceAllString(config, key+": "+cert+name)
	}
	files["/etc/kubernetes/kube-controller-manager.kubeconfig"] = config
	for path, data := range files {
		if err := h.WriteFile(t.Context(), path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf(byHandUnit, before, h.Address)
	if err := h.WriteFile(t.Context(), file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	do(t, h, "systemctl", "daemon-reload")
	do(t, h, "systemctl", "enable", "-q", "--now", unit)
	eventually(t, func() error { return handHealthy(t, h) })
	return text
}

// handHealthy checks the health of such a unit's process.
func handHealthy(t *testing.T, h *ground.Host) error {
	client := inside(hosts.ground, h)
	defer client.CloseIdleConnections()
	r, err := client.Get("https://" + h.Address.String() + ":10252/healthz")
	if err != nil {
		return err
	}
	_ = r.Body.Close()
	if r.StatusCode != 200 {
		return fmt.Errorf("/healthz says %d", r.StatusCode)
	}
	return in(t, h, "active/running", "enabled")
}

// again checks that a host runs the foreign unit from its own file, and nothing is left that
// would change that.
func again(t *testing.T, h *ground.Host, before string) {
	t.Helper()
	eventually(t, func() error { return handHealthy(t, h) })
	if d := differences(before, pictureOf(t, hosts.ground, h)); len(d) > 0 {
		t.Errorf("%s isn't as it was before: %q", h.Name, d)
	}
}

// TestFound: the unit of a host before its first deployment comes back unchanged and runs,
// from any directory and of any origin. kcmgen never removes it.
func TestFound(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	bad := s.altered(t, unpaired)
	t.Run("by hand", func(t *testing.T) {
		h := s.Hosts[0]
		text := s.byHand(t, h, "/"+unitOnHost, "")
		before := pictureOf(t, s.Ground, h)
		s.thereAndBack(t, h, bad, before)
		s.unretired(t, h, before, text)
	})
	t.Run("a package's", func(t *testing.T) {
		h := s.Hosts[1]
		s.byHand(t, h, "/usr/lib/systemd/system/"+filepath.Base(unitOnHost), "")
		if p := s.plan(t, "deploy", "--limit", h.Name); p.Steps[0].Unwell != "" {
			t.Errorf("a package's unit isn't found healthy: %s", p.Steps[0].Unwell)
		}
		before := pictureOf(t, s.Ground, h)
		s.thereAndBack(t, h, bad, before)
	})
	t.Run("one that doesn't start any more", func(t *testing.T) { s.unstartable(t, s.Hosts[2], bad) })
	figure(t, "what ran before the first deploy", "comes back by itself and by rollback, from /etc and from /usr/lib")
}

// thereAndBack: a first deployment that fails, and one that is rolled back.
func (s *scene) thereAndBack(t *testing.T, h *ground.Host, bad, before string) {
	t.Helper()
	s.deploy(t, 5, "--limit", h.Name, "-o", bad)
	again(t, h, before)
	s.deploy(t, 0, "--limit", h.Name)
	if got, want := runs(pictureOf(t, s.Ground, h)), s.exported(t, h.Name); got != want {
		t.Errorf("%s runs %q, not %s", h.Name, got, want)
	}
	s.must(t, 0, s.args("rollback", "--limit", h.Name)...)
	again(t, h, before)
}

// unretired: kcmgen retire doesn't stop a foreign unit, and keeps one that was replaced.
func (s *scene) unretired(t *testing.T, h *ground.Host, before, text string) {
	t.Helper()
	cluster := filepath.Join(s.o.Repository, "cluster.cue")
	whole, err := os.ReadFile(cluster)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(cluster, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at := fmt.Sprintf("%q: address", h.Name)
	without := strings.Replace(string(whole), at, "// "+at, 1)
	if without == string(whole) {
		t.Fatalf("the cluster has no %s", h.Name)
	}
	write(without)
	if r := s.must(t, 1, "retire", "--yes", h.Name); !strings.Contains(r.Err, "wasn't written by kcmgen") {
		t.Errorf("retire of a unit by hand: %s", r.Err)
	}
	again(t, h, before)
	write(string(whole))
	s.deploy(t, 0, "--limit", h.Name)
	write(without)
	s.must(t, 0, "retire", "--yes", h.Name)
	left := strings.Fields(do(t, h, "ls", "-A", "/"+homeOnHost))
	if len(left) != 1 || !strings.HasPrefix(left[0], "found-") {
		t.Fatalf("left of the directory: %q", left)
	}
	if got := do(t, h, "cat", "/"+homeOnHost+"/"+left[0]+"/"+filepath.Base(unitOnHost)); got != text {
		t.Errorf("kept was\n%s", got)
	}
	write(string(whole))
}

// unstartable: a trial ends even if the old unit doesn't start any more, whether kcmgen or
// the timer ends it. Nothing is tried for ever, and the operator learns where to look.
func (s *scene) unstartable(t *testing.T, h *ground.Host, bad string) {
	const needs = "/run/needed"
	do(t, h, "touch", needs)
	text := s.byHand(t, h, "/"+unitOnHost, "ExecStartPre=/usr/bin/test -e "+needs+"\n")
	idle := func() {
		t.Helper()
		eventually(t, func() error {
			out := do(t, h, "systemctl", "list-units", "--plain", "--no-legend", "--state=active,activating", "kcmgen-revert.*")
			if got := do(t, h, "cat", "/"+unitOnHost); got != text || onTrial(t, h) || out != "" {
				return fmt.Errorf("a trial goes on (%s), or its unit isn't the old one:\n%s", out, got)
			}
			return nil
		})
	}
	do(t, h, "rm", needs)
	r := s.deploy(t, 6, "--limit", h.Name, "-o", bad)
	for _, says := range []string{"it has what it had, and " + unit + ".service doesn't start", "hint: on " + h.Name + ", as root: systemctl status " + unit} {
		if !strings.Contains(r.Err, says) {
			t.Errorf("it doesn't say %q", says)
		}
	}
	if strings.Contains(r.Err, "by itself, if it can") {
		t.Error("it announces a second try")
	}
	idle()

	do(t, h, "touch", needs)
	do(t, h, "systemctl", "restart", unit)
	eventually(t, func() error { return handHealthy(t, h) })
	do(t, h, "rm", needs)
	b := s.begin(t, s.args("deploy", "--limit", h.Name)...)
	b.until(t, h.Name+": healthy:")
	b.kill()
	if !onTrial(t, h) {
		t.Fatal("no trial")
	}
	do(t, h, "systemctl", "start", "kcmgen-revert.service") // as the timer does, later
	idle()
	if show, err := h.Show(t.Context(), unit, "ActiveState"); err != nil || show["ActiveState"] == "active" {
		t.Errorf("the old unit starts, and shouldn't: %v", err)
	}
	s.until(t, 0, s.args("deploy", "--limit", h.Name)...)
	if got, want := runs(pictureOf(t, s.Ground, h)), s.exported(t, h.Name); got != want {
		t.Errorf("%s runs %q, not %s", h.Name, got, want)
	}
	figure(t, "a trial whose old unit doesn't start", "ends, with exit 6 and the command to look with")
}
