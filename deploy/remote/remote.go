// Package remote is one SSH connection to a host: reached, trusted and logged in
// to as ssh on this machine would, from ~/.ssh/config, ssh-agent, key files and
// known_hosts. It differs where a program without a person in front of it has to:
// an unknown host key is refused, nothing is ever asked, and everything that waits
// for the other side has a deadline.
//
// # What ssh is asked
//
// ssh -G, on this machine, tells how a host is reached: it knows Match exec, Include,
// CanonicalizeHostname and what is added next year. Followed are AddressFamily,
// CertificateFile, GlobalKnownHostsFile, HostKeyAlias, HostName, IdentitiesOnly,
// IdentityAgent, IdentityFile, Port, ProxyJump, User and UserKnownHostsFile.
// ProxyCommand, RevokedHostKeys and KnownHostsCommand would lead elsewhere, or trust
// other keys, in ways that aren't followed here: where they apply, that is an error.
// What is left is about terminals, sharing or the choice of algorithms, and is passed
// over. ~ is the home directory of the password file, whatever HOME is: ssh says so.
//
// Without an ssh program, one file is read: Host, HostName, User, Port, IdentityFile
// and ProxyJump. What is more and would matter is refused, with its line.
//
// # Round trips
//
// With one key that the host accepts, a connection takes seven: TCP, the versions,
// the key exchange, the service request, the authentication method "none" (which
// asks for the methods there are), the offer of the key and its signature. Every
// refused key costs one more; every session two, opening it and its command.
package remote

import (
	"context"
	"net"
	"path/filepath"
	"time"
)

// Target is the host of a node, and how it is reached. What it doesn't say comes
// from ~/.ssh/config, else from ssh's defaults.
type Target struct {
	Name    string // the node's, which errors begin with
	Address string // the node's own

	// Host is what one would type after ssh. Without it that is the node's name,
	// if the configuration has it: leads it elsewhere, or says of it what it doesn't
	// say of an unknown name. Else it is the address. A name that is led
	// nowhere leads to the address, too.
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

// Config is what this machine has to reach hosts with.
type Config struct {
	// File is read in place of ~/.ssh/config and that of all users, as ssh -F does;
	// "" is both of them, and "none" neither.
	File        string
	AgentSocket string // $SSH_AUTH_SOCK

	// Home and User are this machine's user's. Where there is an ssh, it knows both.
	Home string
	User string

	// SSH runs ssh with arguments, and returns what it printed; nil runs the program.
	// Where there is none the error is exec.ErrNotFound.
	SSH func(ctx context.Context, args ...string) ([]byte, error)
	// LookupEnv is asked for ${VARIABLE} in the configuration; nil knows none.
	LookupEnv func(string) (string, bool)
	// DialContext opens TCP connections; nil is a net.Dialer's.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	Deadlines Deadlines
}

// Deadlines end what waits for the other side. Zero ones have the default.
type Deadlines struct {
	Connect   time.Duration // TCP, and a jump host's connection to the next; 10 s
	Handshake time.Duration // from there to the login, altogether; 15 s
	Operation time.Duration // opening a session, starting its command; 30 s

	// Keepalive is how long nothing comes before the host is asked for a sign of
	// life (5 s), and KeepaliveCount how many of these spans without one end the
	// connection (3).
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

// ssh is a file of ~/.ssh.
func (c *Config) ssh(name string) string { return filepath.Join(c.Home, ".ssh", name) }
