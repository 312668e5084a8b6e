package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSecrets is promise 9 for a deployment, as ops with sudo: no byte of a private key is in
// kcmgen's output and reports, in arguments or environments of processes at either end, in
// logs of the host, or in other files of the host.
func TestSecrets(t *testing.T) {
	g := onGround(t)
	s := newSite(t, g, g.Hosts[0])
	for _, v := range []*variant{s.a, s.b} {
		name := filepath.Join(v.dir, "ground.cue")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, name, string(text)+"\ncluster: nodes: \"cp-1\": ssh: user: \"ops\"\n")
	}
	if err := s.h.ConfigureSSHD(t.Context(), "LogLevel DEBUG3"); err != nil {
		t.Fatal(err)
	}
	needles := s.needles(t)
	watch := watchProcesses()
	var said []byte
	for _, format := range []string{"text", "json"} {
		v := s.a
		if format == "json" {
			v = s.b
		}
		r, err := s.run(t.Context(), v, append(s.deploy(), "--format", format)...)
		if err != nil || r.code != 0 {
			t.Fatalf("exit %d, %v\n%s", r.code, err, r.err)
		}
		said = append(said, r.out+r.err...)
		r, err = s.run(t.Context(), v, kcmgen, "diff", "--live", "--without-lease", "--limit", s.h.Name, ".")
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, r.out+r.err...)
	}
	places := map[string][]byte{"what it says": said, "arguments and environments": watch.stop()}
	for _, v := range []*variant{s.a, s.b} {
		reports, err := filepath.Glob(filepath.Join(v.dir, "out/example/deploys/*"))
		if err != nil || len(reports) != 1 {
			t.Fatalf("reports: %q, %v", reports, err)
		}
		text, err := os.ReadFile(reports[0])
		if err != nil {
			t.Fatal(err)
		}
		places["reports"] = append(places["reports"], text...)
	}
	places["the host's logs"] = []byte(do(t, s.h, "journalctl", "--no-pager", "-a", "-o", "verbose"))
	places["the host's other files"] = []byte(do(t, s.h, "sh", "-c",
		"tar -c --exclude='./etc/kubernetes/kcmgen/????????????????' -C / ./etc ./run ./tmp ./root ./home ./var/log ./var/lib/systemd 2>/dev/null; true"))
	seen := 0
	for place, text := range places {
		if len(text) < 500 {
			t.Errorf("%s: only %d bytes", place, len(text))
		}
		seen += len(text)
		for _, n := range needles {
			if bytes.Contains(text, n.bytes) {
				t.Errorf("%s hold %s", place, n.name)
			}
		}
	}
	figure(t, "bytes of private keys outside their files", "0 in %d bytes of output, reports, %d processes, logs and files", seen, watch.count)
	s.toldByHand(t, needles)
}

// toldByHand: the same search finds a key in a command line.
func (s *site) toldByHand(t *testing.T, needles []needle) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(s.a.dir, "out/example/pki/sa.key"))
	if err != nil {
		t.Fatal(err)
	}
	watch := watchProcesses()
	command := "echo '" + string(key) + "' >/run/sa.key; sleep 0.5"
	if r, err := s.o.SSH(t.Context(), "ops@"+s.h.Name, "sudo sh -c "+strconv.Quote(command)); err != nil || r.Code != 0 {
		t.Fatal(r, err)
	}
	text := watch.stop()
	if !slices.ContainsFunc(needles, func(n needle) bool { return bytes.Contains(text, n.bytes) }) {
		t.Error("a key on a command line wasn't found")
	}
}

// needle is a part of a private key, in some encoding.
type needle struct {
	name  string
	bytes []byte
}

// needles returns the secret parts of all keys of a site's exports, in all encodings.
func (s *site) needles(t *testing.T) []needle {
	t.Helper()
	var out []needle
	for _, v := range []*variant{s.a, s.b} {
		err := filepath.WalkDir(filepath.Join(v.dir, "out"), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".key" {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			out = append(out, needlesOf(t, filepath.Base(path), content)...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d", len(out))
	}
	return out
}

func needlesOf(t *testing.T, name string, content []byte) []needle {
	t.Helper()
	block, _ := pem.Decode(content)
	if block == nil {
		t.Fatalf("%s is no PEM", name)
	}
	secret := secretOf(t, block)
	at := bytes.Index(block.Bytes, secret)
	if at < 0 {
		t.Fatalf("%s doesn't hold its own secret", name)
	}
	out := []needle{
		{name + ", raw", secret},
		{name + ", hex", []byte(hex.EncodeToString(secret))},
		{name + ", HEX", []byte(strings.ToUpper(hex.EncodeToString(secret)))},
	}
	// At any offset into groups of three, and encoded once more as in a kubeconfig.
	once := inner64(secret)
	for i, b := range once {
		out = append(out, needle{fmt.Sprintf("%s, base64 %d", name, i), b})
		for j, c := range inner64(b[:24]) {
			out = append(out, needle{fmt.Sprintf("%s, base64 %d of base64 %d", name, j, i), c})
		}
	}
	return out
}

// inner64 returns the base64 of bytes at any offset in others, without the characters at the
// ends, which depend on the neighbours. Lines of PEM have 64 characters, so only the
// beginning is used.
func inner64(b []byte) [][]byte {
	var out [][]byte
	for skip := range 3 {
		text := base64.StdEncoding.EncodeToString(b[skip : skip+(len(b)-skip)/3*3])
		out = append(out, []byte(text)[:16])
	}
	return out
}

func secretOf(t *testing.T, block *pem.Block) []byte {
	t.Helper()
	for _, parse := range []func([]byte) (any, error){
		x509.ParsePKCS8PrivateKey,
		func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
	} {
		key, err := parse(block.Bytes)
		if err != nil {
			continue
		}
		switch key := key.(type) {
		case *ecdsa.PrivateKey:
			d, err := key.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			return d
		case *rsa.PrivateKey:
			return key.Primes[0].Bytes()
		}
	}
	t.Fatalf("%s is an unknown kind of key", block.Type)
	return nil
}

// processes repeatedly collects arguments and environments of all processes that this test
// started, including those on hosts.
type processes struct {
	end, ended chan struct{}
	mu         sync.Mutex
	seen       map[string]bool
	count      int
}

func watchProcesses() *processes {
	p := &processes{end: make(chan struct{}), ended: make(chan struct{}), seen: map[string]bool{}}
	go func() {
		defer close(p.ended)
		for {
			select {
			case <-p.end:
				return
			case <-time.After(3 * time.Millisecond):
				p.sample()
			}
		}
	}()
	return p
}

// sample reads those of all descendants of this process.
func (p *processes) sample() {
	parents := map[int]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); err == nil && len(fields) > 1 {
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	for pid := range parents {
		up := pid
		for range 50 {
			if up = parents[up]; up == os.Getpid() || up == 0 {
				break
			}
		}
		if up != os.Getpid() {
			continue
		}
		for _, name := range []string{"cmdline", "environ"} {
			if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name)); err == nil && len(text) > 0 {
				p.note(string(text))
			}
		}
	}
}

func (p *processes) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.seen[text] {
		p.seen[text] = true
		p.count++
	}
}

// stop returns all that was collected.
func (p *processes) stop() []byte {
	close(p.end)
	<-p.ended
	var out []byte
	for text := range p.seen {
		out = append(out, text+"\n"...)
	}
	return out
}
