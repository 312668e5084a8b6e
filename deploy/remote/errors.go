package remote

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Step is a step of a connection, for errors.
type Step string

// The steps of a connection, in order, and of its use.
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

// Error is a failed step of a connection to a host.
type Error struct {
	Node string // "" for a jump host
	Host string // user@address:port as far as known
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

// NodeName returns the node; "" for a jump host.
func (e *Error) NodeName() string { return e.Node }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// TimeoutError is an expired deadline; it is also os.ErrDeadlineExceeded.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer within %v", e.After) }

// Timeout implements net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Is makes it os.ErrDeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// KeepaliveError is a connection that was ended because the host was silent.
type KeepaliveError struct{ After time.Duration }

func (e *KeepaliveError) Error() string {
	return fmt.Sprintf("the connection is lost: no sign of life for %v", e.After)
}

// SSHError is a failed ssh -G.
type SSHError struct {
	Output string
	Err    error // the exit status
}

func (e *SSHError) Error() string { return fmt.Sprintf("%s (%v)", e.Output, e.Err) }

// Unwrap returns the exit status.
func (e *SSHError) Unwrap() error { return e.Err }

// ConfigError is a line of ssh_config that isn't supported without an ssh program.
type ConfigError struct {
	File   string
	Line   int
	Detail string
}

func (e *ConfigError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Detail) }

// Fault is a fault of a host key.
type Fault int

// The faults of a host key.
const (
	Unknown     Fault = iota // no key of this host is known
	Changed                  // another key of this type is known
	OtherType                // only keys of types that the host doesn't have are known
	Revoked                  // the key, or its authority, is @revoked
	Certificate              // an invalid certificate of a known authority
)

// HostKeyError is a host key that isn't trusted. The connection ended after the key
// exchange, before any attempt to log in.
type HostKeyError struct {
	Fault       Fault
	Name        string // the name in known_hosts
	Type        string // of the host's key; "" if it showed none
	Fingerprint string // SHA256:…
	// Line is the key in the form of spec.SSH.HostKeys, if Fault is Unknown or Changed. It
	// isn't verified: compare it with the host's own key.
	Line   string
	Known  []KnownKey // the known keys, or the line that revokes it
	Pinned bool       // by the cluster, not by known_hosts
	Offers []string   // the host's key types, if Fault is OtherType
	Err    error      // why the certificate is invalid
	Files  []string   // the existing known_hosts files
}

// KnownKey is a line of known_hosts, or a pinned key.
type KnownKey struct {
	File        string // "" for a pinned key
	Line        int    // in the file, or number of the pinned key, from 1
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

// Unwrap returns the cause.
func (e *HostKeyError) Unwrap() error { return e.Err }

// IdentityError is the cluster's key file for a host that can't be read. No connection was
// made.
type IdentityError struct {
	File string
	Err  error
}

func (e *IdentityError) Error() string { return fmt.Sprintf("%s: %v", e.File, e.Err) }

// Unwrap returns the cause.
func (e *IdentityError) Unwrap() error { return e.Err }

// LoginError is a host that accepted none of the keys.
type LoginError struct {
	User    string
	Offered []string // fingerprint and origin of each key, in order
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

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }

// ForwardForbiddenError is a host whose sshd forbids TCP forwarding.
type ForwardForbiddenError struct{ To, Detail string }

func (e *ForwardForbiddenError) Error() string {
	return fmt.Sprintf("sshd there forbids a connection to %s: %s", e.To, e.Detail)
}

// ExitError is a command with an exit status other than 0.
type ExitError struct {
	Status int    // -1 if a signal ended it
	Signal string // without SIG
}

func (e *ExitError) Error() string {
	if e.Signal != "" {
		return "ended by SIG" + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Status)
}
