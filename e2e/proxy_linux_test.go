package e2e

import (
	"fmt"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// proxy stands between an operator and a host, and breaks what goes through it.
type proxy struct {
	dial func() (net.Conn, error)

	mu    sync.Mutex
	open  []net.Conn
	came  int    // pieces, in both directions
	at    int    // the piece to break at; 0: none
	how   string // before it is passed on, with half of it passed on, after it
	stays bool   // nothing goes through afterwards
	down  bool
}

// throughProxy has the operator reach the host by a proxy on their own machine.
func (s *site) throughProxy(t *testing.T, g *ground.Ground) *proxy {
	t.Helper()
	port := 2200 + int(s.h.Address.As4()[3])
	listener, err := g.Listen(t.Context(), "operator", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	ctx := t.Context()
	p := &proxy{dial: func() (net.Conn, error) { return g.Dial(ctx, "operator", s.h.Address.String()+":22") }}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	t.Cleanup(func() { p.reset(0, "", false) })
	old, err := os.ReadFile(s.o.SSHConfig)
	if err != nil {
		t.Fatal(err)
	}
	here := fmt.Sprintf("Host %s\n\tHostName 127.0.0.1\n\tPort %d\n\tHostKeyAlias %s\n", s.h.Name, port, s.h.Name)
	if err := os.WriteFile(s.o.SSHConfig, append([]byte(here), old...), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// reset ends all connections, and says where the next ones break, together.
func (p *proxy) reset(at int, how string, stays bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hangUp()
	p.came, p.at, p.how, p.stays, p.down = 0, at, how, stays, false
}

func (p *proxy) pieces() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.came
}

// hangUp resets all connections, as a firewall does.
func (p *proxy) hangUp() {
	for _, conn := range p.open {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
	p.open = nil
}

func (p *proxy) serve(near net.Conn) {
	far, err := p.dial()
	p.mu.Lock()
	if err != nil || p.down {
		_ = near.(*net.TCPConn).SetLinger(0)
		_ = near.Close()
		if err == nil {
			_ = far.Close()
		}
		p.mu.Unlock()
		return
	}
	p.open = append(p.open, near, far)
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pass(far, near) })
	both.Go(func() { p.pass(near, far) })
	both.Wait()
}

// pass carries one direction, a piece at a time, to its end.
func (p *proxy) pass(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !p.piece(to, buf[:n]) {
			return
		}
		if err != nil {
			_ = to.(*net.TCPConn).CloseWrite()
			return
		}
	}
}

// piece passes one on, unless it is the one to break at or comes after it.
func (p *proxy) piece(to net.Conn, b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.came++
	if p.came != p.at {
		_, err := to.Write(b)
		return err == nil
	}
	switch p.how {
	case "inside":
		_, _ = to.Write(b[:len(b)/2])
	case "after":
		_, _ = to.Write(b)
	}
	p.down = p.stays
	p.hangUp()
	return false
}
