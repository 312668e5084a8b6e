package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestStall: a server that falls silent, wherever that is, ends at a deadline,
// and leaves nothing behind.
func TestStall(t *testing.T) {
	m, s := ready(t)
	w := tap(t, s.address(), 0)
	target := s.target()
	target.Port, target.HostKeys = w.port, []string{s.key}
	if err := dial(t, m, target).Close(); err != nil {
		t.Fatal(err)
	}
	whole := w.down.Load()
	m.Deadlines.Handshake = 400 * time.Millisecond
	var mu sync.Mutex
	steps := map[Step]int{}
	// The last bytes say that the login is good, and more that nobody waits for: how many
	// of those are counted is chance.
	const places, batch = 40, 8
	for first := int64(0); first < places; first += batch {
		var all sync.WaitGroup
		for i := first; i < first+batch; i++ {
			all.Go(func() {
				w, to := tap(t, s.address(), 0), target
				w.limit.Store(whole * i / (places + 4))
				to.Port = w.port
				begin := time.Now()
				c, err := m.Dial(t.Context(), to)
				if err == nil && w.limit.Load() > whole/2 {
					_ = c.Close()
					return
				}
				var at *Error
				var late *TimeoutError
				if !errors.As(err, &at) || !errors.As(err, &late) || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("silence after %d of %d bytes: %v", w.limit.Load(), whole, err)
					return
				}
				if took := time.Since(begin); took < 390*time.Millisecond || took > 5*time.Second {
					t.Errorf("silence after %d bytes ended after %v", w.limit.Load(), took)
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

// TestStallBefore: nobody answers TCP, and nobody speaks SSH.
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
	time.AfterFunc(100*time.Millisecond, cancel)
	m.Deadlines.Handshake = time.Minute
	if _, err := m.Dial(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("given up while it says nothing: %v", err)
	}
	m.Deadlines.Connect = 200 * time.Millisecond
	m.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done() // as a network that drops what we send
		return nil, ctx.Err()
	}
	if _, err := m.Dial(t.Context(), target); !errors.As(err, &at) || at.Step != StepConnect || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a network that drops everything: %v", err)
	}
	m.DialContext = nil
	_ = silent.Close()
	if _, err := m.Dial(t.Context(), target); !errors.As(err, &at) || at.Step != StepConnect || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens: %v", err)
	}
	settled(t)
}

// TestStallOperation: opening a session and starting its command have a deadline
// each; when nothing comes at all, the connection ends, and with it everything
// that waits.
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
	if took := time.Since(begin); took < 600*time.Millisecond || took > 5*time.Second {
		t.Errorf("both took %v", took)
	}
	if conn.Err() != nil {
		t.Errorf("an operation that took too long ended the connection: %v", conn.Err())
	}
	w.stall.Store(false) // what comes late is dropped
	if out, _, exit, err := conn.Run(t.Context(), "echo again", nil); string(out) != "again\n" || exit != 0 || err != nil {
		t.Errorf("afterwards: %q %d %v", out, exit, err)
	}

	_ = conn.Close()

	steps := map[Step]int{} // silence after each of the bytes that answer both
	for i := range int64(12) {
		w.limit.Store(1 << 60)
		conn := dial(t, m, target)
		time.Sleep(100 * time.Millisecond) // until sshd has told its other keys
		w.limit.Store(w.down.Load() + 8*i)
		_, err := conn.Start(t.Context(), "true")
		if err != nil && (!errors.As(err, &at) || !errors.Is(err, os.ErrDeadlineExceeded)) {
			t.Errorf("silence after %d bytes: %v", 8*i, err)
		}
		if err != nil {
			steps[at.Step]++
		}
		_ = conn.Close()
	}
	if steps[StepSession] == 0 || steps[StepCommand] == 0 {
		t.Errorf("stalls while %v", steps)
	}
	w.limit.Store(1 << 60)

	m.Deadlines.Operation, m.Deadlines.Keepalive = 20*time.Second, 300*time.Millisecond
	conn = dial(t, m, target)
	session, err := conn.Start(t.Context(), "cat")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-conn.Done():
		t.Fatalf("a connection at rest ended: %v", conn.Err())
	case <-time.After(1500 * time.Millisecond): // some questions, answered
	}
	w.stall.Store(true)
	begin = time.Now()
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
	if took := time.Since(begin); took > 8*time.Second || !errors.As(conn.Err(), &lost) {
		t.Errorf("lost after %v: %v", took, conn.Err())
	}
	w.stall.Store(false)
	settled(t)
}

// TestRoundTrips measures what a connection and its first session cost where the
// way there takes long.
func TestRoundTrips(t *testing.T) {
	m, s := ready(t)
	const rtt = 120 * time.Millisecond
	w := tap(t, s.address(), rtt/2)
	m.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		time.Sleep(rtt) // TCP's own, which the proxy answers at once
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	target := s.target()
	target.Port, target.HostKeys = w.port, []string{s.key}
	dialing, running := time.Hour, time.Hour
	for range 4 { // the best of a few: the machine may have other things to do
		begin := time.Now()
		conn := dial(t, m, target)
		dialing = min(dialing, time.Since(begin))
		begin = time.Now()
		if _, err := conn.Start(t.Context(), "true"); err != nil {
			t.Fatal(err)
		}
		running = min(running, time.Since(begin))
		_ = conn.Close()
	}
	t.Logf("connection %.2f round trips, starting a command %.2f", float64(dialing)/float64(rtt), float64(running)/float64(rtt))
	if dialing < 5*rtt || dialing > 9*rtt || running < 2*rtt || running > 3*rtt {
		t.Errorf("at %v there and back, a connection takes %v and starting a command %v", rtt, dialing, running)
	}
}
