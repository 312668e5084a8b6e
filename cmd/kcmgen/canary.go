package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type canaryOptions struct {
	hostOptions
	deploy.CanaryOptions
	rbac bool
}

func newCanary(std stdio) *cobra.Command {
	var o canaryOptions
	cmd := &cobra.Command{
		Use:   "canary [CLUSTER | DIR]",
		Short: "Prove that the controllers of a cluster work",
		Long: `Canary makes a namespace, and in it an object for each of the controllers that it
knows: a Deployment, a ReplicaSet whose pod never starts, a Job, a Service, a quota,
an owned object whose owner goes, and more; beside it a CSR, which it approves, and
whose key it has thrown away. It watches each controller do its part, names those
that don't, and removes everything, also when it is ended. What a killed run left
is removed by the next one.

It uses the kubeconfig that the cluster names (deploy.kubeconfig) or --kubeconfig.
--rbac prints the rights that its user needs.

` + exitCodes,
		Example: `  kcmgen canary prod
  kcmgen canary --only job-controller,garbage-collector-controller prod
  kcmgen canary --rbac | kubectl apply -f -`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runCanary),
	}
	fs := cmd.Flags()
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of a user with the rights that --rbac prints (default deploy.kubeconfig of the cluster)")
	fs.StringSliceVar(&o.Only, "only", nil, "these controllers only, by the names of the flag --controllers")
	fs.DurationVar(&o.Timeout, "timeout", 30*time.Second, "how long each controller has")
	fs.StringVar(&o.Signer, "signer", "kubernetes.io/kube-apiserver-client", "signer of the CSR")
	fs.BoolVar(&o.rbac, "rbac", false, "print the rights that it needs, and do nothing")
	formatFlag(cmd, &o.format, "how to print what was seen")
	completeFlag(cmd, "only", completeWords(deploy.CanaryControllers()...))
	return cmd
}

func runCanary(ctx context.Context, o canaryOptions, args []string, now func() time.Time, std stdio) error {
	if o.rbac {
		_, err := io.WriteString(std.out, deploy.CanaryRights)
		return err
	}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	c, err := loadOne(ctx, &o.hostOptions, args, now(), std)
	if err != nil {
		return err
	}
	std.hold()
	report, err := deploy.Canary(ctx, c, o.kubeconfig, o.CanaryOptions, now, func(l deploy.Line) {
		_ = printLines(std.err, l) // stderr may be closed
	})
	if err != nil { // also when it was ended: then nothing is known of the rest
		if report != nil && len(report.Left) > 0 {
			err = errors.Join(err, printLines(std.err, report.Show()...))
		}
		return err
	}
	if o.format == "json" {
		err = terminal.JSON(std.out, report)
	} else {
		err = printLines(std.out, report.Show()...)
	}
	if err == nil && !report.Works() {
		err = errFindings
	}
	return err
}
