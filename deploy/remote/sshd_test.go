package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
)

// patience is a deadline that isn't meant to expire.
const patience = 5 * time.Minute

// run runs a program to its end.
func run(t testing.TB, env []string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(need.Time(t), need.Program(t, name), args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func must(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	out, err := run(t, env, name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// key makes a key pair and returns the public key, as type and base64.
func key(t testing.TB, file, kind string, args ...string) string {
	t.Helper()
	must(t, nil, "ssh-keygen", append([]string{"-q", "-t", kind, "-N", "", "-f", file}, args...)...)
	return public(t, file)
}

func public(t testing.TB, file string) string {
	t.Helper()
	f := strings.Fields(read(t, file+".pub"))
	return f[0] + " " + f[1]
}

// server is a real sshd. Each connection has its own process, as with inetd, so that no
// port has to be guessed.
type server struct {
	t    testing.TB
	dir  string
	sshd string // the program; sshd requires an absolute path
	host string
	port int
	key  string // its public host key, if it has only one
	log  string
}

// serve starts a server. lines override the configuration here. Without a HostKey among
// them it gets one.
func serve(t testing.TB, lines ...string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), host: "127.0.0.1", sshd: need.Program(t, "sshd")}
	s.log = filepath.Join(s.dir, "log")
	config := strings.Join(lines, "\n") + "\n"
	if !strings.Contains(config, "HostKey ") {
		s.key = key(t, filepath.Join(s.dir, "host"), "ed25519")
		config += "HostKey " + filepath.Join(s.dir, "host") + "\n"
	}
	// Bash reads ~/.bashrc for a command of sshd's: nothing in this user's counts here.
	config += "SetEnv HOME=" + s.dir + "\n"
	config += "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n" +
		"LogLevel DEBUG\nPrintMotd no\nAuthorizedKeysFile " + filepath.Join(s.dir, "authorized") + "\nSubsystem sftp internal-sftp\n"
	write(t, filepath.Join(s.dir, "config"), config)
	write(t, s.log, "")
	s.listen()
	return s
}

func (s *server) listen() {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			file, err := conn.(*net.TCPConn).File()
			_ = conn.Close()
			if err != nil {
				continue
			}
			cmd := s.process(ctx)
			cmd.Stdin, cmd.Stdout = file, file
			running.Go(func() {
				_ = cmd.Run()
				_ = file.Close()
			})
		}
	})
	s.t.Cleanup(func() {
		_ = l.Close()
		cancel()
		running.Wait()
		if s.t.Failed() {
			s.t.Logf("sshd said:\n%s", tail(read(s.t, s.log), 12))
		}
	})
}

// process returns sshd for one connection. As root it needs /run/sshd; if that is missing,
// it gets a private /run.
func (s *server) process(ctx context.Context) *exec.Cmd {
	sshd := []string{s.sshd, "-i", "-f", filepath.Join(s.dir, "config"), "-E", s.log}
	if _, err := os.Stat("/run/sshd"); err == nil || os.Getuid() != 0 {
		return exec.CommandContext(ctx, sshd[0], sshd[1:]...)
	}
	script := `mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"`
	return exec.CommandContext(ctx, "unshare", append([]string{"-m", "sh", "-c", script, "sh"}, sshd...)...)
}

func tail(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (s *server) authorize(public ...string) {
	s.t.Helper()
	write(s.t, filepath.Join(s.dir, "authorized"), strings.Join(public, "\n")+"\n")
}

// attempts counts the login requests so far.
func (s *server) attempts() int {
	s.t.Helper()
	return strings.Count(read(s.t, s.log), "userauth-request")
}

func (s *server) address() string { return fmt.Sprintf("%s:%d", s.host, s.port) }

// known returns the server's name in known_hosts.
func (s *server) known() string { return fmt.Sprintf("[%s]:%d", s.host, s.port) }

func (s *server) target() Target {
	return Target{Name: "n1", Address: s.host, Port: s.port}
}

// machine is an operator's machine: a home with one key and an empty configuration.
type machine struct {
	*Config
	key string // public
}

func operator(t testing.TB) *machine {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m := &machine{Config: &Config{Home: filepath.Join(dir, "home"), User: me.Username}}
	m.File = m.ssh("config")
	m.configure(t, "")
	write(t, m.ssh("known_hosts"), "")
	m.key = key(t, m.ssh("id_ed25519"), "ed25519")
	m.Deadlines = Deadlines{Connect: patience, Handshake: patience, Operation: patience, Keepalive: patience}
	return m
}

// configure writes a configuration, in which ~ is the test's home. It names ssh's default
// files, since ssh takes the home of the password file.
func (m *machine) configure(t testing.TB, text string) {
	t.Helper()
	usual := "\nHost *\n UserKnownHostsFile ~/.ssh/known_hosts\n GlobalKnownHostsFile none\n"
	if !strings.Contains(text, "IdentityFile") {
		usual += " IdentityFile ~/.ssh/id_ed25519\n"
	}
	write(t, m.File, strings.ReplaceAll(text+usual, "~/", m.Home+"/"))
}

// withoutSSH makes it a machine without an ssh program.
func (m *machine) withoutSSH() {
	m.File = "none"
	m.SSH = func(context.Context, ...string) ([]byte, error) { return nil, exec.ErrNotFound }
}

// ready returns an operator and a server that trust each other.
func ready(t testing.TB, lines ...string) (*machine, *server) {
	t.Helper()
	m, s := operator(t), serve(t, lines...)
	s.authorize(m.key)
	write(t, m.ssh("known_hosts"), s.known()+" "+s.key+"\n")
	return m, s
}

func dial(t testing.TB, m *machine, target Target) *Conn {
	t.Helper()
	conn, err := m.Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// settled waits until no goroutine of this package or its SSH library is left. Tests that
// call it must not be parallel.
func settled(t testing.TB) {
	t.Helper()
	var left []string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		left = nil
		stacks := make([]byte, 1<<20)
		for _, stack := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			for _, ours := range []string{"golang.org/x/crypto/ssh", "remote.(*Conn)", "remote.(*Session)", "remote.await", "remote.(*Config)", "remote.(*forwarded)"} {
				if strings.Contains(stack, ours) && !strings.Contains(stack, "remote.settled") {
					left = append(left, stack)
					break
				}
			}
		}
		if len(left) == 0 {
			return
		}
	}
	t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
}

// scaled is for tests in which a deadline expires: it doubles the time until the machine is
// fast enough. try returns what was too slow, or "".
func scaled(t testing.TB, unit time.Duration, try func(unit time.Duration) string) {
	t.Helper()
	for ; ; unit *= 2 {
		slow := try(unit)
		switch {
		case slow == "":
			return
		case unit > patience:
			t.Fatalf("even with %v: %s", unit, slow)
		}
		t.Logf("not with %v: %s", unit, slow)
	}
}

// wire is a TCP proxy that delays, counts and stops traffic.
type wire struct {
	to    string
	delay time.Duration // one way
	limit atomic.Int64  // bytes from the server before it falls silent
	down  atomic.Int64  // bytes from the server that passed
	stall atomic.Bool
	port  int

	once   sync.Once
	silent chan struct{} // closed when data is held back
}

func tap(t testing.TB, to string, delay time.Duration) *wire {
	t.Helper()
	w := &wire{to: to, delay: delay, silent: make(chan struct{})}
	w.limit.Store(1 << 60)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.port = l.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { w.carry(ctx, conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); cancel(); running.Wait() })
	return w
}

func (w *wire) carry(ctx context.Context, client net.Conn) {
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = client.Close()
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = client.Close(); _ = server.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { w.copy(ctx, server, client, false) })
	both.Go(func() { w.copy(ctx, client, server, true) })
	both.Wait()
}

// copy carries one direction. Each piece arrives a delay after it was sent.
func (w *wire) copy(ctx context.Context, to, from net.Conn, down bool) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 10000)
	var writer sync.WaitGroup
	writer.Go(func() {
		defer func() { _ = to.Close() }()
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			for w.stall.Load() && ctx.Err() == nil {
				time.Sleep(5 * time.Millisecond)
			}
			if _, err := to.Write(p.data); err != nil {
				return
			}
		}
	})
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		data := bytes.Clone(buf[:n])
		if down {
			left := w.limit.Load() - w.down.Load()
			data = data[:max(0, min(left, int64(n)))]
			w.down.Add(int64(len(data)))
			if len(data) < n {
				w.once.Do(func() { close(w.silent) })
			}
		}
		select {
		case pieces <- piece{data, time.Now().Add(w.delay)}:
		case <-ctx.Done():
			err = io.EOF
		}
		if err != nil {
			break
		}
	}
	close(pieces)
	writer.Wait()
}
