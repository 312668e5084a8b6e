package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestHostKeyHint: hints about a host key are for nodes, whose keys the cluster can pin, and
// for jump hosts, whose keys it can't; they never say to trust an unseen key.
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

// TestRefusedHint: only an error about a flag gets a hint about flags.
func TestRefusedHint(t *testing.T) {
	const kcm = "/usr/local/bin/kcm"
	for _, c := range []struct {
		err        error
		says, hint string
	}{
		{
			&deploy.RefusedError{Program: kcm, Text: "it ends with exit status 1 and " + host.SaysNothing},
			kcm + " refuses it: it ends with exit status 1 and says nothing", "see on the host what that program is: " + kcm + " --version",
		},
		{
			&deploy.RefusedError{Program: kcm, Text: "Error: unknown flag: --x"},
			kcm + " refuses it: Error: unknown flag: --x", "see what the flag is on that version: kcmgen flags NAME",
		},
		{
			&deploy.RefusedError{Program: deploy.Systemd, Text: "kcm.service:3: Unknown key"},
			"systemd refuses it: kcm.service:3: Unknown key", "what it complains of comes from the cluster: fix it there, then kcmgen export",
		},
		{
			&deploy.OtherProgramError{Program: kcm, Is: "v1.36.2", Expected: spec.Version{Minor: 37, Patch: 1}},
			kcm + " is v1.36.2, and the cluster v1.37.1", "install Kubernetes v1.37.1 there, or have kcmgen bring it: binary in the cluster, with its sha256 and install: true",
		},
	} {
		if got := c.err.Error(); got != c.says {
			t.Errorf("%q, not %q", got, c.says)
		}
		if got := hint(c.err); got != "nothing was changed; "+c.hint {
			t.Errorf("%s: %q, not %q", c.says, got, c.hint)
		}
	}
}

// TestLeftHint: hints about hosts after a rollout and about their names, and the exit codes.
func TestLeftHint(t *testing.T) {
	away := &deploy.ApiserverAwayError{For: time.Minute, Err: errors.New("refused")}
	bad := errors.New("it ended 2 times by itself")
	for _, c := range []struct {
		name string
		err  error
		code int
		hint string
	}{
		{"away", &deploy.UnseenError{Nodes: []string{"cp-1"}, Away: away, Err: away}, 7, "hosts go on by themselves once the apiserver is back"},
		{"bad, and away", &deploy.UnseenError{Nodes: []string{"cp-1"}, Away: away, Err: bad}, 7, "hosts go on by themselves once the apiserver is back"},
		{"away, and seen to be well", &deploy.RolledBackError{Action: "deploy", Nodes: []string{"cp-1"}, Err: away}, 5, "hosts go on by themselves"},
		{"gone, and the rest is done", deploy.GoneErrors{"cp-1": {State: "inactive (dead)"}}, 1, "journalctl -u kube-controller-manager -n 50"},
		{"gone, and the rest is back", &deploy.StrandedError{Err: bad, ByHand: map[string]string{"cp-1": "systemctl start kube-controller-manager"}}, 6, "on cp-1, as root: systemctl start kube-controller-manager"},
		{"one name", &deploy.SameNameError{Name: "a", Nodes: []string{"cp-1", "cp-2"}, Unit: "kcm.service"}, 1, "hostnamectl set-hostname cp-2, then systemctl restart kcm, on cp-2"},
		{"gone, of another name", deploy.GoneErrors{"cp-1": {State: "failed", Unit: "kcm.service"}}, 1, "journalctl -u kcm -n 50; then systemctl start kcm, on each"},
		{"not to be spared", &deploy.SpareError{Node: "cp-1", Unit: "kcm.service", Err: bad}, 1, "systemctl status kcm;"},
		{"a shell that prints", fmt.Errorf("SFTP: %w", &host.NoisyError{Noise: "welcome", Err: bad}), 1, "~/.bashrc"},
	} {
		code, ok := exitOf(c.err)
		if !ok {
			code = 1
		}
		if got := hint(c.err); !strings.Contains(got, c.hint) || code != c.code {
			t.Errorf("%s: exit %d, %q; expected %d, %q", c.name, code, got, c.code, c.hint)
		}
	}
}
