package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/live"
)

// hostHint is advice about hosts, and about what is done there.
func hostHint(err error) string {
	var stranded *deploy.StrandedError
	var locked *host.LockedError
	var edited *deploy.EditedError
	var refused *deploy.RefusedError
	var spare *deploy.SpareError
	var wayback *deploy.NoWayBackError
	var none *notExportedError
	var still *stillInError
	var stranger *strangerError
	switch {
	case errors.As(err, &stranded):
		return byHand(stranded)
	case errors.As(err, &locked):
		return "wait for it to end; a lock whose holder is gone is free within half a minute"
	case errors.As(err, &edited):
		return "kcmgen export, and look at what it changes, before you deploy"
	case errors.As(err, &refused):
		return "nothing was changed; see what the flag is on that version: kcmgen flags NAME"
	case errors.As(err, &spare):
		return "see what is wrong there first: systemctl status kube-controller-manager; then the same command again"
	case errors.As(err, &wayback):
		return "deploy what it should run: kcmgen export, kcmgen deploy"
	case errors.As(err, &none):
		return "kcmgen export first, with the same clusters and --out"
	case errors.Is(err, errNoKubeconfig):
		return "name one: --kubeconfig FILE, or deploy: kubeconfig in the cluster; to go on without: --without-lease"
	case errors.As(err, &still):
		return "take it out of the CUE first; to stop it for a while: systemctl stop kube-controller-manager, on the host"
	case errors.As(err, &stranger):
		return "say how it is reached: --host [USER@]HOST"
	}
	return reachHint(err)
}

// reachHint is advice about ways to a host that don't work.
func reachHint(err error) string {
	var shell *deploy.NoShellError
	var walled *remote.ForwardForbiddenError
	var login *remote.LoginError
	var lease *deploy.LeaseError
	var at *remote.Error
	switch {
	case errors.As(err, &shell) && strings.Contains(shell.Error(), "password"):
		return "let that user run everything without a password (NOPASSWD: ALL in sudoers), or log in as root"
	case errors.As(err, &walled):
		return "let its sshd connect onwards for that user: AllowTcpForwarding local"
	case errors.As(err, &login) && len(login.Locked) > 0:
		return "ssh-add " + word(login.Locked[0])
	case errors.As(err, &login):
		return "see that ssh itself gets in: ssh " + word(login.User) + "@HOST true; the user is ssh.user of the node, or User in ~/.ssh/config"
	case errors.As(err, &lease) && errors.Is(err, live.ErrForbidden):
		return "the kubeconfig's user has to be allowed to get leases in kube-system"
	case errors.As(err, &lease):
		return "see that it works: kubectl get lease -n kube-system kube-controller-manager; to go on without: --without-lease"
	case errors.As(err, &at) && at.Node != "" && (at.Step == remote.StepConnect || at.Step == remote.StepBanner):
		return "if " + at.Node + " is down, leave it out: --limit with the other nodes"
	}
	return ""
}

// byHand are the commands that bring hosts back where kcmgen couldn't.
func byHand(e *deploy.StrandedError) string {
	var out []string
	for node, command := range e.ByHand {
		out = append(out, "on "+node+", as root: "+command)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}
