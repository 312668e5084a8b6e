package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type drillOptions struct {
	hostOptions
	canary deploy.CanaryOptions
	mode   string
	prove  bool
	yes    bool
}

func newDrill(std stdio) *cobra.Command {
	var o drillOptions
	cmd := &cobra.Command{
		Use:   "drill [CLUSTER | DIR]",
		Short: "Test the failover: end the leader, and see another one take over",
		Long: `Drill ends kube-controller-manager on the host that leads, measures how long no
instance leads, proves with a canary that the new leader's controllers work, and
starts the old one again. It asks first, and refuses where fewer than two instances
are healthy. A host that loses its operator puts everything back by itself.

--mode stop stops it, kill sends SIGKILL, and partition drops its packets to the
apiserver (systemd units only).

` + exitCodes,
		Example: `  kcmgen drill prod
  kcmgen drill --mode kill --yes prod`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runDrill),
	}
	outFlag(cmd, &o.out)
	sshConfigFlag(cmd, &o.sshConfig)
	fs := cmd.Flags()
	fs.StringVar(&o.mode, "mode", "stop", "how the leader ends: stop, kill or partition")
	fs.BoolVar(&o.prove, "canary", true, "prove that the new leader's controllers work")
	fs.BoolVarP(&o.yes, "yes", "y", false, "don't ask")
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of a user with the rights of a canary, and to read the lease (default deploy.kubeconfig of the cluster)")
	formatFlag(cmd, &o.format, "how to print what was seen")
	completeFlag(cmd, "mode", completeWords(deploy.DrillModes()...))
	o.canary.Timeout, o.canary.Signer = 30*time.Second, "kubernetes.io/kube-apiserver-client"
	return cmd
}

func runDrill(ctx context.Context, o drillOptions, args []string, now func() time.Time, std stdio) error {
	if !slices.Contains(deploy.DrillModes(), o.mode) {
		return usageError{fmt.Errorf("--mode is %q, not stop, kill or partition", o.mode)}
	}
	c, err := loadOne(ctx, &o.hostOptions, args, now(), std)
	if err != nil {
		return err
	}
	wants, _, err := exported(ctx, c, o.out, std)
	if err != nil {
		terminal.SayVisibly(std.err, "note: %v; hosts are not compared with an export", err)
	}
	settings, err := o.settings(c, now, std)
	if err != nil {
		return err
	}
	d, err := deploy.NewDrill(ctx, c, o.mode, wants, *settings)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = printLines(std.err, d.Show()...) // stderr may be closed
	if !o.yes {
		if err := confirm(std, "drill", "end it?"); err != nil {
			return err
		}
	}
	std.hold()
	l, prove := newRolloutLog(std), &o.canary
	if !o.prove {
		prove = nil
	}
	report, err := d.Run(ctx, prove, l.Print)
	l.End()
	if report == nil {
		return err
	}
	if o.format == "json" {
		err = errors.Join(err, terminal.JSON(std.out, report))
	} else {
		err = errors.Join(err, printLines(std.out, report.Show()...))
	}
	if err == nil && !report.Works() {
		err = errFindings
	}
	return err
}
