package e2e

import (
	goflag "flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

var update = goflag.Bool("update", false, "write what the runs in docs/deploy.md print")

const deployDocs = "../docs/deploy.md"

// TestDeployDocs: the runs in docs/deploy.md are real, except for generations, times and
// ports.
func TestDeployDocs(t *testing.T) {
	g := onGround(t)
	o := newOperator(t, g)
	data, err := os.ReadFile(deployDocs)
	if err != nil {
		t.Fatal(err)
	}
	d := &docs{t, o, string(data), deployDocs, varying}
	defer d.write()
	d.export("")
	d.run("first", 0, "kcmgen deploy --yes example")
	d.export(`flags: "node-monitor-grace-period": "55s"`)
	d.run("", 0, "kcmgen deploy --dry-run --out-plan example.plan example")
	d.run("change", 0, "kcmgen deploy --yes example")
	d.run("moved", 4, "kcmgen deploy --plan example.plan example")
	d.run("same", 0, "kcmgen deploy example")
	d.run("rollback", 0, "kcmgen rollback --yes example")
	d.export(`flags: "secure-port": 22`)
	d.run("bad", 5, "kcmgen deploy --yes example")
	unit := "/etc/systemd/system/kube-controller-manager.service"
	do(t, g.Hosts[1], "sed", "-i", "s/--leader-elect-retry-period=500ms/--leader-elect-retry-period=1m/", unit)
	d.export("")
	d.run("diff", 4, "kcmgen diff --live example")
}

// TestPodDocs is TestDeployDocs for static pods.
func TestPodDocs(t *testing.T) {
	if sampled(t) {
		return
	}
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, clusterVersion))
	data, err := os.ReadFile(deployDocs)
	if err != nil {
		t.Fatal(err)
	}
	d := &docs{t, s.o, string(data), deployDocs, varying}
	defer d.write()
	d.export("")
	d.run("", 0, "kcmgen image example")
	d.run("pods", 0, "kcmgen deploy --yes example")
}

// write writes the page, if it is to be renewed.
func (d *docs) write() {
	if *update && !d.Failed() {
		if err := os.WriteFile(d.file, []byte(d.text), 0o644); err != nil {
			d.Fatal(err)
		}
	}
}

type docs struct {
	*testing.T
	o    *ground.Operator
	text string
	file string
	// like makes two outputs of one command equal, which differ in what may differ.
	like func(string) string
}

// export changes the cluster, and exports it.
func (d *docs) export(change string) {
	d.Helper()
	text := fmt.Sprintf("package example\n\ncluster: {\n\tnodes: [string]: ssh: user: \"ops\"\n\tdeploy: kubeconfig: \"../.kube/config\"\n\t%s\n}\n", change)
	if err := os.WriteFile(filepath.Join(d.o.Repository, "docs.cue"), []byte(text), 0o644); err != nil {
		d.Fatal(err)
	}
	d.run("", 0, "kcmgen export example")
}

// run runs a command, and compares its output with the page's block under a mark.
func (d *docs) run(mark string, want int, line string) {
	d.Helper()
	args := strings.Fields(line)
	args[0] = kcmgen
	r, err := d.o.Run(d.Context(), args...)
	if err != nil || r.Code != want {
		d.Fatalf("%s: exit %d, %v\n%s%s", line, r.Code, err, r.Err, r.Out)
	}
	if mark == "" {
		return
	}
	got := "$ " + line + "\n" + r.Err + r.Out
	begin := fmt.Sprintf("<!-- e2e: %s -->\n```text\n", mark)
	before, rest, ok := strings.Cut(d.text, begin)
	shown, after, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		d.Fatalf("the page has no %q", mark)
	}
	if *update {
		d.text = before + begin + got + "```\n" + after
		return
	}
	if a, b := d.like(shown), d.like(got); a != b {
		d.Errorf("%s prints\n%s\nand the page shows\n%s\nrenew it: go -C e2e test -run %s . -update", line, b, a, d.Name())
	}
}

var (
	changes = regexp.MustCompile(`\b[0-9a-f]{8}\b|\b[0-9.]+ ?m?s\b|\b[0-9]{8}T[0-9.]+Z\b|[IE][0-9]{4} [0-9:.]+ +[0-9]+ |sha256:[0-9a-f]+|[0-9.]+ MB`)
	// systemd reports how a process ended only until it restarts it.
	ended = regexp.MustCompile(`it ended [0-9] times by itself( \(exit-code, exit status 1\))?`)
	// On a busy machine a lease may run out before it is given back.
	handsOver = regexp.MustCompile(`(?m)^host [1-9]: hands over: .*\n`)
	whoLeads  = regexp.MustCompile(`(?m)^host [1-9]: leads: .*\n`)
	moved     = regexp.MustCompile(`(?m)^the leader was cp-[1-9], and is cp-[1-9]\n`)
)

// varying removes from a text what differs between runs: generations, durations, which
// host leads and so comes last, when that is seen, and the order of hosts that are prepared
// concurrently.
func varying(s string) string {
	s = moved.ReplaceAllString(s, "")
	s = byPlace(changes.ReplaceAllString(ended.ReplaceAllString(s, "it ended by itself"), "#"))
	s = handsOver.ReplaceAllString(s, "")
	s = whoLeads.ReplaceAllString(s, "") + fmt.Sprintf("an instance leads: %d\n", len(whoLeads.FindAllString(s, -1)))
	// Lines of a host's log, and what explains them, stay with the host.
	lines := strings.Split(strings.ReplaceAll(s, "\n    ", "\v    "), "\n")
	for i := range lines {
		for j := i + 1; j < len(lines) && sorted(lines[i]) != "" && sorted(lines[i]) == sorted(lines[j]); j++ {
			if lines[j] < lines[i] {
				lines[i], lines[j] = lines[j], lines[i]
			}
		}
	}
	lines = strings.Split(strings.ReplaceAll(strings.Join(lines, "\n"), "\v", "\n"), "\n")
	// How many of its ends are in the log by then is chance.
	return strings.Join(slices.Compact(lines), "\n")
}

// TestVarying: the order of hosts that are prepared concurrently doesn't matter, what their
// logs say does.
func TestVarying(t *testing.T) {
	plan := "  1. cp-1 (ops@10.77.0.11:22)\n  2. cp-3 (ops@10.77.0.13:22)\n  3. cp-2 (ops@10.77.0.12:22)\n"
	failed := "example: cp-1: rolled back  has 5c82b198, not dc0ad2fb  10.8 s\n" +
		"    E1130 17:16:21.929677    2337 run.go:72] \"command failed\" err=\"no key\"\n" +
		"      that is: it has no key\n" +
		"    E1130 17:16:27.008046    2530 run.go:72] \"command failed\" err=\"no key\"\n"
	cp2, cp3 := "example: cp-2: untouched  has 6fab55e7\n", "example: cp-3: untouched  has 51682619\n"
	shown := varying(plan + failed + cp2 + cp3)
	for _, other := range []string{failed + cp3 + cp2, cp3 + failed + cp2, cp2 + cp3 + failed} {
		if got := varying(plan + other); got != shown {
			t.Errorf("%s\nis shown as\n%s\nand another order as\n%s", other, got, shown)
		}
	}
	if other := strings.ReplaceAll(failed, "it has no key", "its key is bad"); varying(plan+other+cp2+cp3) == shown {
		t.Error("another reason is taken for the same")
	}
}

// sorted returns the kind of a line whose order among lines of that kind doesn't matter.
func sorted(line string) string {
	for _, kind := range []string{": staged: ", "example: host "} {
		if strings.Contains(line, kind) {
			return kind
		}
	}
	return ""
}

var planned = regexp.MustCompile(`(?m)^  ([1-9])\. (cp-[1-9]) \(ops@([0-9.]+):22\)`)

// byPlace replaces hosts' names by their places in the plan, if there is one.
func byPlace(s string) string {
	for _, m := range planned.FindAllStringSubmatch(s, -1) {
		s = strings.NewReplacer(m[2], "host "+m[1], m[3], "#").Replace(s)
	}
	return s
}
