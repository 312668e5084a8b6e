package remote

import (
	"context"
	"errors"
	"io"
	"net"
)

// Conn is a connection to a host that is logged in. It may be used from several
// goroutines, and several sessions may be open at a time.
type Conn struct{}

// Dial connects to a host, checks its key and logs in.
func (c *Config) Dial(ctx context.Context, t Target) (*Conn, error) { return nil, errors.ErrUnsupported }

// User is who is logged in.
func (c *Conn) User() string { return "" }

// Host is the host as errors name it: user@address:port.
func (c *Conn) Host() string { return "" }

// Start starts a command in the login shell of the host. ctx ends the start only.
func (c *Conn) Start(ctx context.Context, command string) (*Session, error) { return nil, nil }

// Subsystem starts a subsystem, such as sftp. ctx ends the start only. What it
// says on its standard error is dropped: Stderr is nil.
func (c *Conn) Subsystem(ctx context.Context, name string) (*Session, error) { return nil, nil }

// Run runs a command to its end. A status other than 0 isn't an error. When ctx
// ends first, the session is closed and what was printed until then returned.
// stdin (nil: nothing) must come to an end by itself.
func (c *Conn) Run(ctx context.Context, command string, stdin io.Reader) (stdout, stderr []byte, exit int, err error) {
	return nil, nil, 0, nil
}

// DialContext connects to an address from the host, over TCP. Unlike a channel of
// SSH, the connection has deadlines.
func (c *Conn) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return nil, nil
}

// Close ends the connection and everything on it.
func (c *Conn) Close() error { return nil }

// Done is closed when the connection has ended, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return nil }

// Err is why the connection has ended; nil before it has, net.ErrClosed after Close.
func (c *Conn) Err() error { return nil }

// Session is a command or a subsystem that runs on the host.
type Session struct {
	Stdin  io.WriteCloser
	Stdout io.Reader // its end alone doesn't tell that the command ended well: Wait does
	Stderr io.Reader // must be read, or a talkative command comes to a halt
}

// Wait waits for the command's end; a status other than 0 is an *ExitError.
func (s *Session) Wait() error { return nil }

// Close ends the session. The host closes the command's streams; it isn't killed.
func (s *Session) Close() error { return nil }
