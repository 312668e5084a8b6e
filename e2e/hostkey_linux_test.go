package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// stranger is a host whose key isn't the known one.
type stranger struct {
	name string
	// known are the host's keys in the operator's known_hosts, pinned those in the cluster.
	known, pinned []string
	says, hint    []string
}

// strangers returns the ways in which a host's key can be wrong, for the keys of the host
// and of another one.
func strangers(host, other []string, rsa string) []stranger {
	line := func(key string) string { return "cp-1,10.77.0.11 " + key }
	return []stranger{
		{
			name: "unknown", known: []string{"cp-9 " + host[0]},
			says: []string{"cp-1 (root@10.77.0.11:22): checking its host key: the host key of 10.77.0.11 is unknown", "SHA256:"},
			hint: []string{"ssh-keygen -lf", `nodes: "cp-1": ssh: hostKeys: ["` + host[1] + `"]`},
		},
		{
			name: "changed", known: []string{line(other[0])},
			says: []string{"the host key of 10.77.0.11 has changed: it is ssh-ed25519 SHA256:", "known_hosts:1"},
			hint: []string{"find out why first", "ssh-keygen -R 10.77.0.11 -f "},
		},
		{
			name: "pinned to another", known: []string{line(host[0])}, pinned: []string{other[0]},
			says: []string{"the host key of 10.77.0.11 has changed", "pinned host key 1"},
			hint: []string{"find out why first", `hostKeys: ["` + host[0] + `"]`},
		},
		{
			name: "revoked", known: []string{line(host[0]), "@revoked * " + host[0]},
			says: []string{"the host key of 10.77.0.11 is revoked", "known_hosts:2"},
			hint: []string{"don't log in"},
		},
		{
			name: "pinned and revoked", known: []string{"@revoked * " + host[0]}, pinned: []string{host[0]},
			says: []string{"the host key of 10.77.0.11 is revoked", "known_hosts:1"},
			hint: []string{"don't log in"},
		},
		{
			name: "of another type", known: []string{line(rsa)},
			says: []string{"10.77.0.11 has no host key of a known type", "known_hosts:1: ssh-rsa"},
			hint: []string{"ssh-keygen -lf", "a type that it has"},
		},
	}
}

// TestHostKey is promise 20 for the command as a whole: a host with another key than the
// known one receives neither a user name nor a signature.
func TestHostKey(t *testing.T) {
	g := onGround(t)
	s := newSite(t, g, g.Hosts[0])
	if err := s.h.ConfigureSSHD(t.Context(), "LogLevel DEBUG1"); err != nil {
		t.Fatal(err)
	}
	rsa := filepath.Join(t.TempDir(), "rsa")
	if r, err := s.o.Run(t.Context(), "ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa); err != nil || r.Code != 0 {
		t.Fatal(r, err)
	}
	public, err := os.ReadFile(rsa + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	cue, err := os.ReadFile(filepath.Join(s.a.dir, "ground.cue"))
	if err != nil {
		t.Fatal(err)
	}
	const listing = "ls -dl --time-style=full-iso $(find /etc /usr/local); cat /run/kcmgen.lock 2>/dev/null; true"
	before := do(t, s.h, "sh", "-c", listing)
	refused, attempts := 0, 0
	for _, c := range strangers(s.h.HostKeys, g.Hosts[1].HostKeys, strings.Join(strings.Fields(string(public))[:2], " ")) {
		t.Run(c.name, func(t *testing.T) {
			pinned := ""
			if len(c.pinned) > 0 {
				pinned = fmt.Sprintf("\ncluster: nodes: \"cp-1\": ssh: hostKeys: [%q]\n", c.pinned[0])
			}
			write(t, filepath.Join(s.a.dir, "ground.cue"), string(cue)+pinned)
			write(t, s.o.KnownHosts, strings.Join(c.known, "\n")+"\n")
			heard := s.heard(t)
			r, err := s.run(t.Context(), s.a, s.deploy()...)
			if err != nil || r.code != 1 {
				t.Errorf("exit %d, %v", r.code, err)
			}
			said, hint, _ := strings.Cut(r.err, "\nhint: ")
			has(t, said, c.says...)
			has(t, hint, c.hint...)
			now := s.heard(t)
			if now.connections == heard.connections {
				t.Error("the host saw no connection: its log proves nothing")
			}
			attempts += now.users - heard.users
			refused++
		})
	}
	was, is := strings.Split(before, "\n"), strings.Split(do(t, s.h, "sh", "-c", listing), "\n")
	for _, line := range slices.Concat(was, is) {
		if !slices.Contains(was, line) || !slices.Contains(is, line) {
			t.Errorf("the host changed: %s", line)
		}
	}
	if attempts != 0 {
		t.Errorf("%d attempts to log in", attempts)
	}
	figure(t, "host keys that aren't the known ones", "%d of %d refused, %d attempts to log in", refused, 6, attempts)
	s.trusted(t, string(cue))
}

// trusted: the same log shows an attempt if the key is right, and if ssh doesn't check it.
func (s *site) trusted(t *testing.T, cue string) {
	t.Helper()
	write(t, filepath.Join(s.a.dir, "ground.cue"), cue)
	write(t, s.o.KnownHosts, "cp-1,10.77.0.11 "+s.h.HostKeys[0]+"\n")
	heard := s.heard(t)
	if r, err := s.run(t.Context(), s.a, append(s.deploy(), "--dry-run")...); err != nil || r.code != 0 {
		t.Errorf("with the right key: exit %d, %v\n%s", r.code, err, r.err)
	}
	if now := s.heard(t); now.users == heard.users {
		t.Error("the log doesn't show a login")
	}
	write(t, s.o.KnownHosts, "")
	heard = s.heard(t)
	if r, err := s.o.Run(t.Context(), "ssh", "-F", s.o.SSHConfig, "-o", "StrictHostKeyChecking=no", "root@cp-1", "true"); err != nil || r.Code != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if now := s.heard(t); now.users == heard.users {
		t.Error("a client that trusts any key isn't noticed")
	}
}

type heard struct{ connections, users int }

// heard returns what the host's sshd has received so far, by its log.
func (s *site) heard(t *testing.T) heard {
	t.Helper()
	time.Sleep(200 * time.Millisecond) // for the journal
	do(t, s.h, "journalctl", "--sync")
	log, err := s.h.Journal(t.Context(), "ssh")
	if err != nil {
		t.Fatal(err)
	}
	return heard{strings.Count(log, "Connection from "), strings.Count(log, "userauth-request for user ")}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// has checks that a text contains all words.
func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("expected %q in\n%s", w, text)
		}
	}
}
