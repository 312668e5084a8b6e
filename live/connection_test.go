package live_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kcmgen/kcmgen/live"
)

// TestPolling: frequent requests aren't slowed down, share one connection, and leave none
// behind.
func TestPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipes(t, giveLease)
		var dials, closed atomic.Int32
		c := newClient(t, kubeconfig(s.url(), s.cert), func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			conn, err := s.dial(ctx, network, addr)
			return &closing{conn, &closed}, err
		})
		start := time.Now()
		for range 40 { // 7 s at client-go's own pace
			if _, err := c.Lease(t.Context(), "kube-system", "kube-controller-manager"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > 0 || dials.Load() != 1 {
			t.Errorf("40 requests took %s and %d connections", took, dials.Load())
		}
		c.Close()
		synctest.Wait()
		if closed.Load() != 1 {
			t.Error("the connection is open after Close")
		}
	})
}

// closing is a connection that counts when it is closed.
type closing struct {
	net.Conn

	closed *atomic.Int32
}

func (c *closing) Close() error {
	c.closed.Add(1)
	return c.Conn.Close()
}

// TestNotTrusted: a server that isn't trusted gets no credentials.
func TestNotTrusted(t *testing.T) {
	var asked atomic.Bool
	s := serve(t, func(http.ResponseWriter, *http.Request) { asked.Store(true) })
	own, _ := pair(t, "another CA")
	for name, text := range map[string]string{
		"another CA":   kubeconfig(s.URL, own),
		"another name": kubeconfig("https://apiserver.invalid:6443", certOf(s)),
		"no CA":        strings.Replace(kubeconfig(s.URL, nil), "certificate-authority-data: ", "", 1),
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, text, func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
			})
			_, err := c.Lease(t.Context(), "kube-system", "kube-controller-manager")
			isOnly(t, err, live.ErrUntrusted, "x509: ")
		})
	}
	if asked.Load() {
		t.Error("a request was sent")
	}
}

// TestUnreachable: no server, or one that doesn't speak TLS.
func TestUnreachable(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	plain := listen(t, func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n")) })
	ca, _ := pair(t, "CA")
	for name, c := range map[string]struct {
		dial live.Dial
		says string
	}{
		"refused": {via(gone.Addr()), "connection refused"},
		"not TLS": {via(plain), ""},
		"SSH fault": {func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("administratively prohibited")
		}, "administratively prohibited"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, kubeconfig("https://127.0.0.1:6443", ca), c.dial).Lease(t.Context(), "kube-system", "kube-controller-manager")
			isOnly(t, err, live.ErrUnreachable, c.says)
		})
	}
}

// TestStalls: a server that stalls anywhere costs ten seconds.
func TestStalls(t *testing.T) {
	lease := func(ctx context.Context, t *testing.T, s *pipe, dial live.Dial) error {
		_, err := newClient(t, kubeconfig(s.url(), s.cert), dial).Lease(ctx, "kube-system", "kube-controller-manager")
		return err
	}
	healthz := func(ctx context.Context, _ *testing.T, s *pipe, dial live.Dial) error {
		return live.Healthz(ctx, s.addr(), s.cert, dial)
	}
	metrics := func(ctx context.Context, t *testing.T, s *pipe, dial live.Dial) error {
		server, err := newClient(t, kubeconfig(s.url(), s.cert), nil).At(s.addr(), s.cert, dial)
		if err != nil {
			t.Fatal(err)
		}
		_, err = server.Metrics(ctx)
		return err
	}
	nodes := func(ctx context.Context, t *testing.T, s *pipe, dial live.Dial) error {
		_, err := newClient(t, kubeconfig(s.url(), s.cert), dial).Nodes(ctx)
		return err
	}
	for name, ask := range map[string]func(context.Context, *testing.T, *pipe, live.Dial) error{"lease": lease, "healthz": healthz, "metrics": metrics, "nodes": nodes} {
		for where, stalled := range map[string]func(t *testing.T) (*pipe, live.Dial){
			"dialling": func(t *testing.T) (*pipe, live.Dial) {
				return pipes(t, nil), func(ctx context.Context, _, _ string) (net.Conn, error) {
					<-t.Context().Done()
					return nil, ctx.Err()
				}
			},
			"handshake": func(t *testing.T) (*pipe, live.Dial) {
				return pipes(t, nil), func(context.Context, string, string) (net.Conn, error) {
					here, there := net.Pipe()
					go func() { _, _ = there.Read(make([]byte, 1)); <-t.Context().Done(); _ = there.Close() }()
					return here, nil
				}
			},
			"headers": func(t *testing.T) (*pipe, live.Dial) {
				s := pipes(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
				return s, s.dial
			},
			"body": func(t *testing.T) (*pipe, live.Dial) {
				s := pipes(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/healthz" { // a good one's body doesn't matter
						w.WriteHeader(http.StatusInternalServerError)
					}
					for t.Context().Err() == nil { // a byte now and then doesn't prolong it
						_, _ = w.Write([]byte(" "))
						_ = http.NewResponseController(w).Flush()
						select { // no sleep, so that it ends with the test
						case <-t.Context().Done():
						case <-time.After(70 * time.Millisecond): // never exactly at ten seconds
						}
					}
				})
				return s, s.dial
			},
		} {
			t.Run(name+" "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					s, dial := stalled(t)
					start := time.Now()
					isOnly(t, ask(ctx, t, s, dial), live.ErrTimeout, "in time")
					if took := time.Since(start); took != 10*time.Second {
						t.Errorf("it took %s", took)
					}
				})
			})
		}
	}
}

// TestDeadConnection: a kept connection that has died costs only one request.
func TestDeadConnection(t *testing.T) {
	s := serve(t, giveLease)
	var dead atomic.Bool
	dials := 0
	c := newClient(t, kubeconfig(s.URL, certOf(s)), func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials++
		dead.Store(false)
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return &swallowing{conn, &dead}, err
	})
	read := func(most time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), most)
		defer cancel()
		_, err := c.Lease(ctx, "kube-system", "kube-controller-manager")
		return err
	}
	if err := errors.Join(read(time.Hour), read(time.Hour)); err != nil || dials != 1 {
		t.Fatalf("two requests took %d connections: %v", dials, err)
	}
	dead.Store(true)
	isOnly(t, read(time.Second), live.ErrTimeout, "")
	if err := read(time.Hour); err != nil || dials != 2 {
		t.Errorf("after a dead connection: %v (%d connections)", err, dials)
	}
}

// swallowing is a connection that loses what is written once it is dead.
type swallowing struct {
	net.Conn

	dead *atomic.Bool
}

func (s *swallowing) Write(b []byte) (int, error) {
	if s.dead.Load() {
		return len(b), nil
	}
	return s.Conn.Write(b)
}
