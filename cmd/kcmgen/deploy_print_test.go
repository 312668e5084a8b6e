package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/deploy/status"
)

// TestHostileHost: text from hosts is shown, and does not control the terminal.
func TestHostileHost(t *testing.T) {
	const evil = "a\x1b]0;owned\x07\x1b[2Jb\rc\x9bd"
	value := evil
	var out, stderr bytes.Buffer
	all := deploy.ShowPlan(&deploy.Plan{
		Cluster: "c", Leader: evil, Notes: []string{evil},
		Steps: []deploy.Step{{Node: "cp-1", Address: evil, From: evil, To: "x", Restart: evil, Unhealthy: evil, Recover: evil, Flags: []deploy.FlagChange{{Name: "v", From: &value}}}},
	})
	n := newRolloutLog(stdio{err: &stderr})
	n.Print(deploy.Event{Node: "cp-1", Step: "back", Text: evil})
	n.End()
	all = append(all, deploy.ShowDrift("c", deploy.Drift{Node: "cp-1", Runs: evil, Process: evil, DropIns: []string{evil}, Trial: evil})...)
	report := &deploy.Report{Cluster: "c", Hosts: []deploy.HostReport{{Node: "cp-1", Outcome: deploy.RolledBack, From: evil, To: "x", Log: []string{evil}}}}
	all = append(all, report.Show()...)
	seen := &deploy.Observed{Name: evil, Hosts: []status.Host{{Node: "cp-1", State: evil, Version: evil, OnDisk: evil, Errors: []string{evil}}}}
	seen.Find()
	all = append(all, deploy.ShowStatus(seen)...)
	if err := printLines(&out, all...); err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]string{"stdout": out.String(), "stderr": stderr.String()} {
		if !strings.Contains(got, "owned") || strings.ContainsAny(got, "\x1b\x07\r") || strings.Contains(got, "\x9b") {
			t.Errorf("%s: %q", what, got)
		}
	}
}
