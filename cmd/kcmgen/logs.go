package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type logsOptions struct {
	hostOptions
	since  time.Duration
	lines  int
	follow bool
}

func newLogs(std stdio) *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:   "logs [CLUSTER | DIR]",
		Short: "Print the logs of all hosts of a cluster, merged by time",
		Long: `Logs prints what kube-controller-manager has logged on every host of a cluster,
from the journal or the pod's log files, in the order of time. Times are by this
machine's clock: those of a host whose clock is off are put right. Lines where the
leader changes are marked, and errors that kcmgen knows are explained the first time.

` + exitCodes,
		Example: `  kcmgen logs prod
  kcmgen logs --since 2h --limit cp-1,cp-2 prod
  kcmgen logs --follow prod`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runLogs),
	}
	sshConfigFlag(cmd, &o.sshConfig)
	fs := cmd.Flags()
	fs.DurationVar(&o.since, "since", 10*time.Minute, "how far back")
	fs.IntVarP(&o.lines, "lines", "n", 1000, "of each host, at most the last so many")
	fs.BoolVarP(&o.follow, "follow", "f", false, "go on with what comes, until it is ended")
	limitFlag(cmd, &o.limit)
	formatFlag(cmd, &o.format, "how to print it")
	return cmd
}

func runLogs(ctx context.Context, o logsOptions, args []string, now func() time.Time, std stdio) error {
	switch {
	case o.follow && o.format != "text":
		return usageError{errors.New("--follow prints text: leave --format out")}
	case o.since < 0 || o.lines < 1:
		return usageError{errors.New("--since is a time ago, and --lines at least 1")}
	}
	c, err := loadOne(ctx, &o.hostOptions, args, now(), std)
	if err != nil {
		return err
	}
	o.withoutLease = true
	return o.read(ctx, c, now, std)
}

func (o *logsOptions) read(ctx context.Context, c *gen.Cluster, now func() time.Time, std stdio) error {
	settings, err := o.settings(c, now, std)
	if err != nil {
		return err
	}
	nodes, err := o.nodes(c)
	if err != nil {
		return err
	}
	logs := deploy.OpenLogs(c, nodes, now().Add(-o.since), o.lines, *settings)
	defer logs.Close()
	told, explained := map[string]string{}, map[string]bool{}
	for {
		entries := logs.Read(ctx)
		if o.follow && ctx.Err() != nil {
			return nil // it was ended
		}
		for _, node := range slices.Sorted(maps.Keys(logs.Unreached)) {
			if text := logs.Unreached[node].Error(); told[node] != text {
				told[node] = text
				terminal.SayVisibly(std.err, "note: %s", text)
			}
		}
		if len(logs.More) > 0 {
			terminal.SayVisibly(std.err, "note: %s: only the last %d lines; there are more: --lines", strings.Join(logs.More, ", "), o.lines)
		}
		if o.format == "json" {
			err = terminal.List(std.out, "entries", entries)
		} else {
			err = printLines(std.out, deploy.ShowLog(entries, explained)...)
		}
		if err == nil && !o.follow && len(logs.Unreached) > 0 {
			err = fmt.Errorf("not all logs could be read: %s", strings.Join(slices.Sorted(maps.Keys(logs.Unreached)), ", "))
		}
		if err != nil || !o.follow {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}
