package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Host is an address or a DNS name of a host.
type Host struct {
	Addr netip.Addr // invalid if it is a name
	Name string     // "" if it is an address
}

// ParseHost parses an address or a DNS name (RFC 1123). It returns an error for text
// such as 10.0.0.300 or 010.0.0.1: programs resolve it differently, and a certificate
// for such a name matches no connection.
func ParseHost(s string) (Host, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return Host{}, errors.New("an address with a zone is valid on one host only")
		}
		return Host{Addr: a}, nil
	}
	if err := otherThanHost(s); err != nil {
		return Host{}, err
	}
	return Host{Name: s}, nameFault(s)
}

// ParseSAN parses a subject alternative name: a host, or a wildcard for one label below
// a domain. OpenSSL needs at least two labels after the asterisk.
func ParseSAN(s string) (Host, error) {
	domain, wildcard := strings.CutPrefix(s, "*.")
	if !wildcard {
		if strings.Contains(s, "*") {
			return Host{}, errors.New("an asterisk must be the whole first label")
		}
		return ParseHost(s)
	}
	h, err := ParseSAN(domain)
	switch {
	case strings.Contains(domain, "*"):
		return Host{}, errors.New("an asterisk must be the whole first label")
	case err != nil:
		return Host{}, err
	case h.Addr.IsValid():
		return Host{}, errors.New("an address can't have an asterisk before it")
	case !strings.Contains(domain, "."):
		return Host{}, errors.New("an asterisk needs at least two labels after it")
	case len(s) > maxName:
		return Host{}, tooLong(s)
	}
	return Host{Name: s}, nil
}

const (
	maxName  = 253
	maxLabel = 63
)

func tooLong(s string) error {
	return fmt.Errorf("it has %d characters, a DNS name %d at most", len(s), maxName)
}

// otherThanHost returns an error for text that is obviously something else than a host.
func otherThanHost(s string) error {
	host, port, colon := strings.Cut(s, ":")
	_, err := strconv.ParseUint(port, 10, 16)
	switch {
	case s == "":
		return errors.New("it is empty")
	case strings.Contains(s, "://"):
		return errors.New("a URL is no host: leave out the scheme, the port and the path")
	case strings.Contains(s, "@"):
		return errors.New("a host has no user before it")
	case strings.HasPrefix(s, "["):
		return errors.New("an IPv6 address must have no brackets and no port")
	case colon && host != "" && err == nil:
		return errors.New("leave out the port")
	case strings.Contains(s, "/"):
		return errors.New("a host has no path and no prefix length")
	}
	return nil
}

func nameFault(s string) error {
	if len(s) > maxName {
		return tooLong(s)
	}
	if numeric(s) {
		return errors.New("it looks like an IP address and is none")
	}
	for label := range strings.SplitSeq(s, ".") {
		switch {
		case label == "" && strings.HasSuffix(s, ".") && !strings.Contains(s, ".."):
			return errors.New("it must not end with a dot")
		case label == "":
			return errors.New("a label is empty: two dots, or one at the beginning")
		case len(label) > maxLabel:
			return fmt.Errorf("the label %.20q… has %d characters, %d at most", label, len(label), maxLabel)
		case label[0] == '-' || label[len(label)-1] == '-':
			return fmt.Errorf("the label %q begins or ends with a hyphen", label)
		}
		if strings.IndexFunc(label, func(r rune) bool { return !isLDH(r) }) >= 0 {
			return fmt.Errorf("the label %.80q has characters other than letters, digits and hyphens", label)
		}
	}
	return nil
}

func isLDH(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-'
}

// numeric reports whether every label is a number that inet_aton accepts, as in
// 10.0.0.300, 010.0.0.1, 10.1 or 0x7f000001. Resolvers convert many of these to
// addresses.
func numeric(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		digits, cut := "0123456789", label
		if len(label) >= 2 && label[0] == '0' && label[1]|0x20 == 'x' {
			digits, cut = "0123456789abcdefABCDEF", label[2:]
		} else if label == "" {
			return false
		}
		if strings.Trim(cut, digits) != "" {
			return false
		}
	}
	return true
}

// JumpFault says what is wrong with a list of jump hosts for ssh -J; "" if it is valid.
// The list is "none", or [user@]host[:port] and ssh://[user@]host[:port] separated by
// commas. A part with a percent sign isn't checked: ssh expands it.
func JumpFault(list string) string {
	if strings.EqualFold(list, "none") {
		return ""
	}
	for hop := range strings.SplitSeq(list, ",") {
		if strings.Contains(hop, "%") {
			continue
		}
		if err := jumpHost(hop); err != nil {
			return fmt.Sprintf("%q: %v", hop, err)
		}
	}
	return ""
}

func jumpHost(hop string) error {
	host, uri := strings.CutPrefix(hop, "ssh://")
	if uri {
		host = strings.TrimSuffix(host, "/")
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		if host[:i] == "" || strings.ContainsAny(host[:i], " \t\r\n/:@[]") {
			return errors.New("there is no user before the @")
		}
		host = host[i+1:]
	}
	port, bare := "", true
	if rest, ok := strings.CutPrefix(host, "["); ok {
		in, after, closed := strings.Cut(rest, "]")
		if a, err := netip.ParseAddr(in); !closed || err != nil || !a.Is6() || after != "" && after[0] != ':' {
			return errors.New("brackets must hold an IPv6 address")
		}
		host, port, bare = in, after, false
	} else if i := strings.IndexByte(host, ':'); i >= 0 && i == strings.LastIndexByte(host, ':') {
		host, port = host[:i], host[i:]
	}
	if port != "" {
		if n, err := strconv.Atoi(port[1:]); err != nil || n < 1 || n > 65535 || strings.HasPrefix(port, ":+") {
			return fmt.Errorf("the port %q is no number from 1 to 65535", port[1:])
		}
	}
	if uri && strings.Contains(host, ":") && bare {
		return errors.New("a URL has an IPv6 address in brackets")
	}
	// An alias of ~/.ssh/config may have an underscore.
	_, err := ParseHost(strings.ReplaceAll(host, "_", "x"))
	return err
}
