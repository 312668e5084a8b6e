// Package remote connects to a host by SSH as ssh on this machine would, with
// ~/.ssh/config, ssh-agent, key files and known_hosts. Unlike ssh it is never
// interactive: an unknown host key is refused, nothing is asked, and every wait for the
// other side has a deadline.
//
// # Configuration
//
// ssh -G, on this machine, reads the configuration, with Match exec, Include,
// CanonicalizeHostname and whatever is added later. These keywords are used: AddressFamily,
// CertificateFile, GlobalKnownHostsFile, HostKeyAlias, HostName, IdentitiesOnly,
// IdentityAgent, IdentityFile, Port, ProxyJump, User and UserKnownHostsFile. ProxyCommand,
// RevokedHostKeys and KnownHostsCommand would reach another host or trust other keys and
// aren't supported: for a host that they apply to they are an error. The rest is about
// terminals, sharing or algorithms, and is ignored. ~ is the home directory of the password
// file, not $HOME, as with ssh.
//
// Without an ssh program, one file is read, with Host, HostName, User, Port, IdentityFile
// and ProxyJump. Other keywords that would matter are refused, with their line.
//
// # Round trips
//
// With one accepted key, a connection takes seven: TCP, the versions, the key exchange, the
// service request, the authentication method "none" (which lists the methods), the offer of
// the key and its signature. Each refused key costs one more, each session two: opening it
// and its command.
package remote

import (
	"context"
	"net"
	"path/filepath"
	"time"
)

// Target is the host of a node, and the cluster's SSH settings. Others come from
// ~/.ssh/config, else from ssh's defaults.
type Target struct {
	Name    string // the node's, which errors begin with
	Address string // the node's own

	// Host is the host as typed after ssh. "" is the node's name if the configuration has
	// settings for it that it hasn't for an unknown name, else the address. If those
	// settings have no HostName, the name leads to the address, too.
	Host         string
	Port         int
	User         string
	IdentityFile string // offered before all others
	ProxyJump    string // "none", or hosts as ssh -J takes them

	// HostKeys pin the host: lines of known_hosts without their first field, the
	// hosts, such as "ssh-ed25519 AAAA…" or "@cert-authority ssh-ed25519 AAAA…".
	// With any, known_hosts counts for what it revokes only.
	HostKeys []string
}

// Config is this machine's means to connect to hosts.
type Config struct {
	// File replaces ~/.ssh/config and the system's file, as ssh -F does; "" is both of
	// them, "none" neither.
	File        string
	AgentSocket string // $SSH_AUTH_SOCK

	// Home and User are those of this machine's user. ssh, if there is one, knows both.
	Home string
	User string

	// SSH runs ssh with arguments, and returns its output; nil runs the program. If there
	// is none, it returns exec.ErrNotFound.
	SSH func(ctx context.Context, args ...string) ([]byte, error)
	// LookupEnv returns ${VARIABLE} of the configuration; nil: none is set.
	LookupEnv func(string) (string, bool)
	// DialContext opens TCP connections; nil is a net.Dialer's.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	Deadlines Deadlines
}

// Deadlines bound each wait for the other side. Zero is the default.
type Deadlines struct {
	Connect   time.Duration // TCP, or a jump host's connection to the next host; 10 s
	Handshake time.Duration // from the version to the login; 15 s
	Operation time.Duration // opening a session, starting its command; 30 s

	// Keepalive is how long the host may be silent before it is asked for a sign of life
	// (5 s). After KeepaliveCount such intervals without one the connection ends (3).
	Keepalive      time.Duration
	KeepaliveCount int
}

func (d Deadlines) orDefault() Deadlines {
	for _, v := range []struct {
		at   *time.Duration
		then time.Duration
	}{
		{&d.Connect, 10 * time.Second},
		{&d.Handshake, 15 * time.Second},
		{&d.Operation, 30 * time.Second},
		{&d.Keepalive, 5 * time.Second},
	} {
		if *v.at <= 0 {
			*v.at = v.then
		}
	}
	if d.KeepaliveCount <= 0 {
		d.KeepaliveCount = 3
	}
	return d
}

func (c *Config) dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	if c.DialContext != nil {
		return c.DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// ssh returns the path of a file in ~/.ssh.
func (c *Config) ssh(name string) string { return filepath.Join(c.Home, ".ssh", name) }
