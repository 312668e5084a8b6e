package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen/existing"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/repository"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type importOptions struct {
	repository.Import
	nodes          []string // of --node
	addresses      string
	format, output string
	live           bool
	sshConfig      string
}

func newImport(std stdio) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE... | --live HOST...",
		Short: "Write a cluster for what already runs",
		Long: `Import reads how files start kube-controller-manager, as kcmgen flags --check does,
and writes a cluster in CUE that exports the same: what nodes have in common once,
and the place of each value beside it. It then vets the cluster, and compares what
an export makes of it with what it read. Exit code 4 means that something differs, or
is left out.

The files are those of one node, or a template for all nodes of --nodes; --node names
the files of each. What the files leave open, such as ${POD_CIDR}, becomes a field
that needs a value. Nothing is overwritten, and no private key is copied.

--live reads hosts over SSH instead: the unit with its drop-ins and environment files
or the manifest, the process, the program's version, and the public parts of the files
that flags name. It changes nothing there.

` + exitCodes,
		Example: `  kcmgen import kcm.service kcm.env -o infra/clusters/prod
  kcmgen import /etc/kubernetes/manifests/kube-controller-manager.yaml --root / -o infra
  kcmgen import -o infra --node cp-1=a.service,a.env --node cp-2=b.service,b.env \
    --nodes cp-1=10.0.0.11,cp-2=10.0.0.12
  kcmgen import --live ops@10.0.0.11 ops@10.0.0.12 -o infra/clusters/prod`,
		RunE: with(&o, std, runImport),
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "directory of the new repository, or of the cluster in one")
	f.StringVar(&o.Name, "name", "", "name of the cluster (default: the last part of the directory)")
	f.StringArrayVar(&o.nodes, "node", nil, "a node and its files: NAME=FILE, with more files after commas")
	f.StringVar(&o.addresses, "nodes", "", "the nodes' addresses, as cp-1=10.0.0.11,cp-2=10.0.0.12")
	f.StringVar(&o.Version, "version", "", "version of Kubernetes (default: what the files state, or the newest that has all flags)")
	f.StringVar(&o.Root, "root", "", "directory of the host's files: certificates that flags name are read below it")
	f.BoolVar(&o.KeepKeys, "keep-keys", false, "leave the files that flags name to the hosts: kcmgen places none (always so with --live)")
	f.BoolVar(&o.live, "live", false, "read hosts over SSH: [NAME=][USER@]HOST[:PORT]")
	sshConfigFlag(cmd, &o.sshConfig)
	f.StringVar(&o.Module, "module", "example.com/clusters@v0", "path of a new CUE module")
	formatFlag(cmd, &o.format, "how to print the report")
	return cmd
}

func runImport(ctx context.Context, o importOptions, files []string, now func() time.Time, std stdio) error {
	switch {
	case o.live && (len(o.nodes) > 0 || o.Root != "" || o.addresses != ""):
		return usageError{errors.New("--live reads the hosts themselves: leave out --node, --nodes and --root; name a host as NAME=HOST")}
	case len(files)+len(o.nodes) == 0:
		return usageError{errors.New("import needs the files that start kube-controller-manager, such as: kcmgen import kcm.service -o infra")}
	case o.output == "":
		return usageError{errors.New("-o is missing: the directory to write the cluster to, such as: -o infra")}
	}
	o.Dir, o.Kcmgen, o.Stdin, o.Now = filepath.Clean(o.output), version(), std.in, now()
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	if o.live {
		found, err := o.find(ctx, files, now)
		if err != nil {
			return err
		}
		defer found.Close()
	} else if err := o.Take(o.nodes, files, o.addresses); err != nil {
		return usageError{err}
	}
	done, err := o.Run(ctx)
	if err != nil {
		var bad *repository.ModuleError
		if errors.As(err, &bad) {
			return usageError{fmt.Errorf("--module: %w", err)}
		}
		return err
	}
	if o.format == "json" {
		err = terminal.JSON(std.out, done)
	} else {
		err = printImported(std, done)
	}
	switch {
	case err != nil:
		return err
	case !done.Same:
		return errDiffers
	}
	return nil
}

// find reads hosts. Their connections stay open for what flags turn out to name.
func (o *importOptions) find(ctx context.Context, hosts []string, now func() time.Time) (*deploy.FoundHosts, error) {
	s, err := deploy.Local(o.sshConfig, now)
	if err != nil {
		return nil, err
	}
	all, err := deploy.ParseFoundHosts(hosts)
	if err != nil {
		return nil, usageError{err}
	}
	found, err := deploy.FindHosts(ctx, all, *s)
	if err != nil {
		return nil, err
	}
	o.KeepKeys = true
	for _, h := range all {
		of := &existing.Host{Address: h.Address, SSH: h.SSH, Running: h.Running, Version: h.Version}
		of.Public = func(file string) []byte { return found.Public(ctx, h.Node, file) }
		for _, f := range h.Files {
			of.Given = append(of.Given, existing.File(f))
		}
		o.Nodes = append(o.Nodes, existing.NodeFiles{Node: h.Node, Host: of})
	}
	return found, nil
}

// printImported prints what was read, written and compared, and what is to do.
func printImported(std stdio, i *repository.Imported) error {
	said, talk := i.Report()
	terminal.SayAll(std.err, talk)
	if err := terminal.Findings(std.out, i.ToDo(), false); err != nil {
		return err
	}
	terminal.SayAll(std.out, said)
	terminal.Say(std.err, "vet finds %s; next, type: kcmgen vet %s", finding.Count(i.Findings), word(repository.Argument(filepath.Dir(i.File))))
	return nil
}
