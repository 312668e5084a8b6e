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

// Conn is a connection to a host that is logged in. It may be used from several
// goroutines, and several sessions may be open at a time.
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

// User is who is logged in.
func (c *Conn) User() string { return c.e.user }

// Host is the host as errors name it: user@address:port.
func (c *Conn) Host() string { return c.e.name() }

// Done is closed when the connection has ended, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the connection has ended; nil before it has, net.ErrClosed after Close.
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
	select { // the last goroutine is told within the time an operation has
	case <-c.done:
	case <-time.After(c.limits.Operation):
	}
	return nil
}

// reason is the first reason to end. Where there is none yet it becomes err.
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
	_ = c.link.Close() // not the client's: that would wait for a host that is silent
}

// start watches the connection until it has ended.
func (c *Conn) start() {
	go func() {
		err := c.client.Wait()
		if c.via != nil {
			select { // a jump host takes down what goes through it
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

// keepalive asks for a sign of life where nothing came for a while, and ends the
// connection where there is none.
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
			// That it was asked matters where this process was held for a while.
			case idle >= time.Duration(c.limits.KeepaliveCount)*c.limits.Keepalive && time.Since(asked) >= c.limits.Keepalive:
				c.end(&KeepaliveError{idle.Round(time.Millisecond)})
				return
			}
		}
	}
}

// await does one thing with the host, within the time that an operation has. What
// comes too late is dropped.
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

// fail words an error of an operation. An end of file is the connection's own.
func (c *Conn) fail(step Step, err error) error {
	if errors.Is(err, io.EOF) || c.link.broken.Load() {
		err = c.lost()
	}
	return c.e.fail(step, err)
}

// lost is why the connection broke, which its watcher learns a little later than
// those who wait for its channels. It does for certain where reading failed.
func (c *Conn) lost() error {
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
