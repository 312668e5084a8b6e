package deploy

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// ready brings a host to where one command makes the new generation run: everything
// is there, is what was meant, and is what the host's own programs understand.
func (r *Rollout) ready(ctx context.Context, s *Step) error {
	m := s.m
	ctx, cancel := context.WithTimeout(ctx, hostLimit)
	defer cancel()
	n, err := r.stage(ctx, m)
	if err != nil {
		return err
	}
	if n > 0 {
		r.tell(m, "staged", "%s, read back and durable", files(n))
	}
	return r.judge(ctx, m)
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// hostLimit bounds what is done to a host before anything there changes. A program of
// 70 MB over a thin line takes most of it.
const hostLimit = 5 * time.Minute

// unfinished ends the trial of a deployment that is gone, and waits until the host works
// again, if it can: others may be restarted then.
func (r *Rollout) unfinished(ctx context.Context, s *Step) error {
	m := s.m
	r.tell(m, "recover", "%s was never confirmed: going back", short(s.Recover))
	err := m.session.Back(ctx, m.unit)
	idle := (*host.NotStartedError)(nil)
	if err != nil && !errors.As(err, &idle) { // one that doesn't start gets another next
		return fmt.Errorf("going back from %s, which was never confirmed: %w", short(s.Recover), err)
	}
	if err := r.look(ctx, m); err != nil {
		return err
	}
	if m.seen.Runs != host.None && idle == nil {
		set := &r.wantOn(ctx, m, m.seen.Runs, m.seen.Unit).Set
		if err := r.await(ctx, &gate{r: r, m: m, set: set, back: true}); err == nil {
			m.unwell = ""
		}
	}
	s.Unwell = m.unwell
	return nil
}

// stage puts folders on the host that aren't there as they should be. It returns how
// many files it sent.
func (r *Rollout) stage(ctx context.Context, m *machine) (int, error) {
	todo := m.missing()
	if len(todo) == 0 && len(m.bare()) == 0 {
		return 0, nil
	}
	var homes []string
	for _, top := range todo {
		homes = append(homes, path.Dir(top))
	}
	homes = append(homes, m.bare()...)
	opening := r.opening(ctx, m)
	err := m.session.Prepare(ctx, slices.Compact(homes)...)
	o := <-opening
	if o.err != nil {
		return 0, errors.Join(err, o.err)
	}
	defer o.fs.Close()
	if err != nil {
		return 0, r.because(ctx, m, m.unit.Home, err)
	}
	n := 0
	for _, top := range todo {
		t := m.want.folders[top]
		if err := r.put(ctx, m, o.fs, top, t); err != nil {
			return n, r.because(ctx, m, path.Dir(top), err)
		}
		n += len(t.Entries())
	}
	return n, nil
}

// missing are the folders that the host hasn't as they should be.
func (m *machine) missing() []string {
	var out []string
	for top, t := range m.want.folders {
		fault := len(m.folder(top, 0o700, m.private(top))) > 0
		for _, e := range t.Entries() {
			fault = fault || !e.Dir && len(m.file(path.Join(top, e.Path), e)) > 0
		}
		if fault {
			out = append(out, top)
		}
	}
	slices.Sort(out)
	return out
}

// bare are folders that the unit needs and the host hasn't.
func (m *machine) bare() []string {
	var out []string
	for d := range m.want.dirs {
		if m.seen.Files[d].Type == host.Missing {
			out = append(out, d)
		}
	}
	slices.Sort(out)
	return out
}

// put stages a folder beside its name, has the host read it back, and renames it.
func (r *Rollout) put(ctx context.Context, m *machine, f *host.Client, top string, t tree.Tree) error {
	partial := top + "." + r.o.Nonce() + ".partial"
	err := f.Await(ctx, func() error { return tree.Stage(f.Staging(path.Dir(top)), path.Base(partial), t) })
	if err != nil {
		return err
	}
	var sums []string
	for _, e := range t.Entries() {
		if !e.Dir {
			sums = append(sums, sumOf(e)+"  "+e.Path)
		}
	}
	return m.session.Seal(ctx, partial, top, sums)
}

// sftpOpened is a channel for files, or why there is none.
type sftpOpened struct {
	fs  *host.Client
	err error
}

// opening is the channel for files that the plan tried, or another one, once it is there.
func (r *Rollout) opening(ctx context.Context, m *machine) chan sftpOpened {
	out := make(chan sftpOpened, 1)
	if f := m.sftp; f != nil {
		m.sftp = nil
		out <- sftpOpened{f, nil}
		return out
	}
	go func() {
		f, err := r.openSFTP(ctx, m)
		out <- sftpOpened{f, err}
	}()
	return out
}

// tries opens the channel that files will come by, where any will: a dry run that is
// content, and a deploy that then has no SFTP, would be of no use.
func (r *Rollout) tries(ctx context.Context, m *machine) error {
	if m.sftp != nil || len(m.missing()) == 0 && len(m.bare()) == 0 || len(m.unfit()) > 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	var err error
	m.sftp, err = r.openSFTP(ctx, m)
	return err
}

func (r *Rollout) openSFTP(ctx context.Context, m *machine) (*host.Client, error) {
	p, err := started(m.conn.Start(ctx, host.SFTPServer(m.report.User == "root", m.node.SSH.SFTPServer)))
	if err != nil {
		return nil, err
	}
	f, err := host.OpenSFTP(ctx, p)
	if err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("SFTP: %w", err)
	}
	return f, nil
}

// CauseError is a write that failed, and what the host says of the place.
type CauseError struct {
	Cause string
	Err   error
}

func (e *CauseError) Error() string { return fmt.Sprintf("%v: %s", e.Err, e.Cause) }

// Unwrap returns what failed.
func (e *CauseError) Unwrap() error { return e.Err }

// because asks the host why nothing could be written: SFTP says "failure" and no more.
func (r *Rollout) because(ctx context.Context, m *machine, dir string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	cause, rerr := m.session.Room(ctx, dir)
	switch {
	case rerr != nil:
		return err
	case cause == "":
		return err
	}
	return &CauseError{cause, err}
}

// judge asks the host's own programs what they think of the new unit.
func (r *Rollout) judge(ctx context.Context, m *machine) error {
	if m.want.program() == "" {
		return nil // nothing, or what only systemd can read
	}
	file := path.Join(m.unit.Home, m.want.Generation, path.Base(m.unit.Start))
	said, err := m.session.Verify(ctx, file)
	if err != nil {
		return fmt.Errorf("systemd-analyze verify %s: %w", file, err)
	}
	if said != "" {
		return &RefusedError{Systemd, said}
	}
	version, err := m.session.Parse(ctx, m.want.Argv)
	if err != nil {
		return &RefusedError{m.want.Argv[0], err.Error()}
	}
	return fits(m.want.Argv[0], version, r.cluster.Version)
}

// RefusedError is what a host's own program has against a unit or its flags.
type RefusedError struct{ Program, Text string }

// Systemd is the [RefusedError]'s program where the unit is what is complained of.
const Systemd = "systemd"

func (e *RefusedError) Error() string { return e.Program + " refuses it: " + e.Text }

// OtherProgramError is a host's program that isn't the one the cluster speaks of.
type OtherProgramError struct {
	Program, Is string
	Expected    spec.Version
}

func (e *OtherProgramError) Error() string {
	return fmt.Sprintf("%s is %s, and the cluster %s", e.Program, e.Is, e.Expected)
}

// fits compares what a program says of itself with what the cluster says: flags
// are those of a minor version.
func fits(program, says string, want spec.Version) error {
	_, word, _ := strings.Cut(says, "Kubernetes ")
	word, _, _ = strings.Cut(word, "+") // who built it
	have, err := spec.ParseVersion(word)
	if err != nil {
		return &OtherProgramError{program, fmt.Sprintf("something that calls itself %q", says), want}
	}
	if have.Minor != want.Minor {
		return &OtherProgramError{program, have.String(), want}
	}
	return nil
}
