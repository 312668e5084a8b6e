package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStall: wherever a server falls silent, the deadline ends the connection and nothing
// is left behind.
func TestStall(t *testing.T) {
	m, s := ready(t)
	w := tap(t, s.address(), 0)
	target := s.target()
	target.Port, target.HostKeys = w.port, []string{s.key}
	if err := dial(t, m, target).Close(); err != nil {
		t.Fatal(err)
	}
	whole := w.down.Load()
	m.Deadlines.Handshake = time.Hour
	var mu sync.Mutex
	steps := map[Step]int{}
	// The last bytes confirm the login and more that isn't waited for, in varying number.
	const places, batch = 40, 8
	for first := int64(0); first < places; first += batch {
		var all sync.WaitGroup
		for i := first; i < first+batch; i++ {
			all.Go(func() {
				w, mine, to := tap(t, s.address(), 0), *m.Config, target
				w.limit.Store(whole * i / (places + 4))
				to.Port = w.port
				late := &lateClock{wire: w}
				mine.DialContext = late.dial
				begin := time.Now()
				c, err := mine.Dial(t.Context(), to)
				end := time.Now()
				if err == nil && w.limit.Load() > whole/2 {
					_ = c.Close()
					return
				}
				var at *Error
				var limit *TimeoutError
				if !errors.As(err, &at) || !errors.As(err, &limit) || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("silence after %d of %d bytes: %v", w.limit.Load(), whole, err)
					return
				}
				if late.due.Before(begin.Add(time.Hour)) || late.due.After(end.Add(time.Hour)) {
					t.Errorf("silence after %d bytes: the deadline is %v after the beginning", w.limit.Load(), late.due.Sub(begin))
				}
				mu.Lock()
				steps[at.Step]++
				mu.Unlock()
			})
		}
		all.Wait()
	}
	for _, step := range []Step{StepBanner, StepExchange, StepLogin} {
		if steps[step] == 0 {
			t.Errorf("no stall while %s: %v", step, steps)
		}
	}
	t.Logf("silence after %d places in %d bytes: %v", places, whole, steps)
	settled(t)
}

// lateClock dials connections whose deadline expires as soon as the other side is silent
// and everything it sent has been read.
type lateClock struct {
	net.Conn

	wire *wire
	due  time.Time // the deadline that was set
	read atomic.Int64
}

func (l *lateClock) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	l.Conn = conn
	return l, err
}

func (l *lateClock) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.read.Add(int64(n))
	return n, err
}

func (l *lateClock) SetDeadline(due time.Time) error {
	if due.IsZero() || due.Before(time.Now()) {
		return l.Conn.SetDeadline(due)
	}
	l.due = due
	go func() {
		<-l.wire.silent
		for l.read.Load() < l.wire.down.Load() {
			time.Sleep(time.Millisecond)
		}
		_ = l.Conn.SetDeadline(time.Unix(1, 0))
	}()
	return nil
}

// TestStallBefore: no TCP connection, and no SSH version.
func TestStallBefore(t *testing.T) {
	m := operator(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts by itself
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	target := Target{Name: "n1", Address: "127.0.0.1", Port: silent.Addr().(*net.TCPAddr).Port}
	m.Deadlines.Handshake = 200 * time.Millisecond
	var at *Error
	if _, err := m.Dial(t.Context(), target); !errors.As(err, &at) || at.Step != StepBanner || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a server that says nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if first, err := silent.Accept(); err == nil { // the first connection
		_ = first.Close()
	}
	go func() {
		if conn, err := silent.Accept(); err == nil {
			cancel()
			<-t.Context().Done()
			_ = conn.Close()
		}
	}()
	m.Deadlines.Handshake = patience
	if _, err := m.Dial(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("given up while it says nothing: %v", err)
	}
	m.Deadlines.Connect = 200 * time.Millisecond
	m.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done() // like a network that drops packets
		return nil, ctx.Err()
	}
	if _, err := m.Dial(t.Context(), target); !errors.As(err, &at) || at.Step != StepConnect || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a network that drops everything: %v", err)
	}
	m.DialContext, m.Deadlines.Connect = nil, patience
	_ = silent.Close()
	if _, err := m.Dial(t.Context(), target); !errors.As(err, &at) || at.Step != StepConnect || !strings.Contains(err.Error(), "refused") {
		t.Errorf("no listener: %v", err)
	}
	settled(t)
}

// TestStallOperation: opening a session and forwarding a connection have deadlines, and
// late answers do no harm.
func TestStallOperation(t *testing.T) {
	m, s := ready(t)
	w := tap(t, s.address(), 0)
	target := s.target()
	target.Port, target.HostKeys = w.port, []string{s.key}
	m.Deadlines.Operation = 300 * time.Millisecond
	conn := dial(t, m, target)
	begin := time.Now()
	w.stall.Store(true)
	var at *Error
	if _, err := conn.Start(t.Context(), "true"); !errors.As(err, &at) || at.Step != StepSession || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("opening: %v", err)
	}
	if _, err := conn.DialContext(t.Context(), "tcp", s.address()); !errors.As(err, &at) || at.Step != StepForward || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("onwards: %v", err)
	}
	if took := time.Since(begin); took < 600*time.Millisecond {
		t.Errorf("both took %v", took)
	}
	if conn.Err() != nil {
		t.Errorf("an operation that took too long ended the connection: %v", conn.Err())
	}
	w.stall.Store(false) // what comes late is dropped
	conn.limits.Operation = patience
	if out, _, exit, err := conn.Run(t.Context(), "echo again", nil); string(out) != "again\n" || exit != 0 || err != nil {
		t.Errorf("afterwards: %q %d %v", out, exit, err)
	}
	_ = conn.Close()
	settled(t)
}

// TestStallAnswer: silence after each part of the answers.
func TestStallAnswer(t *testing.T) {
	m, s := ready(t)
	w := tap(t, s.address(), 0)
	target := s.target()
	target.Port, target.HostKeys = w.port, []string{s.key}
	scaled(t, 300*time.Millisecond, func(unit time.Duration) string {
		m.Deadlines.Operation = unit
		steps := map[Step]int{}
		for i := range int64(12) {
			w.limit.Store(1 << 60)
			conn := dial(t, m, target)
			// After this answer sshd has also sent its other host keys.
			if _, _, err := conn.client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
				t.Fatal(err)
			}
			w.limit.Store(w.down.Load() + 8*i)
			_, err := conn.Start(t.Context(), "true")
			var at *Error
			if err != nil && (!errors.As(err, &at) || !errors.Is(err, os.ErrDeadlineExceeded)) {
				t.Errorf("silence after %d bytes: %v", 8*i, err)
			}
			if err != nil {
				steps[at.Step]++
			}
			_ = conn.Close()
		}
		w.limit.Store(1 << 60)
		if steps[StepSession] == 0 || steps[StepCommand] == 0 {
			return fmt.Sprintf("stalls while %v", steps)
		}
		return ""
	})
	settled(t)
}

// TestKeepalive: if the host is silent, the connection ends, and all waits with it.
func TestKeepalive(t *testing.T) {
	m, s := ready(t)
	w := tap(t, s.address(), 0)
	target := s.target()
	target.Port, target.HostKeys = w.port, []string{s.key}
	scaled(t, 300*time.Millisecond, func(unit time.Duration) string {
		m.Deadlines.Keepalive = unit
		conn := dial(t, m, target)
		session, err := conn.Start(t.Context(), "cat")
		if err != nil {
			return err.Error()
		}
		select {
		case <-conn.Done():
			return fmt.Sprintf("a connection at rest ended: %v", conn.Err())
		case <-time.After(5 * unit): // some questions, answered
		}
		w.stall.Store(true)
		defer w.stall.Store(false)
		var lost *KeepaliveError
		if _, err := session.Stdout.Read(make([]byte, 1)); err == io.EOF || !errors.As(err, &lost) {
			t.Errorf("reading: %v", err)
		}
		if err := session.Wait(); !errors.As(err, &lost) {
			t.Errorf("waiting: %v", err)
		}
		if _, err := conn.Start(t.Context(), "true"); !errors.As(err, &lost) {
			t.Errorf("starting: %v", err)
		}
		if !errors.As(conn.Err(), &lost) {
			t.Errorf("lost: %v", conn.Err())
		}
		return ""
	})
	settled(t)
}

// TestRoundTrips counts the round trips of a connection and its first session.
func TestRoundTrips(t *testing.T) {
	m, s := ready(t)
	scaled(t, 120*time.Millisecond, func(rtt time.Duration) string {
		w := tap(t, s.address(), rtt/2)
		m.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(rtt) // TCP's own, which the proxy answers at once
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		target := s.target()
		target.Port, target.HostKeys = w.port, []string{s.key}
		begin := time.Now()
		conn := dial(t, m, target)
		dialing := time.Since(begin)
		begin = time.Now()
		if _, err := conn.Start(t.Context(), "true"); err != nil {
			t.Fatal(err)
		}
		running := time.Since(begin)
		_ = conn.Close()
		said := fmt.Sprintf("connection %.2f round trips, starting a command %.2f", float64(dialing)/float64(rtt), float64(running)/float64(rtt))
		if dialing < 5*rtt || running < 2*rtt {
			t.Errorf("too few are left to be counted: %s", said)
		}
		// With long round trips everything else is small.
		if dialing >= 8*rtt || running >= 3*rtt {
			return said
		}
		t.Log(said)
		return ""
	})
}
