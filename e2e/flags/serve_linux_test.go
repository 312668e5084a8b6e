package flags

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// differences are known disagreements of vet and kube-controller-manager, and why each is
// right in its way.
var differences = []struct{ version, pattern, why string }{}

// TestServes goes on where TestAgreement ends: it runs kube-controller-manager with random
// sets of flags and an apiserver, until it serves, has led and ends on request, or ends by
// itself. kcmgen vet must have predicted which.
func TestServes(t *testing.T) {
	some, n := versions, *sets
	if testing.Short() { // a set takes seconds, one that never leads takes minutes
		some, n = versions[:1], min(n, 30)
	}
	p := newPlane(t, kubernetes(t, versions[0], "kube-apiserver"))
	p.kubeconfig(t)
	for _, version := range some {
		t.Run(version, func(t *testing.T) {
			program := kubernetes(t, version, controllerManager)
			s := newServing(t, version, p)
			all := make([]set, n)
			for i := range all {
				all[i] = s.make(i, freed)
			}
			ours := vetSays(t, version, p, all)
			theirs := make([]verdict, n)
			var wg sync.WaitGroup
			busy := make(chan struct{}, 4)
			for i := range all {
				busy <- struct{}{}
				wg.Go(func() {
					theirs[i] = p.serves(t, program, all[i])
					<-busy
				})
			}
			wg.Wait()
			compareServing(t, version, all, ours, theirs)
		})
	}
}

func compareServing(t *testing.T, version string, all []set, ours, theirs []verdict) {
	taken := 0
	for i, args := range all {
		if theirs[i].takes {
			taken++
		}
		if ours[i].takes == theirs[i].takes || known(version, args) {
			continue
		}
		t.Errorf("set %d: %q\nkcmgen vet takes it: %v %s\n%s takes it: %v %s", i, args.args(), ours[i].takes, ours[i].reason, controllerManager, theirs[i].takes, theirs[i].reason)
	}
	t.Logf("%s serves and leads with %d sets, and with %d it doesn't", version, taken, len(all)-taken)
	if taken < len(all)/3 || len(all)-taken < len(all)/8 {
		t.Errorf("%d of %d sets taken: too few for a test, or too many", taken, len(all))
	}
}

func known(version string, args set) bool {
	for _, d := range differences {
		if d.version == version && regexp.MustCompile(d.pattern).MatchString(strings.Join(args.args(), " ")) {
			return true
		}
	}
	return false
}

// process is a running kube-controller-manager.
type process struct {
	cmd  *exec.Cmd
	log  string
	port string // "0": it doesn't serve
	gone chan struct{}
}

// serves runs kube-controller-manager until it has led, and stops it; or until it ends.
func (p *plane) serves(t *testing.T, program string, flags set) verdict {
	run, args := &process{gone: make(chan struct{}), port: flags["secure-port"]}, flags.args()
	if run.port == freed {
		run.port = freePort(t)
		for i, a := range args {
			args[i] = strings.ReplaceAll(a, freed, run.port)
		}
	}
	dir := t.TempDir()
	run.log = filepath.Join(dir, "log")
	log, err := os.Create(run.log)
	if err != nil {
		t.Error(err)
		return verdict{}
	}
	defer log.Close()
	run.cmd = exec.Command(program, args...)
	run.cmd.Dir, run.cmd.Stdout, run.cmd.Stderr = dir, log, log
	run.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	run.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := run.cmd.Start(); err != nil {
		t.Error(err)
		return verdict{}
	}
	go func() {
		_ = run.cmd.Wait()
		close(run.gone)
	}()
	defer func() {
		_ = run.cmd.Process.Kill()
		<-run.gone
	}()
	return run.judge(ctx)
}

// judge waits until the process has served and led, or has ended.
func (run *process) judge(ctx context.Context) verdict {
	missing := ""
	for {
		select {
		case <-run.gone:
			return verdict{false, run.why("it ended by itself")}
		case <-ctx.Done():
			return verdict{false, run.why("it never " + missing)}
		case <-time.After(100 * time.Millisecond):
		}
		if missing = run.missing(); missing == "" {
			break
		}
	}
	_ = run.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-run.gone:
	case <-ctx.Done():
		return verdict{false, run.why("it didn't end when it was told to")}
	}
	status, _ := run.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if text, _ := os.ReadFile(run.log); bytes.Contains(text, []byte("\npanic: ")) || status.Exited() && status.ExitStatus() > 1 {
		return verdict{false, run.why("it panicked")}
	}
	return verdict{true, ""}
}

// started matches a line that is logged once all controllers are built. Those of tokens,
// which come first, sync their caches before that.
var started = regexp.MustCompile(`"Controller starting\.\.\."|Caches are synced for [^t]`)

// missing returns what hasn't happened yet: the controllers run, and the port answers a
// client of each allowed TLS version; "" if all has.
func (run *process) missing() string {
	text, err := os.ReadFile(run.log)
	if err != nil || !started.Match(text) {
		return "led"
	}
	if run.port == "0" {
		return ""
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		ForceAttemptHTTP2: true, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // its identity doesn't matter here
	}}
	r, err := client.Get("https://127.0.0.1:" + run.port + "/healthz?verbose")
	if err != nil {
		return "served: " + err.Error()
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	// A leader's answer names its controllers.
	if r.StatusCode != http.StatusOK || bytes.Count(body, []byte("[+]")) < 2 {
		return fmt.Sprintf("was healthy: %s %s", r.Status, body)
	}
	return ""
}

// why returns the last line with an error, after what was seen.
func (run *process) why(seen string) string {
	text, _ := os.ReadFile(run.log)
	last := ""
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "E") || strings.HasPrefix(line, "F") || strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "panic:") {
			last = strings.TrimSpace(line)
		}
	}
	return fmt.Sprintf("%s (%v): %s", seen, run.cmd.ProcessState, last)
}

// vetSays vets a cluster of each set, whole, in one run.
func vetSays(t *testing.T, version string, p *plane, all []set) []verdict {
	dir := t.TempDir()
	if r := execute(t, dir, "", kcmgen, "init", "repository", "--layout", "systemd", "--version", version); r.code != 0 {
		t.Fatalf("kcmgen init: exit %d\n%s", r.code, r.err)
	}
	root := filepath.Join(dir, "repository")
	types := map[string]string{}
	for _, f := range flagsOf(t, minorOf(version)) {
		types[f.Name] = f.Type
	}
	for i, flags := range all {
		name := fmt.Sprintf("set-%03d", i)
		said := strings.TrimSuffix(cluster(version, name, []string{}, types), "}\n") + p.surroundings(flags)
		for _, a := range flags.args() {
			flag, value, _ := strings.Cut(strings.TrimPrefix(strings.ReplaceAll(a, freed, "10257"), "--"), "=")
			said += fmt.Sprintf("\tflags: %q: %s\n", flag, written(flag, value, types))
		}
		file := filepath.Join(root, name, "cluster.cue")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(said+"}\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	r := execute(t, root, "", kcmgen, "vet", "--format", "json", "./...")
	var doc struct{ Findings []finding }
	if err := json.Unmarshal([]byte(r.out), &doc); err != nil {
		t.Fatalf("kcmgen vet: exit %d, %v\n%s", r.code, err, r.err)
	}
	out := make([]verdict, len(all))
	for i := range out {
		out[i].takes = true
	}
	for _, f := range doc.Findings {
		var i int
		reason := f.Rule + ": " + f.Message
		if _, err := fmt.Sscanf(f.Cluster, "set-%d", &i); err != nil || f.Severity != "error" || runsAllTheSame(version).MatchString(reason) {
			continue
		}
		out[i] = verdict{false, reason}
	}
	return out
}

// surroundings returns the cluster's other fields: the files of its flags, and how the
// apiserver runs.
func (p *plane) surroundings(flags set) string {
	key := flags["service-account-private-key-file"]
	return fmt.Sprintf(`	paths: {ca: %q, caKey: %q, kubeconfig: %q, tlsCert: %q, tlsKey: %q, serviceAccountKey: %q}
	pki: serviceAccount: keyFile: %q
	apiserver: flags: "service-cluster-ip-range": %q
`, p.file("ca.crt"), p.file("ca.key"), p.file("kubeconfig"), p.file("kcm.crt"), p.file("kcm.key"), key, key, apiserverRange)
}

// runsAllTheSame matches findings about unsafe or useless flags, with which
// kube-controller-manager runs.
func runsAllTheSame(version string) *regexp.Regexp {
	reasons := []string{
		// benchmarks, and the cluster around it
		"^(profiling-on|controller-credentials|token-key-unset|root-ca-unset|bind-address-public|tls-min-version|insecure-port|service-account-key-weak|signing-duration): ",
		"^(networks-overlap|pod-capacity|service-range-differs|service-family|range-refused|range-public|node-range-small|workers-none|controllers-none|rate-invalid|node-monitor-timing|said-twice): ",
		// silently ignored
		"^file-pair: --cluster-signing-(cert|key)-file is given",
		"^period-zero: node-monitor-",
		"^cidr-invalid: service-cluster-ip-range .*not a CIDR", "^cidr-host-bits: ",
		`^node-mask-size: node-cidr-mask-size(-ipv4)? is (3[3-9]|[4-9][0-9])$`,
	}
	return regexp.MustCompile(strings.Join(reasons, "|"))
}
