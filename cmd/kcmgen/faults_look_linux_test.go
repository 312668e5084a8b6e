//go:build amd64 || arm64

package main_test

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// A picture is what can be seen of a directory's files, except inode numbers: a line for
// each, by path.
type picture map[string]string

// look takes a picture of a directory without the directory skip. The picture of a missing
// directory is empty.
func look(t testing.TB, dir, skip string) picture {
	t.Helper()
	all := picture{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if p == dir && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if skip != "" && p == skip {
			return fs.SkipDir
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%v %s", fi.Mode(), fi.ModTime().UTC().Format("15:04:05.000000000"))
		switch {
		case e.Type() == fs.ModeSymlink:
			target, _ := os.Readlink(p)
			line += " -> " + target
		case e.Type().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %x", len(data), sha256.Sum256(data))
		}
		// What holds skip changes with it.
		if skip == "" || filepath.Dir(skip) != p {
			all[rel] = line
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// differs returns how two pictures differ, or "".
func (p picture) differs(q picture) string {
	var out []string
	names := maps.Clone(p)
	maps.Copy(names, q)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if p[name] != q[name] {
			out = append(out, fmt.Sprintf("%s: was %q, is %q", name, p[name], q[name]))
		}
	}
	return strings.Join(out[:min(len(out), 5)], "\n")
}

// listing is manifest.json, parsed independently of kcmgen.
type listing struct {
	Schema  int
	Cluster string
	Nodes   map[string]string
	Files   []listingFile
}

type listingFile struct {
	Path, Mode, SHA256 string
	Size               int
	Dir, Secret        bool
}

// whole returns an error unless a directory is the complete tree of a variant: exactly what
// its manifest lists and the foreign paths, each with its mode, size and checksum, and with
// matching keys, certificates, kubeconfigs and units. It is independent of how kcmgen
// writes or reads.
func whole(dir string, v variant, foreign []string) error {
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return err
	}
	var m listing
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("manifest.json: %w", err)
	}
	if m.Schema != 1 || m.Cluster != "demo" || len(m.Files) < 20 {
		return fmt.Errorf("manifest.json: %+v", m)
	}
	if got := slices.Sorted(maps.Keys(m.Nodes)); !slices.Equal(got, v.nodes) {
		return fmt.Errorf("nodes are %q", got)
	}
	if err := present(dir, m, foreign); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := f.check(dir); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return together(dir, v, m)
}

// present compares the existing paths with the expected ones.
func present(dir string, m listing, foreign []string) error {
	want := map[string]bool{".": true, "manifest.json": true}
	add := func(p string) {
		for ; p != "."; p = path.Dir(p) {
			want[p] = true
		}
	}
	for _, f := range m.Files {
		add(f.Path)
	}
	for _, p := range foreign {
		add(p)
	}
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, p)
		if err == nil && !want[rel] {
			err = fmt.Errorf("%s exists and isn't listed", rel)
		}
		delete(want, rel)
		return err
	})
	if err == nil && len(want) > 0 {
		err = fmt.Errorf("missing: %q", slices.Sorted(maps.Keys(want)))
	}
	return err
}

// check compares a file with its line in the manifest.
func (f listingFile) check(dir string) error {
	name := filepath.Join(dir, f.Path)
	fi, err := os.Lstat(name)
	if err != nil {
		return err
	}
	if got := fmt.Sprintf("0%o", fi.Mode().Perm()); got != f.Mode || fi.IsDir() != f.Dir {
		return fmt.Errorf("is %v, listed as %s", fi.Mode(), f.Mode)
	}
	if f.Dir {
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if len(data) != f.Size {
		return fmt.Errorf("has %d bytes, listed are %d", len(data), f.Size)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); !f.Secret && got != f.SHA256 {
		return fmt.Errorf("has checksum %s, listed is %s", got, f.SHA256)
	}
	if private := strings.Contains(string(data), "PRIVATE KEY") || strings.Contains(string(data), "client-key-data"); private != f.Secret {
		return fmt.Errorf("listed with secret %v", f.Secret)
	}
	if f.Secret && fi.Mode().Perm()&^0o600 != 0 {
		return fmt.Errorf("is secret and %v", fi.Mode())
	}
	return nil
}

// together returns an error unless the files of a tree match each other.
func together(dir string, v variant, m listing) error {
	ca, err := pairIn(dir, "pki/ca")
	if err != nil {
		return err
	}
	for _, n := range v.nodes {
		if err := nodeTogether(dir, n, m.Nodes[n], v.qps, ca); err != nil {
			return fmt.Errorf("node %s: %w", n, err)
		}
	}
	return nil
}

func nodeTogether(dir, node, generation, qps string, ca pair) error {
	gen := path.Join("nodes", node, "etc/kubernetes/kcmgen", generation)
	serving, err := pairIn(dir, gen+"/kube-controller-manager")
	if err != nil {
		return err
	}
	own, err := pairIn(dir, "pki/nodes/"+node+"/serving")
	if err != nil {
		return err
	}
	client, err := pairIn(dir, "pki/nodes/"+node+"/client")
	if err != nil {
		return err
	}
	conf, err := kubeconfigIn(filepath.Join(dir, gen, "controller-manager.conf"))
	if err != nil {
		return err
	}
	hostCA, err := pairIn(dir, gen+"/ca")
	if err != nil {
		return err
	}
	sa, err := os.ReadFile(filepath.Join(dir, gen, "sa.key"))
	if err != nil {
		return err
	}
	ownSA, err := os.ReadFile(filepath.Join(dir, "pki/sa.key"))
	if err != nil {
		return err
	}
	unit, err := os.ReadFile(filepath.Join(dir, "nodes", node, "etc/systemd/system/kube-controller-manager.service"))
	if err != nil {
		return err
	}
	switch {
	case serving != own, client != conf.pair, hostCA != ca, conf.ca != ca.cert, string(sa) != string(ownSA):
		return errors.New("its files and those in pki/ are not the same")
	case !strings.Contains(string(unit), "--kube-api-qps="+qps), !strings.Contains(string(unit), generation):
		return errors.New("the unit is another tree's")
	}
	return errors.Join(signed(ca, serving), signed(ca, client))
}

// A pair is a certificate and its key, in PEM.
type pair struct{ cert, key string }

func pairIn(dir, base string) (pair, error) {
	cert, err := os.ReadFile(filepath.Join(dir, base+".crt"))
	if err != nil {
		return pair{}, err
	}
	key, err := os.ReadFile(filepath.Join(dir, base+".key"))
	if err != nil {
		return pair{}, err
	}
	p := pair{string(cert), string(key)}
	return p, p.fits()
}

// fits returns an error unless the key is the certificate's.
func (p pair) fits() error {
	cert, err := parseCert(p.cert)
	if err != nil {
		return err
	}
	block, _ := pem.Decode([]byte(p.key))
	if block == nil {
		return errors.New("no PEM key")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	if pub, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(key.Public()) {
		return errors.New("certificate and key don't pair")
	}
	return nil
}

func parseCert(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

func signed(ca, leaf pair) error {
	c, err := parseCert(ca.cert)
	if err != nil {
		return err
	}
	l, err := parseCert(leaf.cert)
	if err != nil {
		return err
	}
	return l.CheckSignatureFrom(c)
}

type kubeconfig struct {
	ca   string
	pair pair
}

func kubeconfigIn(name string) (kubeconfig, error) {
	var f struct {
		Clusters []struct {
			Cluster struct {
				CA string `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User struct {
				Cert string `json:"client-certificate-data"`
				Key  string `json:"client-key-data"`
			} `json:"user"`
		} `json:"users"`
	}
	data, err := os.ReadFile(name)
	if err == nil {
		err = yaml.Unmarshal(data, &f)
	}
	if err != nil {
		return kubeconfig{}, fmt.Errorf("%s: %w", name, err)
	}
	if len(f.Clusters) != 1 || len(f.Users) != 1 {
		return kubeconfig{}, fmt.Errorf("%s: %d clusters, %d users", name, len(f.Clusters), len(f.Users))
	}
	var texts []string
	for _, s := range []string{f.Clusters[0].Cluster.CA, f.Users[0].User.Cert, f.Users[0].User.Key} {
		text, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return kubeconfig{}, fmt.Errorf("%s: %w", name, err)
		}
		texts = append(texts, string(text))
	}
	k := kubeconfig{texts[0], pair{texts[1], texts[2]}}
	return k, k.pair.fits()
}
