//go:build linux

package ground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockFile is one for the machine, like namespaces. It names the state of the run that
// holds it, or of a run that died.
const lockFile = "/run/kcmgen-e2e.lock"

// acquire waits for the lock, removes what a dead run left, and makes the
// directory of this one.
func (g *Ground) acquire(ctx context.Context, cache string) error {
	lock, err := os.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := poll(ctx, nil, func() error {
		return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}); err != nil {
		holder, _ := os.ReadFile(lockFile)
		_ = lock.Close()
		return fmt.Errorf("waiting for another run, whose files are in %s (%s): %w", holder, lockFile, err)
	}
	g.lock = lock
	if g.cgroup, err = cgroupDir(); err != nil {
		return err
	}
	if g.v1, err = hierarchies(); err != nil {
		return err
	}
	left, err := os.ReadFile(lockFile)
	if err != nil {
		return err
	}
	if err := clean(string(left), g.cgroups(), names(g.Hosts), false); err != nil {
		return fmt.Errorf("removing what a killed run left: %w", err)
	}
	if err := forget(cache); err != nil {
		return err
	}
	if g.state, err = os.MkdirTemp(cache, "run-"); err != nil {
		return err
	}
	if err := lock.Truncate(0); err != nil {
		return err
	}
	if _, err := lock.WriteAt([]byte(g.state), 0); err != nil {
		return err
	}
	g.Logs = filepath.Join(g.state, "log")
	return errors.Join(os.Mkdir(g.Logs, 0o755), os.Mkdir(filepath.Join(g.state, "pids"), 0o755), g.makeCgroups())
}

// forget removes logs that are older than a week.
func forget(cache string) error {
	runs, err := filepath.Glob(filepath.Join(cache, "run-*"))
	for _, run := range runs {
		if info, err := os.Stat(run); err == nil && time.Since(info.ModTime()) > 7*24*time.Hour {
			if err := remove(run); err != nil {
				return err
			}
		}
	}
	return err
}

// clean removes all that a run made. state may be "".
func clean(state string, cgroups, namespaces []string, keepLogs bool) error {
	var errs []error
	if state != "" {
		errs = append(errs, killLeft(filepath.Join(state, "pids")))
	}
	for _, name := range namespaces {
		if _, err := os.Stat(netns(name)); err == nil {
			_, err := program(context.Background(), "ip", "netns", "delete", prefix+name)
			errs = append(errs, err)
		}
	}
	for _, dir := range cgroups {
		errs = append(errs, removeCgroups(dir))
	}
	switch {
	case state == "":
	case keepLogs:
		entries, err := os.ReadDir(state)
		errs = append(errs, err)
		for _, entry := range entries {
			if entry.Name() != "log" {
				errs = append(errs, remove(filepath.Join(state, entry.Name())))
			}
		}
	default:
		errs = append(errs, remove(state))
	}
	return errors.Join(errs...)
}

// writePID records a process with its start time, since PIDs are reused.
func writePID(file string, pid int) error {
	start, err := started(pid)
	if err != nil {
		return err
	}
	return os.WriteFile(file, fmt.Appendf(nil, "%d %s", pid, start), 0o600)
}

// killLeft kills the recorded processes of a killed run, if any still live.
func killLeft(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range files {
		noted, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		number, start, _ := strings.Cut(string(noted), " ")
		pid, err := strconv.Atoi(number)
		if err != nil || pid <= 1 {
			return fmt.Errorf("%s: expected a process and its start, not %q", file, noted)
		}
		if now, err := started(pid); err == nil && now == start {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return err
}

// started returns when a process started, in clock ticks.
func started(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name may contain anything, and ends with the last parenthesis.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: %q", pid, stat)
	}
	return fields[19], nil
}
