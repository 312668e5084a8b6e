package deploy

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/regular"
	"github.com/kcmgen/kcmgen/live"
)

// Local returns the Options of this machine and its user. sshConfig is a configuration
// file as for ssh -F; "" for ssh's usual ones.
func Local(sshConfig string, now func() time.Time) (*Options, error) {
	u, err := user.Current()
	if err != nil {
		return nil, err
	}
	_, name, _ := strings.Cut(`\`+u.Username, `\`)
	name = name[strings.LastIndex(name, `\`)+1:]
	// Like ssh, take the home from the password file, not from $HOME.
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

// WithoutSSH returns the ssh configuration that is read only in part, because there is no
// ssh program; "" if there is one, or no configuration.
func (o *Options) WithoutSSH() string { return o.SSH.WithoutSSH() }

// ReadLeader sets o.Leader to read the lease with a kubeconfig: the named one, or else the
// cluster's. It returns ErrNoKubeconfig if there is none, and a KubeconfigError if it can't
// be read.
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

// kubeconfigFile returns the named file, or the one the cluster names. $KUBECONFIG doesn't
// count: the cluster to change must not depend on a shell. ~ is $HOME, as for kubectl and
// the shell.
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
	if err != nil { // as in a systemd service
		u, failed := user.Current()
		if failed != nil {
			return "", err
		}
		home = u.HomeDir
	}
	return filepath.Join(home, rest), nil
}

// maxKubeconfig is the maximum size of a kubeconfig, in bytes.
const maxKubeconfig = 1 << 20

// KubeconfigError is a kubeconfig that can't be read.
type KubeconfigError struct{ Err error }

func (e *KubeconfigError) Error() string { return "kubeconfig: " + e.Err.Error() }

// Unwrap is the cause.
func (e *KubeconfigError) Unwrap() error { return e.Err }

// ErrNoKubeconfig is a rollout without a kubeconfig to read the lease with.
var ErrNoKubeconfig = errors.New("no kubeconfig is named, so the leader isn't known: " +
	"it can't go last, and whether the new configuration leads can't be seen")

// Choose returns the names of those of a cluster's nodes that are limited to, sorted, or of
// all nodes without a limit. It returns an error for a name that no node has.
func Choose(c *spec.Cluster, limit []string) ([]string, error) {
	var all []string
	for i := range c.Nodes {
		all = append(all, c.Nodes[i].Name)
	}
	if limit == nil {
		return all, nil
	}
	for _, name := range limit {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("cluster %s has no node %q: it has %s", c.Name, name, strings.Join(all, ", "))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(limit))), nil
}
