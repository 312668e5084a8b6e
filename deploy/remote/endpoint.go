package remote

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
)

// endpoint is all that is needed to connect to a host.
type endpoint struct {
	node    string
	host    string // name or address to connect to
	port    int
	network string // tcp, tcp4 or tcp6
	user    string
	via     *endpoint // the jump host before it

	identities     []identity
	identitiesOnly bool
	certificates   []string
	agent          string // its socket; "": none

	knownAs    string // the name in known_hosts
	plainName  string // knownAs without the port; a certificate's principal
	knownHosts []string
	pinned     []string
}

// identity is a key file: configured, or one of ssh's defaults.
type identity struct {
	file     string
	required bool // named by the cluster; without it no key is offered
	fallback bool // one of ssh's defaults: offered after the agent's keys
}

func (e *endpoint) address() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

// name returns the host as in errors.
func (e *endpoint) name() string { return e.user + "@" + e.address() }

// resolve returns the endpoint of a target.
func (c *Config) resolve(ctx context.Context, t Target) (*endpoint, error) {
	e, err := c.endpoint(ctx, t, 0)
	if err != nil {
		return nil, &Error{Node: t.Name, Host: cmp.Or(t.Host, t.Address), Step: StepConfig, Err: err}
	}
	return e, nil
}

func (c *Config) endpoint(ctx context.Context, t Target, depth int) (*endpoint, error) {
	if depth > maxJumps {
		return nil, fmt.Errorf("more than %d jump hosts: does ProxyJump lead back to the same host?", maxJumps)
	}
	a, err := c.findHost(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := a.checkUnsupported(); err != nil {
		return nil, err
	}
	e := &endpoint{node: t.Name, user: a.value("user"), host: strings.ToLower(a.value("hostname")), pinned: t.HostKeys}
	if !isHost(e.host) {
		return nil, fmt.Errorf("%q is no host", e.host)
	}
	if e.port, err = strconv.Atoi(a.value("port")); err != nil || e.port < 1 || e.port > 65535 {
		return nil, fmt.Errorf("port %q: a number from 1 to 65535 was expected", a.value("port"))
	}
	e.network = map[string]string{"inet": "tcp4", "inet6": "tcp6"}[strings.ToLower(a.value("addressfamily"))]
	e.network = cmp.Or(e.network, "tcp")
	if err := c.keys(a, e, t.IdentityFile); err != nil {
		return nil, err
	}
	if err := c.trust(a, e); err != nil {
		return nil, err
	}
	e.via, err = c.jump(ctx, a, depth)
	return e, err
}

// findHost asks ssh about the host to type after ssh: the cluster's ssh.host, else the
// node's name if the configuration has it, else the node's address.
func (c *Config) findHost(ctx context.Context, t Target) (*answer, error) {
	q := question{host: t.Host, user: t.User, port: t.Port, jump: t.ProxyJump, identity: t.IdentityFile != ""}
	if t.Host != "" {
		return c.ask(ctx, q)
	}
	if t.Name != "" {
		q.host = t.Name
		a, err := c.ask(ctx, q)
		if err != nil || !strings.EqualFold(a.value("hostname"), t.Name) {
			return a, err
		}
		q.host = unknownName(t.Name)
		b, err := c.ask(ctx, q)
		if err != nil || !sameAnswer(a, t.Name, b, q.host) { // Match exec may fail for an unknown name
			q.host, q.hostName = t.Name, t.Address
			return c.ask(ctx, q)
		}
	}
	q.host = t.Address
	return c.ask(ctx, q)
}

// unknownName returns a random name that no configuration has. It shares no character with
// name, so it matches no pattern for name, except by * and ?.
func unknownName(name string) string {
	letters := "abcdefghijklmnopqrstuvwxyz0123456789"
	name = strings.ToLower(name)
	if others := strings.Map(func(r rune) rune {
		if strings.ContainsRune(name, r) {
			return -1
		}
		return r
	}, letters); others != "" {
		letters = others
	}
	out := make([]byte, 40)
	for i := range out {
		out[i] = letters[rand.IntN(len(letters))]
	}
	return string(out)
}

// checkUnsupported refuses settings that would reach a host in another way or trust other
// keys. Settings of terminals, connection sharing and algorithms are ignored.
func (a *answer) checkUnsupported() error {
	for _, refused := range []struct{ keyword, advice string }{
		{"ProxyCommand", "kcmgen connects by itself: give ProxyJump in its place"},
		{"RevokedHostKeys", "kcmgen reads no such file: put the keys into known_hosts, as @revoked"},
		{"KnownHostsCommand", "kcmgen runs no such command: put the keys into known_hosts, or into hostKeys of the cluster"},
	} {
		value := a.value(strings.ToLower(refused.keyword))
		if value == "" || strings.EqualFold(value, "none") {
			continue
		}
		return fmt.Errorf("%s %q isn't followed here; %s, and say \"%s none\" before it, in a Host block for kcmgen's hosts", refused.keyword, value, refused.advice, refused.keyword)
	}
	return nil
}

// keys sets the key files and the agent to log in with. wanted is the cluster's key file.
func (c *Config) keys(a *answer, e *endpoint, wanted string) error {
	if wanted != "" {
		file := wanted
		if strings.ContainsAny(wanted[:1], "~$%") || strings.Contains(wanted, "${") {
			var err error
			if file, err = c.fileName(a, wanted); err != nil {
				return err
			}
		}
		e.identities = append(e.identities, identity{file: file, required: true})
	}
	usual := len(a.values["identityfile"]) > 1 && !slices.ContainsFunc(a.values["identityfile"], func(file string) bool {
		return !strings.HasPrefix(file, "~/.ssh/id_")
	})
	for _, name := range a.values["identityfile"] {
		if strings.EqualFold(name, "none") {
			continue
		}
		file, err := c.fileName(a, name)
		if err != nil {
			return fmt.Errorf("identityfile %w", err)
		}
		e.identities = append(e.identities, identity{file: file, fallback: usual})
	}
	for _, name := range a.values["certificatefile"] {
		if strings.EqualFold(name, "none") {
			continue
		}
		file, err := c.fileName(a, name)
		if err != nil {
			return fmt.Errorf("certificatefile %w", err)
		}
		e.certificates = append(e.certificates, file)
	}
	e.identitiesOnly = strings.EqualFold(a.value("identitiesonly"), "yes")
	return c.agent(a, e)
}

func (c *Config) agent(a *answer, e *endpoint) error {
	socket := a.value("identityagent")
	variable, isVariable := strings.CutPrefix(socket, "$")
	switch {
	case socket == "" || socket == "SSH_AUTH_SOCK":
		e.agent = c.AgentSocket
	case strings.EqualFold(socket, "none"):
	case isVariable:
		var err error
		e.agent, err = c.env(variable)
		return err
	case strings.HasPrefix(socket, "~/"):
		e.agent = a.home + socket[1:]
	default:
		e.agent = socket
	}
	return nil
}

// trust sets what the host's key is compared with.
func (c *Config) trust(a *answer, e *endpoint) error {
	e.plainName = e.host
	e.knownAs = e.host
	if e.port != 22 {
		e.knownAs = fmt.Sprintf("[%s]:%d", e.host, e.port)
	}
	if alias := strings.ToLower(a.value("hostkeyalias")); alias != "" {
		e.plainName, e.knownAs = alias, alias
	}
	for _, keyword := range []string{"userknownhostsfile", "globalknownhostsfile"} {
		files, err := c.fileNames(a, keyword)
		if err != nil {
			return err
		}
		e.knownHosts = append(e.knownHosts, files...)
	}
	return nil
}
