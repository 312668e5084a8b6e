package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// newPodSite is newSite for pods: two exports of pods, and one of a unit.
func newPodSite(t *testing.T, g *ground.Ground, h *ground.Host) (*site, *variant) {
	t.Helper()
	o := newOperator(t, g)
	s := &site{h: h, o: o}
	alone(t, o.Repository, h.Name)
	text := exampleOn + podCluster(t, o.Repository)
	write(t, filepath.Join(o.Repository, "ground.cue"), text)
	edit(t, filepath.Join(o.Repository, "cluster.cue"), `layout:  "systemd"`, `layout:  "staticPod"`)
	s.export(t, o.Repository)
	image := o.Command(kcmgen, "image", ".")
	if out, err := image.CombinedOutput(); err != nil {
		t.Fatalf("kcmgen image: %v\n%s", err, out)
	}
	other, units := o.Repository+"-b", o.Repository+"-units"
	for _, dir := range []string{other, units} {
		if r, err := o.Run(t.Context(), "cp", "-a", o.Repository, dir); err != nil || r.Code != 0 {
			t.Fatal(r, err)
		}
	}
	edit(t, filepath.Join(other, "ground.cue"), "flags: {", "flags: {\n\t\t\"kube-api-qps\": 31")
	for _, name := range []string{"serving.crt", "serving.key"} {
		if err := os.Remove(filepath.Join(other, "out/example/pki/nodes", h.Name, name)); err != nil {
			t.Fatal(err)
		}
	}
	edit(t, filepath.Join(units, "cluster.cue"), `layout:  "staticPod"`, `layout:  "systemd"`)
	s.export(t, other)
	s.export(t, units)
	s.a, s.b = readVariant(t, "a", o.Repository, h.Name), readVariant(t, "b", other, h.Name)
	u := readVariant(t, "the unit", units, h.Name)
	s.a.files[unitFile], s.b.files[unitFile], u.files[podFile] = "", "", "" // never both
	s.between = neither()
	return s, u
}

// podOperators is operators for pods. It also returns each site's unit.
func podOperators(t *testing.T, g *ground.Ground) ([]*site, map[*site]*variant) {
	t.Helper()
	var all []*site
	units := map[*site]*variant{}
	killat := tool(t, "killat")
	for i, h := range g.Hosts {
		s, u := newPodSite(t, g, h)
		units[s] = u
		s.killat, s.report = killat, filepath.Join(t.TempDir(), "report")
		s.install(t)
		if i == len(g.Hosts)-1 {
			s.asUser(t)
		}
		s.proxy = s.throughProxy(t, g)
		all = append(all, s)
	}
	everywhere(t, all, func(t *testing.T, s *site) { s.settle(t, s.a) })
	return all, units
}

// slower is how many times longer a host may take: a kubelet may take a quarter of a minute to
// replace a pod.
func (s *site) slower() time.Duration {
	switch {
	case s.halves: // only the timer goes on
		return 6
	case s.manifest() != "":
		return 3
	default:
		return 1
	}
}

// killScript kills kcmgen's sessions on the host, and what they started.
func (s *site) killScript(t *testing.T) {
	t.Helper()
	do(t, s.h, "sh", "-c", `for f in /proc/[0-9]*/fd/*; do
		case $(readlink "$f") in
		/run/kcmgen.lock | /run/kcmgen.act) f=${f#/proc/} && echo "${f%%/*}" ;;
		esac
	done | sort -u | xargs -r kill -KILL 2>/dev/null; true`)
}

// powerCycle takes the host's power, and boots it.
func (s *site) powerCycle(t *testing.T) {
	t.Helper()
	s.h.PowerOff()
	if err := s.h.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.sftp(t, 0, "never")
}

// neither is what a host has while its pod is replaced, and in the middle of a change of layouts.
func neither() *variant {
	return &variant{name: "neither", generation: none, start: podFile, files: map[string]string{unitFile: "", podFile: ""}}
}

// states returns the variants whose files a host may have at some moment.
func (s *site) states() []*variant {
	if s.between == nil { // units
		return []*variant{s.a, s.b}
	}
	return []*variant{s.a, s.b, s.between}
}

// withoutImage makes deployments bring the image: the runtime forgets it, also by the name that
// it has for the kubelet. The pod that runs doesn't need it.
func (s *site) withoutImage(t *testing.T) {
	t.Helper()
	do(t, s.h, "sh", "-euc", `
		ctr -n k8s.io images ls >/run/images
		digest=$(grep -e ^localhost/kube-controller-manager -e ^kcmgen.local/ /run/images | awk '{ print $3; exit }')
		[ -z "$digest" ] || ctr -n k8s.io images rm --sync $(awk -v is="$digest" '$3 == is { print $1 }' /run/images) >/dev/null
		rm /run/images`)
}

// begin starts a deployment of the second variant.
func (s *site) begin(t *testing.T) *begun {
	t.Helper()
	cmd := s.o.Command(s.deploy()...)
	cmd.Dir = s.b.dir
	return begin(t, cmd)
}

// watched looks at the host until end is called: no picture may be torn, and never may two
// processes run.
func (s *site) watched(t *testing.T) (end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	gone := make(chan struct{})
	states := s.states()
	go func() {
		defer close(gone)
		for ctx.Err() == nil {
			p, err := s.look(ctx)
			if err == nil {
				err = p.torn(states...)
			}
			if err != nil && ctx.Err() == nil {
				t.Errorf("%s: %v", s.h.Name, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(3 * every): // a look takes a while, too
			}
		}
	}()
	end = func() {
		stop()
		<-gone
	}
	t.Cleanup(end)
	return end
}
