package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// Text returns the contents of a file of the host.
func (s *Session) Text(ctx context.Context, file string) ([]byte, error) {
	out, err := s.doOne(ctx, command("text", file))
	return []byte(out), err
}

// Look observes a host and the files at paths, in one round trip. Files longer than limit
// bytes get no checksum. image is the image of a pod to look for, if any.
func (s *Session) Look(ctx context.Context, u plan.Unit, image plan.ImageOf, paths []string, limit int64) (*plan.Snapshot, error) {
	seen, _, err := s.lookAnd(ctx, u, image, paths, limit)
	return seen, err
}

// LookLately is Look and Lately in one round trip.
func (s *Session) LookLately(ctx context.Context, u plan.Unit, paths []string, limit int64, lines int) (*plan.Snapshot, *Recent, error) {
	seen, out, err := s.lookAnd(ctx, u, plan.ImageOf{}, paths, limit, lately(u, lines))
	if err != nil {
		return nil, nil, err
	}
	return seen, parseLately(u, out), nil
}

// lookAnd looks at a host, and runs another command after that. It returns what that printed.
func (s *Session) lookAnd(ctx context.Context, u plan.Unit, image plan.ImageOf, paths []string, limit int64, more ...Command) (*plan.Snapshot, string, error) {
	look := command("look", strconv.Itoa(len(paths)), strconv.FormatInt(limit, 10))
	look.payload = paths
	ask := []Command{command("about", u.GenerationsDir, u.File, u.Name, u.Other.File, u.Other.Name), look, process(u)}
	if u.IsPod() {
		ask = append(ask, command("kubelet", u.File, image.Name, image.Generation))
	}
	ask = append(ask, command("starts", u.File, u.Name, u.Other.File, u.Other.Name))
	out, err := s.Do(ctx, append(ask, more...)...)
	if ce := (*CommandError)(nil); errors.As(err, &ce) && ce.Command == "starts" {
		err = nil // there is no unit
	}
	if err != nil {
		return nil, "", err
	}
	seen := &plan.Snapshot{HostInfo: parseAbout(out[0]), Process: parseProcess(out[2]), Unit: []byte(out[len(ask)-1])}
	if u.IsPod() {
		seen.Kubelet = parseKubelet(out[3])
	}
	seen.Files, err = parseFiles(out[1])
	return seen, strings.Join(out[len(ask):], ""), err
}

// Processes returns the PID of the unit's process, and then those of others of the same program:
// one that is ending, or one that something else started.
func (s *Session) Processes(ctx context.Context, u plan.Unit) ([]string, error) {
	out, err := s.doOne(ctx, about("processes", u))
	return strings.Fields(out), err
}

// process asks for the state of a unit and of its process.
func process(u plan.Unit) Command { return about("process", u) }

// about is a command about what a host starts, of either layout.
func about(name string, u plan.Unit, args ...string) Command {
	return command(name, append([]string{u.GenerationsDir, u.Name, u.File, u.Other.Name, u.Other.File}, args...)...)
}

func parseAbout(text string) plan.HostInfo {
	a := plan.HostInfo{KBytes: -1, Inodes: -1}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		number, _ := strconv.ParseInt(value, 10, 64)
		switch key {
		case "uid":
			a.Root = value == "0"
		case "clock":
			a.Clock = time.Unix(number, 0)
		case "boot":
			a.Boot = value
		case "systemd":
			a.Systemd = int(number)
		case "lacks":
			a.MissingTools = append(a.MissingTools, value)
		case "odd":
			a.Obstructed = append(a.Obstructed, value)
		case "readonly":
			a.ReadOnly = value
		case "fixed":
			a.ReadOnlyUnitDir = value
		case "drill":
			a.Drill = value
		case "held":
			a.Holder = value
		case "kbytes":
			a.KBytes = number
		case "inodes":
			a.Inodes = number
		case "name":
			a.Name = value
		case "at":
			a.At = value
		case "both":
			a.Both = value
		case "runs":
			a.Runs = value
		case "stamp":
			a.Stamp = value
		default:
			file, key, _ := strings.Cut(key, ".")
			switch file {
			case "trial":
				a.Trial = addField(a.Trial, key, value)
			case "state":
				a.State = addField(a.State, key, value)
			}
		}
	}
	return a
}

// addField sets a field of a journal.
func addField(j *plan.Journal, key, value string) *plan.Journal {
	if j == nil {
		j = &plan.Journal{}
	}
	switch key {
	case "generation":
		j.Generation = value
	case "previous":
		j.Previous = value
	case "since":
		j.Started = value
	case "rollout":
		j.Rollout = value
	case "by":
		j.Action = value
	case "ended":
		j.Ended = value == "yes"
	}
	return j
}

func parseFiles(text string) (map[string]plan.File, error) {
	out := map[string]plan.File{}
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "|", 7)
		if len(f) != 7 {
			return nil, fmt.Errorf("the host answers %q instead of a file's attributes", line)
		}
		size, _ := strconv.ParseInt(f[4], 10, 64)
		out[f[6]] = plan.File{Path: f[6], Type: f[0], Mode: f[1], Owner: f[2], IDs: f[3], Size: size, SHA256: f[5]}
	}
	return out, nil
}
