package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestForward(t *testing.T) {
	m, s := ready(t)
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		_, _ = io.Copy(w, r.Body)
	}))
	defer web.Close()
	conn := dial(t, m, s.target())
	client := web.Client()
	transport := client.Transport.(*http.Transport).Clone()
	transport.DialContext = conn.DialContext
	client = &http.Client{Transport: transport}
	body := strings.Repeat("x", 3<<20)
	answer, err := client.Post(web.URL, "", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if string(got) != body || err != nil {
		t.Errorf("%d of %d bytes: %v", len(got), len(body), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, web.URL+"/slow", nil)
	if _, err := client.Do(request); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that takes too long: %v", err)
	}
	transport.CloseIdleConnections()

	raw, err := conn.DialContext(t.Context(), "tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read past its deadline: %v", err)
	}
	if got := raw.RemoteAddr().String(); got != web.Listener.Addr().String() {
		t.Errorf("connected to %s", got)
	}
	_ = raw.Close()

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	_, err = conn.DialContext(t.Context(), "tcp", closed.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "refused") || !strings.Contains(err.Error(), closed.Addr().String()) {
		t.Errorf("no listener: %v", err)
	}
	for _, address := range []string{"", "host", "host:http", "host:99999"} {
		if _, err := conn.DialContext(t.Context(), "tcp", address); err == nil {
			t.Errorf("%q was connected to", address)
		}
	}
	web.CloseClientConnections()
	_ = conn.Close()
	settled(t)
}

func TestForwardForbidden(t *testing.T) {
	m, s := ready(t, "AllowTcpForwarding no")
	var forbidden *ForwardForbiddenError
	if _, err := dial(t, m, s.target()).DialContext(t.Context(), "tcp", s.address()); !errors.As(err, &forbidden) || forbidden.To != s.address() {
		t.Errorf("%v", err)
	}
}

// TestJump: each host on the way has its own settings, key and login.
func TestJump(t *testing.T) {
	m, last := ready(t)
	first, second := serve(t), serve(t)
	first.authorize(m.key)
	second.authorize(m.key)
	known := []string{first.known() + " " + first.key, second.known() + " " + second.key, last.known() + " " + last.key}
	write(t, m.ssh("known_hosts"), strings.Join(known, "\n")+"\n")
	m.configure(t, fmt.Sprintf("Host second\n HostName %s\n Port %d\nHost n1\n HostName %s\n Port %d\n ProxyJump %s@%s,second\n",
		second.host, second.port, last.host, last.port, m.User, first.address()))
	target := Target{Name: "n1", Address: "192.0.2.1"} // nothing is there
	conn := dial(t, m, target)
	out, _, _, err := conn.Run(t.Context(), "echo $SSH_CONNECTION", nil)
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), fmt.Sprint(last.port)) {
		t.Errorf("%q %v", out, err)
	}
	for _, s := range []*server{first, second, last} {
		if s.attempts() == 0 {
			t.Errorf("no login at %s", s.address())
		}
	}
	_ = conn.Close()

	// The jump host's key is checked, too.
	write(t, m.ssh("known_hosts"), strings.Join([]string{known[0], second.known() + " " + last.key, known[2]}, "\n"))
	tried, reached := second.attempts(), last.attempts()
	_, err = m.Dial(t.Context(), target)
	var fault *HostKeyError
	if !errors.As(err, &fault) || fault.Fault != Changed || fault.Name != second.known() || !strings.HasPrefix(err.Error(), "n1 (") || !strings.Contains(err.Error(), "jump host") {
		t.Errorf("a jump host with another key: %v", err)
	}
	if second.attempts() != tried || last.attempts() != reached {
		t.Error("refused after an attempt to log in")
	}

	// So is the key behind it, and a jump host that forbids forwarding has its own error.
	write(t, m.ssh("known_hosts"), known[0]+"\n"+known[1]+"\n")
	if _, err = m.Dial(t.Context(), target); !errors.As(err, &fault) || fault.Fault != Unknown || fault.Name != last.known() {
		t.Errorf("an unknown host behind jump hosts: %v", err)
	}
	write(t, m.ssh("known_hosts"), strings.Join(known, "\n"))
	must(t, nil, "sh", "-c", `printf 'AllowTcpForwarding no\n' | cat - "$1" >"$1.new" && mv "$1.new" "$1"`, "sh", filepath.Join(second.dir, "config"))
	var forbidden *ForwardForbiddenError
	if _, err = m.Dial(t.Context(), target); !errors.As(err, &forbidden) {
		t.Errorf("a jump host that forbids: %v", err)
	}
	settled(t)
}

// TestJumpLost: a connection through a jump host reports the loss of the jump host.
func TestJumpLost(t *testing.T) {
	m, last := ready(t)
	jump := serve(t)
	jump.authorize(m.key)
	w := tap(t, jump.address(), 0)
	write(t, m.ssh("known_hosts"), fmt.Sprintf("[127.0.0.1]:%d %s\n%s %s\n", w.port, jump.key, last.known(), last.key))
	target := last.target()
	target.ProxyJump = fmt.Sprintf("127.0.0.1:%d", w.port)
	scaled(t, 300*time.Millisecond, func(unit time.Duration) string {
		m.Deadlines.Keepalive = unit
		conn, err := m.Dial(t.Context(), target)
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		if _, _, _, err := conn.Run(t.Context(), "true", nil); err != nil {
			return err.Error()
		}
		w.stall.Store(true)
		defer w.stall.Store(false)
		<-conn.Done()
		var lost *KeepaliveError
		if err := conn.Err(); !errors.As(err, &lost) {
			t.Errorf("%v", err)
		}
		return ""
	})
}
