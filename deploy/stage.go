package deploy

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// checkKubeconfig returns an error if kcmgen can't use the new generation's kubeconfig. A
// foreign one may name files and isn't checked.
func (m *machine) checkKubeconfig() error {
	config := &m.host.Desired.Config
	if plan.IsFound(config.Generation) {
		return nil
	}
	_, err := m.client(config)
	return err
}

// stage installs the trees that are absent from the host or differ.
func (m *machine) stage(ctx context.Context, s *host.Session) (int, error) {
	todo, bare, image := m.host.MissingTrees(), m.host.MissingDirs(), m.host.MissingImage()
	if len(todo) == 0 && len(bare) == 0 && image == nil {
		return 0, m.ownImage(ctx, s)
	}
	var homes []string
	if image != nil {
		homes = append(homes, m.host.Unit.GenerationsDir)
	}
	for _, top := range todo {
		homes = append(homes, path.Dir(top))
	}
	homes = append(homes, bare...)
	opening := m.sftpReady(ctx)
	err := s.Prepare(ctx, slices.Compact(homes)...)
	o := <-opening
	if o.err != nil {
		return 0, errors.Join(err, o.err)
	}
	defer o.fs.Close()
	if err != nil {
		return 0, m.withCause(ctx, s, m.host.Unit.GenerationsDir, err)
	}
	n := 0
	for _, top := range todo {
		t := m.host.Desired.Trees[top]
		if err := m.put(ctx, s, o.fs, top, t); err != nil {
			return n, m.withCause(ctx, s, path.Dir(top), err)
		}
		n += len(t.Entries())
	}
	if image == nil {
		return n, m.ownImage(ctx, s)
	}
	if err := m.bringImage(ctx, s, o.fs, image); err != nil {
		return n, m.withCause(ctx, s, m.host.Unit.GenerationsDir, err)
	}
	return n + 1, nil
}

// bringImage stages an image's archive and has the host's runtime import it.
func (m *machine) bringImage(ctx context.Context, s *host.Session, f *host.Client, i *plan.Image) error {
	const name = "image.tar"
	archive, err := withSum(i.Archive)
	if err != nil {
		return err
	}
	t, err := tree.New([]tree.Entry{{Path: name, Mode: 0o600, Blob: archive}})
	if err != nil {
		return err
	}
	home := m.host.Unit.GenerationsDir
	dir := "image." + m.options.Nonce() + ".partial"
	if err := f.Await(ctx, func() error { return tree.Stage(f.Staging(home), dir, t) }); err != nil {
		return err
	}
	return s.ImportImage(ctx, path.Join(home, dir, name), i, m.host.Desired.Generation)
}

// ownImage makes an image that the host has the generation's own, or has its runtime pull it, so
// that a wrong name fails while the old pod still runs.
func (m *machine) ownImage(ctx context.Context, s *host.Session) error {
	d := m.host.Desired
	switch {
	case d.Image() == "" || plan.IsFound(d.Generation):
		return nil
	case d.Archived != nil:
		return s.KeepImage(ctx, d.ImageOf())
	}
	return s.PullImage(ctx, d.ImageOf())
}

// put stages a tree next to its final name, has the host read it back, and renames it.
func (m *machine) put(ctx context.Context, s *host.Session, f *host.Client, top string, t tree.Tree) error {
	partial := top + "." + m.options.Nonce() + ".partial"
	err := f.Await(ctx, func() error { return tree.Stage(f.Staging(path.Dir(top)), path.Base(partial), t) })
	if err != nil {
		return err
	}
	var sums, owners []string
	own := func(e tree.Entry) error {
		uid, gid, err := e.IDs()
		if err == nil && (uid != 0 || gid != 0) {
			owners = append(owners, fmt.Sprintf("%d:%d %s", uid, gid, e.Path))
		}
		return err
	}
	for _, e := range t.Entries() {
		if err := own(e); err != nil {
			return err
		}
		if !e.Dir {
			sums = append(sums, e.Sum()+"  "+e.Path)
		}
	}
	if err := own(tree.Entry{Path: ".", Owner: m.host.Desired.Owners[top]}); err != nil {
		return err
	}
	return s.Seal(ctx, partial, top, sums, owners)
}

// sftpOpened is an SFTP client, or why there is none.
type sftpOpened struct {
	fs  *host.Client
	err error
}

// sftpReady delivers the SFTP client that the plan opened, or opens another one.
func (m *machine) sftpReady(ctx context.Context) chan sftpOpened {
	out := make(chan sftpOpened, 1)
	m.mu.Lock()
	f := m.sftp
	m.sftp = nil
	m.mu.Unlock()
	if f != nil {
		out <- sftpOpened{f, nil}
		return out
	}
	go func() {
		f, err := m.openSFTP(ctx)
		out <- sftpOpened{f, err}
	}()
	return out
}

// trySFTP opens an SFTP client if there are files to send, so that a dry run finds out if
// SFTP doesn't work.
func (m *machine) trySFTP(ctx context.Context) error {
	h := m.host
	if m.sftp != nil || len(h.MissingTrees()) == 0 && len(h.MissingDirs()) == 0 && h.MissingImage() == nil || len(h.Unfit()) > 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	f, err := m.openSFTP(ctx)
	m.mu.Lock()
	m.sftp = f
	m.mu.Unlock()
	return err
}

func (m *machine) openSFTP(ctx context.Context) (*host.Client, error) {
	m.mu.Lock()
	conn := m.conn
	m.mu.Unlock()
	if conn == nil {
		return nil, errNoSession
	}
	p, err := asProcess(conn.Start(ctx, host.SFTPServer(m.host.User == "root", m.node.SSH.SFTPServer)))
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

// CauseError is a failed write, with the cause that the host found.
type CauseError struct {
	Cause string
	Err   error
}

func (e *CauseError) Error() string { return fmt.Sprintf("%v: %s", e.Err, e.Cause) }

// Unwrap returns what failed.
func (e *CauseError) Unwrap() error { return e.Err }

// withCause asks the host why a write failed: SFTP only says "failure".
func (m *machine) withCause(ctx context.Context, s *host.Session, dir string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	cause, rerr := s.WriteFault(ctx, dir)
	switch {
	case rerr != nil:
		return err
	case cause == "":
		return err
	}
	return &CauseError{cause, err}
}

// check has the host's own programs check the new unit.
func (m *machine) check(ctx context.Context, s *host.Session) error {
	d := m.host.Desired
	if image := d.Image(); image != "" {
		return m.checkInImage(ctx, s, image)
	}
	if d.Program() == "" {
		return nil // no unit, or one that only systemd can parse
	}
	file := path.Join(m.host.Unit.GenerationsDir, d.Generation, path.Base(m.host.Unit.File))
	said, err := s.Verify(ctx, file)
	if err != nil {
		return fmt.Errorf("systemd-analyze verify %s: %w", file, err)
	}
	if said != "" {
		return &RefusedError{Systemd, said}
	}
	version, err := s.Parse(ctx, d.Argv)
	if err != nil {
		return &RefusedError{d.Argv[0], err.Error()}
	}
	return checkVersion(d.Argv[0], version, m.cluster.Version)
}

// checkInImage has the program in a pod's image check its flags.
func (m *machine) checkInImage(ctx context.Context, s *host.Session, image string) error {
	d := m.host.Desired
	if len(d.Argv) == 0 || plan.IsFound(d.Generation) {
		return nil // it ran before, and may need more than its arguments
	}
	version, err := s.ParseInImage(ctx, d.ImageOf(), d.Argv)
	switch {
	case err != nil:
		return &RefusedError{d.Argv[0] + " in " + image, err.Error()}
	case version == "":
		return nil // without the runtime's tool, only the trial shows it
	}
	return checkVersion(d.Argv[0]+" in "+image, version, m.cluster.Version)
}

// RefusedError is a host's own program that refuses a unit or its flags.
type RefusedError struct{ Program, Text string }

// Systemd is the [RefusedError]'s program if the unit is refused.
const Systemd = "systemd"

func (e *RefusedError) Error() string { return e.Program + " refuses it: " + e.Text }

// OtherProgramError is a host's program of another version than the cluster's.
type OtherProgramError struct {
	Program, Is string
	Expected    spec.Version
}

func (e *OtherProgramError) Error() string {
	return fmt.Sprintf("%s is %s, and the cluster %s", e.Program, e.Is, e.Expected)
}

// checkVersion compares a program's --version output with the cluster's minor version,
// which decides the flags.
func checkVersion(program, says string, want spec.Version) error {
	_, word, _ := strings.Cut(says, "Kubernetes ")
	word, _, _ = strings.Cut(word, "+") // a vendor's suffix
	have, err := spec.ParseVersion(word)
	if err != nil {
		return &OtherProgramError{program, fmt.Sprintf("something that calls itself %q", says), want}
	}
	if have.Minor != want.Minor {
		return &OtherProgramError{program, have.String(), want}
	}
	return nil
}
