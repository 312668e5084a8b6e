package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
)

// TestResolve: settings come from the real ssh, and file names are expanded as ssh does.
func TestResolve(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KCMGEN_TEST_WORD", "word") // ssh looks it up, too
	for _, c := range []struct{ name, text, want string }{
		{"a host", "Host n1\n HostName Node.Example\n Port 2222\n User admin\n", "admin@node.example:2222"},
		{"IPv6", "Host n1\n HostName 2001:db8::1\n", "ME@[2001:db8::1]:22"},
		{"a scope", "Host n1\n HostName fe80::1%%lo\n", "ME@[fe80::1%lo]:22"},
		{"an address family", "AddressFamily inet6\n", "tcp6"},
		{"match exec", "Match exec \"test %h = n1\"\n Port 9\n", "ME@n1:9"},
		{"match final", "Match final all\n Port 9\nHost n1\n HostName 10.0.0.1\nHost 10.0.0.1\n Port 8\n", "ME@10.0.0.1:9"},
		{"include", "Include DIR/a*\nPort 7\n", "included@n1:7"},
		{"jump", "Host n1\n ProxyJump %r@%h.example:99\nHost *.example\n HostName 10.0.0.9\n", "via ME@10.0.0.9:99"},
		{"no jump", "Host n1\n ProxyJump none\nHost *\n ProxyJump a\n", "via -"},
		{"no command", "Host n1\n ProxyCommand none\nHost *\n ProxyCommand nc %h %p\n", "ME@n1:22"},
		{"tokens", "User u\nPort 5\nHost n1\n HostName h\nHost *\n IdentityFile /%h-%n-%p-%r-%u-%k-%%-%d-${KCMGEN_TEST_WORD}\n", "key /h-n1-5-u-ME-n1-%-HOME-word"},
		{"tokens of an alias", "HostKeyAlias A1\nIdentityFile /%k\n", "key /a1"},
		{"home", "IdentityFile ~/x\nCertificateFile ~/c-%h\n", "key HOME/x"},
		{"a certificate", "CertificateFile ~/c-%h\n", "certificate HOME/c-n1"},
		{"known hosts", "UserKnownHostsFile ~/x /y-%h\nGlobalKnownHostsFile ~/z\n", "known HOME/x,/y-n1,HOME/z"},
		{"known hosts, spaces", "UserKnownHostsFile \"/a b/c d\" /e\nGlobalKnownHostsFile none\n", "known /a b/c d,/e"},
		{"known by an alias", "HostKeyAlias Al\nPort 9\n", "as al"},
		{"known with a port", "Port 9\n", "as [n1]:9"},
		{"agent", "IdentityAgent ~/a-%h\n", "agent HOME/a-n1"},
		{"agent by a variable", "IdentityAgent $KCMGEN_TEST_WORD\n", "agent word"},
		{"the usual agent", "IdentityAgent SSH_AUTH_SOCK\n", "agent /agent"},
		{"no agent", "IdentityAgent none\n", "agent "},
		{"only these keys", "IdentitiesOnly yes\n", "only"},
		{"words about other things", "ServerAliveInterval 5\nControlMaster auto\nControlPath /x/%C\nForwardAgent no\nPort 9\n", "ME@n1:9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "a1"), "Host n1\n User included\n")
			m := operator(t)
			m.AgentSocket, m.LookupEnv = "/agent", os.LookupEnv
			write(t, m.File, strings.ReplaceAll(c.text, "DIR", dir)) // as it is: ~ is the password file's home
			e, err := m.resolve(t.Context(), Target{Name: "n1", Host: "n1"})
			if err != nil {
				t.Fatal(err)
			}
			via := "-"
			if e.via != nil {
				via = e.via.name()
			}
			facts := []string{
				e.name(), e.network, "via " + via, "known " + strings.Join(e.knownHosts, ","), "as " + e.knownAs, "agent " + e.agent,
				"certificate " + strings.Join(e.certificates, ","), "key " + e.identities[0].file,
			}
			if e.identitiesOnly {
				facts = append(facts, "only")
			}
			if want := strings.NewReplacer("ME", me.Username, "HOME", me.HomeDir).Replace(c.want); !slices.Contains(facts, want) {
				t.Errorf("%q isn't among %q", want, facts)
			}
		})
	}
}

// TestResolveUsual: ssh's default files are in the home of the password file, not $HOME,
// and default keys come after the agent's.
func TestResolveUsual(t *testing.T) {
	need.Program(t, "ssh")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", t.TempDir())
	e, err := (&Config{File: "none"}).resolve(t.Context(), Target{Name: "n1", Host: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(me.HomeDir, ".ssh")
	if !slices.Contains(e.identities, identity{file: filepath.Join(at, "id_ed25519"), fallback: true}) || e.knownHosts[0] != filepath.Join(at, "known_hosts") || e.user != me.Username {
		t.Errorf("%+v", e)
	}
}

// TestResolveRefused: unsupported settings are refused with their value, and what ssh
// refuses with ssh's error.
func TestResolveRefused(t *testing.T) {
	for _, c := range []struct{ text, part string }{
		{"Host n1\n ProxyCommand nc %h %p\n", `ProxyCommand "nc %h %p" isn't followed here; kcmgen connects by itself: give ProxyJump`},
		{"Host *\n RevokedHostKeys /etc/revoked\n", `RevokedHostKeys "/etc/revoked" isn't followed here`},
		{"KnownHostsCommand /bin/known %h\n", `KnownHostsCommand "/bin/known %h" isn't followed here`},
		{"Host n1\n Port 99999\n", "FILE line 2: "},
		{"Host n1\n Port\n", "FILE line 2: "},
		{"Host \"n1\n", "FILE line 1: "},
		{"Host n1\n AddressFamily 4\n", "FILE line 2: "},
		{"Host n1\n ProxyJump a:b:c@\n", "FILE line 2: "},
		{"Nonsense 3\nMore 4\n", "FILE: line 2: Bad configuration option: more"},
		{"Host n1\n HostName %x\n", "%x"},
		{"\n\nInclude SELF\n", "Too many recursive configuration includes"},
		{"Host *\n ProxyJump self\n", "loop via self"},
		{"Host n1\n ProxyJump n2\nHost n2\n ProxyJump n1\n", "more than 8 jump hosts"},
		{"Host n1\n IdentityFile ~other/k\n", "~other"},
		{"Host n1\n IdentityFile /%x/k\n", "%x"},
		{"Host n1\n IdentityFile ${NOT_SET}/k\n", "NOT_SET"},
		{"Host n1\n IdentityAgent $NOT_SET\n", "NOT_SET"},
		{"UserKnownHostsFile known\n", "where a name begins"},
		{"GlobalKnownHostsFile ~other/known\n", "another user"},
	} {
		m := operator(t)
		write(t, m.File, strings.ReplaceAll(c.text, "SELF", m.File))
		_, err := m.resolve(t.Context(), Target{Name: "n1", Host: "n1"})
		var at *Error
		if !errors.As(err, &at) || at.Step != StepConfig || !strings.Contains(err.Error(), strings.ReplaceAll(c.part, "FILE", m.File)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", c.text, err)
		}
	}
	m := operator(t)
	m.configure(t, "Host n2\n ProxyCommand nc\nHost n1\n ProxyCommand none\n RevokedHostKeys none\n KnownHostsCommand none\nHost *\n ProxyCommand nc\n RevokedHostKeys /x\n KnownHostsCommand /x\n")
	if _, err := m.resolve(t.Context(), Target{Name: "n1", Host: "n1"}); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"-oProxyCommand=touch /tmp/x", "-x", "a b", "me@n1", "ssh://n1", ""} {
		asked := false
		m.SSH = func(context.Context, ...string) ([]byte, error) { asked = true; return nil, nil }
		if _, err := m.resolve(t.Context(), Target{Address: host}); err == nil || asked || !strings.Contains(err.Error(), "is no host") {
			t.Errorf("%q: %v", host, err)
		}
	}
}

// TestResolveTarget: the cluster's settings override the configuration's.
func TestResolveTarget(t *testing.T) {
	m := operator(t)
	m.configure(t, "Host *\n User conf\n Port 9\n ProxyCommand nc\n IdentityFile ~/conf\n")
	e, err := m.resolve(t.Context(), Target{Name: "n1", Address: "10.0.0.1", Port: 7, User: "me", ProxyJump: "none", IdentityFile: "/keys/100%"})
	if err != nil {
		t.Fatal(err)
	}
	want := []identity{{file: "/keys/100%", required: true}, {file: filepath.Join(m.Home, "conf")}}
	if e.name() != "me@10.0.0.1:7" || e.via != nil || !slices.Equal(e.identities, want) {
		t.Errorf("%s by %v with %v", e.name(), e.via, e.identities)
	}
	m.configure(t, "")
	e, err = m.resolve(t.Context(), Target{Name: "n1", Address: "10.0.0.1", IdentityFile: "~/first", ProxyJump: "fd00::1,ssh://me@[fd00::2]:9,c"})
	if err != nil {
		t.Fatal(err)
	}
	if e.via.host != "c" || e.via.via.name() != "me@[fd00::2]:9" || e.via.via.via.host != "fd00::1" || e.via.via.via.via != nil || strings.HasPrefix(e.identities[0].file, "~") || !e.identities[0].required {
		t.Errorf("%+v", e)
	}
}

// TestWhichHost: the cluster's ssh.host, else the node's name if the configuration has it,
// else the node's address.
func TestWhichHost(t *testing.T) {
	const text = "Host n1\n HostName named.example\nHost n2\n Port 2\nHost 10.0.0.3\n HostName by-address.example\n" +
		"Host bastion*\n User b\nMatch exec \"test %n = n6\"\n Port 6\nHost n?x\n User pattern\nHost *\n User all\n UserKnownHostsFile /known-%n\n"
	for _, c := range []struct {
		target Target
		want   string
	}{
		{Target{Name: "n1", Address: "10.0.0.1"}, "all@named.example:22"},
		{Target{Name: "n1", Address: "10.0.0.1", Host: "bastion2"}, "b@bastion2:22"},
		{Target{Name: "n2", Address: "10.0.0.2"}, "all@10.0.0.2:2"},
		{Target{Name: "n3", Address: "10.0.0.3"}, "all@by-address.example:22"},
		{Target{Name: "n4", Address: "fd00::4"}, "all@[fd00::4]:22"},
		{Target{Name: "n5x", Address: "10.0.0.5"}, "pattern@10.0.0.5:22"},
		{Target{Name: "n6", Address: "10.0.0.3"}, "all@10.0.0.3:6"},
		{Target{Name: "n2", Address: "10.0.0.2", Port: 7, User: "me"}, "me@10.0.0.2:7"},
	} {
		m := operator(t)
		write(t, m.File, text)
		if e, err := m.resolve(t.Context(), c.target); err != nil || e.name() != c.want {
			t.Errorf("%+v: %+v, %v", c.target, e, err)
		}
		if strings.HasPrefix(c.target.Name, "n6") {
			continue
		}
		m.withoutSSH()
		m.File = m.ssh("config")
		write(t, m.File, strings.NewReplacer("Match exec \"test %n = n6\"\n Port 6\n", "", " UserKnownHostsFile /known-%n\n", "").Replace(text))
		if e, err := m.resolve(t.Context(), c.target); err != nil || e.name() != c.want {
			t.Errorf("without ssh: %+v: %+v, %v", c.target, e, err)
		}
	}
}

// TestUnknownName: the name shares no character with the given one, and is random.
func TestUnknownName(t *testing.T) {
	for _, name := range []string{"n1", "CP-1", "abcdefghijklmnopqrstuvwxyz0123456789"} {
		got := unknownName(name)
		if len(got) != 40 || got == unknownName(name) {
			t.Errorf("%s: %q", name, got)
		}
		if len(name) < 36 && strings.ContainsAny(got, strings.ToLower(name)) {
			t.Errorf("%s: %q has characters of it", name, got)
		}
	}
}

// TestSSHBounded: an ssh that hangs is ended, and the error has its output.
func TestSSHBounded(t *testing.T) {
	for _, c := range []struct{ script, part string }{
		{"echo first >&2; echo second >&2; exit 3", "ssh -G n1: first; second (exit status 3)"},
		{"echo wait >&2; exec sleep 600", "ssh -G n1: wait (no answer within 2s)"},
		{"yes >&2", "ssh -G n1: y; y; "},
		{"yes", "ssh -G n1: "},
		{"cat; exit 4", "ssh -G n1: exit status 4"},
		{"echo hostname n1", "ControlPath"},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "ssh"), "#!/bin/sh\n"+c.script+"\n")
		if err := os.Chmod(filepath.Join(dir, "ssh"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, &TimeoutError{2 * time.Second})
		_, err := (&Config{}).resolve(ctx, Target{Host: "n1"})
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.part) || len(err.Error()) > 30_000 {
			t.Errorf("%s: %.1000v", c.script, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	m := operatorWithout(t, "Port 7\n")
	if e, err := m.resolve(t.Context(), Target{Host: "n1"}); err != nil || e.port != 7 {
		t.Errorf("no ssh in PATH: %+v, %v", e, err)
	}
}

// operatorWithout returns a machine without an ssh program, with a configuration.
func operatorWithout(t *testing.T, text string) *machine {
	t.Helper()
	home := t.TempDir()
	m := &machine{Config: &Config{Home: home, User: "me"}}
	m.withoutSSH()
	m.File = ""
	write(t, m.ssh("config"), text)
	return m
}

// TestSubset: without an ssh program, few keywords are supported, and a host with others is
// refused.
func TestSubset(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "me@n1:22"},
		{"Host n1\n HostName %h.Example\n Port 2222\n User admin\n", "admin@n1.example:2222"},
		{"Host n1\n User a\nHost *\n User b\n Port 7\n", "a@n1:7"},
		{"Host=n1 n2 # it\nUser = a#b\r\nPort=9 #8\nIdentityFile /k=\n", "a#b@n1:9"},
		{"Host n? !n2\n Port 9\n", "me@n1:9"},
		{"Host n* !n1\n Port 9\n", "me@n1:22"},
		{"HOST N1\n\tPORT\t9\n", "me@n1:9"},
		{"Host n1\n ServerAliveInterval 5\n", "me@n1:22"},
		{"Host n2\n ProxyCommand nc\n Include x\n Port a b\n", "me@n1:22"},
		{"Host n1\n ProxyJump %r@b:9\nHost *\n User all\n", "via all@b:9"},
		{"IdentityFile ~/.ssh/%h\n", "key HOME/.ssh/n1"},
		{"", "key HOME/.ssh/id_rsa"},

		{"Host n1\n ProxyCommand nc\n", "FILE:2: proxycommand isn't followed without OpenSSH's ssh"},
		{"RevokedHostKeys /x\n", "FILE:1: revokedhostkeys isn't"},
		{"UserKnownHostsFile /x\n", "FILE:1: userknownhostsfile isn't"},
		{"\nInclude x\n", "FILE:2: include isn't"},
		{"Host n2\nMatch host n1\n Port 9\n", "FILE:2: match isn't"},
		{"Future yes\n", "FILE:1: future isn't"},
		{"Host n1\n Port\n", "FILE:2: port needs OpenSSH's ssh"},
		{"Host n1\n User a b\n", "FILE:2: user needs OpenSSH's ssh"},
		{"Host n1\n User 'a'\n", "FILE:2: user needs OpenSSH's ssh"},
		{"Host n1\n User a\"b\n", "FILE:2: user needs OpenSSH's ssh"},
		{"Host n1,n2\n Port 9\n", "FILE:1: host needs OpenSSH's ssh"},
		{"Host \"n1\"\n Port 9\n", "FILE:1: host needs OpenSSH's ssh"},
		{"Host n1\n Port 99999\n", "port \"99999\""},
		{"Host n1\n HostName %x\n", "%x"},
		{"Host *\n ProxyJump self\n", "jump hosts"},
	} {
		m := operatorWithout(t, c.text)
		facts := []string{}
		e, err := m.resolve(t.Context(), Target{Name: "n1", Host: "n1"})
		if err != nil {
			facts = append(facts, err.Error())
		} else {
			facts = append(facts, e.name(), "key "+e.identities[0].file)
			if e.via != nil {
				facts = append(facts, "via "+e.via.name())
			}
		}
		want := strings.NewReplacer("FILE", m.ssh("config"), "HOME", m.Home).Replace(c.want)
		if !slices.ContainsFunc(facts, func(s string) bool { return s == want || err != nil && strings.Contains(s, want) }) {
			t.Errorf("%q: %q isn't among %q", c.text, want, facts)
		}
	}
	m := operatorWithout(t, "Port 9\n")
	if err := os.Chmod(m.ssh("config"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := m.resolve(t.Context(), Target{Host: "n1"}); err == nil || !strings.Contains(err.Error(), "0666") {
		t.Errorf("a configuration that others may write: %v", err)
	}
	m.File = m.ssh("gone")
	if _, err := m.resolve(t.Context(), Target{Host: "n1"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a configuration that isn't there: %v", err)
	}
	if got := fmt.Sprint(m.fileNames(&answer{values: map[string][]string{"x": {"/a b ~/c d"}}, home: "/h"}, "x")); got != "[/a b /h/c d] <nil>" {
		t.Error(got)
	}
}
