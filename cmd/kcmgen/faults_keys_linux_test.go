//go:build amd64 || arm64

package main_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// testKeyModes is the first sentence of promise 10, with umask 0: no file that ever holds a
// private key, and no directory around it, was ever open to others, and .gitignore came
// first.
func testKeyModes(t *testing.T, l *lab) {
	for _, from := range []string{"", l.one} {
		s := l.site(t)
		s.reset(t, from)
		res, err := inject.Trace(t.Context(), s.program(append([]string{l.as, "umask=0", "--"}, s.args(two)...)))
		if err != nil || res.Exit != 0 {
			t.Fatalf("exit %d, %v\n%s", res.Exit, err, res.Output)
		}
		secrets := secretFiles(t, s.demo())
		if len(secrets) < 14 {
			t.Fatalf("only %d files with keys: %q", len(secrets), secrets)
		}
		wide := tooWide(res.Calls, s.out(), secrets)
		for _, w := range wide {
			t.Error(w)
		}
		if from == "" {
			ignoredFirst(t, res.Calls, s.out())
		}
		leaks := scan(string(res.Output), secrets)
		for _, c := range res.Calls {
			leaks = append(leaks, scan(c.Path+" "+c.To, secrets)...)
			if c.PID != res.Calls[0].PID {
				t.Errorf("it starts a process, whose arguments and environment the test doesn't check: %v", c)
			}
		}
		for _, leak := range leaks {
			t.Error(leak)
		}
		t.Logf("promise 10: %d files with keys, %d ever wider than 0600 or in directories wider than 0700; %d leaks", len(secrets), len(wide), len(leaks))
	}
	keysBrokenWriter(t, l)
	scanFinds(t, l)
}

// secretFiles returns the files below a directory that hold a private key, by their
// contents.
func secretFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if bytes.Contains(data, []byte("PRIVATE KEY")) || bytes.Contains(data, []byte("client-key-data")) ||
			strings.HasSuffix(p, ".key") || strings.HasSuffix(p, ".conf") {
			all[p] = data
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tooWide replays what a run did to names and modes. It returns which of the secret files,
// their own directories, and the cluster's directories ever had a wider mode than they may.
// With umask 0 the mode of a call takes effect unchanged.
func tooWide(calls []inject.Call, out string, secrets map[string][]byte) []string {
	widest := map[string]uint32{} // every bit that a file ever had
	move := func(from, to string, swap bool) {
		moved := map[string]uint32{}
		for p, m := range widest {
			if rest, ok := strings.CutPrefix(p, from); ok && (rest == "" || rest[0] == '/') {
				moved[to+rest] = m
			} else if rest, ok := strings.CutPrefix(p, to); ok && (rest == "" || rest[0] == '/') {
				if swap {
					moved[from+rest] = m
				}
			} else {
				moved[p] = m
			}
		}
		widest = moved
	}
	for _, c := range calls {
		switch {
		case c.Failed() != 0:
		case c.Name == "openat" && c.Flags&syscall.O_CREAT != 0, strings.HasPrefix(c.Name, "mkdir"), strings.HasPrefix(c.Name, "fchmod"), c.Name == "chmod":
			widest[c.Path] |= c.Mode
		case strings.HasPrefix(c.Name, "rename"):
			move(c.Path, c.To, c.Flags == 2)
		case c.Name == "linkat":
			widest[c.To] = widest[c.Path]
		case c.Name == "unlinkat":
			delete(widest, c.Path)
		}
	}
	var wide []string
	directories := map[string]bool{}
	known := 0
	for p := range secrets {
		m, ok := widest[p]
		if ok {
			known++
		}
		if m&^0o600 != 0 {
			wide = append(wide, fmt.Sprintf("%s was once %#o", p, m))
		}
		directories[filepath.Dir(p)] = true // its own; those between are as on a host
		rel, _ := filepath.Rel(out, p)
		top, _, _ := strings.Cut(rel, "/")
		directories[filepath.Join(out, top)] = true // the cluster's, around all of them
	}
	for _, d := range slices.Sorted(maps.Keys(directories)) {
		if widest[d]&^0o700 != 0 {
			wide = append(wide, fmt.Sprintf("directory %s was once %#o", d, widest[d]))
		}
	}
	if known == 0 {
		wide = append(wide, "no secret file was seen to be made")
	}
	return wide
}

// ignoredFirst checks that .gitignore is complete before the first file of a tree exists.
func ignoredFirst(t *testing.T, calls []inject.Call, out string) {
	t.Helper()
	ignored := false
	for _, c := range calls {
		ignored = ignored || strings.HasPrefix(c.Name, "rename") && c.To == filepath.Join(out, ".gitignore")
		if strings.HasPrefix(c.Path, filepath.Join(out, ".demo")) && !ignored {
			t.Errorf("before .gitignore: %v", c)
			return
		}
	}
	data, err := os.ReadFile(filepath.Join(out, ".gitignore"))
	if err != nil || !ignored || !strings.Contains(string(data), "\n*\n") {
		t.Errorf(".gitignore: %q, %v", data, err)
	}
}

// scan looks in a text for parts of private keys: of the files themselves, and of the
// numbers in them, as bytes, hex, base64 and decimal.
func scan(text string, secrets map[string][]byte) []string {
	var found []string
	lower := strings.ToLower(text)
	for name, data := range secrets {
		for what, chunk := range chunks(data) {
			if strings.Contains(text, chunk) || strings.Contains(lower, chunk) {
				found = append(found, fmt.Sprintf("%s of the key in %s is in %q", what, name, text))
			}
		}
	}
	return found
}

// chunks returns strings that reveal a key, by description.
func chunks(data []byte) map[string]string {
	out := map[string]string{}
	for _, block := range privateBlocks(data) {
		body := strings.Split(strings.TrimSpace(string(pem.EncodeToMemory(block))), "\n")
		for i, line := range body[1 : len(body)-1] {
			out[fmt.Sprintf("line %d", i+1)] = line
		}
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			continue
		}
		d, err := key.Bytes()
		if err != nil {
			continue
		}
		out["the number, raw,"] = string(d[:16])
		out["the number in hex"] = hex.EncodeToString(d[:16])
		out["the number in decimal"] = new(big.Int).SetBytes(d).String()[:20]
		out["the number as Go prints it"] = strings.Trim(fmt.Sprintf("%d", d[:12]), "[]")
		for i := range 3 { // at each place that base64 may begin
			out[fmt.Sprintf("the number in base64 from %d", i)] = base64.StdEncoding.EncodeToString(d[i : i+15])
		}
	}
	return out
}

// privateBlocks returns the private keys in a PEM file or a kubeconfig.
func privateBlocks(data []byte) []*pem.Block {
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "client-key-data: "); ok {
			if inner, err := base64.StdEncoding.DecodeString(text); err == nil {
				data = inner
			}
		}
	}
	var out []*pem.Block
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			out = append(out, block)
		}
	}
	return out
}

// keysBrokenWriter shows that the test exposes a writer that creates keys like other files,
// and changes their mode afterwards.
func keysBrokenWriter(t *testing.T, l *lab) {
	sc := brokenScene(t, l, "late chmod")
	mkdir(t, sc.site.out())
	sc.args = append([]string{l.as, "umask=0"}, sc.args[1:]...)
	res, err := inject.Trace(t.Context(), sc.site.program(sc.args))
	if err != nil || res.Exit != 0 {
		t.Fatalf("exit %d, %v\n%s", res.Exit, err, res.Output)
	}
	wide := tooWide(res.Calls, sc.site.out(), secretFiles(t, sc.site.demo()))
	t.Logf("a writer with a late chmod: %d files once too wide", len(wide))
	if len(wide) < 14 {
		t.Errorf("its keys were not found: %q", wide)
	}
}

// scanFinds shows that the scanner finds each way to reveal a key.
func scanFinds(t *testing.T, l *lab) {
	secrets := secretFiles(t, filepath.Join(l.two, "demo"))
	tried := 0
	for _, data := range secrets {
		if len(chunks(data)) < 9 {
			t.Errorf("a key has only the chunks %d", len(chunks(data)))
		}
		for what, chunk := range chunks(data) {
			tried++
			if scan("x"+chunk+"y", secrets) == nil {
				t.Errorf("%s is not found", what)
			}
		}
	}
	if tried == 0 || scan("demo: made pki/ca: none yet\n", secrets) != nil {
		t.Errorf("%d leaks tried", tried)
	}
}
