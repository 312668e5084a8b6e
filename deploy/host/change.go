package host

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// LockedError is a host that another session is changing.
type LockedError struct{ Holder string }

func (e *LockedError) Error() string { return "it is being changed by " + e.Holder }

// Lock keeps other sessions from changing the host while this one lives. who says to
// them whose it is. It returns the stamp of what is locked, as [Session.Look] does, and a
// [LockedError] if another has it.
func (s *Session) Lock(ctx context.Context, u plan.Unit, who string) (stamp string, err error) {
	out, err := s.doQuick(ctx, command("lock", who, u.Home, u.Start))
	if ce := (*CommandError)(nil); errors.As(err, &ce) && ce.Status == 75 {
		return "", &LockedError{strings.TrimSpace(out)}
	}
	return strings.TrimSpace(out), err
}

// Prepare makes directories that are to hold what comes, and removes what a session that
// didn't end left in them.
func (s *Session) Prepare(ctx context.Context, dirs ...string) error {
	_, err := s.doQuick(ctx, command("prepare", dirs...))
	return err
}

// Seal compares what lies in the directory partial with its sums (SHA-256 in hex by
// relative path, one for every file), makes it durable and renames it to final.
func (s *Session) Seal(ctx context.Context, partial, final string, sums []string) error {
	c := command("seal", partial, final, strconv.Itoa(len(sums)))
	c.payload = sums
	_, err := s.doOne(ctx, c)
	return err
}

// Verify returns what systemd complains of in a unit's file.
func (s *Session) Verify(ctx context.Context, file string) (string, error) {
	out, err := s.doOne(ctx, command("verify", file))
	return strings.TrimSpace(out), err
}

// Parse has a program parse its own arguments, and returns the version it says it
// has; a [CommandError] if it refuses them, whose text ends in [SaysNothing] where the
// program doesn't say why.
func (s *Session) Parse(ctx context.Context, argv []string) (string, error) {
	out, err := s.doOne(ctx, command("parse", argv...))
	if ce := (*CommandError)(nil); errors.As(err, &ce) {
		switch ce.Text = firstError(out + "\n" + ce.Text); {
		case ce.Text == "" && ce.Status == 124: // timeout's
			ce.Text = "it doesn't end when it is asked for its --version, and " + SaysNothing
		case ce.Text == "":
			ce.Text = fmt.Sprintf("it ends with exit status %d and %s", ce.Status, SaysNothing)
		}
	}
	return strings.TrimSpace(out), err
}

// SaysNothing is how the text of a program ends that failed without a word.
const SaysNothing = "says nothing"

// firstError is the line of a program's complaint that says what is wrong: usage
// comes around it.
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

// Trial is what a host is to try.
type Trial struct {
	Generation string
	Base       string        // SHA-256 of the unit's file when the plan was made, or None
	After      time.Duration // after which the host goes back by itself
	Rollout    string        // names what is deployed to all hosts
	By         string        // what people asked for
}

// Trial makes a generation the one that runs, and has the host go back by itself
// after a time, unless it is confirmed.
func (s *Session) Trial(ctx context.Context, u plan.Unit, t Trial) error {
	seconds := strconv.Itoa(int(t.After / time.Second))
	_, err := s.doOne(ctx, command("trial", u.Home, t.Generation, u.Start, u.Name, seconds, t.Base, t.Rollout, t.By))
	return err
}

// Prolong lets a trial go on for as long again before the host goes back by itself.
func (s *Session) Prolong(ctx context.Context, u plan.Unit, generation string) error {
	_, err := s.doQuick(ctx, command("rearm", u.Home, generation))
	return err
}

// Confirm ends a trial: nothing goes back by itself any more. Generations and programs
// that neither this one nor the one before needs are removed.
func (s *Session) Confirm(ctx context.Context, u plan.Unit, generation string) error {
	_, err := s.doOne(ctx, command("confirm", u.Home, generation, u.Programs, u.Name))
	return err
}

// NotStartedError is a host that is back, where the unit that is back doesn't start.
type NotStartedError struct{ Text string }

func (e *NotStartedError) Error() string { return e.Text }

// notStarted is the status of what was done but for the start.
const notStarted = 2

func started(err error) error {
	if ce := (*CommandError)(nil); errors.As(err, &ce) && ce.Status == notStarted {
		return &NotStartedError{ce.Text}
	}
	return err
}

// Back ends a trial with what ran before it. Without a trial it does nothing. A
// [NotStartedError] is no reason to try again.
func (s *Session) Back(ctx context.Context, u plan.Unit) error {
	_, err := s.doOne(ctx, command("act", "back", u.Home))
	return started(err)
}

// Undo goes back from a confirmed generation to the one before it. A host that went back
// from it already stays as it is.
func (s *Session) Undo(ctx context.Context, u plan.Unit, from string) error {
	_, err := s.doOne(ctx, command("undo", u.Home, from))
	return started(err)
}

// Ended writes down that the run which confirmed the generation ended well.
func (s *Session) Ended(ctx context.Context, u plan.Unit) error {
	_, err := s.doOne(ctx, command("ended", u.Home))
	return err
}

// Retire removes everything of kcmgen from a host, programs included.
func (s *Session) Retire(ctx context.Context, u plan.Unit) error {
	_, err := s.doOne(ctx, command("retire", u.Home, u.Start, u.Name, u.Programs))
	return err
}

// Probed is a look at a unit while it is on trial.
type Probed struct {
	Process    plan.Process
	Complaints []string // lines of its log that tell of an apiserver it can't work with
}

// Probe looks at a unit, and at what its log says within a time. subject is the user
// that its kubeconfig names.
func (s *Session) Probe(ctx context.Context, u plan.Unit, subject string, within time.Duration) (*Probed, error) {
	seconds := strconv.Itoa(max(1, int(within/time.Second)))
	out, err := s.Do(ctx, command("process", u.Name), command("complaints", u.Name, regexp.QuoteMeta(subject), seconds))
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
	out, err := s.doOne(ctx, command("log", u.Home, u.Name, strconv.Itoa(lines)))
	return strings.FieldsFunc(out, func(r rune) bool { return r == '\n' }), err
}

// Room says what could keep files from being written to a directory, "" if nothing is
// seen.
func (s *Session) Room(ctx context.Context, dir string) (string, error) {
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
