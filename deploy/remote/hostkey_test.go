package remote

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostKeys are the keys of these tests.
type hostKeys struct {
	dir                                string
	ed, ecdsa, rsa, other, ca, otherCA string
}

// TestHostKeys: kcmgen trusts the same hosts as ssh, and refuses others before any attempt
// to log in.
func TestHostKeys(t *testing.T) {
	k := &hostKeys{dir: t.TempDir()}
	at := func(name string) string { return filepath.Join(k.dir, name) }
	k.ed, k.ecdsa, k.rsa = key(t, at("ed"), "ed25519"), key(t, at("ecdsa"), "ecdsa"), key(t, at("rsa"), "rsa")
	k.other, k.ca, k.otherCA = key(t, at("other"), "ed25519"), key(t, at("ca"), "ecdsa"), key(t, at("otherca"), "ed25519")
	otherECDSA, otherRSA := key(t, at("otherecdsa"), "ecdsa"), key(t, at("otherrsa"), "rsa")
	sign := func(name string, args ...string) string {
		pub := at(name + ".pub")
		write(t, pub, read(t, at("ed.pub")))
		must(t, nil, "ssh-keygen", append(append([]string{"-q", "-s", at("ca"), "-I", name}, args...), pub)...)
		return at(name + "-cert.pub")
	}
	// Certificates by name, all for the key ed.
	certificate := map[string]string{
		"good":      sign("good", "-h", "-n", "127.0.0.1"),
		"pattern":   sign("pattern", "-h", "-n", "127.0.*"),
		"elsewhere": sign("elsewhere", "-h", "-n", "10.0.0.1"),
		"expired":   sign("expired", "-h", "-n", "127.0.0.1", "-V", "20200101:20210101"),
		"user":      sign("user", "-n", "127.0.0.1"),
	}
	const good, bad = "", "-"
	for _, c := range []struct {
		name   string
		keys   string // the server's, by their file
		cert   string
		known  string // NAME is the server's, with its port; HOST is it without
		pinned []string
		want   string // good, or the fault
		alone  bool   // ssh can't do this, or differs, as the comment says
	}{
		{name: "plain", keys: "ed", known: "NAME " + k.ed, want: good},
		{name: "with comment and tabs", keys: "ed", known: "NAME\t" + strings.ReplaceAll(k.ed, " ", "\t") + " me@here", want: good},
		{name: "hashed", keys: "ed", known: "HASH NAME " + k.ed, want: good},
		{name: "without port", keys: "ed", known: "HOST " + k.ed, want: good},
		{name: "wildcard", keys: "ed", known: "[127.0.*]:* " + k.ed, want: good},
		{name: "question mark", keys: "ed", known: "[127.0.0.?]:* " + k.ed, want: good},
		{name: "a list", keys: "ed", known: "a,NAME,b " + k.ed, want: good},
		{name: "second of two keys", keys: "ed", known: "NAME " + k.other + "\nNAME " + k.ed, want: good},
		{name: "the known one of three", keys: "ed ecdsa rsa", known: "NAME " + k.ecdsa, want: good},
		{name: "RSA among three", keys: "ed ecdsa rsa", known: "NAME " + k.rsa, want: good},
		{name: "next to unreadable lines", keys: "ed", known: "NAME ssh-future AAAA\nNAME\n@what NAME " + k.ed + "\nNAME " + k.ed, want: good},
		{name: "another is revoked", keys: "ed", known: "NAME " + k.ed + "\n@revoked * " + k.other, want: good},
		{name: "authority", keys: "ed", cert: "good", known: "@cert-authority * " + k.ca, want: good},
		{name: "another's certificate, known key", keys: "ed", cert: "good", known: "@cert-authority * " + k.otherCA + "\nNAME " + k.ed, want: good},
		{name: "pinned", keys: "ed ecdsa", pinned: []string{k.ecdsa}, want: good, alone: true},
		{name: "pinned twice", keys: "ed", pinned: []string{k.other + " old", k.ed + " new"}, want: good, alone: true},
		{name: "pinned authority", keys: "ed", cert: "good", pinned: []string{"@cert-authority " + k.ca}, want: good, alone: true},
		{name: "pinned, known differs", keys: "ed", known: "NAME " + k.other, pinned: []string{k.ed}, want: good, alone: true},

		{name: "nothing known", keys: "ed", want: "unknown"},
		{name: "another host known", keys: "ed", known: "10.0.0.1 " + k.ed, want: "unknown"},
		{name: "another port known", keys: "ed", known: "[127.0.0.1]:1 " + k.ed, want: "unknown"},
		{name: "negated", keys: "ed", known: "!NAME,!HOST,* " + k.ed, want: "unknown"},
		{name: "commented out", keys: "ed", known: "#NAME " + k.ed, want: "unknown"},
		{name: "without port, another key", keys: "ed", known: "HOST " + k.other, want: "unknown"},
		{name: "changed", keys: "ed", known: "NAME " + k.other, want: "changed"},
		{name: "changed, hashed", keys: "ed", known: "HASH NAME " + k.other, want: "changed"},
		{name: "changed RSA", keys: "rsa", known: "NAME " + otherRSA, want: "changed"},
		{name: "changed, another of the same type", keys: "ed ecdsa", known: "NAME " + k.ed + "\nNAME " + otherECDSA, want: good},
		{name: "other type", keys: "ed", known: "NAME " + k.rsa, want: "other type"},
		{name: "revoked", keys: "ed", known: "NAME " + k.ed + "\n@revoked * " + k.ed, want: "revoked"},
		{name: "revoked before", keys: "ed", known: "@revoked NAME " + k.ed + "\nNAME " + k.ed, want: "revoked"},
		{name: "revoked in a certificate", keys: "ed", cert: "good", known: "@cert-authority * " + k.ca + "\n@revoked * " + k.ed, want: "revoked"},
		{name: "authority revoked", keys: "ed", cert: "good", known: "@cert-authority * " + k.ca + "\n@revoked * " + k.ca, want: "revoked"},
		// A revoked key is refused for every host. ssh accepts it here.
		{name: "revoked for another host", keys: "ed", known: "NAME " + k.ed + "\n@revoked 10.0.0.1 " + k.ed, want: "revoked", alone: true},
		{name: "revoked and unknown", keys: "ed", known: "@revoked * " + k.ed, want: "revoked"},
		{name: "unreadable revocation", keys: "ed", known: "NAME " + k.ed + "\n@revoked * ssh-ed25519 AAAA", want: bad, alone: true},
		{name: "another authority", keys: "ed", cert: "good", known: "@cert-authority * " + k.otherCA, want: "other type"},
		{name: "authority of other hosts", keys: "ed", cert: "good", known: "@cert-authority 10.0.0.1 " + k.ca, want: "unknown"},
		{name: "certificate for another host", keys: "ed", cert: "elsewhere", known: "@cert-authority * " + k.ca, want: "certificate"},
		{name: "certificate for a pattern", keys: "ed", cert: "pattern", known: "@cert-authority * " + k.ca, want: "certificate"},
		{name: "certificate expired", keys: "ed", cert: "expired", known: "@cert-authority * " + k.ca, want: "certificate"},
		{name: "certificate of a user", keys: "ed", cert: "user", known: "@cert-authority * " + k.ca, want: "certificate"},
		{name: "an authority's key as host key", keys: "ca", known: "@cert-authority * " + k.ca, want: "other type"},
		{name: "an authority's key, its type known", keys: "ca", known: "@cert-authority * " + k.ca + "\nNAME " + otherECDSA, want: "changed"},
		{name: "pinned, changed", keys: "ed", known: "NAME " + k.ed, pinned: []string{k.other}, want: "changed", alone: true},
		{name: "pinned, other type", keys: "ed", known: "NAME " + k.ed, pinned: []string{k.rsa}, want: "other type", alone: true},
		{name: "pinned and revoked", keys: "ed", known: "@revoked * " + k.ed, pinned: []string{k.ed}, want: "revoked", alone: true},
		{name: "pinned as revoked", keys: "ed", pinned: []string{k.ed, "@revoked " + k.ed}, want: "revoked", alone: true},
		{name: "pinned badly", keys: "ed", pinned: []string{"ssh-ed25519 AAAA"}, want: bad, alone: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var lines []string
			for name := range strings.FieldsSeq(c.keys) {
				lines = append(lines, "HostKey "+at(name))
			}
			if c.cert != "" {
				lines = append(lines, "HostCertificate "+certificate[c.cert])
			}
			m, s := operator(t), serve(t, lines...)
			s.authorize(m.key)
			text := strings.NewReplacer("NAME", s.known(), "HOST", s.host).Replace(c.known)
			text, hashed := strings.CutPrefix(text, "HASH ")
			write(t, m.ssh("known_hosts"), text+"\n")
			if hashed {
				must(t, nil, "ssh-keygen", "-q", "-H", "-f", m.ssh("known_hosts"))
				if err := os.Remove(m.ssh("known_hosts.old")); err != nil {
					t.Fatal(err)
				}
			}
			target := s.target()
			target.HostKeys = c.pinned
			conn, err := m.Dial(t.Context(), target)
			if err == nil {
				_ = conn.Close()
			}
			if got := faultOf(err); got != c.want {
				t.Errorf("%q, not %q: %v", got, c.want, err)
			}
			if tried := s.attempts(); c.want != good && tried != 0 {
				t.Errorf("refused after %d attempts to log in", tried)
			} else if c.want == good && tried == 0 {
				t.Error("sshd's log shows no login: refusals prove nothing")
			}
			if out, trusts := sshTrusts(t, m, s); !c.alone && trusts != (c.want == good) {
				t.Errorf("ssh trusts the host: %v\n%s", trusts, out)
			}
		})
	}
}

// faultOf returns the name of a host key's fault; "-" for another error.
func faultOf(err error) string {
	var fault *HostKeyError
	var at *Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &at) || at.Node != "n1":
		return fmt.Sprintf("no error of a host: %v", err)
	case !errors.As(err, &fault):
		return "-"
	}
	return map[Fault]string{Unknown: "unknown", Changed: "changed", OtherType: "other type", Revoked: "revoked", Certificate: "certificate"}[fault.Fault]
}

// sshTrusts reports whether ssh trusts the host with the same known_hosts.
func sshTrusts(t *testing.T, m *machine, s *server) (string, bool) {
	t.Helper()
	out, err := run(t, []string{"SSH_AUTH_SOCK="}, "ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
		"-o", "UpdateHostKeys=no", "-o", "UserKnownHostsFile="+m.ssh("known_hosts"), "-o", "GlobalKnownHostsFile=none",
		"-i", m.ssh("id_ed25519"), "-p", fmt.Sprint(s.port), s.host, "true")
	return out, err == nil
}

// TestHostKeyErrors: the error names the known key, its place, and the host's key.
func TestHostKeyErrors(t *testing.T) {
	m, s := ready(t)
	other := key(t, filepath.Join(t.TempDir(), "other"), "ed25519")
	print := func(file string) string { return strings.Fields(must(t, nil, "ssh-keygen", "-lf", file))[1] }
	mine := print(filepath.Join(s.dir, "host.pub"))

	write(t, m.ssh("known_hosts"), "# first\n"+s.known()+" "+other+"\n")
	theirs := print(m.ssh("known_hosts"))
	_, err := m.Dial(t.Context(), s.target())
	for _, part := range []string{"n1 (" + m.User + "@" + s.address() + ")", m.ssh("known_hosts") + ":2", mine, theirs, "changed"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q isn't in %v", part, err)
		}
	}

	write(t, m.ssh("known_hosts"), "")
	_, err = m.Dial(t.Context(), s.target())
	var fault *HostKeyError
	if !errors.As(err, &fault) || fault.Line != s.key || fault.Fingerprint != mine || fault.Type != "ssh-ed25519" {
		t.Fatalf("%+v of %v", fault, err)
	}
	// The error's line works as a pinned key.
	target := s.target()
	target.HostKeys = []string{fault.Line}
	dial(t, m, target)
}
