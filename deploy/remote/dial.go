package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// Dial connects to a host, checks its key and logs in.
func (c *Config) Dial(ctx context.Context, t Target) (*Conn, error) {
	e, err := c.resolve(ctx, t)
	if err != nil {
		return nil, err
	}
	return c.dial(ctx, e)
}

func (c *Config) dial(ctx context.Context, e *endpoint) (*Conn, error) {
	known, err := trustOf(e)
	if err != nil {
		return nil, e.fail(StepConfig, err)
	}
	if err := e.checkIdentities(); err != nil {
		return nil, e.fail(StepIdentity, err)
	}
	raw, via, err := c.reach(ctx, e)
	if err != nil {
		return nil, err
	}
	conn, err := c.handshake(ctx, e, known, raw)
	if err != nil {
		_ = raw.Close()
		if via != nil {
			_ = via.Close()
		}
		return nil, err
	}
	conn.via = via
	conn.start()
	return conn, nil
}

func (e *endpoint) fail(step Step, err error) error {
	return &Error{Node: e.node, Host: e.name(), Step: step, Err: err}
}

// reach opens the raw connection for SSH, through jump hosts if there are any. Each hop has
// its own deadline.
func (c *Config) reach(ctx context.Context, e *endpoint) (net.Conn, *Conn, error) {
	limit := c.Deadlines.orDefault().Connect
	if e.via == nil {
		ctx, cancel := context.WithTimeoutCause(ctx, limit, &TimeoutError{limit})
		defer cancel()
		raw, err := c.dialTCP(ctx, e.network, e.address())
		if err != nil {
			// The dialer has the same deadline and may report it first.
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
				err = &TimeoutError{limit}
			}
			return nil, nil, e.fail(StepConnect, cause(ctx, err))
		}
		return raw, nil, nil
	}
	via, err := c.dial(ctx, e.via)
	if err != nil {
		return nil, nil, &Error{Node: e.node, Host: e.name(), Step: StepConnect, Err: fmt.Errorf("jump host %w", err)}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &TimeoutError{limit})
	defer cancel()
	raw, err := via.DialContext(ctx, "tcp", e.address())
	if err != nil {
		_ = via.Close()
		return nil, nil, &Error{Node: e.node, Host: e.name(), Step: StepConnect, Err: fmt.Errorf("jump host %w", err)}
	}
	return raw, via, nil
}

// cause returns why a context ended; if it didn't, err.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// link is the raw connection, with a record of what was read.
type link struct {
	net.Conn
	lastRead atomic.Int64 // when something was last read, since began
	began    time.Time
	banner   atomic.Bool // the other side's version line was read
	broken   atomic.Bool // reading failed, so streams end too early
}

func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 {
		l.lastRead.Store(int64(time.Since(l.began)))
		if !l.banner.Load() && bytes.IndexByte(p[:n], '\n') >= 0 {
			l.banner.Store(true)
		}
	}
	if err != nil {
		l.broken.Store(true)
	}
	return n, err
}

func (l *link) idle() time.Duration { return time.Since(l.began) - time.Duration(l.lastRead.Load()) }

// handshake makes an SSH connection on a raw one, within one deadline.
func (c *Config) handshake(ctx context.Context, e *endpoint, known *trust, raw net.Conn) (*Conn, error) {
	limits := c.Deadlines.orDefault()
	l := &link{Conn: raw, began: time.Now()}
	in := &login{ctx: ctx, e: e, deadline: time.Now().Add(limits.Handshake)}
	defer in.close()
	if err := l.SetDeadline(in.deadline); err != nil {
		return nil, e.fail(StepConnect, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = l.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	trusted := false
	algorithms := known.algorithms()
	config := &ssh.ClientConfig{
		User:              e.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeysCallback(in.signers)},
		HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			err := known.check(key, e)
			trusted = err == nil
			return err
		},
	}
	client, channels, requests, err := ssh.NewClientConn(l, e.address(), config)
	if err == nil && !stop() { // ctx just ended and closed the link
		err = os.ErrDeadlineExceeded
		_ = client.Close()
	}
	if err != nil {
		step, err := known.explain(err, l, in, trusted, limits.Handshake)
		return nil, e.fail(step, cause(ctx, err))
	}
	if err := l.SetDeadline(time.Time{}); err != nil {
		_ = client.Close()
		return nil, e.fail(StepConnection, err)
	}
	return &Conn{e: e, client: ssh.NewClient(client, channels, requests), link: l, limits: limits, done: make(chan struct{})}, nil
}

// explain returns the failed step of a handshake, and why it failed.
func (t *trust) explain(err error, l *link, in *login, trusted bool, limit time.Duration) (Step, error) {
	step := StepBanner
	if l.banner.Load() {
		step = StepExchange
	}
	if trusted {
		step = StepLogin
	}
	var key *HostKeyError
	var none *ssh.AlgorithmNegotiationError
	switch {
	case errors.As(err, &key):
		return StepHostKey, key
	case errors.As(err, &none) && strings.Contains(none.What, "host key") && len(t.lines) > 0:
		fault := &HostKeyError{Fault: OtherType, Name: t.name, Pinned: t.pinned, Files: t.files, Offers: none.RequestedAlgorithms}
		for _, line := range t.lines {
			fault.Known = append(fault.Known, line.KnownKey)
		}
		return StepHostKey, fault
	case errors.Is(err, os.ErrDeadlineExceeded):
		if len(in.notes) > 0 {
			return step, fmt.Errorf("%w; %s", &TimeoutError{limit}, strings.Join(in.notes, "; "))
		}
		return step, &TimeoutError{limit}
	case trusted:
		return step, in.failed(err)
	}
	return step, withoutPrefix(err)
}

// failed returns the error of a failed login.
func (l *login) failed(err error) error {
	out := &LoginError{User: l.e.user, Offered: l.offered, Locked: l.locked, Notes: l.notes, NoKeys: !l.asked}
	if !strings.Contains(err.Error(), "no supported methods remain") {
		out.Err = withoutPrefix(err)
	}
	return out
}

// withoutPrefix removes the common prefix of handshake errors.
func withoutPrefix(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "ssh: handshake failed: ") {
		return inner
	}
	return err
}
