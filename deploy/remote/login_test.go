package remote

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
)

// startAgent starts a real ssh-agent with these keys.
func startAgent(t *testing.T, m *machine, files ...string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	m.AgentSocket = filepath.Join(dir, "s")
	cmd := exec.Command(need.Program(t, "ssh-agent"), "-D", "-a", m.AgentSocket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for need.Time(t).Err() == nil {
		if c, err := net.Dial("unix", m.AgentSocket); err == nil { // the socket exists before ssh-agent listens
			_ = c.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, file := range files {
		must(t, []string{"SSH_AUTH_SOCK=" + m.AgentSocket}, "ssh-add", "-q", file)
	}
}

// offers counts the keys that sshd was offered.
func (s *server) offers() int {
	s.t.Helper()
	return strings.Count(read(s.t, s.log), "Failed publickey") + strings.Count(read(s.t, s.log), "Postponed publickey")
}

func TestLogin(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(t *testing.T, m *machine, s *server, target *Target)
		want []string // parts of the error; nil: logged in
		not  string   // part that it must not have
	}{
		{name: "a key of the configuration", set: func(*testing.T, *machine, *server, *Target) {}},
		{name: "a default key", set: func(_ *testing.T, m *machine, _ *server, _ *Target) { m.withoutSSH() }},
		{name: "RSA", set: func(t *testing.T, m *machine, s *server, target *Target) {
			target.IdentityFile = m.ssh("rsa")
			s.authorize(key(t, target.IdentityFile, "rsa"))
		}},
		{name: "old PEM", set: func(t *testing.T, m *machine, s *server, target *Target) {
			target.IdentityFile = m.ssh("pem")
			s.authorize(key(t, target.IdentityFile, "ecdsa", "-m", "PEM"))
		}},
		{name: "agent alone", set: func(t *testing.T, m *machine, _ *server, _ *Target) {
			startAgent(t, m, m.ssh("id_ed25519"))
			_ = os.Remove(m.ssh("id_ed25519"))
			_ = os.Remove(m.ssh("id_ed25519.pub"))
		}},
		{name: "encrypted, in the agent", set: func(t *testing.T, m *machine, _ *server, _ *Target) {
			startAgent(t, m, m.ssh("id_ed25519"))
			must(t, nil, "ssh-keygen", "-q", "-p", "-N", "secret phrase", "-f", m.ssh("id_ed25519"))
		}},
		{name: "encrypted PEM, in the agent", set: func(t *testing.T, m *machine, s *server, target *Target) {
			target.IdentityFile = m.ssh("pem")
			s.authorize(key(t, target.IdentityFile, "rsa", "-m", "PEM"))
			startAgent(t, m, target.IdentityFile)
			must(t, nil, "ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "secret phrase", "-f", target.IdentityFile)
		}},
		{name: "public file, private in the agent", set: func(t *testing.T, m *machine, _ *server, target *Target) {
			startAgent(t, m, m.ssh("id_ed25519"))
			target.IdentityFile = m.ssh("id_ed25519.pub")
			_ = os.Remove(m.ssh("id_ed25519"))
		}},
		{name: "IdentityAgent", set: func(t *testing.T, m *machine, _ *server, _ *Target) {
			startAgent(t, m, m.ssh("id_ed25519"))
			m.configure(t, "IdentityAgent "+m.AgentSocket+"\nIdentityFile none\n")
			m.AgentSocket = ""
		}},
		{name: "IdentityFile that isn't there", set: func(t *testing.T, m *machine, _ *server, _ *Target) {
			m.configure(t, "IdentityFile ~/.ssh/nowhere\nIdentityFile ~/.ssh/id_ed25519\n")
		}},
		{name: "certificate", set: func(t *testing.T, m *machine, s *server, _ *Target) {
			ca := key(t, m.ssh("ca"), "ed25519")
			must(t, nil, "ssh-keygen", "-q", "-s", m.ssh("ca"), "-I", "me", "-n", m.User, m.ssh("id_ed25519.pub"))
			s.authorize("cert-authority " + ca)
		}},
		{name: "CertificateFile", set: func(t *testing.T, m *machine, s *server, _ *Target) {
			ca := key(t, m.ssh("ca"), "rsa")
			must(t, nil, "ssh-keygen", "-q", "-s", m.ssh("ca"), "-I", "me", "-n", m.User, m.ssh("id_ed25519.pub"))
			if err := os.Rename(m.ssh("id_ed25519-cert.pub"), m.ssh("c")); err != nil {
				t.Fatal(err)
			}
			m.configure(t, "CertificateFile ~/.ssh/c\n")
			s.authorize("cert-authority " + ca)
		}},
		{
			name: "wrong key", want: []string{"accepts no key", "/id_ed25519)", "SHA256:"}, not: "AAAA",
			set: func(t *testing.T, m *machine, s *server, _ *Target) { s.authorize("# none") },
		},
		{
			name: "no key", want: []string{"none to offer"},
			set: func(t *testing.T, m *machine, _ *server, _ *Target) { _ = os.Remove(m.ssh("id_ed25519")) },
		},
		{
			name: "encrypted", want: []string{"needs its passphrase", "/id_ed25519"}, not: "secret phrase",
			set: func(t *testing.T, m *machine, _ *server, _ *Target) {
				must(t, nil, "ssh-keygen", "-q", "-p", "-N", "secret phrase", "-f", m.ssh("id_ed25519"))
			},
		},
		{
			name: "agent gone", want: []string{"ssh-agent: ", "no such file"},
			set: func(_ *testing.T, m *machine, _ *server, _ *Target) {
				m.AgentSocket = m.ssh("gone")
				_ = os.Remove(m.ssh("id_ed25519"))
			},
		},
		{
			name: "IdentitiesOnly", want: []string{"/other)"}, not: "(agent)",
			set: func(t *testing.T, m *machine, _ *server, _ *Target) {
				startAgent(t, m, m.ssh("id_ed25519"))
				key(t, m.ssh("other"), "ed25519")
				m.configure(t, "IdentitiesOnly yes\nIdentityFile ~/.ssh/other\n")
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, s := ready(t)
			target := s.target()
			c.set(t, m, s, &target)
			conn, err := m.Dial(t.Context(), target)
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
				return
			}
			var failed *LoginError
			if !errors.As(err, &failed) {
				t.Fatalf("no login error: %v", err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q isn't in %v", part, err)
				}
			}
			if c.not != "" && strings.Contains(err.Error(), c.not) {
				t.Errorf("%q is in %v", c.not, err)
			}
		})
	}
}

// TestIdentity: without the key that the cluster names, no connection is made, even if
// another key would log in.
func TestIdentity(t *testing.T) {
	m, s := ready(t)
	startAgent(t, m, m.ssh("id_ed25519"))
	m.withoutSSH() // then ~ is the test's home
	write(t, m.ssh("config"), "Port 22\n")
	write(t, m.ssh("secret"), read(t, m.ssh("id_ed25519")))
	dialled := 0
	m.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	for file, want := range map[string]string{
		"~/.ssh/nowhere":     m.ssh("nowhere") + ": no such file or directory",
		m.ssh("nowhere.pub"): m.ssh("nowhere.pub") + ": no such file or directory",
		"~/.ssh":             m.ssh("") + ": a regular file of at most 1 MiB was expected",
		m.ssh("config"):      m.ssh("config") + ": ssh: no key found",
	} {
		target := s.target()
		target.IdentityFile = file
		conn, err := m.Dial(t.Context(), target)
		if err == nil {
			_ = conn.Close()
		}
		var at *Error
		var not *IdentityError
		if !errors.As(err, &at) || at.Step != StepIdentity || !errors.As(err, &not) || not.Error() != want {
			t.Errorf("%s: expected %q: %v", file, want, err)
		}
	}
	if dialled > 0 {
		t.Errorf("%d connections", dialled)
	}
	target := s.target()
	target.IdentityFile = "~/.ssh/secret"
	dial(t, m, target)
	if dialled != 1 {
		t.Errorf("%d connections with a key that is there", dialled)
	}
}

// TestLoginOrder: each refused offer costs a round trip, and sshd allows six. A configured
// key comes first and is then the only offer.
func TestLoginOrder(t *testing.T) {
	m, s := ready(t)
	m.withoutSSH() // the default keys are the test's, and come after the agent's
	var others []string
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		key(t, m.ssh(name), "ed25519")
		others = append(others, m.ssh(name))
	}
	startAgent(t, m, append(others, m.ssh("id_ed25519"))...)
	_, err := m.Dial(t.Context(), s.target())
	var failed *LoginError
	if !errors.As(err, &failed) || len(failed.Offered) != 6 || !strings.Contains(err.Error(), "Too many authentication failures") {
		t.Fatalf("eight keys in the agent: %v", err)
	}
	before := s.offers()
	target := s.target()
	target.IdentityFile = m.ssh("id_ed25519")
	dial(t, m, target)
	m.SSH, m.File, target.IdentityFile = nil, m.ssh("config"), ""
	dial(t, m, target)
	if n := s.offers() - before; n != 2 {
		t.Errorf("%d offers for two logins by a configured key", n)
	}
	// A host that accepts no keys at all has its own error.
	m, s = ready(t, "PubkeyAuthentication no", "KbdInteractiveAuthentication yes")
	if _, err := m.Dial(t.Context(), s.target()); !errors.As(err, &failed) || !failed.NoKeys {
		t.Errorf("a host that takes no keys: %v", err)
	}
}

// TestAgentStuck: a stuck agent doesn't keep the key files from being tried.
func TestAgentStuck(t *testing.T) {
	m, s := ready(t)
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stuck, err := net.Listen("unix", filepath.Join(dir, "s")) // accepts by itself
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	m.AgentSocket = filepath.Join(dir, "s")
	scaled(t, 3*time.Second, func(unit time.Duration) string {
		m.Deadlines.Handshake = unit
		conn, err := m.Dial(t.Context(), s.target())
		if err != nil {
			return err.Error()
		}
		_ = conn.Close()
		return ""
	})
	_ = os.Remove(m.ssh("id_ed25519"))
	if _, err := m.Dial(t.Context(), s.target()); err == nil || !strings.Contains(err.Error(), "ssh-agent: ") || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("without a key file: %v", err)
	}
	settled(t)
}
