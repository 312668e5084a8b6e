//go:build linux

package ground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Operator is a user at the far end of the wire, with a home directory: a key that all hosts
// accept, a known_hosts with all hosts, a kubeconfig, and the cluster in CUE with its first
// export.
type Operator struct {
	Home       string
	Repository string // with cue.mod, cluster.cue and out
	Identity   string
	KnownHosts string
	SSHConfig  string
	Kubeconfig string // of system:masters
	// Env is the whole environment.
	Env []string

	ground *Ground
}

// NewOperator makes an operator with an empty directory of the test as home.
func (g *Ground) NewOperator(ctx context.Context, home string) (*Operator, error) {
	o := &Operator{
		Home:       home,
		Repository: filepath.Join(home, "infra"),
		Identity:   filepath.Join(home, ".ssh", "id_ed25519"),
		KnownHosts: filepath.Join(home, ".ssh", "known_hosts"),
		SSHConfig:  filepath.Join(home, ".ssh", "config"),
		Kubeconfig: filepath.Join(home, ".kube", "config"),
		Env:        []string{"HOME=" + home, "TMPDIR=" + os.TempDir(), "PATH=" + os.Getenv("PATH"), "USER=root", "LC_ALL=C.UTF-8"},
		ground:     g,
	}
	o.Env = append(o.Env, "KCMGEN_SSH_CONFIG="+o.SSHConfig) // ssh's home is the password file's
	key, err := os.ReadFile(filepath.Join(g.state, "id_ed25519"))
	if err != nil {
		return nil, err
	}
	if err := writeBelow(o.Identity, string(key), 0o600); err != nil {
		return nil, err
	}
	if err := writeBelow(o.SSHConfig, o.sshConfig(), 0o600); err != nil {
		return nil, err
	}
	if err := writeBelow(o.KnownHosts, g.knownHosts(), 0o600); err != nil {
		return nil, err
	}
	if g.api != nil { // not for the first export
		if err := writeBelow(o.Kubeconfig, g.api.kubeconfig, 0o600); err != nil {
			return nil, err
		}
		_, err = program(ctx, "cp", "-a", g.origin(), o.Repository)
	}
	return o, errors.Join(err, os.Chmod(filepath.Join(home, ".ssh"), 0o700))
}

// origin returns the repository that operators copy.
func (g *Ground) origin() string { return filepath.Join(g.state, "origin") }

// sshConfig returns an ssh configuration with the hosts' names. ssh takes the home from
// passwd, so it must be given the file, as Env and SSH do.
func (o *Operator) sshConfig() string {
	var b strings.Builder
	for _, h := range o.ground.Hosts {
		fmt.Fprintf(&b, "Host %s\n\tHostName %s\n", h.Name, h.Address)
	}
	fmt.Fprintf(&b, "Host *\n\tIdentityFile %s\n\tIdentitiesOnly yes\n\tUserKnownHostsFile %s\n\tGlobalKnownHostsFile /dev/null\n\tStrictHostKeyChecking yes\n\tBatchMode yes\n", o.Identity, o.KnownHosts)
	return b.String()
}

// knownHosts returns a known_hosts file with all keys of all hosts, by address and by name.
func (g *Ground) knownHosts() string {
	var b strings.Builder
	for _, h := range g.Hosts {
		for _, key := range h.HostKeys {
			fmt.Fprintf(&b, "%s,%s %s\n", h.Name, h.Address, key)
		}
	}
	return b.String()
}

// Command returns a program of the operator, in the repository, without a terminal. Its
// process is the program itself, so that a kill reaches it.
func (o *Operator) Command(args ...string) *exec.Cmd {
	cmd := inside("operator", args...)
	cmd.Dir, cmd.Env = o.Repository, o.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Run runs a program to its end. An exit status is no error.
func (o *Operator) Run(ctx context.Context, args ...string) (Result, error) {
	return finish(ctx, o.Command(args...))
}

// Kcmgen runs the program under test.
func (o *Operator) Kcmgen(ctx context.Context, args ...string) (Result, error) {
	return o.Run(ctx, append([]string{o.ground.options.Kcmgen}, args...)...)
}

// SSH runs a command on a host with OpenSSH's client. The destination is a host's name, or
// user@name; the default user is root.
func (o *Operator) SSH(ctx context.Context, destination, command string) (Result, error) {
	if !strings.Contains(destination, "@") {
		destination = "root@" + destination
	}
	return o.Run(ctx, "ssh", "-F", o.SSHConfig, destination, command)
}
