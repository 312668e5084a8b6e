package e2e

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// scene is the example's cluster on the ground, and somebody who deploys it.
type scene struct {
	*ground.Ground
	o *ground.Operator
}

// onScene is a fresh ground and a fresh operator. A rollout is judged in seconds here:
// all that it waits for is there.
func onScene(t *testing.T) *scene {
	t.Helper()
	return sceneOn(t, onGround(t))
}

func sceneOn(t *testing.T, g *ground.Ground) *scene {
	t.Helper()
	s := &scene{g, newOperator(t, g)}
	s.export(t, judgedInSeconds())
	return s
}

func judgedInSeconds() string {
	return strings.NewReplacer(`gate: "20s"`, `gate: "8s"`).Replace(exampleOn) + soonAgain
}

// another is one more operator of the same cluster, with the same keys.
func (s *scene) another(t *testing.T) *scene {
	t.Helper()
	o := newOperator(t, s.Ground)
	if err := os.RemoveAll(o.Repository); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(o.Repository, os.DirFS(s.o.Repository)); err != nil {
		t.Fatal(err)
	}
	return &scene{s.Ground, o}
}

// export writes ground.cue and exports.
func (s *scene) export(t *testing.T, ground string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.o.Repository, "ground.cue"), []byte(ground), 0o644); err != nil {
		t.Fatal(err)
	}
	s.must(t, 0, "export", ".")
}

// flag exports with another value of a flag that is a number.
func (s *scene) flag(t *testing.T, name string, value int) {
	t.Helper()
	file := filepath.Join(s.o.Repository, "ground.cue")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const at = "\tflags: {\n"
	text := regexp.MustCompile(`(?m)^\t\t"`+name+`": .*\n`).ReplaceAllString(string(old), "")
	if !strings.Contains(text, at) {
		t.Fatalf("no flags in %s", text)
	}
	s.export(t, strings.Replace(text, at, fmt.Sprintf("%s\t\t%q: %d\n", at, name, value), 1))
}

// must runs kcmgen, which must end with a code.
func (s *scene) must(t *testing.T, code int, args ...string) ground.Result {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	r, err := s.o.Kcmgen(ctx, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("kcmgen %s: exit %d after %.1f s\n%s%s", strings.Join(args, " "), r.Code, time.Since(start).Seconds(), r.Err, r.Out)
	if r.Code != code {
		t.Fatalf("kcmgen %s: exit %d, expected %d", strings.Join(args, " "), r.Code, code)
	}
	return r
}

// deploy deploys, as somebody who said yes, and must end with a code.
func (s *scene) deploy(t *testing.T, code int, args ...string) ground.Result {
	t.Helper()
	return s.must(t, code, s.args("deploy", args...)...)
}

func (s *scene) args(command string, args ...string) []string {
	return append([]string{command, "--yes", "--kubeconfig", s.o.Kubeconfig, "."}, args...)
}

// plan is what a dry run says.
type plan struct {
	Leader string
	Steps  []struct {
		Node, From, To, Unwell, Recover string
		Leader, Stops                   bool
		Unit                            []string
	}
	Unchanged []string
	Notes     []string
	Revert    float64
}

func (s *scene) plan(t *testing.T, command string, args ...string) plan {
	t.Helper()
	r := s.must(t, 0, s.args(command, append(args, "--dry-run", "--format=json")...)...)
	var doc struct{ Plans []plan }
	if err := json.Unmarshal([]byte(r.Out), &doc); err != nil || len(doc.Plans) != 1 {
		t.Fatalf("%v in %s", err, r.Out)
	}
	return doc.Plans[0]
}

// order are the nodes of a plan's steps.
func (p plan) order() string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, s.Node)
	}
	return strings.Join(out, " ")
}

// exported is the generation that the last export made for a node.
func (s *scene) exported(t *testing.T, node string) string {
	t.Helper()
	return readManifest(t, filepath.Join(s.o.Repository, "out")).nodes[node]
}

func (s *scene) host(name string) *ground.Host {
	for _, h := range s.Hosts {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// sampled says that a run is a sample of which a test is no part.
func sampled(t *testing.T) bool {
	t.Helper()
	if testing.Short() {
		t.Log("not in the sample that -short takes")
	}
	return testing.Short()
}

// pictureScript tells all that a host has of kube-controller-manager: unit, arguments and
// mounts of the process, the generation it sees, the certificate it serves with. What
// is alike to the letter is the same. It says what isn't as a host at rest is to be.
const pictureScript = `
unit=kube-controller-manager home=/etc/kubernetes/kcmgen
file=$(systemctl show -p FragmentPath --value $unit)
echo "file $file $(stat -c '%a %U:%G' "$file") $(sha256sum <"$file")"
systemctl show $unit -p ActiveState,UnitFileState,NRestarts,DropInPaths,NeedDaemonReload
pid=$(systemctl show -p MainPID --value $unit)
tr '\0' '\n' <"/proc/$pid/cmdline" | sed 's/^/arg /'
awk '$4 ~ "/etc/kubernetes/kcmgen/" { print "mount " $4 " " $5 }' "/proc/$pid/mountinfo"
for dir in $(awk '$4 ~ "/etc/kubernetes/kcmgen/" { print $4 }' "/proc/$pid/mountinfo"); do
	find "$dir" | sort | while read -r f; do
		[ ! -f "$f" ] || sum=$(sha256sum <"$f")
		echo "has $(stat -c '%n %F %a %U:%G' "$f") $sum"
	done
done
[ ! -e $home/trial ] || { echo TRIAL; cat $home/trial; }
ls -d $home/*.partial $home/.*.kcmgen 2>/dev/null | sed 's/^/PARTIAL /'
systemctl -q is-active kcmgen-revert.timer && echo TIMER
true
`

// pictureOf is a host, as pictureScript tells it.
func pictureOf(t *testing.T, g *ground.Ground, h *ground.Host) string {
	t.Helper()
	r, err := h.Run(t.Context(), "sh", "-c", pictureScript)
	if err != nil {
		t.Fatal(err)
	}
	return r.Out + r.Err + "serves " + serves(t.Context(), g, h) + "\n"
}

// serves is the certificate that a host's kube-controller-manager shows.
func serves(ctx context.Context, g *ground.Ground, h *ground.Host) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := g.Dial(ctx, h.Name, healthAddress)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	// Who it is, is what is asked.
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	if err := c.HandshakeContext(ctx); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%x", sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw))
}

// healthAddress is where the example's kube-controller-manager answers, on its host.
const healthAddress = "127.0.0.1:10257"

func pictures(t *testing.T, g *ground.Ground) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, h := range g.Hosts {
		out[h.Name] = pictureOf(t, g, h)
	}
	return out
}

// runs is the generation that a host's process sees, "" if there is none.
func runs(picture string) string {
	for line := range strings.Lines(picture) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "mount" {
			return filepath.Base(f[1])
		}
	}
	return ""
}

// differences are lines that one text has and the other hasn't.
func differences(before, after string) []string {
	var out []string
	only := func(sign, one, other string) {
		for line := range strings.Lines(one) {
			if !strings.Contains("\n"+other, "\n"+line) {
				out = append(out, sign+strings.TrimSpace(line))
			}
		}
	}
	only("- ", before, after)
	only("+ ", after, before)
	return out
}

// restless says what keeps hosts from being what they were before, at rest, with a
// leader that renews. A naive deployer's hosts must not pass.
func restless(t *testing.T, g *ground.Ground, before map[string]string) []string {
	t.Helper()
	var out []string
	if err := renewed(t, g); err != nil {
		out = append(out, err.Error())
	}
	for _, h := range g.Hosts { // after the lease, which takes a second or more to judge
		for _, d := range differences(before[h.Name], pictureOf(t, g, h)) {
			out = append(out, h.Name+": "+d)
		}
		if err := healthy(t.Context(), inside(g, h)); err != nil {
			out = append(out, h.Name+": "+err.Error())
		}
	}
	return out
}

// renewed returns an error unless a host holds the lease, and renews it twice.
func renewed(t *testing.T, g *ground.Ground) error {
	t.Helper()
	var first ground.Lease
	renewals := 0
	why := "nobody holds the lease"
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		l, err := g.Lease(t.Context())
		if err != nil {
			return err
		}
		switch {
		case l.Holder == "":
		case l.Holder != first.Holder:
			first, renewals, why = l, 0, "the lease of "+l.Holder+" isn't renewed"
		case l.Renewed.After(first.Renewed):
			first = l
			if renewals++; renewals == 2 {
				return nil
			}
		}
	}
	return fmt.Errorf("no leader: %s", why)
}

// soonAgain has systemd start a program again after a second: tests wait for it.
const soonAgain = `cluster: unit: Service: RestartSec: 1
cluster: waivers: "start-limit": reason: "a test looks at what comes of it"
`
