package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// DialContext connects to an address from the host, over TCP. Unlike an SSH channel, the
// connection has deadlines. It has no half-close: when one side ends its half, both end.
func (c *Conn) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(address)
	port, err2 := strconv.ParseUint(service, 10, 16)
	if err = errors.Join(err, err2); err != nil || !strings.HasPrefix(network, "tcp") {
		return nil, c.e.fail(StepForward, fmt.Errorf("%s %q: tcp and host:port were expected", network, address))
	}
	to := ssh.Marshal(struct {
		Host   string
		Port   uint32
		Origin string
		From   uint32
	}{host, uint32(port), "127.0.0.1", 0})
	ch, err := await(ctx, c, StepForward, func() (ssh.Channel, error) {
		ch, requests, err := c.client.OpenChannel("direct-tcpip", to)
		if err == nil {
			go ssh.DiscardRequests(requests)
		}
		return ch, refused(err, address)
	}, func(ch ssh.Channel) { _ = ch.Close() })
	if err != nil {
		return nil, err
	}
	// A pipe has deadlines, a channel doesn't.
	ours, theirs := net.Pipe()
	go func() {
		_, _ = io.Copy(ch, theirs)
		_ = ch.Close()
	}()
	go func() {
		_, _ = io.Copy(theirs, ch)
		_ = theirs.Close()
	}()
	return &forwarded{Conn: ours, conn: c, to: address}, nil
}

// refused converts the host's refusal to open a channel.
func refused(err error, address string) error {
	var open *ssh.OpenChannelError
	if !errors.As(err, &open) {
		return err
	}
	if open.Reason == ssh.Prohibited {
		return &ForwardForbiddenError{To: address, Detail: open.Message}
	}
	return fmt.Errorf("%s: %s", address, open.Message)
}

// forwarded is a connection through a host.
type forwarded struct {
	net.Conn
	conn *Conn
	to   string
}

func (f *forwarded) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if err == io.EOF && f.conn.link.broken.Load() {
		err = f.conn.fail(StepForward, io.EOF)
	}
	return n, err
}

func (f *forwarded) RemoteAddr() net.Addr { return through(f.to) }

// through is an address in a host's network, or a name that only the host can resolve.
type through string

func (through) Network() string  { return "tcp" }
func (t through) String() string { return string(t) }
