package deploy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

// Hint returns advice on an error of hosts and rollouts, such as the command to type next; "" if
// there is none.
func Hint(err error) string {
	var refused *RefusedError
	var other *OtherProgramError
	var spare *rollout.SpareError
	var still *StillInClusterError
	if hint := leftHint(err); hint != "" {
		return hint
	}
	switch {
	case is[*host.LockedError](err):
		return "wait for it to end; a lock whose holder is gone is free within half a minute"
	case is[*plan.EditedError](err):
		return "kcmgen export, and look at what it changes, before you deploy"
	case errors.As(err, &refused) && strings.HasSuffix(refused.Text, host.SaysNothing):
		return "nothing was changed; see on the host what that program is: " + spec.ShellWord(refused.Program) + " --version"
	case errors.As(err, &refused) && refused.Program == Systemd:
		return "nothing was changed; what it complains of comes from the cluster: fix it there, then kcmgen export"
	case errors.As(err, &refused):
		return "nothing was changed; see what the flag is on that version: kcmgen flags NAME"
	case errors.As(err, &other):
		return fmt.Sprintf("nothing was changed; install Kubernetes %s there, or have kcmgen bring it: binary in the cluster, with its sha256 and install: true", other.Expected)
	case errors.As(err, &spare):
		return "see what is wrong there first: " + CommandsFor(spare.Unit).Status + "; then the same command again"
	case NeedsNewPlan(err):
		return "the same command again: its plan is made anew"
	case is[*rollout.UnsettledError](err):
		return "wait until it has gone back, or name it, too: a deploy of it ends its trial"
	case is[*plan.NoWayBackError](err):
		return "deploy what it should run: kcmgen export, kcmgen deploy"
	case errors.Is(err, ErrNoKubeconfig):
		return "name one: --kubeconfig FILE, or deploy: kubeconfig in the cluster (KUBECONFIG and ~/.kube/config aren't looked at); to go on without: --without-lease"
	case is[*KubeconfigError](err):
		return "name one that is there: --kubeconfig FILE, or deploy: kubeconfig in the cluster, where a relative one starts at the cluster's directory"
	case errors.As(err, &still):
		return "take it out of the CUE first; to stop it for a while: " + CommandsFor(still.Unit).Stop + ", on the host"
	case is[*NeverDeployedError](err):
		return "say how it is reached: --host [USER@]HOST"
	case is[*RetiredError](err):
		return "nothing is left to do there; to do it once more all the same: --host [USER@]HOST"
	}
	if hint := reachHint(err); hint != "" {
		return hint
	}
	var back *rollout.RolledBackError
	if errors.As(err, &back) && back.Action == "deploy" {
		return "hosts have what they had; what failed is still exported: fix the cluster, then kcmgen export and kcmgen deploy"
	}
	return ""
}

// is reports whether an error is of type T, or wraps one.
func is[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// leftHint returns advice on hosts that are left in a wrong state, that changed, or
// that share a name.
func leftHint(err error) string {
	var stranded *rollout.StrandedError
	var gone rollout.GoneErrors
	var same *plan.SameNameError
	switch {
	case is[*plan.StalePlanError](err):
		return "nothing was changed; make another plan, and have it reviewed: the same command with --dry-run --out-plan FILE in place of --plan"
	case errors.As(err, &stranded):
		return byHand(stranded)
	case errors.As(err, &gone):
		return CommandsFor(gone.Unit()).AfterEnd()
	case is[*rollout.ApiserverAwayError](err):
		return "hosts go on by themselves once the apiserver is back; then kcmgen deploy, which finds what is left to do"
	case errors.As(err, &same):
		return fmt.Sprintf("give each a name of its own: hostnamectl set-hostname %s, then %s, on %s", same.Nodes[1], CommandsFor(same.Unit).Restart, same.Nodes[1])
	}
	return ""
}

// reachHint returns advice on errors of reaching a host.
func reachHint(err error) string {
	var shell *NoShellError
	var login *remote.LoginError
	var lease *LeaseError
	var at *remote.Error
	var key *remote.HostKeyError
	var words *remote.SSHError
	switch {
	case is[*host.NoisyError](err):
		return "what prints is mostly ~/.bashrc of the login's user: let it print for people only, by a first line: case $- in *i*) ;; *) return ;; esac"
	case errors.As(err, &words):
		return "these are ssh's own words: fix its configuration, or name another one: --ssh-config FILE"
	case is[*remote.IdentityError](err) && errors.As(err, &at):
		return fmt.Sprintf("put the key there, or write another into the cluster: nodes: %q: ssh: identityFile; in retire, --host comes instead", at.Node)
	case errors.As(err, &key) && errors.As(err, &at):
		return hostKeyHint(at.Node, key)
	case errors.As(err, &shell) && strings.Contains(shell.Error(), "password"):
		return "let that user run everything without a password (NOPASSWD: ALL in sudoers), or log in as root"
	case is[*remote.ForwardForbiddenError](err):
		return "let its sshd connect onwards for that user: AllowTcpForwarding local"
	case errors.As(err, &login) && len(login.Locked) > 0:
		return "ssh-add " + spec.ShellWord(login.Locked[0])
	case errors.As(err, &login):
		return "see that ssh itself gets in: ssh " + spec.ShellWord(login.User) + "@HOST true; the user is ssh.user of the node, or User in ~/.ssh/config"
	case errors.As(err, &lease) && errors.Is(err, live.ErrForbidden):
		return "the kubeconfig's user has to be allowed to get leases in kube-system"
	case errors.As(err, &lease):
		return "see that it works: kubectl get lease -n kube-system kube-controller-manager; to go on without: --without-lease"
	case errors.As(err, &at) && at.Node != "" && (at.Step == remote.StepConnect || at.Step == remote.StepBanner):
		return "if " + at.Node + " is down, leave it out: --limit with the other nodes"
	}
	return ""
}

// hostKeyHint returns advice on a host whose key isn't trusted. A key is trusted once a
// person has compared it, not because it was seen before.
func hostKeyHint(node string, k *remote.HostKeyError) string {
	switch k.Fault {
	case remote.Unknown:
		return "compare that with what the host itself says, on its console: " + fingerprint(k.Type) + "; " + trust(node, k)
	case remote.Changed:
		if k.Pinned {
			return "find out why first: the connection may be intercepted; if the host was made anew, " + trust(node, k)
		}
		return "find out why first: the connection may be intercepted; if the host was made anew: ssh-keygen -R " + spec.ShellWord(k.Name) + " -f " + spec.ShellWord(k.Known[0].File) + ", and " + trust(node, k)
	case remote.OtherType:
		return "see on its console whether it is the same host: " + fingerprint("") + "; then add a key of a type that it has where the known ones are"
	case remote.Revoked:
		return "don't log in to it: anyone who has that key can pose as this host; make it a new one, on its console: ssh-keygen -A, after removing the old one from /etc/ssh"
	}
	return ""
}

// fingerprint returns the command that shows the fingerprints of a host's own keys.
func fingerprint(kind string) string {
	kind, _, _ = strings.Cut(strings.TrimPrefix(kind, "ssh-"), "-")
	if kind == "" {
		kind = "*"
	}
	return "for f in /etc/ssh/ssh_host_" + kind + "_key.pub; do ssh-keygen -lf $f; done"
}

// trust returns advice on where to write down a key that was compared.
func trust(node string, k *remote.HostKeyError) string {
	if node == "" {
		return "once it is the same, add a line to ~/.ssh/known_hosts: " + k.Name + " " + k.Line
	}
	return fmt.Sprintf("once it is the same, write into the cluster: nodes: %q: ssh: hostKeys: [%q]", node, k.Line)
}

// byHand returns the commands that roll back hosts where kcmgen couldn't.
func byHand(e *rollout.StrandedError) string {
	var out []string
	for node, command := range e.ByHand {
		out = append(out, "on "+node+", as root: "+command)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}
