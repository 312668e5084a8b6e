package host

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// DrillMode is how a drill ends the leader's process.
type DrillMode string

// The modes.
const (
	DrillStop      DrillMode = "stop"      // it is stopped, and not started again
	DrillKill      DrillMode = "kill"      // SIGKILL; it is started again at once
	DrillPartition DrillMode = "partition" // its packets to the apiserver are dropped
)

// Drill ends the process that a host has started. The host puts everything back by itself after a
// time, unless that is prolonged with [Session.HoldDrill]. addresses are those whose packets are
// dropped by a partition.
func (s *Session) Drill(ctx context.Context, u plan.Unit, mode DrillMode, after time.Duration, addresses []string) error {
	_, err := s.doOne(ctx, command("drill", u.GenerationsDir, u.File, u.Name, u.Other.File, u.Other.Name, string(mode), strconv.Itoa(int(after/time.Second)), strings.Join(addresses, " ")))
	return err
}

// HoldDrill begins the time anew after which the host puts everything back by itself.
func (s *Session) HoldDrill(ctx context.Context, u plan.Unit, after time.Duration) error {
	_, err := s.doOne(ctx, command("hold_drill", u.GenerationsDir, strconv.Itoa(int(after/time.Second))))
	return err
}

// Addresses returns the addresses of a name, as the host resolves it.
func (s *Session) Addresses(ctx context.Context, name string) ([]string, error) {
	out, err := s.doQuick(ctx, command("addresses", name))
	return strings.Fields(out), err
}

// EndDrill puts everything back. Without a drill it does nothing.
func (s *Session) EndDrill(ctx context.Context, u plan.Unit) error {
	_, err := s.doOne(ctx, command("undrill", u.GenerationsDir))
	return err
}
