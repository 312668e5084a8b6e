package e2e

import (
	"fmt"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// proxy is a proxy between an operator and a host that breaks connections.
type proxy struct {
	dial func() (net.Conn, error)
	port int

	mu    sync.Mutex
	open  []net.Conn
	came  int    // pieces, in both directions
	at    int    // the piece to break at; 0: none
	how   string // before it, with half of it forwarded, after it
	stays bool   // nothing is forwarded afterwards
	down  bool

	// deaf reports, for each piece from the far end, whether it and all later ones are lost.
	// Then refuse connections are refused.
	deaf    func() bool
	muted   int
	refuse  int // connections to refuse; negative: all
	refused int // connections refused so far
}

// throughProxy makes the operator connect to the host through a proxy on the operator's
// machine.
func (s *site) throughProxy(t *testing.T, g *ground.Ground) *proxy {
	t.Helper()
	p := newProxy(t, g, 0, s.h.Address.String()+":22")
	old, err := os.ReadFile(s.o.SSHConfig)
	if err != nil {
		t.Fatal(err)
	}
	here := fmt.Sprintf("Host %s\n\tHostName 127.0.0.1\n\tPort %d\n\tHostKeyAlias %s\n", s.h.Name, p.port, s.h.Name)
	if err := os.WriteFile(s.o.SSHConfig, append([]byte(here), old...), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// newProxy listens on the operator's machine, at a port; 0: any.
func newProxy(t *testing.T, g *ground.Ground, port int, to string) *proxy {
	t.Helper()
	listener, err := g.Listen(t.Context(), "operator", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	ctx := t.Context()
	p := &proxy{port: listener.Addr().(*net.TCPAddr).Port, dial: func() (net.Conn, error) { return g.Dial(ctx, "operator", to) }}
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
	return p
}

// reset ends all connections, and sets at which piece the next ones break.
func (p *proxy) reset(at int, how string, stays bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resetAll()
	p.came, p.at, p.how, p.stays, p.down = 0, at, how, stays, false
	p.deaf, p.refuse = nil, 0
}

// shut ends all connections and accepts no more.
func (p *proxy) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resetAll()
	p.refuse = -1
}

// mute drops what the far end sends from a moment on, breaks all connections, and then
// refuses some.
func (p *proxy) mute(from func() bool, refuse int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf, p.muted = from, refuse
}

// refusals returns how many connections were refused so far.
func (p *proxy) refusals() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}

func (p *proxy) pieces() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.came
}

// resetAll resets all connections, as a firewall does.
func (p *proxy) resetAll() {
	for _, conn := range p.open {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
	p.open = nil
}

func (p *proxy) serve(near net.Conn) {
	far, err := p.dial()
	p.mu.Lock()
	if err != nil || p.down || p.refuse != 0 {
		p.refused++
		p.refuse -= min(1, max(0, p.refuse))
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
	both.Go(func() { p.pass(far, near, false) })
	both.Go(func() { p.pass(near, far, true) })
	both.Wait()
}

// pass forwards one direction to its end, piece by piece.
func (p *proxy) pass(to, from net.Conn, answers bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && (answers && p.lost() || !p.piece(to, buf[:n])) {
			return
		}
		if err != nil {
			_ = to.(*net.TCPConn).CloseWrite()
			return
		}
	}
}

// lost reports whether what the far end sends is dropped.
func (p *proxy) lost() bool {
	p.mu.Lock()
	deaf := p.deaf
	p.mu.Unlock()
	if deaf == nil || !deaf() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf != nil { // the first one to lose something
		p.deaf, p.refuse = nil, p.muted
		p.resetAll()
	}
	return true
}

// piece forwards one piece, unless it is at or after the break.
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
	p.resetAll()
	return false
}
