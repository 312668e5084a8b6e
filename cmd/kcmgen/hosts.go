package main

import (
	"context"
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

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/regular"
	"github.com/kcmgen/kcmgen/live"
)

// hostOptions are those of every command that reaches hosts.
type hostOptions struct {
	out          string
	limit        []string
	kubeconfig   string
	withoutLease bool
	sshConfig    string
	format       string
}

func hostFlags(cmd *cobra.Command, o *hostOptions) {
	outFlag(cmd, &o.out)
	sshConfigFlag(cmd, &o.sshConfig)
	fs := cmd.Flags()
	fs.StringSliceVar(&o.limit, "limit", nil, "these nodes only, such as cp-1,cp-2")
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "of somebody who may read the leader lease (default deploy.kubeconfig of the cluster)")
	fs.BoolVar(&o.withoutLease, "without-lease", false, "go on without knowing who leads")
	fs.StringVar(&o.format, "format", "text", "how to print what was done: text or json")
	completeFlag(cmd, "limit", completeNodeList)
	completeFlag(cmd, "format", completeWords("text", "json"))
}

func sshConfigFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "ssh-config", "", "ssh's configuration, as for ssh -F, where \"none\" is none (default ~/.ssh/config and that of all users)")
}

// loadHosts loads clusters, and says where their trees are.
func loadHosts(ctx context.Context, o *hostOptions, args []string, now time.Time, std stdio) (*loaded, error) {
	var err error
	if o.out, err = outFolder(o.out, args); err != nil {
		return nil, err
	}
	r, err := loadWith(ctx, o.out, args, nil, now, std)
	if err != nil {
		return nil, err
	}
	r.printSkipped(std)
	if len(o.limit) > 0 && len(r.clusters) != 1 {
		return nil, usageError{errors.New("--limit names nodes of one cluster: name that, too")}
	}
	return r, nil
}

// exported is what the last export wrote for the hosts of a cluster.
func exported(ctx context.Context, c *spec.Cluster, dir string, std stdio) (map[string]*deploy.Want, *outdir.State, error) {
	if _, err := os.Stat(filepath.Join(dir, c.Name)); err != nil {
		return nil, nil, &notExportedError{filepath.Join(dir, c.Name)}
	}
	out, err := openOut(ctx, dir, std)
	if err != nil {
		return nil, nil, err
	}
	defer out.Close()
	if err := recoverTree(out, c.Name, std); err != nil {
		return nil, nil, err
	}
	s, err := out.Read(c.Name)
	if err != nil {
		return nil, nil, err
	}
	if s.Manifest == nil {
		return nil, nil, &notExportedError{filepath.Join(dir, c.Name)}
	}
	if made := s.Manifest.Cluster; made != c.Name {
		return nil, nil, inTree(&plan.OtherClusterError{Cluster: c.Name, Made: made}, c, out, dir)
	}
	wants, err := deploy.Wants(c, s)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, c.Name), err)
	}
	return wants, s, nil
}

// outdated says what an export would do to a tree, "" if nothing: what is deployed then
// isn't what the CUE says.
func outdated(ctx context.Context, v *gen.Vetted, state *outdir.State, now time.Time) string {
	p, have, err := v.Plan(state, now)
	if err != nil {
		return "be refused: " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	if todo := p.Make(); len(todo) > 0 {
		return fmt.Sprintf("make pki/%s: %s", todo[0].ID, todo[0].Reason)
	}
	programs, err := carriedPrograms(ctx, v.Cluster)
	if err != nil {
		return "" // what isn't at hand was exported once all the same
	}
	t, err := gen.Generate(ctx, p, have, programs, now, state.Manifest.Kcmgen)
	if err != nil {
		return err.Error()
	}
	if changes := tree.Diff(state.Ours, t); len(changes) > 0 {
		return "change files: " + counts(changes)
	}
	return ""
}

// notes are what this machine adds to those of a plan.
func (o *hostOptions) notes(ctx context.Context, c *spec.Cluster, behind string, std stdio) []string {
	var out []string
	if behind != "" {
		out = append(out, "this is what the last export wrote; another one would "+behind+": kcmgen export, if that is to be deployed")
	}
	past, err := pastDeploys(ctx, o.out, c.Name, std)
	if err != nil {
		return append(out, err.Error())
	}
	for _, name := range left(past, c) {
		out = append(out, fmt.Sprintf("%s left the cluster, and may run still: kcmgen retire %s %s", name, name, c.Name))
	}
	return out
}

// notExportedError is a cluster without a tree.
type notExportedError struct{ dir string }

func (e *notExportedError) Error() string { return e.dir + " isn't there: nothing was exported yet" }

// settings are what a rollout needs of this machine.
func (o *hostOptions) settings(c *spec.Cluster, now func() time.Time, std stdio) (*deploy.Options, error) {
	ssh, err := sshConfig(o.sshConfig)
	if err != nil {
		return nil, err
	}
	if file := ssh.WithoutSSH(); file != "" {
		sayVisibly(std.err, "note: no ssh program is found: of %s, only Host, HostName, User, Port, IdentityFile and ProxyJump are read", file)
	}
	s := &deploy.Options{SSH: ssh, Who: whoami(ssh), Nonce: nonce, Now: now}
	if o.withoutLease {
		return s, nil
	}
	file, err := o.kubeconfigFile(c)
	if err != nil {
		return nil, err
	}
	data, err := regular.Read(file, maxKubeconfig)
	if err != nil {
		return nil, &kubeconfigError{err}
	}
	if s.Leader, err = live.New(data, filepath.Dir(file), nil); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// kubeconfigFile is what the command line or the cluster names. kubectl's own variable
// doesn't count: which cluster is changed would hang on a shell. ~ is $HOME, as it is
// for kubectl and for the shell that the file was put there with.
func (o *hostOptions) kubeconfigFile(c *spec.Cluster) (string, error) {
	switch {
	case o.kubeconfig != "":
		return o.kubeconfig, nil
	case c.Deploy.Kubeconfig == "":
		return "", errNoKubeconfig
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

// kubeconfigError is a kubeconfig that can't be read.
type kubeconfigError struct{ err error }

func (e *kubeconfigError) Error() string { return "kubeconfig: " + e.err.Error() }

func (e *kubeconfigError) Unwrap() error { return e.err }

// errNoKubeconfig is a rollout that couldn't tell who leads.
var errNoKubeconfig = errors.New("no kubeconfig is named, so nobody can tell who leads: " +
	"the leader can't be the last one, and whether the new configuration leads can't be seen")

// sshConfig is how this machine's user reaches hosts. Home is the password file's, as
// it is for ssh, whatever $HOME says.
func sshConfig(file string) (*remote.Config, error) {
	u, err := user.Current()
	if err != nil {
		return nil, err
	}
	_, name, _ := strings.Cut(`\`+u.Username, `\`)
	name = name[strings.LastIndex(name, `\`)+1:]
	return &remote.Config{File: file, Home: u.HomeDir, User: name, AgentSocket: os.Getenv("SSH_AUTH_SOCK"), LookupEnv: os.LookupEnv}, nil
}

// whoami says to another operator whose lock it is.
func whoami(c *remote.Config) string {
	machine, err := os.Hostname()
	if err != nil {
		machine = "?"
	}
	return fmt.Sprintf("%s@%s (process %d)", c.User, machine, os.Getpid())
}

func nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// nodes are those of a cluster that the command line is about.
func (o *hostOptions) nodes(c *spec.Cluster) ([]string, error) {
	var all []string
	for i := range c.Nodes {
		all = append(all, c.Nodes[i].Name)
	}
	switch {
	case o.limit == nil:
		return all, nil
	case len(o.limit) == 0: // what a script's empty variable leaves isn't "all"
		return nil, usageError{errors.New("--limit names no node")}
	}
	for _, name := range o.limit {
		if !slices.Contains(all, name) {
			text := fmt.Sprintf("cluster %s has no node %q: it has %s", c.Name, name, strings.Join(all, ", "))
			return nil, usageError{errors.New(text)}
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(o.limit))), nil
}
