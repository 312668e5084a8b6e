package remote

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// maxJumps bounds a chain of jump hosts, which may be a loop.
const maxJumps = 8

// jump resolves the jump hosts. In a list, each host is reached through the one before it,
// the first by its own configuration.
func (c *Config) jump(ctx context.Context, a *answer, depth int) (*endpoint, error) {
	list := a.value("proxyjump")
	if list == "" || strings.EqualFold(list, "none") {
		return nil, nil
	}
	hops, err := c.expand(list, a.tokens)
	if err != nil {
		return nil, fmt.Errorf("proxyjump %w", err)
	}
	last, before := hops, ""
	if i := strings.LastIndexByte(hops, ','); i >= 0 {
		last, before = hops[i+1:], hops[:i]
	}
	t, err := parseJump(last)
	if err != nil {
		return nil, fmt.Errorf("proxyjump %q: %w", list, err)
	}
	t.ProxyJump = before
	e, err := c.endpoint(ctx, t, depth+1)
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
