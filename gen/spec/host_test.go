package spec

import (
	"strings"
	"testing"
)

var (
	label63  = strings.Repeat("a", 63)
	name253  = strings.Repeat(label63+".", 3) + strings.Repeat("a", 61)
	goodHost = []string{
		"10.0.0.1", "::1", "2001:db8::1", "::ffff:10.0.0.1", "localhost", "kcm.example.com", "KCM.Example", "a", "xn--bcher-kva.example",
		"1a", "a1", "10.example", "4.cp", "0xg", "1-2", "a--b", label63, name253, "ff", "10.0.0.1.nip.io",
	}
	badHost = []string{
		"", "10.0.0.300", "10.0.0.256", "010.0.0.1", "10.0.0.01", "10.0.0", "10", "0", "0x7f000001", "0x7f.1", "1.2.3.4.5", "0x",
		"a..b", ".a", "a.", ".", "..", "a.b.", "a_b", "a b", " a", "a\n", "bücher.example", "-a", "a-", "a.-b", "a-.b", "*", "*.example.com",
		label63 + "a", name253 + "a", "host:6443", "10.0.0.1:6443", "[::1]", "[::1]:6443", "https://api.example", "https://10.0.0.1", "api.example/x",
		"10.0.0.1/24", "fe80::1%eth0", "10.0.0.1%eth0", "user@host", "mailto:a@b.c", ":", "::1::", "1:2:3", "a:b", "\x00", "host:", "１.２.３.４",
	}
)

func TestParseHost(t *testing.T) {
	for _, s := range goodHost {
		h, err := ParseHost(s)
		if err != nil {
			t.Errorf("%.80q: %v", s, err)
		}
		if h.Addr.IsValid() == (h.Name != "") {
			t.Errorf("%.80q is %v", s, h)
		}
		if _, err := ParseSAN(s); err != nil {
			t.Errorf("%.80q as a SAN: %v", s, err)
		}
	}
	for _, s := range badHost {
		if h, err := ParseHost(s); err == nil {
			t.Errorf("%.80q is taken for %v", s, h)
		}
		if h, err := ParseSAN(s); err == nil && !strings.HasPrefix(s, "*.") {
			t.Errorf("%.80q is taken for the SAN %v", s, h)
		}
	}
}

// TestHostFaults: the error says what is wrong.
func TestHostFaults(t *testing.T) {
	for s, want := range map[string]string{
		"10.0.0.300":          "it looks like an IP address and is none",
		"a..b":                "a label is empty: two dots, or one at the beginning",
		"a.b.":                "it must not end with a dot",
		"api.example:6443":    "leave out the port",
		"https://api.example": "a URL is no host: leave out the scheme, the port and the path",
		"fe80::1%eth0":        "an address with a zone is valid on one host only",
		"[::1]:6443":          "an IPv6 address must have no brackets and no port",
		"10.0.0.0/24":         "a host has no path and no prefix length",
		"a@b":                 "a host has no user before it",
		"a_b.example":         `the label "a_b" has characters other than letters, digits and hyphens`,
		"a.-b":                `the label "-b" begins or ends with a hyphen`,
		label63 + "a.b":       `the label "aaaaaaaaaaaaaaaaaaaa"… has 64 characters, 63 at most`,
		name253 + "a":         "it has 254 characters, a DNS name 253 at most",
	} {
		if _, err := ParseHost(s); err == nil || err.Error() != want {
			t.Errorf("%.80q: %v, want %s", s, err, want)
		}
	}
}

func TestParseSANWildcards(t *testing.T) {
	for s, ok := range map[string]bool{
		"*.example.com": true, "*.a.b.c": true, "*.10.example": true,
		"*.com": false, "*": false, "*.": false, "*..com": false, "a.*.com": false, "*a.example.com": false, "a*.example.com": false,
		"*.*.com": false, "*.10.0": false, "*.10.0.0.1": false, "*.::1": false, "*.example.com.": false, "**.example.com": false,
		"*." + name253: false, "*.a_b.com": false,
	} {
		if _, err := ParseSAN(s); (err == nil) != ok {
			t.Errorf("%.80q: %v, want it taken: %v", s, err, ok)
		}
	}
}

func TestJumpFault(t *testing.T) {
	for _, s := range []string{
		"none", "None", "bastion", "ops@bastion", "ops@bastion.example:2222", "a,b", "ops@a:22,b", "10.0.0.1", "10.0.0.1:22", "[fd00::1]:22", "[fd00::1]", "fd00::1",
		"ssh://ops@bastion:22", "ssh://bastion/", "jump_host", "%r@bastion", "%h.jump", "fe80::1%eth0",
	} {
		if why := JumpFault(s); why != "" {
			t.Errorf("%q: %s", s, why)
		}
	}
	for _, s := range []string{
		"", ",", "a,", "a,,b", "@bastion", "bastion:0", "bastion:65536", "bastion:ssh", "bastion:", "10.0.0.300", "ops@010.0.0.1:22", "a..b", "a b", "https://bastion",
		"[bastion]:22", "[fd00::1", "[fd00::1]22", "-oProxyCommand=x", "bastion:+22", "ops@a@b", "ssh://bastion/x", "ssh://",
	} {
		if JumpFault(s) == "" {
			t.Errorf("%q is taken", s)
		}
	}
}
