package host

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// LockedError is a host that another session is changing.
type LockedError struct{ Holder string }

func (e *LockedError) Error() string { return "it is being changed by " + e.Holder }

// Lock keeps other sessions from changing the host until this one ends. who names this
// session to them. It returns the stamp of what is locked, as [Session.Look] does, or a
// [LockedError] if another session holds the lock.
func (s *Session) Lock(ctx context.Context, u plan.Unit, who string) (stamp string, err error) {
	out, err := s.doQuick(ctx, command("lock", who, u.GenerationsDir, u.File, u.Other.File))
	if ce := (*CommandError)(nil); errors.As(err, &ce) && ce.Status == 75 {
		return "", &LockedError{strings.TrimSpace(out)}
	}
	return strings.TrimSpace(out), err
}

// Prepare makes directories for staging, and removes what an unfinished session left in
// them.
func (s *Session) Prepare(ctx context.Context, dirs ...string) error {
	_, err := s.doQuick(ctx, command("prepare", dirs...))
	return err
}

// Seal verifies the files of the directory partial, gives them to their owners, makes them
// durable and renames it to final. sums are lines of sha256sum, one for each file, with relative
// paths; owners are lines of an owner by numbers and a path, for what isn't root's.
func (s *Session) Seal(ctx context.Context, partial, final string, sums, owners []string) error {
	c := command("seal", partial, final, strconv.Itoa(len(sums)), strconv.Itoa(len(owners)))
	c.payload = slices.Concat(sums, owners)
	_, err := s.doOne(ctx, c)
	return err
}

// Verify returns systemd's complaints about a unit's file; "" if it has none.
func (s *Session) Verify(ctx context.Context, file string) (string, error) {
	out, err := s.doOne(ctx, command("verify", file))
	return strings.TrimSpace(out), err
}

// Parse has a program parse its arguments, and returns its version. If the program refuses
// them, it returns a [CommandError], whose text ends in [SaysNothing] if the program printed
// nothing.
func (s *Session) Parse(ctx context.Context, argv []string) (string, error) {
	return s.parse(ctx, command("parse", argv...))
}

func (s *Session) parse(ctx context.Context, c Command) (string, error) {
	out, err := s.doOne(ctx, c)
	if ce := (*CommandError)(nil); errors.As(err, &ce) {
		switch ce.Text = firstError(out + "\n" + ce.Text); {
		case ce.Text == "" && ce.Status == 124: // timeout's
			ce.Text = "it doesn't end with --version, and " + SaysNothing
		case ce.Text == "":
			ce.Text = fmt.Sprintf("it ends with exit status %d and %s", ce.Status, SaysNothing)
		}
	}
	return strings.TrimSpace(out), err
}

// SaysNothing ends the error text of a program that failed and printed nothing.
const SaysNothing = "says nothing"

// firstError returns the line of a program's output that says what is wrong, without the
// usage around it.
func firstError(text string) string {
	first := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(strings.ToLower(line), "error:") {
			return line
		}
		if first == "" {
			first = line
		}
	}
	return first
}

// Trial is a generation to try.
type Trial struct {
	Generation string
	UnitSum    string        // SHA-256 of the unit's file when the plan was made, or None
	After      time.Duration // until the host goes back by itself
	Rollout    string        // the plan's ID
	Action     string        // the operator's command: deploy, rollback
}

// Trial starts a generation. The host goes back by itself after a time unless it is
// confirmed.
func (s *Session) Trial(ctx context.Context, u plan.Unit, t Trial) error {
	seconds := strconv.Itoa(int(t.After / time.Second))
	_, err := s.doOne(ctx, command("trial", u.GenerationsDir, t.Generation, u.File, u.Name, seconds, t.UnitSum, t.Rollout, t.Action, u.Other.File, u.Other.Name))
	return err
}

// Prolong restarts the timer of a trial.
func (s *Session) Prolong(ctx context.Context, u plan.Unit, generation string) error {
	_, err := s.doQuick(ctx, command("rearm", u.GenerationsDir, generation))
	return err
}

// Confirm ends a trial: the host keeps the generation. It removes generations and programs
// that neither this one nor the previous one needs.
func (s *Session) Confirm(ctx context.Context, u plan.Unit, generation string) error {
	_, err := s.doOne(ctx, command("confirm", u.GenerationsDir, generation, u.ProgramsDir))
	return err
}

// NotStartedError is a host that went back, and whose old unit doesn't start.
type NotStartedError struct{ Text string }

func (e *NotStartedError) Error() string { return e.Text }

// notStarted is the exit status of a change that was made, but the unit didn't start.
const notStarted = 2

func asNotStarted(err error) error {
	if ce := (*CommandError)(nil); errors.As(err, &ce) && ce.Status == notStarted {
		return &NotStartedError{ce.Text}
	}
	return err
}

// Revert ends a trial and goes back to what ran before. Without a trial it does nothing. It
// returns a [NotStartedError] if the old unit doesn't start.
func (s *Session) Revert(ctx context.Context, u plan.Unit) error {
	_, err := s.doOne(ctx, command("act", "back", u.GenerationsDir))
	return asNotStarted(err)
}

// Undo goes back from a confirmed generation to the previous one. It does nothing if the
// host went back from it already.
func (s *Session) Undo(ctx context.Context, u plan.Unit, from string) error {
	_, err := s.doOne(ctx, command("undo", u.GenerationsDir, from))
	return asNotStarted(err)
}

// MarkEnded records that the run which confirmed the generation ended well.
func (s *Session) MarkEnded(ctx context.Context, u plan.Unit) error {
	_, err := s.doOne(ctx, command("ended", u.GenerationsDir))
	return err
}

// Retire stops the unit and removes all of kcmgen's files from a host, programs included.
func (s *Session) Retire(ctx context.Context, u plan.Unit) error {
	_, err := s.doOne(ctx, command("retire", u.GenerationsDir, u.File, u.Name, u.ProgramsDir, u.Other.File, u.Other.Name))
	return err
}

// Probed is the result of [Session.Probe].
type Probed struct {
	Process    plan.Process
	Complaints []string // lines of its log about an apiserver it can't work with
}

// Probe looks at a unit, and at its log of the time within. subject is the user that its
// kubeconfig names.
func (s *Session) Probe(ctx context.Context, u plan.Unit, subject string, within time.Duration) (*Probed, error) {
	seconds := strconv.Itoa(max(1, int(within/time.Second)))
	out, err := s.Do(ctx, process(u), about("complaints", u, regexp.QuoteMeta(subject), seconds))
	if err != nil {
		return nil, err
	}
	p := &Probed{Process: parseProcess(out[0])}
	for line := range strings.Lines(out[1]) {
		p.Complaints = append(p.Complaints, strings.TrimSpace(line))
	}
	return p, nil
}

// Log returns the last lines of the unit's log.
func (s *Session) Log(ctx context.Context, u plan.Unit, lines int) ([]string, error) {
	out, err := s.doOne(ctx, about("log", u, strconv.Itoa(lines)))
	return strings.FieldsFunc(out, func(r rune) bool { return r == '\n' }), err
}

// WriteFault returns why files can't be written to a directory, "" if it finds no reason.
func (s *Session) WriteFault(ctx context.Context, dir string) (string, error) {
	out, err := s.doQuick(ctx, command("room", dir))
	a := parseAbout(out)
	switch {
	case err != nil:
		return "", err
	case a.ReadOnly != "":
		return a.ReadOnly + " can't be written: it is on a read-only file system", nil
	case a.KBytes >= 0 && a.KBytes < 64:
		return "its file system is full: " + strconv.FormatInt(a.KBytes, 10) + " KiB are free", nil
	case a.Inodes >= 0 && a.Inodes < 8:
		return "its file system has no inodes left: " + strconv.FormatInt(a.Inodes, 10), nil
	}
	return "", nil
}
