//go:build unix

package gen

import (
	"crypto"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir"
)

// TestTrustStaysTheSame changes one thing at a time in a cluster's directory. An export
// must refuse and change no byte, or keep the CAs and the service-account key.
func TestTrustStaysTheSame(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"cue.mod", "schemas"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	text := `package one

import "github.com/kcmgen/kcmgen/schemas"

cluster: schemas.#Cluster & {
	name:    "one"
	version: "v1.37.1"
	layout:  "systemd"
	nodes: "cp-1": address: "10.0.0.11"
	pki: frontProxy: {}
}
`
	write(t, filepath.Join(dir, "one", "cluster.cue"), text)
	now := time.Now()
	l, err := Load(t.Context(), Request{Args: []string{filepath.Join(dir, "one")}, Now: now})
	if err != nil || len(l.Clusters) != 1 || finding.Failed(l.Findings) {
		t.Fatalf("%v, %v", err, l)
	}
	m := &mutator{t: t, rnd: rand.New(rand.NewPCG(5, 6)), good: exportedOnce(t, l.Clusters[0], now), other: exportedOnce(t, l.Clusters[0], now)}
	kept, refused := 0, map[string]int{}
	for what, change := range m.changes() {
		out := filepath.Join(t.TempDir(), "out")
		m.restore(out)
		change(filepath.Join(out, "one"))
		was := everything(t, filepath.Join(out, "one"))
		err := exportInto(t, l.Clusters[0], out, now)
		is := everything(t, filepath.Join(out, "one"))
		if err != nil {
			refused[strings.ReplaceAll(generationName.ReplaceAllString(err.Error(), "GENERATION"), filepath.Dir(out), "")]++
			if !maps.Equal(was, is) {
				t.Errorf("%s: refused (%v), and the tree isn't as it was", what, err)
			}
			continue
		}
		kept++
		for at, key := range publicKeys(m.good) {
			if is := publicKeys(is)[at]; is == nil || !keys.Equal(key, is) {
				t.Errorf("%s: %s is another key now", what, at)
			}
		}
	}
	t.Logf("%d changes kept what others trust, %d kinds of refusals: %q", kept, len(refused), slices.Sorted(maps.Keys(refused)))
	if kept < 50 || len(refused) < 8 {
		t.Errorf("%d kept, %d kinds of refusals: too few cases", kept, len(refused))
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// exportInto is an export without the loading before it.
func exportInto(t *testing.T, v *Vetted, dir string, now time.Time) error {
	t.Helper()
	out, err := outdir.Open(t.Context(), dir, lockWait, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	e := exporter{ExportOptions{Request: Request{Out: dir, Now: now}, OnEvent: func(Event) {}}, nil, out}
	return e.export(t.Context(), []*Vetted{v})
}

func exportedOnce(t *testing.T, v *Vetted, now time.Time) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	if err := exportInto(t, v, dir, now); err != nil {
		t.Fatal(err)
	}
	return everything(t, filepath.Join(dir, "one"))
}

// everything returns all below a directory by path: "file " and the contents, or "dir".
func everything(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if e.IsDir() {
			out[rel] = "dir"
			return nil
		}
		data, err := os.ReadFile(p)
		out[rel] = "file " + string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// publicKeys returns the keys that others trust, by the file they were read from.
func publicKeys(all map[string]string) map[string]crypto.PublicKey {
	out := map[string]crypto.PublicKey{}
	for _, at := range []string{"pki/ca.crt", "pki/ca.key", "pki/front-proxy-ca.crt", "pki/front-proxy-ca.key", "pki/sa.pub", "pki/sa.key"} {
		data := []byte(strings.TrimPrefix(all[at], "file "))
		if key, err := keys.ParsePrivate(data); err == nil {
			out[at] = key.Public()
		} else if pub, err := keys.ParsePublic(data); err == nil {
			out[at] = pub
		}
	}
	return out
}

// mutator changes one thing in a tree.
type mutator struct {
	t           *testing.T
	rnd         *rand.Rand
	good, other map[string]string
}

func (m *mutator) restore(out string) {
	for _, rel := range slices.Sorted(maps.Keys(m.good)) {
		at := filepath.Join(out, "one", rel)
		if m.good[rel] == "dir" {
			if err := os.MkdirAll(at, 0o700); err != nil {
				m.t.Fatal(err)
			}
			continue
		}
		write(m.t, at, strings.TrimPrefix(m.good[rel], "file "))
	}
}

// changes returns what can happen to each file and directory: removed, truncated, a bit
// flipped, replaced by another export's file or another file's contents.
func (m *mutator) changes() map[string]func(dir string) {
	out := map[string]func(string){}
	names := slices.Sorted(maps.Keys(m.good))
	others := map[string]string{} // by path without the generation
	for rel, data := range m.other {
		others[generationName.ReplaceAllString(rel, "G")] = data
	}
	check := func(err error) {
		if err != nil {
			m.t.Fatal(err)
		}
	}
	for _, rel := range names {
		was := strings.TrimPrefix(m.good[rel], "file ")
		put := func(what, data string) {
			out[rel+": "+what] = func(dir string) { check(os.WriteFile(filepath.Join(dir, rel), []byte(data), 0o600)) }
		}
		out[rel+": removed"] = func(dir string) { check(os.RemoveAll(filepath.Join(dir, rel))) }
		out[rel+": moved away"] = func(dir string) { check(os.Rename(filepath.Join(dir, rel), filepath.Join(dir, rel)+".bak")) }
		if m.good[rel] == "dir" {
			continue
		}
		put("emptied", "")
		put("cut off", was[:len(was)/2])
		put("grown", was+"\n")
		put("another's", strings.TrimPrefix(others[generationName.ReplaceAllString(rel, "G")], "file "))
		flips := 1
		if rel == "manifest.json" {
			flips = 60
		}
		for i := range flips {
			data := []byte(was)
			data[m.rnd.IntN(len(data))] ^= 1 << m.rnd.IntN(7)
			put(fmt.Sprintf("flipped %d", i), string(data))
		}
		if from := names[m.rnd.IntN(len(names))]; m.good[from] != "dir" {
			put("what "+from+" holds", strings.TrimPrefix(m.good[from], "file "))
		}
	}
	for _, id := range []string{"ca", "front-proxy-ca", "sa"} {
		out[id+": another pair"] = func(dir string) {
			for rel, data := range m.other {
				if strings.HasPrefix(rel, "pki/"+id+".") {
					check(os.WriteFile(filepath.Join(dir, rel), []byte(strings.TrimPrefix(data, "file ")), 0o600))
				}
			}
		}
		out[id+": the pair removed"] = func(dir string) {
			for rel := range m.good {
				if strings.HasPrefix(rel, "pki/"+id+".") {
					check(os.Remove(filepath.Join(dir, rel)))
				}
			}
		}
	}
	return out
}

var generationName = regexp.MustCompile(`\b[0-9a-f]{16}\b`)
