package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Conn is a logged-in connection to a host. It is safe for concurrent use, with several
// sessions at a time.
type Conn struct {
	e      *endpoint
	client *ssh.Client
	link   *link
	via    *Conn
	limits Deadlines

	done chan struct{}
	mu   sync.Mutex
	why  error // the first reason to end
}

// User returns the user that is logged in.
func (c *Conn) User() string { return c.e.user }

// Host returns the host as in errors: user@address:port.
func (c *Conn) Host() string { return c.e.name() }

// Done returns a channel that is closed when the connection ends, for any reason.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns why the connection ended; nil while it is open, net.ErrClosed after Close.
func (c *Conn) Err() error {
	select {
	case <-c.done:
		return c.e.fail(StepConnection, c.reason(nil))
	default:
		return nil
	}
}

// Close ends the connection and everything on it.
func (c *Conn) Close() error {
	c.end(net.ErrClosed)
	select { // goroutines end within an operation's time
	case <-c.done:
	case <-time.After(c.limits.Operation):
	}
	return nil
}

// reason returns the first reason to end. If there is none yet, it becomes err.
func (c *Conn) reason(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == nil {
		c.why = err
	}
	return c.why
}

func (c *Conn) end(err error) {
	_ = c.reason(err)
	_ = c.link.Close() // not the client's Close, which waits for the host
}

// start watches the connection until it ends.
func (c *Conn) start() {
	go func() {
		err := c.client.Wait()
		if c.via != nil {
			select { // the jump host's end is the cause
			case <-c.via.done:
				err = fmt.Errorf("jump host %w", c.via.Err())
			default:
			}
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("the host has closed the connection")
		}
		_ = c.reason(err)
		_ = c.link.Close()
		close(c.done)
		if c.via != nil {
			_ = c.via.Close()
		}
	}()
	go c.keepalive()
}

// keepalive sends a request if nothing came for a while, and ends the connection if there
// is no answer.
func (c *Conn) keepalive() {
	tick := time.NewTicker(c.limits.Keepalive)
	defer tick.Stop()
	answered := make(chan struct{}, 1)
	var asked time.Time // zero: no question is open
	for {
		select {
		case <-c.done:
			return
		case <-answered:
			asked = time.Time{}
		case <-tick.C:
			idle := c.link.idle()
			switch {
			case idle < c.limits.Keepalive:
			case asked.IsZero():
				asked = time.Now()
				go func() {
					_, _, _ = c.client.SendRequest("keepalive@openssh.com", true, nil)
					answered <- struct{}{}
				}()
			// Only if it was asked: this process may have been stopped for a while.
			case idle >= time.Duration(c.limits.KeepaliveCount)*c.limits.Keepalive && time.Since(asked) >= c.limits.Keepalive:
				c.end(&KeepaliveError{idle.Round(time.Millisecond)})
				return
			}
		}
	}
}

// await calls do, within the time limit of an operation. A late result is passed to drop.
func await[T any](ctx context.Context, c *Conn, step Step, do func() (T, error), drop func(T)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limits.Operation, &TimeoutError{c.limits.Operation})
	defer cancel()
	type result struct {
		value T
		err   error
	}
	came := make(chan result, 1)
	go func() {
		v, err := do()
		came <- result{v, err}
	}()
	var err error
	select {
	case r := <-came:
		if r.err == nil {
			return r.value, nil
		}
		var zero T
		return zero, c.fail(step, r.err)
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-c.done:
		err = c.reason(nil)
	}
	go func() { // it ends with the connection at the latest
		if r := <-came; r.err == nil && drop != nil {
			drop(r.value)
		}
	}()
	var zero T
	return zero, c.e.fail(step, err)
}

// fail returns the Error of an operation. For an end of file it finds the connection's.
func (c *Conn) fail(step Step, err error) error {
	if errors.Is(err, io.EOF) || c.link.broken.Load() {
		err = c.brokenReason()
	}
	return c.e.fail(step, err)
}

// brokenReason returns why the connection broke. The watcher learns it a little later than
// readers of channels do, and always if reading the link failed.
func (c *Conn) brokenReason() error {
	wait := time.Second
	if c.link.broken.Load() {
		wait = c.limits.Operation
	}
	select {
	case <-c.done:
		return c.reason(nil)
	case <-time.After(wait):
		return io.ErrUnexpectedEOF
	}
}
