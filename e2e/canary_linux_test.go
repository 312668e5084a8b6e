package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// canaryReport is the output of kcmgen canary --format json.
type canaryReport struct {
	Namespace string
	Results   []struct {
		Controller, Reason string
		Works, Skipped     bool
		Seconds            float64
	}
	Left, Swept []string
}

// canary runs kcmgen canary, which must end with a code.
func (s *scene) canary(t *testing.T, code int, args ...string) canaryReport {
	t.Helper()
	r := s.must(t, code, append([]string{"canary", "--format", "json", "--kubeconfig", s.o.Kubeconfig}, append(args, ".")...)...)
	var out canaryReport
	if err := json.Unmarshal([]byte(r.Out), &out); err != nil {
		t.Fatalf("%v in %s", err, r.Out)
	}
	return out
}

// broken returns the controllers that don't work.
func (r canaryReport) broken() []string {
	var out []string
	for _, c := range r.Results {
		if !c.Works && !c.Skipped {
			out = append(out, c.Controller)
		}
	}
	return out
}

// TestCanary: all controllers of a good cluster work; each that is switched off is named, and only
// what needs it beside it; nothing is left behind, also when the run is ended.
func TestCanary(t *testing.T) {
	s := onScene(t)
	s.deploy(t, 0)
	r := s.canary(t, 0)
	if n := len(r.Results); n != 14 {
		t.Errorf("%d controllers are watched", n)
	}
	slowest := 0.0
	for _, c := range r.Results {
		slowest = max(slowest, c.Seconds)
	}
	figure(t, "canary: controllers that it watches", "%d, the slowest did its part in %.1f s", len(r.Results), slowest)
	s.spotless(t)
	t.Run("with the rights that it prints", s.canaryRights)
	t.Run("ended", s.canaryEnded)
	if testing.Short() {
		return
	}
	// One instance, whose unit is edited.
	_, b, leader := s.standbys(t)
	a := s.Hosts[0]
	for _, h := range []*ground.Host{b, leader} {
		if h == a {
			_, a, _ = s.standbys(t)
		}
	}
	for _, h := range s.Hosts {
		if h != a {
			do(t, h, "systemctl", "stop", unit)
		}
	}
	named := 0
	for _, c := range r.Results {
		if c.Controller == "namespace-controller" {
			continue // below: it leaves the namespace
		}
		if c.Controller == "serviceaccount-token-controller" {
			// --controllers doesn't switch it off: kube-controller-manager always starts it.
			s.controllers(t, a, c.Controller)
			s.canary(t, 0)
			continue
		}
		if t.Run("without "+c.Controller, func(t *testing.T) { s.without(t, a, c.Controller) }) {
			named++
		}
	}
	if t.Run("without namespace-controller", func(t *testing.T) { s.without(t, a, "namespace-controller") }) {
		named++
	}
	figure(t, "canary: switched-off controllers it names", "%d of %d, and one can't be switched off", named, len(r.Results)-1)
	s.controllers(t, a, "")
	s.spotless(t)
}

// needs are the controllers without which others can't do their part.
var needs = map[string][]string{
	"serviceaccount-controller": {"replicaset-controller"},
}

// without switches a controller off.
func (s *scene) without(t *testing.T, h *ground.Host, controller string) {
	t.Helper()
	s.controllers(t, h, controller)
	r := s.canary(t, 3, "--timeout", "6s")
	got := r.broken()
	if !slices.Contains(got, controller) {
		t.Errorf("%s is off, and it names %q", controller, got)
	}
	for _, name := range got {
		if name != controller && !slices.Contains(needs[controller], name) {
			t.Errorf("%s is off, and it names %s", controller, name)
		}
	}
	if left := len(r.Left) > 0; left != (controller == "namespace-controller") {
		t.Errorf("left behind: %q", r.Left)
	}
}

// controllers starts a host's instance with all controllers but one, and waits until it leads.
func (s *scene) controllers(t *testing.T, h *ground.Host, off string) {
	t.Helper()
	flag := ""
	if off != "" {
		flag = " --controllers=*,-" + off
	}
	do(t, h, "sh", "-euc", `[ -e /run/kept ] || cp -a "$1" /run/kept
		sed "s/--allocate-node-cidrs=true/&$3/" /run/kept >"$1"; systemctl daemon-reload; systemctl restart "$2"`, "sh", "/"+unitOnHost, unit, flag)
	if err := healthySoon(t, s.Ground, h); err != nil {
		t.Fatal(err)
	}
	if err := renewed(t, s.Ground); err != nil {
		t.Fatal(err)
	}
}

// healthySoon waits until a host's instance is healthy, which a leader is once its controllers
// run.
func healthySoon(t *testing.T, g *ground.Ground, h *ground.Host) error {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err = healthy(t.Context(), inside(g, h)); err == nil {
			return nil
		}
	}
	return err
}

// canaries returns what canaries have made outside of their namespaces, and the namespaces.
func (s *scene) canaries(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, path := range []string{"/api/v1/namespaces", "/apis/certificates.k8s.io/v1/certificatesigningrequests"} {
		var list struct {
			Items []struct{ Metadata struct{ Name string } }
		}
		if err := s.API(t.Context(), http.MethodGet, path+"?labelSelector=kcmgen.dev%2Fcanary", nil, &list); err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			names = append(names, o.Metadata.Name)
		}
	}
	return names
}

// spotless checks that no canary left anything.
func (s *scene) spotless(t *testing.T) {
	t.Helper()
	var names []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if names = s.canaries(t); len(names) == 0 {
			return
		}
	}
	t.Errorf("left behind: %q", names)
}
