package remote

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// endpoint is a host as it is reached, all told.
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
	agent          string // its socket, or ""

	knownAs    string // the name in known_hosts
	plainName  string // the same without its port; a certificate's principal
	knownHosts []string
	pinned     []string
}

// identity is a key file that somebody configured, or that ssh looks for.
type identity struct {
	file     string
	wanted   bool // by the cluster: without it, no other is offered
	fallback bool // nobody configured it: the agent's keys come before
}

func (e *endpoint) address() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

// name is the host as errors name it.
func (e *endpoint) name() string { return e.user + "@" + e.address() }

// maxJumps bounds a chain of jump hosts: a host that is its own has no end.
const maxJumps = 8

// resolve finds out how a target is reached.
func (c *Config) resolve(t Target) (*endpoint, error) {
	e, err := c.endpoint(t, 0)
	if err != nil {
		return nil, &Error{Node: t.Name, Host: cmp.Or(t.Host, t.Address), Step: StepConfig, Err: err}
	}
	return e, nil
}

func (c *Config) endpoint(t Target, depth int) (*endpoint, error) {
	if depth > maxJumps {
		return nil, fmt.Errorf("more than %d jump hosts: does ProxyJump lead back to the same host?", maxJumps)
	}
	r, fallback, err := c.alias(t)
	if err != nil {
		return nil, err
	}
	for _, keyword := range []string{"canonicalizehostname", "proxycommand", "revokedhostkeys"} {
		s, ok := r.first(keyword)
		if off := ok && (strings.EqualFold(s.args[0], "no") || strings.EqualFold(s.args[0], "none")); ok && !off {
			return nil, s.fail("%s isn't followed here: set it to \"none\" or \"no\" in a Host block for kcmgen's hosts, before this line", keyword)
		}
	}
	e := &endpoint{node: t.Name, user: r.login(), pinned: t.HostKeys}
	if e.host, err = r.hostName(); err != nil {
		return nil, err
	}
	if !r.led && fallback != "" {
		e.host = fallback
	}
	e.host = strings.ToLower(e.host)
	if e.host == "" || strings.HasPrefix(e.host, "-") || strings.ContainsAny(e.host, " \t\r\n/@") {
		return nil, fmt.Errorf("%q is no host", e.host)
	}
	if e.port, err = r.port(); err != nil {
		return nil, err
	}
	if e.network, err = r.network(); err != nil {
		return nil, err
	}
	tokens := r.tokens(e)
	if err := r.keys(e, t.IdentityFile, tokens); err != nil {
		return nil, err
	}
	if err := r.trust(e, tokens); err != nil {
		return nil, err
	}
	e.via, err = c.jump(r, tokens, depth)
	return e, err
}

// alias reads the configuration for what one would type after ssh. fallback is
// where that leads if the configuration doesn't say.
func (c *Config) alias(t Target) (r *sshConfig, fallback string, err error) {
	said := map[string]string{"user": t.User, "proxyjump": t.ProxyJump}
	if t.Port != 0 {
		said["port"] = strconv.Itoa(t.Port)
	}
	if t.Host != "" {
		r, err = c.readConfig(t.Host, said)
		return r, "", err
	}
	if t.Name != "" {
		r, err = c.readConfig(t.Name, said)
		if err != nil || r.named {
			return r, t.Address, err
		}
	}
	r, err = c.readConfig(t.Address, said)
	return r, "", err
}

func (r *sshConfig) first(keyword string) (setting, bool) {
	if s := r.values[keyword]; len(s) > 0 {
		return s[0], true
	}
	return setting{}, false
}

func (r *sshConfig) value(keyword string) string {
	if s, ok := r.first(keyword); ok {
		return s.args[0]
	}
	return ""
}

func (r *sshConfig) login() string { return cmp.Or(r.value("user"), r.User) }

func (r *sshConfig) hostName() (string, error) {
	s, ok := r.first("hostname")
	if !ok {
		return r.host, nil
	}
	return expand(s, s.args[0], map[byte]string{'h': r.host})
}

func (r *sshConfig) port() (int, error) {
	s, ok := r.first("port")
	if !ok {
		return 22, nil
	}
	port, err := strconv.Atoi(s.args[0])
	if err != nil || port < 1 || port > 65535 {
		return 0, s.fail("port %q: a number from 1 to 65535 was expected", s.args[0])
	}
	return port, nil
}

func (r *sshConfig) network() (string, error) {
	s, ok := r.first("addressfamily")
	if !ok {
		return "tcp", nil
	}
	switch strings.ToLower(s.args[0]) {
	case "any":
		return "tcp", nil
	case "inet":
		return "tcp4", nil
	case "inet6":
		return "tcp6", nil
	}
	return "", s.fail("addressfamily %q: any, inet or inet6 was expected", s.args[0])
}

// keys are the files and the agent to log in with. wanted is the cluster's file.
func (r *sshConfig) keys(e *endpoint, wanted string, tokens map[byte]string) error {
	if wanted != "" {
		file, err := r.path(setting{}, wanted)
		if err != nil {
			return err
		}
		e.identities = append(e.identities, identity{file: file, wanted: true})
	}
	for _, s := range r.values["identityfile"] {
		if strings.EqualFold(s.args[0], "none") {
			continue
		}
		file, err := r.fileName(s, s.args[0], tokens)
		if err != nil {
			return err
		}
		e.identities = append(e.identities, identity{file: file})
	}
	if len(r.values["identityfile"]) == 0 && wanted == "" {
		for _, name := range []string{"id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"} {
			e.identities = append(e.identities, identity{file: r.ssh(name), fallback: true})
		}
	}
	for _, s := range r.values["certificatefile"] {
		file, err := r.fileName(s, s.args[0], tokens)
		if err != nil {
			return err
		}
		e.certificates = append(e.certificates, file)
	}
	e.identitiesOnly = strings.EqualFold(r.value("identitiesonly"), "yes")
	return r.agent(e, tokens)
}

func (r *sshConfig) agent(e *endpoint, tokens map[byte]string) error {
	e.agent = r.AgentSocket
	s, ok := r.first("identityagent")
	if !ok || s.args[0] == "SSH_AUTH_SOCK" {
		return nil
	}
	if strings.EqualFold(s.args[0], "none") {
		e.agent = ""
		return nil
	}
	var err error
	if name, variable := strings.CutPrefix(s.args[0], "$"); variable && !strings.HasPrefix(name, "{") {
		e.agent, err = r.env(s, name)
		return err
	}
	e.agent, err = r.fileName(s, s.args[0], tokens)
	return err
}

// trust is what the host's key is compared with.
func (r *sshConfig) trust(e *endpoint, tokens map[byte]string) error {
	e.plainName = e.host
	e.knownAs = e.host
	if e.port != 22 {
		e.knownAs = fmt.Sprintf("[%s]:%d", e.host, e.port)
	}
	if alias := strings.ToLower(r.value("hostkeyalias")); alias != "" {
		e.plainName, e.knownAs = alias, alias
	}
	for _, kind := range []struct {
		keyword  string
		defaults []string
	}{
		{"userknownhostsfile", []string{r.ssh("known_hosts"), r.ssh("known_hosts2")}},
		{"globalknownhostsfile", []string{filepath.Join(r.systemDir(), "ssh_known_hosts"), filepath.Join(r.systemDir(), "ssh_known_hosts2")}},
	} {
		s, ok := r.first(kind.keyword)
		if !ok {
			e.knownHosts = append(e.knownHosts, kind.defaults...)
			continue
		}
		for _, name := range s.args {
			if strings.EqualFold(name, "none") {
				continue
			}
			file, err := r.fileName(s, name, tokens)
			if err != nil {
				return err
			}
			e.knownHosts = append(e.knownHosts, file)
		}
	}
	return nil
}

// jump resolves the jump hosts. Of several, the last is reached through those
// before it, and the first as the configuration says.
func (c *Config) jump(r *sshConfig, tokens map[byte]string, depth int) (*endpoint, error) {
	s, ok := r.first("proxyjump")
	if !ok || strings.EqualFold(s.args[0], "none") {
		return nil, nil
	}
	list, err := expand(s, s.args[0], tokens)
	if err != nil {
		return nil, err
	}
	last, before := list, ""
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		last, before = list[i+1:], list[:i]
	}
	t, err := parseJump(last)
	if err != nil {
		return nil, s.fail("proxyjump %q: %v", list, err)
	}
	t.ProxyJump = before
	e, err := c.endpoint(t, depth+1)
	if err != nil {
		return nil, fmt.Errorf("jump host %s: %w", t.Host, err)
	}
	return e, nil
}

// parseJump reads [user@]host[:port] or ssh://[user@]host[:port].
func parseJump(s string) (Target, error) {
	if rest, uri := strings.CutPrefix(s, "ssh://"); uri {
		u, err := url.Parse("ssh://" + strings.TrimSuffix(rest, "/"))
		if err != nil || u.Path != "" || u.Hostname() == "" {
			return Target{}, fmt.Errorf("[user@]host[:port] was expected")
		}
		s = u.Host
		if u.User != nil {
			s = u.User.Username() + "@" + s
		}
	}
	var t Target
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		if t.User = s[:i]; t.User == "" {
			return Target{}, fmt.Errorf("[user@]host[:port] was expected")
		}
		s = s[i+1:]
	}
	t.Host = s
	if strings.Count(s, ":") == 1 || strings.HasPrefix(s, "[") && !strings.HasSuffix(s, "]") {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			return Target{}, err
		}
		if t.Port, err = strconv.Atoi(port); err != nil || t.Port < 1 || t.Port > 65535 {
			return Target{}, fmt.Errorf("port %q: a number from 1 to 65535 was expected", port)
		}
		t.Host = host
	}
	t.Host = strings.TrimSuffix(strings.TrimPrefix(t.Host, "["), "]")
	if t.Host == "" {
		return Target{}, fmt.Errorf("[user@]host[:port] was expected")
	}
	return t, nil
}
