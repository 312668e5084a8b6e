package live_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"testing"
)

// pipe is a TLS server in memory. Without a real network, a stall takes no time in
// testing/synctest.
type pipe struct {
	cert  []byte
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

// pipes serves a handler until the test ends.
func pipes(t *testing.T, h http.HandlerFunc) *pipe {
	t.Helper()
	cert, key := pair(t, "apiserver")
	both, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	p := &pipe{cert: cert, conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{Handler: h, ErrorLog: quiet()}
	go func() { _ = s.Serve(tls.NewListener(p, &tls.Config{Certificates: []tls.Certificate{both}})) }()
	t.Cleanup(func() { _ = s.Close() })
	return p
}

// addr returns an address that the certificate is for.
func (p *pipe) addr() string { return "127.0.0.1:6443" }

func (p *pipe) url() string { return "https://" + p.addr() }

func (p *pipe) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr implements net.Listener.
func (p *pipe) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 6443} }
