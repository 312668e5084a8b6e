package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// question holds the arguments of ssh -G: a host as typed after ssh, and the cluster's
// settings, which override the configuration.
type question struct {
	host     string
	hostName string // overrides HostName unless ""
	user     string
	port     int
	jump     string
	identity bool // the cluster names a key, so ssh's default keys don't count
}

// answer holds the settings for a host by the keywords of ssh_config, in lower case. A
// keyword may have several values.
type answer struct {
	values map[string][]string
	tokens map[byte]string // values of tokens, such as h for %h
	home   string          // value of ~
}

func (a *answer) value(keyword string) string {
	if v := a.values[keyword]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// ask has ssh read its configuration. Without an ssh program it uses subset.
func (c *Config) ask(ctx context.Context, q question) (*answer, error) {
	if !isHost(q.host) {
		return nil, fmt.Errorf("%q is no host", q.host)
	}
	run := c.SSH
	if run == nil {
		run = runSSH
	}
	out, err := run(ctx, q.args(c.File)...)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return c.subset(q)
	case err != nil:
		return nil, fmt.Errorf("ssh -G %s: %w", q.host, err)
	}
	a, err := parseAnswer(string(out))
	if err != nil {
		return nil, fmt.Errorf("ssh -G %s: %w", q.host, err)
	}
	if q.jump != "" {
		a.values["proxyjump"] = []string{q.jump}
	}
	a.tokens['j'] = a.value("proxyjump")
	return a, nil
}

// isHost reports whether s is a plain host: not an option of ssh, a user@host or a URL.
func isHost(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`/@\`, r)
	})
}

// sshTokens are the tokens whose values ssh is asked for. Tokens that are newer than
// OpenSSH 8.0 follow from these.
const sshTokens = "hnpruLliC"

// separator separates the values: no host or user name can contain it.
const separator = "\x1f"

// tokenPath returns a ControlPath with ~ and all tokens. It is the one path that ssh -G
// prints expanded. It isn't used: ssh -G opens no connection.
func tokenPath() string {
	path := "~/"
	for _, letter := range sshTokens {
		path += separator + "%" + string(letter)
	}
	return path
}

func (q question) args(file string) []string {
	args := []string{"-G", "-T"}
	if file != "" {
		args = append(args, "-F", file)
	}
	option := func(keyword, value string) { args = append(args, "-o", keyword+"="+value) }
	option("ControlPath", tokenPath())
	if q.hostName != "" {
		option("HostName", strings.ReplaceAll(q.hostName, "%", "%%"))
	}
	if q.user != "" {
		args = append(args, "-l", q.user)
	}
	if q.port != 0 {
		args = append(args, "-p", strconv.Itoa(q.port))
	}
	if q.jump != "" { // set afterwards: ssh accepts no bare IPv6 address here
		option("ProxyJump", "none")
		option("ProxyCommand", "none") // ProxyJump=none doesn't override it
	}
	if q.identity {
		option("IdentityFile", "none")
	}
	return append(args, "--", q.host)
}

func parseAnswer(out string) (*answer, error) {
	a := &answer{values: map[string][]string{}, tokens: map[byte]string{}}
	for line := range strings.Lines(out) {
		keyword, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		keyword = strings.ToLower(keyword)
		a.values[keyword] = append(a.values[keyword], value)
	}
	said := strings.Split(a.value("controlpath"), separator)
	delete(a.values, "controlpath")
	a.home = strings.TrimSuffix(said[0], "/")
	for _, letter := range sshTokens {
		if said = said[1:]; len(said) == 0 {
			return nil, errors.New("it doesn't print an expanded ControlPath, as OpenSSH's does")
		}
		a.tokens[byte(letter)] = said[0]
	}
	if a.value("hostname") == "" {
		return nil, errors.New("it prints no hostname, as OpenSSH's does")
	}
	a.tokens['d'] = a.home
	a.tokens['k'] = cmp.Or(a.value("hostkeyalias"), a.tokens['n'])
	return a, nil
}

// sshLimit bounds ssh -G, which may ask DNS and run commands of Match exec.
const sshLimit = 10 * time.Second

// runSSH runs this machine's ssh, without standard input and without a shell.
func runSSH(ctx context.Context, args ...string) ([]byte, error) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, sshLimit, &TimeoutError{sshLimit})
	defer cancel()
	out, talk := bounded{max: 1 << 20}, bounded{max: 8 << 10}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &talk
	cmd.WaitDelay = time.Second // a child of Match exec may keep both open
	if err = cmd.Run(); err == nil {
		return out.take(), nil
	}
	err = cause(ctx, err)
	said := strings.ReplaceAll(strings.TrimSpace(string(talk.take())), "\r", "")
	if said == "" {
		return nil, err
	}
	return nil, &SSHError{Output: strings.ReplaceAll(said, "\n", "; "), Err: err}
}

// sameAnswer reports whether two answers differ only in the names asked for.
func sameAnswer(a *answer, name string, b *answer, other string) bool {
	if len(a.values) != len(b.values) {
		return false
	}
	for keyword, values := range a.values {
		others := slices.Clone(b.values[keyword])
		for i := range others {
			others[i] = strings.ReplaceAll(others[i], other, name)
		}
		if !slices.EqualFunc(values, others, strings.EqualFold) {
			return false
		}
	}
	return true
}
