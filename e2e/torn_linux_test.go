package e2e

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// Paths of hosts.
const (
	generations = "/etc/kubernetes/kcmgen"
	unitFile    = "/etc/systemd/system/kube-controller-manager.service"
	podFile     = "/etc/kubernetes/manifests/kube-controller-manager.yaml"
)

// variant is an export for a host. Tests switch between two of them.
type variant struct {
	name       string
	dir        string // the repository
	generation string
	start      string            // unitFile or podFile; "" is unitFile
	files      map[string]string // by path, in the format of picture
	argv       []string
}

func (v *variant) at() string { return cmp.Or(v.start, unitFile) }

// manifest returns the manifest's path if one of the variants is a pod.
func (s *site) manifest() string {
	if s.a.start == podFile || s.b.start == podFile {
		return podFile
	}
	return ""
}

// site is an operator with one host and two exports.
type site struct {
	h     *ground.Host
	o     *ground.Operator
	a, b  *variant
	proxy *proxy // nil: nothing is in between
	// ordinary: the operator logs in as a user that may sudo, and has a kubeconfig.
	ordinary  bool
	between   *variant       // what a host has while a pod is replaced; nil: it has a unit
	imageless bool           // deployments bring the image
	halves    bool           // a kill ends the script on the host, too
	powerless bool           // a kill ends the host, too
	delay     time.Duration  // added to the pause before a kill
	killat    string         // the program
	report    string         // what it wrote
	calls     map[string]int // system calls of an undisturbed deployment, by phase
	pieces    int            // of its connections
	packets   int            // of SFTP
}

// newSite makes two exports that differ in a flag, and in a certificate with its key. Gate
// and soak are as short as possible.
func newSite(t *testing.T, g *ground.Ground, h *ground.Host) *site {
	t.Helper()
	o := newOperator(t, g)
	ground := filepath.Join(o.Repository, "ground.cue")
	edit(t, ground, `gate: "20s"`, `gate: "8s"`)
	alone(t, o.Repository, h.Name)
	other := o.Repository + "-b"
	if r, err := o.Run(t.Context(), "cp", "-a", o.Repository, other); err != nil || r.Code != 0 {
		t.Fatal(r, err)
	}
	edit(t, filepath.Join(other, "ground.cue"), "flags: {", "flags: {\n\t\t\"kube-api-qps\": 31")
	for _, name := range []string{"serving.crt", "serving.key"} {
		if err := os.Remove(filepath.Join(other, "out/example/pki/nodes", h.Name, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := &site{h: h, o: o}
	s.export(t, o.Repository)
	s.export(t, other)
	s.a, s.b = readVariant(t, "a", o.Repository, h.Name), readVariant(t, "b", other, h.Name)
	return s
}

// alone makes a cluster of one host: several clusters can be deployed at a time, several hosts
// of one cluster can't.
func alone(t *testing.T, dir, node string) {
	t.Helper()
	file := filepath.Join(dir, "cluster.cue")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	others := regexp.MustCompile(`(?m)^\t\t"cp-[0-9]": address: .*\n`)
	kept := others.ReplaceAllFunc(text, func(line []byte) []byte {
		if bytes.Contains(line, []byte(node)) {
			return line
		}
		return nil
	})
	if n := len(others.FindAll(kept, -1)); n != 1 {
		t.Fatalf("%d hosts are left in %s", n, kept)
	}
	if err := os.WriteFile(file, kept, 0o644); err != nil {
		t.Fatal(err)
	}
}

// goneBut returns what accepts, in an export after alone, that the other hosts are gone.
func goneBut(node string) string {
	var words []string
	for _, name := range []string{"cp-1", "cp-2", "cp-3"} {
		if name != node {
			words = append(words, "node/"+name)
		}
	}
	return strings.Join(words, ",")
}

func (s *site) export(t *testing.T, dir string) {
	t.Helper()
	cmd := s.o.Command(kcmgen, "export", "--accept", goneBut(s.h.Name))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kcmgen export: %v\n%s", err, out)
	}
}

// edit replaces a text that is in a file exactly once.
func edit(t *testing.T, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || strings.Count(string(text), from) != 1 {
		t.Fatalf("%s: %q should be there once: %v", file, from, err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readVariant reads the export for a host in a repository.
func readVariant(t *testing.T, name, dir, node string) *variant {
	t.Helper()
	top := filepath.Join(dir, "out", "example")
	text, err := os.ReadFile(filepath.Join(top, "manifest.json"))
	var m struct {
		Nodes map[string]string
		Files []struct {
			Path, Mode, Owner string
			Dir               bool
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	v := &variant{name: name, dir: dir, generation: m.Nodes[node], files: map[string]string{}}
	for _, f := range m.Files {
		path, ok := strings.CutPrefix(f.Path, "nodes/"+node)
		owner := strings.Replace(f.Owner, "root:root", "0:0", 1)
		switch {
		case !ok:
		case f.Dir && !strings.HasPrefix(path, generations+"/"): // not kcmgen's alone
		case f.Dir:
			v.files[path] = "directory " + strings.TrimPrefix(f.Mode, "0") + " " + owner
		default:
			content, err := os.ReadFile(filepath.Join(top, f.Path))
			if err != nil {
				t.Fatal(err)
			}
			v.files[path] = fmt.Sprintf("regular file %s %s %x", strings.TrimPrefix(f.Mode, "0"), owner, sha256.Sum256(content))
			switch path {
			case unitFile:
				v.start, v.argv = path, argvOf(string(content))
			case podFile:
				v.start, v.argv = path, podArgv(string(content))
			}
		}
	}
	if len(v.files) < 7 || len(v.argv) < 10 {
		t.Fatalf("%s has only %q, %q", top, v.files, v.argv)
	}
	return v
}

// argvOf returns the command line of one of kcmgen's units, which needs no quotes.
func argvOf(unit string) []string {
	_, after, _ := strings.Cut(strings.ReplaceAll(unit, "\\\n", ""), "ExecStart=")
	line, _, _ := strings.Cut(after, "\n")
	return strings.Fields(line)
}

// podArgv returns the command line of one of kcmgen's manifests, which needs no quotes.
func podArgv(manifest string) []string {
	_, after, _ := strings.Cut(manifest, "- command:\n")
	var out []string
	for line := range strings.Lines(after) {
		word, ok := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if !ok {
			break
		}
		out = append(out, word)
	}
	return out
}

// deploy returns the deploy command of a site's operator.
func (s *site) deploy() []string {
	lease := "--without-lease"
	if s.ordinary {
		lease = "--kubeconfig=" + s.o.Kubeconfig
	}
	return []string{kcmgen, "deploy", "--yes", lease, "."}
}

// run runs a command in a variant's repository.
func (s *site) run(ctx context.Context, v *variant, args ...string) (result, error) {
	cmd := s.o.Command(args...)
	cmd.Dir = v.dir
	return finish(ctx, cmd)
}

// everywhere runs a parallel subtest for each site.
func everywhere(t *testing.T, all []*site, do func(*testing.T, *site)) {
	t.Helper()
	var wait sync.WaitGroup
	for _, s := range all {
		wait.Go(func() {
			t.Run(s.h.Name, func(t *testing.T) { do(t, s) })
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// settle makes the host run a variant, confirmed and with nothing left over.
func (s *site) settle(t *testing.T, v *variant) {
	t.Helper()
	if err := s.converge(t.Context(), v); err != nil {
		t.Fatal(err)
	}
}

// converge checks the promise after every fault: the same command again succeeds.
func (s *site) converge(ctx context.Context, v *variant) error {
	ctx, cancel := context.WithTimeout(ctx, s.slower()*2*time.Minute)
	defer cancel()
	r, err := s.run(ctx, v, s.deploy()...)
	if err != nil || r.code != 0 {
		return fmt.Errorf("%s: exit %d, %w\n%s%s", v.name, r.code, err, r.err, r.out)
	}
	p, err := s.look(ctx)
	for err == nil && (p.busy || len(p.left) > 0) && ctx.Err() == nil { // sessions end after their operator
		time.Sleep(100 * time.Millisecond)
		p, err = s.look(ctx)
	}
	if err != nil {
		return err
	}
	is, err := p.judge(s.a, s.b)
	switch {
	case err != nil:
		return fmt.Errorf("%s, which reported success: %w", v.name, err)
	case is != v:
		return fmt.Errorf("%s was deployed, and the host runs %s", v.name, is.name)
	case p.trial != "" || p.timer:
		return fmt.Errorf("%s isn't confirmed: trial %q, timer %v", v.name, p.trial, p.timer)
	case p.active != "active":
		return fmt.Errorf("%s is %s", v.name, p.active)
	case len(p.left) > 0:
		return fmt.Errorf("%s left %q", v.name, p.left)
	}
	return nil
}

// ready prepares the host for a deployment of the second variant.
func (s *site) ready(t *testing.T) {
	t.Helper()
	s.forget(t, s.b)
	if s.imageless {
		s.withoutImage(t)
	}
	if s.manifest() != "" {
		// A kubelet that has started the same pod several times within minutes waits before it
		// does so again, longer each time, unless it is restarted. Users have no such cases.
		do(t, s.h, "systemctl", "restart", "kubelet")
	}
}

// next goes back to the first variant, or makes it a host without any deployment.
func (s *site) next(t *testing.T) {
	t.Helper()
	if s.a.generation == none {
		s.blank(t)
		return
	}
	s.a, s.b = s.b, s.a
}

// forget removes the files of a variant that the host doesn't run, so that they are staged
// again: the host keeps the previous generation.
func (s *site) forget(t *testing.T, v *variant) {
	t.Helper()
	do(t, s.h, "rm", "-rf", generations+"/"+v.generation)
}

// settled returns a picture of the host once no session changes it any more, and its variant.
// Until then no picture may be torn.
func (s *site) settled(ctx context.Context, limit time.Duration) (*picture, *variant, error) {
	var p *picture
	var err error
	for end := time.Now().Add(s.slower() * limit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if p, err = s.look(ctx); err != nil {
			return nil, nil, err
		}
		if err = p.torn(s.states()...); err != nil {
			return p, nil, err
		}
		var is *variant
		if p.busy {
			err = fmt.Errorf("a session goes on for more than %v", limit)
		} else if is, err = p.judge(s.a, s.b); err == nil {
			return p, is, nil
		}
	}
	return p, nil, err
}

// against names the variant for a count: old or new, compared with the wanted one.
func (v *variant) against(wanted *variant) string {
	if v == wanted {
		return "new"
	}
	return "old"
}

// paths returns all files of variants.
func paths(variants ...*variant) []string {
	var out []string
	for _, v := range variants {
		for path := range v.files {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
