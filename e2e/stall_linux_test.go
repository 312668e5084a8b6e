package e2e

import (
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// stall is a host that stops answering.
type stall struct {
	name  string
	begin func(*testing.T, *site) (end func())
	limit time.Duration // by which the command has ended
	codes []int
	says  []string
}

func stalls(g *ground.Ground) []stall {
	second := time.Second
	return []stall{
		{"banner", func(t *testing.T, s *site) func() { return s.silent(t, g, "") }, 17 * second, []int{1}, []string{"waiting for its SSH version: no answer within 15s"}},
		{"key exchange", func(t *testing.T, s *site) func() { return s.silent(t, g, "SSH-2.0-silent\r\n") }, 17 * second, []int{1}, []string{"exchanging keys: no answer within 15s"}},
		{"login", func(t *testing.T, s *site) func() {
			return s.sshd(t, "AuthorizedKeysCommand /usr/bin/sleep 600", "AuthorizedKeysCommandUser daemon", "AuthorizedKeysFile none")
		}, 17 * second, []int{1}, []string{"logging in: no answer within 15s"}},
		{"shell", func(t *testing.T, s *site) func() { return s.sshd(t, "ForceCommand /usr/bin/sleep 600") }, 35 * second, []int{1}, []string{"no shell: sh: no answer within 30s"}},
		{"TCP", func(_ *testing.T, s *site) func() { s.h.Cut(); return s.h.Heal }, 12 * second, []int{1}, []string{"connecting: no answer within 10s", "--limit"}},
		{"sftp-server", func(t *testing.T, s *site) func() {
			if err := s.h.WriteFile(t.Context(), "/usr/lib/openssh/sftp-server", "#!/bin/sh\nkill -STOP $$\n", 0o755); err != nil {
				t.Fatal(err)
			}
			return func() { quick(t, s.h) }
		}, 40 * second, []int{1}, []string{"sftp-server: no answer within 3"}},
		{"sftp-server, while staging", func(t *testing.T, s *site) func() {
			if err := s.h.WriteFile(t.Context(), "/usr/lib/openssh/sftp-server", "#!/bin/sh\nexec /usr/local/bin/sftpcut "+counter+" 12 silent /usr/lib/openssh/sftp-server.real\n", 0o755); err != nil {
				t.Fatal(err)
			}
			return func() { quick(t, s.h) }
		}, 40 * second, []int{1}, []string{"sftp-server: no answer within 3"}},
		{"its shell, in a command", func(t *testing.T, s *site) func() {
			// sync is the first program that a session starts in prepare.
			do(t, s.h, "sh", "-c", "mv /usr/bin/sync /usr/bin/sync.real; printf '#!/bin/sh\\necho $$ >/run/stalled; kill -STOP $$\\n' >/usr/bin/sync; chmod 755 /usr/bin/sync")
			return func() {
				do(t, s.h, "sh", "-c", "mv /usr/bin/sync.real /usr/bin/sync; kill -KILL $(cat /run/stalled)")
			}
		}, 70 * second, []int{1}, []string{"prepare: no answer within 30s"}},
	}
}

// stalling is promise 21: if a host stops answering, at any step, the command ends at a
// deadline, and its error says what it waited for. The host has its old generation.
func stalling(t *testing.T, g *ground.Ground, all []*site) {
	var mu sync.Mutex
	var took []time.Duration
	try := func(t *testing.T, s *site, c stall) {
		t.Run(c.name, func(t *testing.T) {
			d := s.stalled(t, c)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, d)
		})
	}
	share(t, all, few(stalls(g), 100, 1), try)
	if testing.Short() {
		return
	}
	try(t, all[0], stall{
		"channel", func(t *testing.T, s *site) func() { return s.afterLogin(t, g) },
		60 * time.Second,
		[]int{1},
		[]string{"opening a session: ", "no sign of life for"},
	})
	figure(t, "hosts that stop answering", "at %d steps: all ended, the slowest after %.0f s", len(took), slices.Max(took).Seconds())
	// A client without a deadline is noticed.
	defer all[0].silent(t, g, "")()
	cmd := all[0].o.Command("ssh", "-F", all[0].o.SSHConfig, "root@"+all[0].h.Name, "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(17 * time.Second)
	if err := cmd.Process.Kill(); err != nil {
		t.Errorf("ssh without a deadline ended by itself: %v", err)
	}
	_ = cmd.Wait()
}

func (s *site) stalled(t *testing.T, c stall) time.Duration {
	s.forget(t, s.b)
	config, err := os.ReadFile(s.o.SSHConfig)
	if err != nil {
		t.Fatal(err)
	}
	end := c.begin(t, s)
	start := time.Now()
	r, err := s.run(t.Context(), s.b, s.deploy()...)
	took := time.Since(start)
	end()
	write(t, s.o.SSHConfig, string(config))
	if err != nil || !slices.Contains(c.codes, r.code) || took > c.limit {
		t.Errorf("exit %d after %v, %v, expected one of %v within %v", r.code, took, err, c.codes, c.limit)
	}
	has(t, r.err, c.says...)
	p, err := s.look(t.Context())
	if err == nil {
		_, err = p.judge(s.a)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, r.err)
	}
	return took
}

// silent listens at port 2222 of the host and sends no more than hello.
func (s *site) silent(t *testing.T, g *ground.Ground, hello string) (end func()) {
	t.Helper()
	listener, err := g.Listen(t.Context(), s.h.Name, s.h.Address.String()+":2222")
	if err != nil {
		t.Fatal(err)
	}
	var open []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open = append(open, conn)
			_, _ = conn.Write([]byte(hello))
		}
	}()
	config, err := os.ReadFile(s.o.SSHConfig)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.o.SSHConfig, fmt.Sprintf("Host %s\n\tPort 2222\n\tHostKeyAlias %s\n%s", s.h.Name, s.h.Name, config))
	return func() {
		_ = listener.Close()
		<-done
		for _, conn := range open {
			_ = conn.Close()
		}
	}
}

// sshd configures the host's sshd until end is called.
func (s *site) sshd(t *testing.T, lines ...string) (end func()) {
	t.Helper()
	config := do(t, s.h, "cat", "/etc/ssh/sshd_config")
	if err := s.h.ConfigureSSHD(t.Context(), lines...); err != nil {
		t.Fatal(err)
	}
	return func() {
		do(t, s.h, "sh", "-c", `printf %s "$1" >/etc/ssh/sshd_config; systemctl restart ssh`, "sh", config)
	}
}

// afterLogin stops the sshd of a connection as soon as a user has logged in, by the log,
// which is written just before the client is told.
func (s *site) afterLogin(t *testing.T, g *ground.Ground) (end func()) {
	t.Helper()
	g.SetRTT(time.Second) // else the client would send more before that
	const script = `journalctl -f -n0 -u ssh -o short | sed -un 's/.*sshd.\([0-9]*\).: Accepted publickey.*/\1/p' | { read -r pid && kill -STOP $pid && echo $pid >/run/stalled; }`
	cmd := s.h.Command("setsid", "sh", "-c", script)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	return func() {
		g.SetRTT(rtt)
		do(t, s.h, "sh", "-c", "kill -KILL $(cat /run/stalled)")
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}
