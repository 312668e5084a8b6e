package remote

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestConfigLikeSSH compares what we make of a configuration with ssh -G.
func TestConfigLikeSSH(t *testing.T) {
	for _, c := range []struct{ name, text, host string }{
		{"nothing", "", "n1"},
		{"host", "Host n1\n HostName 10.0.0.1\n Port 2222\n User admin\n", "n1"},
		{"another host", "Host n2\n HostName 10.0.0.1\n", "n1"},
		{"first wins", "Host n1\n User a\nHost *\n User b\n Port 7\n", "n1"},
		{"before any Host", "User a\nHost n1\n User b\n", "n1"},
		{"equals sign", "Host=n1\nHostName = 10.0.0.1\nPort=2222\n", "n1"},
		{"quotes", "Host \"n1\"\n User \"a b\"\n IdentityFile '/tmp/a b'\n", "n1"},
		{"comments", "Host n1 # it\n User a#b # c\n Port 22 #23\n", "n1"},
		{"tabs and several names", "Host\tn0\tn1\n\tPort\t9\n", "n1"},
		{"carriage returns", "Host n1\r\n HostName 10.0.0.1\r\n Port 9\r\n", "n1"},
		{"upper case", "HOST n1\n HOSTNAME Node.Example\n", "n1"},
		{"patterns", "Host n? !n2\n Port 9\n", "n1"},
		{"question mark takes one", "Host n1?\n Port 9\n", "n1"},
		{"negated", "Host n* !n1\n Port 9\n", "n1"},
		{"only negated", "Host !n2\n Port 9\n", "n1"},
		{"a token", "Host n1\n HostName %h.example.com\n", "n1"},
		{"a percent sign", "Host n1\n HostKeyAlias 100%%\n", "n1"},
		{"several keys", "Host n1\n IdentityFile /a\n IdentityFile /b\nHost *\n IdentityFile /c\n IdentityFile /a\n", "n1"},
		{"home", "IdentityFile ~/.ssh/k\nUserKnownHostsFile ~/x ~/y\n", "n1"},
		{"files", "Host n1\n UserKnownHostsFile /a /b\n GlobalKnownHostsFile /c\n IdentitiesOnly yes\n CertificateFile /d\n", "n1"},
		{"agent", "IdentityAgent /a/b\nAddressFamily inet6\n", "n1"},
		{"match all", "Host n2\n Port 8\nMatch all\n Port 9\n", "n1"},
		{"match host, a list", "Match host n0,n1\n Port 9\n", "n1"},
		{"match host, negated", "Match host !n1,n*\n Port 9\n", "n1"},
		{"match not host", "Match !host n2\n Port 9\n", "n1"},
		{"match host by HostName", "Host n1\n HostName 10.0.0.1\nMatch host 10.*\n Port 9\n", "n1"},
		{"match originalhost", "Host n1\n HostName 10.0.0.1\nMatch originalhost n1\n Port 9\n", "n1"},
		{"match user", "Host n1\n User a\nMatch user b,a host n1\n Port 9\n", "n1"},
		{"match other user", "Match host n1 user nobody\n Port 9\n", "n1"},
		{"match exec of another host", "Match host n2 exec false\n Port 9\nHost n1\n Port 8\n", "n1"},
		{"match final", "Match final all\n Port 9\nHost n1\n HostName 10.0.0.1\n User a\nHost 10.0.0.1\n User b\n Port 8\n", "n1"},
		{"match final, token", "Host n1\n HostName %h.example\nMatch final host *.example\n Port 9\n", "n1"},
		{"jump", "Host n1\n ProxyJump a,me@b:2222\n", "n1"},
		{"jump before command", "Host n1\n ProxyJump a\nHost n*\n ProxyCommand nc %h %p\n", "n1"},
		{"no jump", "Host n1\n ProxyJump none\nHost *\n ProxyJump a\n", "n1"},
		{"no command", "Host n1\n ProxyCommand none\nHost *\n ProxyCommand nc %h %p\n", "n1"},
		{"include", "Include DIR/a*\nPort 7\n", "n1"},
		{"include for another host", "Host n2\n Include DIR/a*\nHost n1\n Port 7\n", "n1"},
		{"include in the middle", "Host n1\n Include DIR/a*\n User late\n", "n1"},
		{"nothing included", "Include DIR/none\nPort 7\n", "n1"},
		{"an address", "Host 10.0.*\n User a\n", "10.0.0.1"},
		{"IPv6", "Host n1\n HostName 2001:db8::1\n", "n1"},
		{"words about other things", "Host n1\n ServerAliveInterval 5\n ForwardAgent no\n Port 9\n", "n1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := operator(t)
			dir := t.TempDir()
			write(t, filepath.Join(dir, "a1"), "Host n1\n User included\nHost n*\n HostName 10.9.9.9\n")
			write(t, filepath.Join(dir, "a2"), "User second\nPort 5\n")
			file := m.ssh("config")
			write(t, file, strings.ReplaceAll(c.text, "DIR", dir))
			said := sshG(t, m, "-F", file, c.host)
			r, err := m.readConfig(c.host, nil)
			if err != nil {
				t.Fatal(err)
			}
			e, err := m.endpoint(Target{Host: c.host}, 0)
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, id := range e.identities {
				keys = append(keys, id.file)
			}
			network := map[string]string{"tcp": "any", "tcp4": "inet", "tcp6": "inet6"}[e.network]
			for _, v := range []struct{ keyword, ours string }{
				{"hostname", e.host},
				{"port", fmt.Sprint(e.port)},
				{"user", e.user},
				{"addressfamily", network},
				{"proxyjump", strings.TrimPrefix(r.value("proxyjump"), "none")},
				{"identityfile", strings.Join(keys, " ")},
				{"certificatefile", strings.Join(e.certificates, " ")},
				{"userknownhostsfile", strings.Join(e.knownHosts[:len(strings.Fields(said["userknownhostsfile"]))], " ")},
				{"identityagent", e.agent},
				{"identitiesonly", map[bool]string{true: "yes", false: "no"}[e.identitiesOnly]},
			} {
				if v.ours != said[v.keyword] && !strings.EqualFold(v.ours, said[v.keyword]) {
					t.Errorf("%s: %q, ssh says %q", v.keyword, v.ours, said[v.keyword])
				}
			}
		})
	}
}

// sshG is what ssh -G says, by keyword. Its home is the passwd file's, ours the
// test's; it looks for two kinds of keys more than this library can use.
func sshG(t *testing.T, m *machine, args ...string) map[string]string {
	t.Helper()
	me, err := user.Current() // $HOME may be another
	if err != nil {
		t.Fatal(err)
	}
	home := me.HomeDir
	out := map[string]string{}
	for line := range strings.SplitSeq(must(t, nil, "ssh", append([]string{"-G"}, args...)...), "\n") {
		keyword, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.ReplaceAll(value, home+"/", m.Home+"/")
		if value = strings.ReplaceAll(value, "~/", m.Home+"/"); strings.HasSuffix(value, "/id_dsa") || strings.HasSuffix(value, "/id_xmss") {
			continue
		}
		if out[keyword] != "" {
			value = out[keyword] + " " + value
		}
		out[keyword] = value
	}
	if out["hostname"] == "" {
		t.Fatal("ssh -G names no host")
	}
	return out
}

// TestConfigRefused: what can't be followed is named with its file and line where
// it applies, and passed over where it doesn't.
func TestConfigRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		line int // of the refusal
		part string
	}{
		{"Host n1\n ProxyCommand nc %h %p\n", 2, "proxycommand"},
		{"CanonicalizeHostname yes\n", 1, "canonicalizehostname"},
		{"Host *\n RevokedHostKeys /etc/revoked\n", 2, "revokedhostkeys"},
		{"Host n1\n Port 1\nMatch host n1 exec \"true\"\n Port 9\n", 3, "exec"},
		{"Match exec true host n1\n Port 9\n", 1, "exec"},
		{"Match localnetwork 10.0.0.0/8\n Port 9\n", 1, "localnetwork"},
		{"Host n1\n Port 99999\n", 2, "99999"},
		{"Host n1\n Port\n", 2, "says nothing"},
		{"Host \"n1\n", 1, "quote"},
		{"Host n1\n HostName %x\n", 2, "%x"},
		{"Host n1\n IdentityFile ~other/k\n", 2, "~other"},
		{"Host n1\n IdentityFile ${NOT_SET}/k\n", 2, "NOT_SET"},
		{"Host n1\n ProxyJump a:b:c@\n", 2, "proxyjump"},
		{"\n\nInclude SELF\n", 3, "deeper"},
		{"Host n1\n AddressFamily 4\n", 2, "addressfamily"},
	} {
		m := operator(t)
		file := m.ssh("config")
		write(t, file, strings.ReplaceAll(c.text, "SELF", file))
		_, err := m.resolve(Target{Name: "n1", Host: "n1"})
		var at *ConfigError
		if !errors.As(err, &at) || at.File != file || at.Line != c.line || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
	m := operator(t)
	write(t, m.ssh("config"), "Host n2\n ProxyCommand nc\n CanonicalizeHostname yes\nMatch host n2 exec false\n Port 9\nHost n1\n ProxyCommand none\nHost *\n ProxyCommand nc\n")
	if _, err := m.resolve(Target{Name: "n1", Host: "n1"}); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(m.ssh("config"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := m.resolve(Target{Name: "n1", Host: "n1"}); err == nil || !strings.Contains(err.Error(), "0666") {
		t.Errorf("a configuration that others may write: %v", err)
	}
}

// TestWhichHost: the cluster's ssh.host, else the node's name where a Host block
// names it, else the node's address; and the cluster wins over the file.
func TestWhichHost(t *testing.T) {
	const text = "Host n1\n HostName named.example\nHost n2\n Port 2\nHost 10.0.0.3\n HostName by-address.example\nHost bastion*\n User b\nHost *\n User all\n"
	for _, c := range []struct {
		target         Target
		host, user, by string
		port           int
	}{
		{Target{Name: "n1", Address: "10.0.0.1"}, "named.example", "all", "", 22},
		{Target{Name: "n1", Address: "10.0.0.1", Host: "bastion2"}, "bastion2", "b", "", 22},
		{Target{Name: "n2", Address: "10.0.0.2"}, "10.0.0.2", "all", "", 2},
		{Target{Name: "n3", Address: "10.0.0.3"}, "by-address.example", "all", "", 22},
		{Target{Name: "n4", Address: "fd00::4"}, "fd00::4", "all", "", 22},
		{Target{Name: "n2", Address: "10.0.0.2", Port: 7, User: "me", ProxyJump: "x@bastion:9"}, "10.0.0.2", "me", "x@bastion:9", 7},
		{Target{Name: "n2", Address: "10.0.0.2", ProxyJump: "ssh://bastion"}, "10.0.0.2", "all", "b@bastion:22", 2},
	} {
		m := operator(t)
		write(t, m.ssh("config"), text)
		e, err := m.resolve(c.target)
		if err != nil {
			t.Errorf("%+v: %v", c.target, err)
			continue
		}
		by := ""
		if e.via != nil {
			by = e.via.name()
		}
		if e.host != c.host || e.user != c.user || e.port != c.port || by != c.by {
			t.Errorf("%+v: %s by %q", c.target, e.name(), by)
		}
	}
	m := operator(t)
	write(t, m.ssh("config"), "Include conf.d/*\nIdentityFile ~/.ssh/%r_%h_%u_%%\nIdentityFile %d/x\n")
	write(t, m.ssh("conf.d/1"), "User included\n")
	write(t, filepath.Join(m.SystemDir, "ssh_config"), "Include more\nPort 5\n")
	write(t, filepath.Join(m.SystemDir, "more"), "HostKeyAlias alias\n")
	m.LookupEnv = func(name string) (string, bool) { return "/run/" + name, true }
	e, err := m.resolve(Target{Name: "n1", Address: "10.0.0.1", IdentityFile: "~/first"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{m.Home + "/first", m.ssh("included_10.0.0.1_" + m.User + "_%"), m.Home + "/x"}
	var files []string
	for _, id := range e.identities {
		files = append(files, id.file)
	}
	if !slices.Equal(files, want) || e.port != 5 || e.knownAs != "alias" {
		t.Errorf("%q, %s known as %s", files, e.name(), e.knownAs)
	}
	write(t, m.ssh("config"), "Host *\n ProxyJump self\n")
	if _, err := m.resolve(Target{Name: "n1", Address: "10.0.0.1"}); err == nil || !strings.Contains(err.Error(), "jump hosts") {
		t.Errorf("a jump host that is its own: %v", err)
	}
}
