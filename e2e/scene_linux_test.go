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

// scene is the example's cluster on the ground, with an operator.
type scene struct {
	*ground.Ground
	o *ground.Operator
}

// onScene returns a fresh ground and a fresh operator. Gate and soak take only seconds here.
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

// another returns another operator of the same cluster, with the same keys.
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

// flag exports with another value of a numeric flag.
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

// deploy deploys with --yes, and must end with a code.
func (s *scene) deploy(t *testing.T, code int, args ...string) ground.Result {
	t.Helper()
	return s.must(t, code, s.args("deploy", args...)...)
}

func (s *scene) args(command string, args ...string) []string {
	return append([]string{command, "--yes", "--kubeconfig", s.o.Kubeconfig, "."}, args...)
}

// plan is the plan of a dry run.
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

// order returns the nodes of a plan's steps.
func (p plan) order() string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, s.Node)
	}
	return strings.Join(out, " ")
}

// exported returns the generation of a node in the last export.
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

// sampled reports whether the run is a sample (-short), and logs that the test isn't in it.
func sampled(t *testing.T) bool {
	t.Helper()
	if testing.Short() {
		t.Log("not in the sample that -short takes")
	}
	return testing.Short()
}

// pictureScript prints all that a host has of kube-controller-manager: unit, arguments and
// mounts of the process, the generation it sees, its serving certificate. Two hosts with the
// same text are in the same state. It also prints what a host at rest shouldn't have.
const pictureScript = `
unit=kube-controller-manager home=/etc/kubernetes/kcmgen
pid=$(pidof $unit)
file=/etc/kubernetes/manifests/$unit.yaml
if [ -e "$file" ]; then
	ls -A /etc/kubernetes/manifests | sed 's/^/beside /'
	echo "pods $(ls -d /var/lib/kubelet/pods/*/ | wc -l)"
else
	file=$(systemctl show -p FragmentPath --value $unit)
	systemctl show $unit -p ActiveState,UnitFileState,NRestarts,DropInPaths,NeedDaemonReload
	main=$(systemctl show -p MainPID --value $unit)
	[ "$main" = "$pid" ] || echo "PROCESSES $pid, and systemd's is $main"
fi
case $pid in *" "*) echo "PROCESSES $pid" ;; esac
echo "file $file $(stat -c '%a %U:%G' "$file") $(sha256sum <"$file")"
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

// pictureOf returns the output of pictureScript on a host.
func pictureOf(t *testing.T, g *ground.Ground, h *ground.Host) string {
	t.Helper()
	r, err := h.Run(t.Context(), "sh", "-c", pictureScript)
	if err != nil {
		t.Fatal(err)
	}
	return r.Out + r.Err + "serves " + serves(t.Context(), g, h) + "\n"
}

// serves returns the certificate that a host's kube-controller-manager shows.
func serves(ctx context.Context, g *ground.Ground, h *ground.Host) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := g.Dial(ctx, h.Name, healthAddress)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	// The certificate is only read.
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	if err := c.HandshakeContext(ctx); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%x", sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw))
}

// healthAddress is the address of the example's kube-controller-manager, on its host.
const healthAddress = "127.0.0.1:10257"

func pictures(t *testing.T, g *ground.Ground) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, h := range g.Hosts {
		out[h.Name] = pictureOf(t, g, h)
	}
	return out
}

// runs returns the generation that a host's process sees, "" if there is none.
func runs(picture string) string {
	for line := range strings.Lines(picture) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "mount" {
			_, below, _ := strings.Cut(f[1], homeOnHost+"/")
			generation, _, _ := strings.Cut(below, "/")
			return generation
		}
	}
	return ""
}

// differences returns the lines that only one of two texts has.
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

// restless returns how hosts differ from their state before, at rest, with a leader that
// renews its lease. It must notice naive deployments.
func restless(t *testing.T, g *ground.Ground, before map[string]string) []string {
	t.Helper()
	var out []string
	if err := renewed(t, g); err != nil {
		out = append(out, err.Error())
	}
	for _, h := range g.Hosts { // after the lease, which takes a second or more
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
	why := "the lease has no holder"
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

// soonAgain makes systemd restart the program after a second: tests wait for it.
const soonAgain = `cluster: unit: Service: RestartSec: 1
cluster: waivers: "start-limit": reason: "a test looks at what comes of it"
`
