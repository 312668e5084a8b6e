package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

// hostOptions are the options of every command that connects to hosts.
type hostOptions struct {
	out          string
	limit        []string
	kubeconfig   string
	withoutLease bool
	sshConfig    string
	format       string
	thorough     bool // read long files on hosts, too
}

func hostFlags(cmd *cobra.Command, o *hostOptions) {
	outFlag(cmd, &o.out)
	sshConfigFlag(cmd, &o.sshConfig)
	fs := cmd.Flags()
	limitFlag(cmd, &o.limit)
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of a user who may read the leader lease (default deploy.kubeconfig of the cluster)")
	fs.BoolVar(&o.withoutLease, "without-lease", false, "go on without knowing who leads")
	formatFlag(cmd, &o.format, "how to print what was done")
}

func limitFlag(cmd *cobra.Command, nodes *[]string) {
	cmd.Flags().StringSliceVar(nodes, "limit", nil, "these nodes only, such as cp-1,cp-2")
	completeFlag(cmd, "limit", completeNodeList)
}

func sshConfigFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "ssh-config", "", "ssh's configuration, as for ssh -F, where \"none\" is none (default ~/.ssh/config and the system's)")
}

// loadHosts loads clusters, and sets o.out to the directory of their trees.
func loadHosts(ctx context.Context, o *hostOptions, args []string, now time.Time, std stdio) (*gen.Loaded, error) {
	var err error
	if o.out, err = gen.OutDir(o.out, args); err != nil {
		return nil, err
	}
	r, err := load(ctx, o.out, args, now, std)
	if err != nil {
		return nil, err
	}
	terminal.SayAll(std.err, gen.SkippedLines(r.Skipped))
	if len(o.limit) > 0 && len(r.Clusters) != 1 {
		return nil, usageError{errors.New("--limit names nodes of one cluster: name that, too")}
	}
	return r, nil
}

// loadSound is loadHosts for a command that needs no vetted cluster, but one without faults.
func loadSound(ctx context.Context, o *hostOptions, args []string, now time.Time, std stdio) (*gen.Loaded, error) {
	r, err := loadHosts(ctx, o, args, now, std)
	if err == nil && len(r.Faults) > 0 {
		if err = terminal.Findings(std.err, r.Faults, false); err == nil && finding.Failed(r.Faults) {
			err = errFindings
		}
	}
	return r, err
}

// loadOne is loadSound for a command about one cluster.
func loadOne(ctx context.Context, o *hostOptions, args []string, now time.Time, std stdio) (*gen.Cluster, error) {
	r, err := loadSound(ctx, o, args, now, std)
	if err == nil && len(r.Clusters) != 1 {
		err = usageError{fmt.Errorf("there are %d clusters: name one", len(r.Clusters))}
	}
	if err != nil {
		return nil, err
	}
	return r.Clusters[0].Cluster, nil
}

// exported reads what the last export wrote for the hosts of a cluster, by node.
func exported(ctx context.Context, c *gen.Cluster, dir string, std stdio) (map[string]*deploy.Desired, *gen.State, error) {
	screen := newScreen(std)
	s, err := gen.ReadExported(ctx, c, dir, screen.progress(), screen.event)
	if err != nil {
		return nil, nil, err
	}
	wants, err := deploy.ReadDesired(c, s, filepath.Join(dir, c.Name))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, c.Name), err)
	}
	return wants, s, nil
}

// readPast reads the reports of a cluster's deployments.
func readPast(ctx context.Context, dir, cluster string, std stdio) (deploy.Past, error) {
	written, err := gen.Reports(ctx, dir, cluster, newScreen(std).progress())
	return deploy.ReadPast(written), err
}

// notes returns what a plan should say about this machine's files.
func (o *hostOptions) notes(ctx context.Context, c *gen.Cluster, behind string, std stdio) []string {
	var out []string
	if behind != "" {
		out = append(out, "this is what the last export wrote; a new export would "+behind+": to deploy that, run kcmgen export first")
	}
	before, err := readPast(ctx, o.out, c.Name, std)
	if err != nil {
		return append(out, err.Error())
	}
	return append(out, before.Notes(c)...)
}

// settings returns what a rollout needs of this machine: ssh's configuration and, unless
// --without-lease, a client that reads the leader lease.
func (o *hostOptions) settings(c *gen.Cluster, now func() time.Time, std stdio) (*deploy.Options, error) {
	s, err := deploy.Local(o.sshConfig, now)
	if err != nil {
		return nil, err
	}
	if file := s.WithoutSSH(); file != "" {
		terminal.SayVisibly(std.err, "note: no ssh program is found: of %s, only Host, HostName, User, Port, IdentityFile and ProxyJump are read", file)
	}
	if o.withoutLease {
		return s, nil
	}
	return s, s.ReadLeader(c, o.kubeconfig)
}

// connect connects to the hosts that the command line names.
func (o *hostOptions) connect(ctx context.Context, c *gen.Cluster, wants map[string]*deploy.Desired, now func() time.Time, std stdio) (*deploy.Hosts, error) {
	s, err := o.settings(c, now, std)
	if err != nil {
		return nil, err
	}
	nodes, err := o.nodes(c)
	if err != nil {
		return nil, err
	}
	s.Thorough = o.thorough
	return deploy.Begin(ctx, c, nodes, wants, *s)
}

// nodes returns the names of the nodes in --limit, sorted, or of all nodes.
func (o *hostOptions) nodes(c *gen.Cluster) ([]string, error) {
	if o.limit != nil && len(o.limit) == 0 { // an empty variable in a script doesn't mean all
		return nil, usageError{errors.New("--limit names no node")}
	}
	nodes, err := deploy.Choose(c, o.limit)
	if err != nil {
		return nil, usageError{err}
	}
	return nodes, nil
}
