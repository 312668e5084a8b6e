package remote

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// fuzzKey returns the public key of a seed.
func fuzzKey(f *testing.F, seed byte) ssh.PublicKey {
	f.Helper()
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), 32)))
	k, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		f.Fatal(err)
	}
	return k
}

// FuzzKnownHosts: with any known_hosts, neither a key that isn't in it nor a revoked one is
// trusted.
func FuzzKnownHosts(f *testing.F) {
	known, unknown := fuzzKey(f, 'k'), fuzzKey(f, 's')
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(known)))
	foreign := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(unknown)))
	for _, text := range []string{
		"n1 " + line, "[n1]:22,!n2 " + line + " comment", "* " + line + "\n@revoked * " + line, "@cert-authority n? " + line,
		"|1|c2FsdA==|c2FsdA== " + line, "@revoked @revoked " + line, "n1\tssh-rsa " + strings.Fields(line)[1], "#\n\n n1 ssh-ed25519", "*** " + line,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, strings.Fields(foreign)[1][20:]) {
			return // it is known, then
		}
		lines, err := parseKnown("known_hosts", text+"\n@revoked n9 "+line+"\n")
		if err != nil {
			return
		}
		e := &endpoint{host: "n1", knownAs: "[n1]:2222", plainName: "n1"}
		trust := &trust{name: "n1"}
		trust.selectLines(lines, e)
		if len(trust.algorithms()) == 0 {
			t.Error("no algorithm is left: the library would take its own")
		}
		for _, k := range []ssh.PublicKey{known, unknown} {
			var fault *HostKeyError
			if err := trust.check(k, e); !errors.As(err, &fault) || err.Error() == "" {
				t.Errorf("trusted: %v", err)
			} else if equal(k, known) && fault.Fault != Revoked {
				t.Errorf("a revoked key: %v", err)
			}
		}
	})
}

// FuzzPinned: a pinned key is refused, or trusts no other key.
func FuzzPinned(f *testing.F) {
	unknown := fuzzKey(f, 's')
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(fuzzKey(f, 'k'))))
	for _, text := range []string{line, line + " comment", "@cert-authority " + line, "@revoked " + line, "@revoked", "", "a\nb", "* " + line} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := &endpoint{host: "n1", knownAs: "n1", plainName: "n1", pinned: []string{text}}
		trust, err := trustOf(e)
		if err != nil {
			return
		}
		if err := trust.check(unknown, e); err == nil && !strings.Contains(text, "AAAAC3NzaC1lZDI1NTE5AAAAI") {
			t.Error("trusted")
		}
	})
}

// FuzzSubset: without an ssh program, a configuration is refused or yields a valid host.
func FuzzSubset(f *testing.F) {
	for _, text := range []string{
		"Host n1\n HostName 10.0.0.1\n Port 22\n ProxyJump a,b@c:1\n", "User=\"a b\\\" c\"", "IdentityFile ~/%d/%%/${HOME}\n",
		"Match final\nHost *\nHostName %h.x\n", "Include *\n", "host\t=\t'a", "ProxyJump ssh://a@[::1]:2/,[b]\n", "Host \"n1\" !n2 # x\nUser = \"a\"b\n",
	} {
		f.Add(text)
	}
	file := filepath.Join(f.TempDir(), "config")
	c := &Config{Home: "/home/me", File: file, User: "me", SSH: func(context.Context, ...string) ([]byte, error) { return nil, exec.ErrNotFound }}
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := c.resolve(t.Context(), Target{Name: "n1", Address: "10.0.0.1"})
		for ; err == nil && e != nil; e = e.via {
			if e.host == "" || e.port < 1 || e.port > 65535 || e.knownAs == "" {
				t.Errorf("%+v", e)
			}
		}
	})
}

// FuzzAnswer: any output of ssh is refused or yields a valid host.
func FuzzAnswer(f *testing.F) {
	told := "controlpath /home/me/" + strings.Repeat(separator+"x", len(sshTokens)) + "\n"
	for _, text := range []string{
		told + "hostname n1\nport 22\nuser me\nuserknownhostsfile /a b /c\n", told + "hostname n1\nport 0\n", "hostname n1\r\n", "controlpath\nhostname n1\n",
		told + "hostname n1\nport 22\nproxyjump a,%n\nidentityfile ~/%h\nidentityagent $A\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := &Config{SSH: func(context.Context, ...string) ([]byte, error) { return []byte(text), nil }}
		e, err := c.resolve(t.Context(), Target{Name: "n1", Host: "n1"})
		for ; err == nil && e != nil; e = e.via {
			if !isHost(e.host) || e.port < 1 || e.port > 65535 || e.knownAs == "" {
				t.Errorf("%+v", e)
			}
		}
	})
}
