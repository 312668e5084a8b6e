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

// question is what ssh is asked of a host: what one would type after it, and what
// the cluster says, which wins over the configuration.
type question struct {
	host     string
	hostName string // where it leads; "" is what the configuration says
	user     string
	port     int
	jump     string
	identity bool // the cluster names a key: ssh's usual ones are no question then
}

// answer is how a host is reached, by the keywords of ssh_config in lower case. A
// keyword that may be given several times has a value for each.
type answer struct {
	values map[string][]string
	tokens map[byte]string // what goes in for a percent sign and a letter
	home   string          // what goes in for ~
}

func (a *answer) value(keyword string) string {
	if v := a.values[keyword]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// ask has ssh read its configuration. Without an ssh, subset does, as far as it can.
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

// isHost refuses what ssh would take for an option, or for more than a host.
func isHost(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`/@\`, r)
	})
}

// asked are the tokens whose values ssh tells. What isn't here came later than
// OpenSSH 8.0, and follows from others.
const asked = "hnpruLliC"

// separator parts what ssh tells of them: no host and no user can hold it.
const separator = "\x1f"

// tokenPath is a ControlPath, the one path of which ssh -G prints what came out of
// ~ and of all tokens. It leads nowhere: ssh -G opens no connection.
func tokenPath() string {
	path := "~/"
	for _, letter := range asked {
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
	if q.jump != "" { // a list of ours is put in after: ssh knows no bare IPv6 address in it
		option("ProxyJump", "none")
		option("ProxyCommand", "none") // ProxyJump=none alone leaves the configuration's
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
	for _, letter := range asked {
		if said = said[1:]; len(said) == 0 {
			return nil, errors.New("it doesn't print what it puts into ControlPath, as OpenSSH's does")
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

// sshLimit bounds ssh -G, which may ask DNS, and run what Match exec says.
const sshLimit = 10 * time.Second

// runSSH runs the ssh of this machine. It has no standard input, and no shell.
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
	cmd.WaitDelay = time.Second // what Match exec started may hold on to both
	if err = cmd.Run(); err == nil {
		return out.take(), nil
	}
	err = cause(ctx, err)
	said := strings.ReplaceAll(strings.TrimSpace(string(talk.take())), "\r", "")
	if said == "" {
		return nil, err
	}
	return nil, &SSHError{Said: strings.ReplaceAll(said, "\n", "; "), Err: err}
}

// same reports whether two names lead to the same, but for themselves.
func same(a *answer, name string, b *answer, other string) bool {
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
