package remote

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Step is what was being done when something went wrong.
type Step string

// The steps of a connection, in their order, and what is done on one.
const (
	StepConfig     Step = "reading the ssh configuration"
	StepIdentity   Step = "reading its identityFile"
	StepConnect    Step = "connecting"
	StepBanner     Step = "waiting for its SSH version"
	StepExchange   Step = "exchanging keys"
	StepHostKey    Step = "checking its host key"
	StepLogin      Step = "logging in"
	StepSession    Step = "opening a session"
	StepCommand    Step = "starting the command"
	StepSubsystem  Step = "starting the subsystem"
	StepRun        Step = "running the command"
	StepForward    Step = "connecting onwards"
	StepConnection Step = "keeping the connection"
)

// Error is what went wrong with a host.
type Error struct {
	Node string // "" where it is a jump host
	Host string // user@address:port as far as it is known
	Step Step
	Err  error
}

func (e *Error) Error() string {
	where := e.Host
	switch {
	case e.Node != "" && e.Host != "":
		where = e.Node + " (" + e.Host + ")"
	case e.Node != "":
		where = e.Node
	}
	return fmt.Sprintf("%s: %s: %v", where, e.Step, e.Err)
}

// NodeName is the host that the error is of; "" of a jump host.
func (e *Error) NodeName() string { return e.Node }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// TimeoutError is a deadline that ended a wait; it is os.ErrDeadlineExceeded too.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer within %v", e.After) }

// Timeout makes it one for net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Is makes it os.ErrDeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// KeepaliveError ended a connection: nothing came from the host any more.
type KeepaliveError struct{ After time.Duration }

func (e *KeepaliveError) Error() string {
	return fmt.Sprintf("the connection is lost: no sign of life for %v", e.After)
}

// SSHError is what ssh said in place of how a host is reached.
type SSHError struct {
	Said string
	Err  error // how it ended
}

func (e *SSHError) Error() string { return fmt.Sprintf("%s (%v)", e.Said, e.Err) }

// Unwrap is how it ended.
func (e *SSHError) Unwrap() error { return e.Err }

// ConfigError is a line of ssh_config that can't be followed without an ssh.
type ConfigError struct {
	File   string
	Line   int
	Detail string
}

func (e *ConfigError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Detail) }

// Fault is what is wrong with a host key.
type Fault int

// The faults of a host key.
const (
	Unknown     Fault = iota // nothing is known of this host
	Changed                  // another key of this type is known
	OtherType                // keys are known, none of the types that the host has
	Revoked                  // the key, or who signed it, is @revoked
	Certificate              // a certificate of a known authority that doesn't hold
)

// HostKeyError is a host key that isn't trusted. Nothing was sent to the host but
// the key exchange; nobody tried to log in.
type HostKeyError struct {
	Fault       Fault
	Name        string // what known_hosts was searched for
	Type        string // of the host's key; "" where it never showed one
	Fingerprint string // SHA256:…
	// Line is the key as spec.SSH.HostKeys takes it, where Fault is Unknown or
	// Changed. It is what *someone* presented: compare it with the host's own.
	Line   string
	Known  []KnownKey // the keys that are known, or the line that revokes it
	Pinned bool       // known from the cluster, not from known_hosts
	Offers []string   // the types that the host has, where Fault is OtherType
	Err    error      // why the certificate doesn't hold
	Files  []string   // the known_hosts files there are
}

// KnownKey is a line of known_hosts, or a pinned key.
type KnownKey struct {
	File        string // "" where it is pinned
	Line        int    // in the file, or which of the pinned keys, from 1
	Type        string
	Fingerprint string
	Authority   bool
}

func (k KnownKey) String() string {
	at := fmt.Sprintf("%s:%d", k.File, k.Line)
	if k.File == "" {
		at = fmt.Sprintf("pinned host key %d", k.Line)
	}
	if k.Authority {
		return fmt.Sprintf("%s: authority %s %s", at, k.Type, k.Fingerprint)
	}
	return fmt.Sprintf("%s: %s %s", at, k.Type, k.Fingerprint)
}

func (e *HostKeyError) Error() string {
	var known []string
	for _, k := range e.Known {
		known = append(known, k.String())
	}
	list := strings.Join(known, ", ")
	switch e.Fault {
	case Changed:
		return fmt.Sprintf("the host key of %s has changed: it is %s %s, known is %s", e.Name, e.Type, e.Fingerprint, list)
	case OtherType:
		return fmt.Sprintf("%s has no host key of a known type: it has %s, known is %s", e.Name, strings.Join(e.Offers, ", "), list)
	case Revoked:
		return fmt.Sprintf("the host key of %s is revoked: %s %s, by %s", e.Name, e.Type, e.Fingerprint, list)
	case Certificate:
		return fmt.Sprintf("the host certificate of %s (%s %s) doesn't hold: %v", e.Name, e.Type, e.Fingerprint, e.Err)
	}
	where := strings.Join(e.Files, ", ")
	if where == "" {
		where = "any known_hosts file: there is none"
	}
	return fmt.Sprintf("the host key of %s is unknown: it is %s %s, and %s isn't in %s", e.Name, e.Type, e.Fingerprint, e.Name, where)
}

// Unwrap is the cause.
func (e *HostKeyError) Unwrap() error { return e.Err }

// IdentityError is the cluster's key for a host, where it can't be read. Nobody
// connected to the host.
type IdentityError struct {
	File string
	Err  error
}

func (e *IdentityError) Error() string { return fmt.Sprintf("%s: %v", e.File, e.Err) }

// Unwrap is the cause.
func (e *IdentityError) Unwrap() error { return e.Err }

// LoginError is a host that accepted none of the keys.
type LoginError struct {
	User    string
	Offered []string // fingerprint and origin of each, in the order of their offers
	Locked  []string // key files that need a passphrase and aren't in the agent
	Notes   []string // keys and agents that couldn't be read, and why
	NoKeys  bool     // the host doesn't take keys at all
	Err     error
}

func (e *LoginError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the host accepts no key for user %q", e.User)
	switch {
	case e.NoKeys:
		b.WriteString(", whatever it is")
	case len(e.Offered) == 0:
		b.WriteString("; there was none to offer")
	default:
		fmt.Fprintf(&b, "; offered: %s", strings.Join(e.Offered, ", "))
	}
	for _, file := range e.Locked {
		fmt.Fprintf(&b, "; %s needs its passphrase, and isn't in the agent", file)
	}
	for _, note := range e.Notes {
		fmt.Fprintf(&b, "; %s", note)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	return b.String()
}

// Unwrap is the cause.
func (e *LoginError) Unwrap() error { return e.Err }

// ForwardForbiddenError is a host that won't connect onwards for us.
type ForwardForbiddenError struct{ To, Detail string }

func (e *ForwardForbiddenError) Error() string {
	return fmt.Sprintf("sshd there forbids a connection to %s: %s", e.To, e.Detail)
}

// ExitError is a command that ended with another status than 0.
type ExitError struct {
	Status int    // -1 where a signal ended it
	Signal string // without SIG
}

func (e *ExitError) Error() string {
	if e.Signal != "" {
		return "ended by SIG" + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Status)
}
