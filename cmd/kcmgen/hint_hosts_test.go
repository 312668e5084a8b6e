package main

import (
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/remote"
)

// TestHostKeyHint: what to do about a host key is said for nodes, which the cluster
// pins, and for jump hosts, which it can't; never to trust one unseen.
func TestHostKeyHint(t *testing.T) {
	key := remote.HostKeyError{
		Name: "[jump.example]:2222", Type: "ecdsa-sha2-nistp256", Line: "ecdsa-sha2-nistp256 AAAA",
		Known: []remote.KnownKey{{File: "/home/me/.ssh/known_hosts", Line: 3}},
	}
	for _, c := range []struct {
		name   string
		fault  remote.Fault
		node   string
		pinned bool
		want   []string
		not    string
	}{
		{"unknown", remote.Unknown, "cp-1", false, []string{"/etc/ssh/ssh_host_ecdsa_key.pub", `nodes: "cp-1": ssh: hostKeys: ["ecdsa-sha2-nistp256 AAAA"]`}, "known_hosts"},
		{"unknown jump host", remote.Unknown, "", false, []string{"~/.ssh/known_hosts: [jump.example]:2222 ecdsa-sha2-nistp256 AAAA"}, "nodes:"},
		{"changed", remote.Changed, "cp-1", false, []string{"find out why first", "ssh-keygen -R '[jump.example]:2222' -f /home/me/.ssh/known_hosts"}, ""},
		{"changed, pinned", remote.Changed, "cp-1", true, []string{"find out why first", "hostKeys: ["}, "ssh-keygen -R"},
		{"of another type", remote.OtherType, "cp-1", false, []string{"/etc/ssh/ssh_host_*_key.pub"}, "hostKeys"},
		{"revoked", remote.Revoked, "cp-1", false, []string{"don't log in"}, "hostKeys"},
	} {
		k := key
		k.Fault, k.Pinned = c.fault, c.pinned
		got := hint(&remote.Error{Node: c.node, Step: remote.StepHostKey, Err: &k})
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: expected %q in %q", c.name, w, got)
			}
		}
		if c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("%s: %q in %q", c.name, c.not, got)
		}
	}
}

// TestRefusedHint: a program that says nothing hasn't complained of a flag.
func TestRefusedHint(t *testing.T) {
	for text, want := range map[string]string{
		"it ends with exit status 1 and " + host.SaysNothing: "nothing was changed; see on the host what that program is: /usr/local/bin/kcm --version",
		"Error: unknown flag: --x":                           "nothing was changed; see what the flag is on that version: kcmgen flags NAME",
	} {
		if got := hint(&deploy.RefusedError{Program: "/usr/local/bin/kcm", Text: text}); got != want {
			t.Errorf("%s: %q, expected %q", text, got, want)
		}
	}
}
