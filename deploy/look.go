package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/live"
)

// lookLimit bounds a look at a host, checksums of its programs included.
const lookLimit = 60 * time.Second

// quickRead is up to which size files are compared by their contents where nobody asked
// for more: a program lies in a folder named by its checksum, which was compared when
// it was put there.
const quickRead = 4 << 20

func (r *Rollout) readUpTo() int64 {
	if r.o.Thorough {
		return 1 << 40
	}
	return quickRead
}

// unitOf is what is deployed to a cluster's hosts, by its names there.
func unitOf(c *spec.Cluster) host.Unit {
	return host.Unit{Home: c.Paths.Generations, Start: c.Paths.Unit, Name: path.Base(c.Paths.Unit), Programs: c.Paths.Programs}
}

// look looks at a host, and asks what runs there whether it is healthy; both at once
// where it runs what we think it does.
func (r *Rollout) look(ctx context.Context, m *machine) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	paths, guess := host.Parents(m.unit.Start), m.guess()
	if m.want != nil {
		paths = m.want.paths(m.unit.Start)
	}
	answer := m.answer
	if m.answer = nil; answer == nil {
		answer = r.ask(ctx, m)
	}
	asked := r.o.Now()
	seen, err := m.session.Look(ctx, m.unit, append(paths, m.unit.Start), r.readUpTo())
	if err != nil {
		return err
	}
	m.seen = seen
	m.report.Skew = seen.Clock.Sub(asked).Round(time.Second).Seconds()
	m.report.From = seen.Runs
	ill := <-answer
	if walled := (*remote.ForwardForbiddenError)(nil); errors.As(ill, &walled) {
		m.walled = walled
	}
	if seen.Runs == host.None && !seen.Process.Known() {
		m.unwell = "it has no " + m.unit.Name + " yet"
		return nil
	}
	// A unit that nobody of us wrote may have what we can't read; it runs all the same.
	generation, unit := m.started(ctx, seen)
	m.was, _ = newSet(generation, unit, func(string) ([]byte, error) { return nil, nil })
	if at := m.was.at(); at != guess {
		ill = r.healthz(ctx, m, at, nil)
	}
	switch {
	case !seen.Process.Running():
		m.unwell = m.unit.Name + " is " + seen.Process.Active()
	case ill != nil:
		m.unwell = ill.Error()
	}
	return nil
}

// started is what a host starts: the unit in its place, or a package's own elsewhere,
// which is somebody else's.
func (m *machine) started(ctx context.Context, seen *host.Seen) (generation string, unit []byte) {
	if file := seen.Process.File(); seen.Runs == host.None && file != "" {
		if unit, err := m.session.Text(ctx, file); err == nil {
			return host.Found, unit
		}
	}
	return seen.Runs, seen.Unit
}

// guess is where a kube-controller-manager answers, if the host runs what it is to have.
func (m *machine) guess() string {
	if m.want == nil {
		return ""
	}
	return m.want.healthz()
}

// ask asks there, without waiting for the answer.
func (r *Rollout) ask(ctx context.Context, m *machine) chan error {
	answer := make(chan error, 1)
	go func() { answer <- r.healthz(ctx, m, m.guess(), nil) }()
	return answer
}

// at is healthz of a set that may be unknown.
func (s *Set) at() string {
	if s == nil {
		return ""
	}
	return s.healthz()
}

// healthz asks a kube-controller-manager at an address of the host's network. An
// address that nothing is known of isn't asked.
func (r *Rollout) healthz(ctx context.Context, m *machine, address string, cert []byte) error {
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return live.Healthz(ctx, address, cert, func(ctx context.Context, network, address string) (net.Conn, error) {
		return m.dial(ctx, network, address)
	})
}

// FileChange is a file or folder of a host that isn't as it is to be.
type FileChange struct {
	Path string    `json:"path"`
	Kind tree.Kind `json:"kind"`
	// What differs, of what is there: contents, mode, owner, type.
	What []string `json:"what,omitempty"`
	Want string   `json:"want,omitempty"`
	Have string   `json:"have,omitempty"`
}

// differs compares what a host has with what it is to have, path by path.
func (m *machine) differs() []FileChange {
	var out []FileChange
	for top, t := range m.want.folders {
		out = append(out, m.folder(top, 0o700, m.private(top))...)
		for _, e := range t.Entries() {
			if p := path.Join(top, e.Path); e.Dir {
				out = append(out, m.folder(p, e.Mode, true)...)
			} else {
				out = append(out, m.file(p, e)...)
			}
		}
	}
	for d, mode := range m.want.dirs {
		out = append(out, m.folder(d, mode, false)...)
	}
	if m.want.Generation != host.None {
		out = append(out, m.file(m.unit.Start, tree.Entry{Mode: 0o644, Data: m.want.Unit})...)
	}
	slices.SortFunc(out, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// private reports whether a folder of ours holds secrets: a program's doesn't.
func (m *machine) private(top string) bool { return path.Dir(top) == m.unit.Home }

// folder compares a folder. One that others have, too, only has to be there.
func (m *machine) folder(p string, mode fs.FileMode, ours bool) []FileChange {
	f := m.seen.Files[p]
	switch {
	case f.Type == host.Missing:
		return []FileChange{{Path: p, Kind: tree.Added}}
	case f.Type != host.Directory:
		return []FileChange{{Path: p, Kind: tree.Changed, What: []string{"type"}, Want: host.Directory, Have: f.Type}}
	case ours:
		return attributes(p, f, mode, nil)
	}
	return nil
}

func (m *machine) file(p string, e tree.Entry) []FileChange {
	f := m.seen.Files[p]
	switch {
	case f.Type == host.Missing:
		return []FileChange{{Path: p, Kind: tree.Added}}
	case !f.Regular():
		return []FileChange{{Path: p, Kind: tree.Changed, What: []string{"type"}, Want: "regular file", Have: f.Type}}
	}
	var what []string
	if f.Size != e.Size() || f.SHA256 != "" && f.SHA256 != sumOf(e) {
		what = []string{"contents"}
	}
	return attributes(p, f, e.Mode, what)
}

// attributes compares mode and owner: everything of ours is root's.
func attributes(p string, f host.File, mode fs.FileMode, what []string) []FileChange {
	c := FileChange{Path: p, Kind: tree.Changed, What: what}
	var want, have []string
	if m := strconv.FormatUint(uint64(mode), 8); f.Mode != m {
		c.What, want, have = append(c.What, "mode"), append(want, m), append(have, f.Mode)
	}
	if f.Owner != "root:root" {
		c.What, want, have = append(c.What, "owner"), append(want, "root:root"), append(have, f.Owner)
	}
	if len(c.What) == 0 {
		return nil
	}
	c.Want, c.Have = strings.Join(want, " "), strings.Join(have, " ")
	return []FileChange{c}
}

// stale says what the running process has that its files haven't: it was started
// before they changed. "" if it is theirs.
func (m *machine) stale() string {
	p := m.seen.Process
	switch {
	case m.want.Generation == host.None:
		return ""
	case !p.Running():
		return m.unit.Name + " is " + p.Active()
	case len(m.want.Argv) > 0 && !slices.Equal(p.Args, m.want.Argv):
		return "it runs with other arguments: " + otherArgs(p.Args, m.want.Argv)
	case m.want.sealed && !p.From(m.want.Generation):
		return "it runs with the files of another generation"
	case m.lacks(m.want.program()):
		return m.want.program() + " isn't there any more: it runs until it is restarted"
	case p.Stale():
		return m.unit.Name + " changed since systemd read it"
	case !p.Enabled():
		return m.unit.Name + " isn't started at boot"
	}
	return ""
}

// otherArgs names what one command line has and the other hasn't.
func otherArgs(have, want []string) string {
	var out []string
	for _, a := range have {
		if !slices.Contains(want, a) {
			out = append(out, "has "+a)
		}
	}
	for _, a := range want {
		if !slices.Contains(have, a) {
			out = append(out, "lacks "+a)
		}
	}
	if len(out) == 0 {
		return "in another order"
	}
	if len(out) > 4 {
		out = append(out[:4], fmt.Sprintf("and %d more", len(out)-4))
	}
	return strings.Join(out, ", ")
}
