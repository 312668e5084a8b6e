//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
)

// The highest risk in a commit.
const (
	none = iota // nothing differs
	lowRisk
	mediumRisk
	highRisk
)

// commit is a commit of the history.
type commit struct {
	subject string
	change  func(w *writer)
	risk    int
	broken  bool     // it has an error
	says    []string // what each comment has, among others
}

const (
	prod    = "clusters/prod/cluster.cue"
	staging = "clusters/staging/cluster.cue"
	edge    = "clusters/edge/cluster.cue"
	harbour = "clusters/harbour/cluster.cue"
	shared  = "clusters/base.cue"
	// embedded is the value of a flag that is in a file of its own.
	embedded = "canary-embedded-value"
)

// history is what a team does to its clusters in half a year.
var history = []commit{
	{"the first cluster", func(w *writer) {
		w.run("kcmgen", "init", ".", "--name", "prod", "--layout", "systemd", "--version", "v1.36.1")
	}, mediumRisk, false, []string{"#### `prod`"}},
	{"a second cluster, of static pods", func(w *writer) {
		w.run("kcmgen", "init", "clusters/staging", "--layout", "staticPod", "--version", "v1.36.1", "--nodes", "s-1=10.1.0.11,s-2=10.1.0.12")
	}, mediumRisk, false, []string{"#### `staging`", "1 cluster untouched", "`prod`"}},
	{"a third cluster", func(w *writer) {
		w.run("kcmgen", "init", "clusters/edge", "--layout", "systemd", "--version", "v1.36.1", "--nodes", "e-1=10.2.0.11")
	}, mediumRisk, false, []string{"#### `edge`"}},
	{
		"a flag changes", func(w *writer) { w.edit(prod, "flags: v: 2", "flags: v: 4") }, mediumRisk, false,
		[]string{"`--v` `2` (set) → `4` (set)"},
	},
	{
		"a comment changes, and nothing else", func(w *writer) { w.edit(prod, "// the hosts that", "// the three hosts that") }, none, false,
		[]string{"3 clusters untouched"},
	},
	{"clusters share a file", func(w *writer) {
		w.write(shared, "package clusters\n\ncluster: flags: \"kube-api-qps\": 50\n")
	}, mediumRisk, false, []string{"3 clusters differ", "`--kube-api-qps` `20` (Kubernetes' default) → `50` (set), on `all 3 nodes`", "`clusters/base.cue` is read by `edge`, `prod`, `staging`"}},
	{
		"the shared file changes", func(w *writer) { w.edit(shared, "50", "60") }, mediumRisk, false,
		[]string{"3 clusters differ", "`--kube-api-qps` `50` (set) → `60` (set)", "`clusters/base.cue` is read by `edge`, `prod`, `staging`"},
	},
	{"keys are exported, which git ignores", func(w *writer) {
		w.run("kcmgen", "export")
		w.remember("out")
		w.write("README.md", "Exported once.\n")
	}, none, false, nil},
	{"a node joins", func(w *writer) {
		w.edit(prod, "\"cp-3\": address: \"10.0.0.13\"\n", "\"cp-3\": address: \"10.0.0.13\"\n\t\t\"cp-4\": address: \"10.0.0.14\"\n")
	}, mediumRisk, false, []string{"cp-4"}},
	{"a node gets another name", func(w *writer) { w.edit(prod, `"cp-4": `, `"cp-5": `) }, mediumRisk, false, []string{"cp-4 → cp-5"}},
	{"a node leaves", func(w *writer) { w.edit(prod, "\t\t\"cp-5\": address: \"10.0.0.14\"\n", "") }, highRisk, false, []string{"cp-5"}},
	{"the range of pods grows", func(w *writer) { w.edit(prod, "10.200.0.0/16", "10.200.0.0/15") }, mediumRisk, false, []string{"grown"}},
	{"the range of pods shrinks", func(w *writer) { w.edit(prod, "10.200.0.0/15", "10.200.0.0/17") }, highRisk, false, []string{"shrunk"}},
	{"a range of services moves, and the apiserver's with it", func(w *writer) {
		w.edit(staging, `services: ["10.32.0.0/16"]`, `services: ["10.33.0.0/16"]`)
		w.edit(staging, `"service-cluster-ip-range": "10.32.0.0/16"`, `"service-cluster-ip-range": "10.33.0.0/16"`)
	}, highRisk, false, []string{"moved"}},
	{"an image comes from another registry", func(w *writer) {
		w.edit(staging, "flags: v: 2", "flags: v: 2\n\tpod: image: \"registry.example/kube-controller-manager:v1.36.1\"")
	}, highRisk, false, []string{"`registry.example/kube-controller-manager:v1.36.1`"}},
	{"a certificate gets a name more", func(w *writer) {
		w.edit(prod, "flags: v: 4", "flags: v: 4\n\tpki: serving: sans: extra: [\"localhost\", \"127.0.0.1\", \"kcm.example\"]")
	}, lowRisk, false, []string{"`certificate serving.names`", "an export makes it anew: subject alternative names changed", "Added: kcm.example"}},
	{"the company's CA signs", func(w *writer) {
		w.authority("ca")
		w.edit(prod, "flags: v: 4", "flags: v: 4\n\tpki: ca: {certFile: \"../../ca/ca.crt\", keyFile: \"../../ca/ca.key\"}")
	}, highRisk, false, []string{"certificate"}},
	{"a file that doesn't evaluate", func(w *writer) { w.edit(edge, "flags: v: 2", "flags: v: \"two\"") }, lowRisk, true, []string{"edge"}},
	{"its repair", func(w *writer) { w.edit(edge, "flags: v: \"two\"", "flags: v: 2") }, lowRisk, false, []string{"edge"}},
	{"a picture", func(w *writer) { w.write("logo.png", "\x89PNG\r\n\x1a\n\x00\x00\xff\xfe binary") }, none, false, nil},
	{"a cluster gets another name", func(w *writer) { w.edit(edge, `"edge"`, `"harbour"`) }, highRisk, false, []string{"renamed, was `edge`"}},
	{
		"its directory gets that name, too", func(w *writer) { w.move("clusters/edge", "clusters/harbour") }, lowRisk, false,
		[]string{"`clusters/edge` → `clusters/harbour`", "Hosts get the same as before"},
	},
	{"the copy of the vocabulary is edited by hand", func(w *writer) {
		w.write("cue.mod/pkg/github.com/kcmgen/kcmgen/schemas/pki.cue", "// ours\n"+w.read("cue.mod/pkg/github.com/kcmgen/kcmgen/schemas/pki.cue"))
	}, none, false, nil},
	{"the copy of the vocabulary is made anew", func(w *writer) { w.run("kcmgen", "schema", "vendor", "--force") }, none, false, nil},
	{"another version of Kubernetes", func(w *writer) {
		w.run("kcmgen", "upgrade", "--to", "v1.37.1", "--write", "staging")
	}, highRisk, false, []string{"Upgrade of Kubernetes: `v1.36.1` → `v1.37.1`", "1 change (1 high)", "feature gates that aren't set", "`image-version`"}},
	{"evictions come later", func(w *writer) {
		w.edit(staging, "flags: v: 2", "flags: {v: 2, \"node-monitor-grace-period\": \"90s\"}")
	}, mediumRisk, false, []string{"`--node-monitor-grace-period` `50s` (Kubernetes' default) → `90s` (set)", "`eviction-timing`"}},
	{"a controller is turned off", func(w *writer) {
		w.edit(prod, "flags: v: 4", "flags: {v: 4, controllers: [\"*\", \"-ttl-after-finished-controller\"]}")
	}, highRisk, false, []string{"`--controllers` `[*]` (Kubernetes' default) → `*,-ttl-after-finished-controller` (set)", "Stops: ttl-after-finished-controller"}},
	{"a value lies in a file of its own", func(w *writer) {
		w.write("clusters/prod/name.txt", embedded)
		w.edit(prod, "package clusters\n", "@extern(embed)\n\npackage clusters\n")
		w.edit(prod, "flags: {v: 4, ", "_name: _ @embed(file=name.txt,type=text)\n\tflags: {v: 4, \"cluster-name\": _name, ")
	}, highRisk, false, []string{"`--cluster-name`"}},
	{"a unit restarts later", func(w *writer) {
		w.edit(harbour, "flags: v: 2", "flags: v: 2\n\tunit: Service: RestartSec: \"20s\"")
	}, mediumRisk, false, []string{"RestartSec"}},
	{"a cluster is gone", func(w *writer) { w.remove("clusters/harbour") }, highRisk, false, []string{"#### `harbour`", "gone"}},
}

// writer writes the commits of the history into a repository.
type writer struct {
	t    *testing.T
	dir  string
	keys map[string]string // the numbers of private keys, by their files
}

func newWriter(t *testing.T) *writer {
	t.Helper()
	w := &writer{t: t, dir: t.TempDir(), keys: map[string]string{}}
	gitIn(t, w.dir, "init", "-q", "-b", "main")
	w.write("README.md", "Our clusters.\n")
	w.write(".gitignore", "/out/\n*.key\n")
	gitIn(t, w.dir, "add", "-A")
	gitIn(t, w.dir, "commit", "-q", "-m", "begin")
	return w
}

func (w *writer) at(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *writer) read(name string) string {
	w.t.Helper()
	data, err := os.ReadFile(w.at(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

func (w *writer) write(name, text string) {
	w.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(w.at(name)), 0o755), os.WriteFile(w.at(name), []byte(text), 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

// edit replaces a text that a file has once.
func (w *writer) edit(name, old, now string) {
	w.t.Helper()
	text := w.read(name)
	if n := strings.Count(text, old); n != 1 {
		w.t.Fatalf("%s has %q %d times\n%s", name, old, n, text)
	}
	w.write(name, strings.Replace(text, old, now, 1))
}

func (w *writer) move(from, to string) {
	w.t.Helper()
	if err := os.Rename(w.at(from), w.at(to)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) remove(name string) {
	w.t.Helper()
	if err := os.RemoveAll(w.at(name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) run(name string, args ...string) {
	w.t.Helper()
	cmd := exec.CommandContext(need.Time(w.t), name, args...)
	cmd.Dir = w.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// remember keeps the private keys below a directory, to look for them. A kubeconfig has the
// keys of files beside it.
func (w *writer) remember(dir string) {
	w.t.Helper()
	before := len(w.keys)
	err := filepath.WalkDir(w.at(dir), func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".key" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		block, _ := pem.Decode(data)
		if block == nil {
			return fmt.Errorf("%s is no PEM", name)
		}
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		number, err := key.Bytes()
		w.keys[name] = string(number)
		return err
	})
	if err != nil || len(w.keys) == before {
		w.t.Fatalf("%s: %d private keys: %v", dir, len(w.keys)-before, err)
	}
}

// authority makes a CA of the team's own. git ignores its key.
func (w *writer) authority(dir string) {
	w.t.Helper()
	key, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	begin := time.Now().Add(-time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Acme CA"}, NotBefore: begin, NotAfter: begin.AddDate(20, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err2 := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	der, err3 := x509.MarshalECPrivateKey(key)
	if err := errors.Join(err1, err2, err3); err != nil {
		w.t.Fatal(err)
	}
	w.write(dir+"/ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	w.write(dir+"/ca.key", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	if err := os.Chmod(w.at(dir+"/ca.key"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.remember(dir)
}
