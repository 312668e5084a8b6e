package deploy

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/regular"
	"github.com/kcmgen/kcmgen/live"
)

// Local are the Options of this machine and its user. sshConfig is the file of ssh's
// configuration, as ssh -F takes it, "" for the usual ones.
func Local(sshConfig string, now func() time.Time) (*Options, error) {
	u, err := user.Current()
	if err != nil {
		return nil, err
	}
	_, name, _ := strings.Cut(`\`+u.Username, `\`)
	name = name[strings.LastIndex(name, `\`)+1:]
	// Home is the password file's, as it is for ssh, whatever $HOME says.
	ssh := &remote.Config{File: sshConfig, Home: u.HomeDir, User: name, AgentSocket: os.Getenv("SSH_AUTH_SOCK"), LookupEnv: os.LookupEnv}
	machine, err := os.Hostname()
	if err != nil {
		machine = "?"
	}
	return &Options{SSH: ssh, Who: fmt.Sprintf("%s@%s (process %d)", name, machine, os.Getpid()), Nonce: nonce, Now: now}, nil
}

func nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// WithoutSSH is the configuration that is read in part only, because there is no ssh
// program to ask; "" where there is one, or none to read.
func (o *Options) WithoutSSH() string { return o.SSH.WithoutSSH() }

// ReadLeader has the leader read with a kubeconfig: the one that is named, or else the
// cluster's. It returns ErrNoKubeconfig where there is none, and a KubeconfigError for
// one that can't be read.
func (o *Options) ReadLeader(c *spec.Cluster, named string) error {
	file, err := kubeconfigFile(c, named)
	if err != nil {
		return err
	}
	data, err := regular.Read(file, maxKubeconfig)
	if err != nil {
		return &KubeconfigError{err}
	}
	if o.Leader, err = live.New(data, filepath.Dir(file), nil); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// kubeconfigFile is what is named, or what the cluster names. kubectl's own variable
// doesn't count: which cluster is changed would hang on a shell. ~ is $HOME, as it is
// for kubectl and for the shell that the file was put there with.
func kubeconfigFile(c *spec.Cluster, named string) (string, error) {
	switch {
	case named != "":
		return named, nil
	case c.Deploy.Kubeconfig == "":
		return "", ErrNoKubeconfig
	}
	rest, atHome := strings.CutPrefix(c.Deploy.Kubeconfig, "~")
	if !atHome {
		return c.Local(c.Deploy.Kubeconfig), nil
	}
	if rest != "" && !os.IsPathSeparator(rest[0]) {
		return "", fmt.Errorf("deploy.kubeconfig of cluster %s: %q: the home of another user isn't followed here", c.Name, c.Deploy.Kubeconfig)
	}
	home, err := os.UserHomeDir()
	if err != nil { // in a systemd service, for one
		u, failed := user.Current()
		if failed != nil {
			return "", err
		}
		home = u.HomeDir
	}
	return filepath.Join(home, rest), nil
}

// maxKubeconfig bounds a kubeconfig, in bytes: certificates lie in it, and nothing big.
const maxKubeconfig = 1 << 20

// KubeconfigError is a kubeconfig that can't be read.
type KubeconfigError struct{ Err error }

func (e *KubeconfigError) Error() string { return "kubeconfig: " + e.Err.Error() }

// Unwrap is the cause.
func (e *KubeconfigError) Unwrap() error { return e.Err }

// ErrNoKubeconfig is a rollout that couldn't tell who leads.
var ErrNoKubeconfig = errors.New("no kubeconfig is named, so nobody can tell who leads: " +
	"the leader can't be the last one, and whether the new configuration leads can't be seen")
