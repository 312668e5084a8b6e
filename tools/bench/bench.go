package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed cluster.cue.in
var seed []byte

// bench is where everything runs: a CUE module like a user's, with the schemas of this
// checkout, and a CA for each algorithm.
type bench struct {
	repo    string // the checkout
	scratch string // a temporary directory, on tmpfs if there is one
	disk    string // a temporary directory on a disk; may be empty
	kcmgen  string
	builds  []build // this one, then the earlier one to compare with, if any
	self    string  // this program
	env     []string
	runs    int // counts output directories, none is used twice
}

func newBench(repo, kcmgen, tmpfs, disk string) (b *bench, err error) {
	b = &bench{}
	if b.repo, err = filepath.Abs(repo); err != nil {
		return nil, err
	}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.scratch, err = os.MkdirTemp(tmpfs, "kcmgen-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if disk != "" {
		if err := os.MkdirAll(disk, 0o755); err != nil {
			return nil, err
		}
		if b.disk, err = os.MkdirTemp(disk, "bench-"); err != nil {
			return nil, err
		}
	}
	// A copy, so that a build meanwhile doesn't change it.
	b.kcmgen = filepath.Join(b.scratch, "kcmgen")
	if err := copyFile(kcmgen, b.kcmgen, 0o755); err != nil {
		return nil, err
	}
	// What is kept from an earlier run would be compared with nothing.
	b.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.scratch, "LC_ALL=C", "KCMGEN_NO_CACHE=true"}
	if err := copyModule(b.repo, b.scratch); err != nil {
		return nil, err
	}
	b.builds = []build{{"this build", b.kcmgen, b.scratch}}
	return b, errors.Join(b.authority("ecdsa", 256), b.authority("rsa", 2048))
}

func (b *bench) close() error {
	err := os.RemoveAll(b.scratch)
	if b.disk != "" {
		err = errors.Join(err, os.RemoveAll(b.disk))
	}
	return err
}

// copyFile doesn't read the file into memory: see command on this process's memory.
func copyFile(from, to string, mode fs.FileMode) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// copyModule copies cue.mod, the schemas and the example cluster of a checkout.
func copyModule(repo, dir string) error {
	for _, pattern := range []string{"cue.mod/*.cue", "schemas/*.cue", "schemas/*/*.cue", "cue/example/*.cue"} {
		files, err := filepath.Glob(filepath.Join(repo, pattern))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("no %s in %s", pattern, repo)
		}
		for _, f := range files {
			rel, err := filepath.Rel(repo, f)
			if err != nil {
				return err
			}
			if err := copyFile(f, filepath.Join(dir, rel), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) authorityDir(algorithm string) string {
	return filepath.Join(b.scratch, "ca-"+algorithm)
}

// authority makes the CA for both sides with cfssl.
func (b *bench) authority(algorithm string, size int) error {
	dir := b.authorityDir(algorithm)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	csr := fmt.Sprintf(`{"CN": "kubernetes-ca", "key": {"algo": %q, "size": %d}, "ca": {"expiry": "87600h"},
	"names": [{"C": "CN", "ST": "BeiJing", "L": "BeiJing", "O": "k8s", "OU": "opsnull"}]}`, algorithm, size)
	const config = `{"signing": {"default": {"expiry": "8760h"}, "profiles": {"kubernetes": {"expiry": "8760h",
	"usages": ["signing", "key encipherment", "server auth", "client auth"]}}}}`
	if err := os.WriteFile(filepath.Join(dir, "ca-config.json"), []byte(config), 0o600); err != nil {
		return err
	}
	cmd := exec.Command("sh", "-c", "cfssl gencert -loglevel=5 -initca - | cfssljson -bare ca")
	cmd.Dir, cmd.Env, cmd.Stdin = dir, b.env, strings.NewReader(csr)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making a CA: %w\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "ca-key.pem")); err != nil {
		return fmt.Errorf("making a CA: %w", err)
	}
	return nil
}

// work is a cluster to make, with kcmgen and with the pipeline.
type work struct {
	nodes     int
	algorithm string // ecdsa or rsa
	perNode   bool   // a certificate for each node instead of one for all
	newCA     bool   // made in the run, not given
}

func (w work) String() string {
	text := map[string]string{"ecdsa": "ECDSA P-256", "rsa": "RSA 2048"}[w.algorithm]
	if w.perNode {
		text += ", one certificate per node"
	} else {
		text += ", one shared certificate"
	}
	if w.newCA {
		return text + ", CA made too"
	}
	return text + ", CA given"
}

// keys returns the number of keys that are made for w.
func (w work) keys() int {
	n := 1
	if w.perNode {
		n = w.nodes
	}
	if w.newCA {
		n++
	}
	return n
}

func (w work) address(i int) string { return fmt.Sprintf("172.16.%d.%d", i/250, 1+i%250) }

// waivers is the file of a package with its waivers.
const waivers = "waivers.cue"

// cluster writes w as a CUE package and returns its directory in the module.
func (b *bench) cluster(w work) (string, error) {
	pkg := "./clusters/" + strings.NewReplacer(" ", "-", ",", "").Replace(fmt.Sprint(w.nodes, " ", w))
	dir := filepath.Join(b.scratch, pkg)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "cluster.cue"), seed, 0o644),
		os.WriteFile(filepath.Join(dir, "nodes.cue"), b.nodesFile(w), 0o644))
	if err != nil {
		return "", err
	}
	if w.nodes <= 3 {
		return pkg, b.waive(pkg)
	}
	// Three nodes have the same findings as a thousand.
	w.nodes = 3
	small, err := b.cluster(w)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(filepath.Join(b.scratch, small, waivers))
	if err != nil {
		return "", err
	}
	return pkg, os.WriteFile(filepath.Join(dir, waivers), data, 0o644)
}

// nodesFile returns the file with all that distinguishes w from other clusters.
func (b *bench) nodesFile(w work) []byte {
	scope, sans, size := "cluster", "all", 256
	if w.perNode {
		scope, sans = "node", "own"
	}
	if w.algorithm == "rsa" {
		size = 2048
	}
	key := fmt.Sprintf("key: {algo: %q, size: %d}", w.algorithm, size)
	var text bytes.Buffer
	fmt.Fprintf(&text, "package bench\n\ncluster: pki: {scope: %q, ca: %s, combined: %s, combined: sans: nodes: %q}\n", scope, key, key, sans)
	if !w.newCA {
		ca := b.authorityDir(w.algorithm)
		fmt.Fprintf(&text, "cluster: pki: ca: {certFile: %q, keyFile: %q}\n", ca+"/ca.pem", ca+"/ca-key.pem")
	}
	text.WriteString("cluster: nodes: {\n")
	for i := range w.nodes {
		fmt.Fprintf(&text, "\t\"cp-%d\": address: %q\n", i+1, w.address(i))
	}
	text.WriteString("}\n")
	return text.Bytes()
}

// waive waives all findings in pkg. The guides break some rules, and the benchmark need
// not know which.
func (b *bench) waive(pkg string) error {
	cmd := exec.Command(b.kcmgen, "vet", "--format", "json", pkg)
	cmd.Dir, cmd.Env = b.scratch, b.env
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3) { // 3 is findings
		return fmt.Errorf("kcmgen vet: %w", err)
	}
	var doc struct{ Findings []struct{ Rule string } }
	if err := json.Unmarshal(out, &doc); err != nil {
		return fmt.Errorf("kcmgen vet --format json: %w", err)
	}
	rules := map[string]bool{}
	for _, f := range doc.Findings {
		rules[f.Rule] = true
	}
	text := "package bench\n\n"
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		text += fmt.Sprintf("cluster: waivers: %q: reason: \"as the guides have it\"\n", rule)
	}
	return os.WriteFile(filepath.Join(b.scratch, pkg, waivers), []byte(text), 0o644)
}

// complete returns an error unless dir has a unit and a kubeconfig for n hosts.
func complete(dir string, n int) error {
	units, configs := 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.Contains(path, "/nodes/") {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.HasSuffix(path, "/etc/systemd/system/kube-controller-manager.service") {
			units++
		}
		if bytes.Contains(data, []byte("current-context: system:kube-controller-manager")) {
			configs++
		}
		return err
	})
	if err == nil && (units != n || configs != n) {
		err = fmt.Errorf("%d units and %d kubeconfigs below %s, not %d of each", units, configs, dir, n)
	}
	return err
}
