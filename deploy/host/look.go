package host

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// About is what a host says of itself, and of the folder of generations.
type About struct {
	Root    bool
	Clock   time.Time // the host's own, to the second
	Boot    string    // the boot's id
	Systemd int       // its version; 0: not said
	Lacks   []string  // tools that aren't there
	Odd     []string  // where its own files go lies something else: "PATH is a fifo"
	// ReadOnly is the folder that can't be written, "" if it can be.
	ReadOnly string
	Fixed    string // the unit's folder, if it can't be written
	Holder   string // who is changing the host; "" if nobody is
	KBytes   int64  // free; -1: not said
	Inodes   int64  // free; -1: not said
	Name     string // the host's own
	// Runs is the generation that the unit's file was written from: None if there is
	// no file, Found if somebody else wrote it.
	Runs  string
	Trial *Journal
	State *Journal
	// Stamp is another one where anything was done to the host.
	Stamp string
}

// In place of a generation: there is none, or it is somebody else's.
const (
	None  = "none"
	Found = "found"
)

// IsFound reports whether a generation is what somebody else wrote, kept or not.
func IsFound(generation string) bool { return strings.HasPrefix(generation, Found) }

// Journal is what a host has written down of a generation that was put to work.
type Journal struct {
	Generation string
	Previous   string // None: there was no unit; "-": nothing to go back to
	Since      string // when it was put to work, as the host's clock had it
	Rollout    string // what was deployed to all hosts then
	By         string // what people asked for: deploy, rollback; undo: a run that failed took it back
	Ended      bool   // the run that put it to work ended well
}

// File is what lies at a path of the host.
type File struct {
	Path   string
	Type   string // as stat says: "regular file", "directory", "symbolic link"; "missing"
	Mode   string // octal, such as "644"
	Owner  string // user:group
	Size   int64
	SHA256 string // of regular files that were read, in hex
}

// Types of files.
const (
	Missing   = "missing"
	Directory = "directory"
	Link      = "symbolic link"
)

// Regular reports whether it is a regular file, an empty one included.
func (f File) Regular() bool { return strings.HasPrefix(f.Type, "regular") }

// State is a unit as systemd has it and its process as the kernel has it.
type State struct {
	show   map[string]string
	Args   []string          // of the running process
	Mounts map[string]string // places in the process's own view, by what is mounted there
}

// Running reports whether the unit's process runs.
func (s State) Running() bool { return s.show["ActiveState"] == "active" && s.PID() > 0 }

// Over reports whether the unit's process has ended, and systemd doesn't start it again.
func (s State) Over() bool {
	return s.show["ActiveState"] == "inactive" || s.show["ActiveState"] == "failed"
}

// Ending reports whether the unit is on its way to end.
func (s State) Ending() bool { return s.show["ActiveState"] == "deactivating" }

// PID is the main process, 0 if there is none.
func (s State) PID() int { return s.number("MainPID") }

// Restarts is how often systemd has started the process again by itself.
func (s State) Restarts() int { return s.number("NRestarts") }

// Status is the exit status of the process that ended last.
func (s State) Status() int { return s.number("ExecMainStatus") }

// Result is how the process ended last, in systemd's words: success, exit-code,
// signal ….
func (s State) Result() string { return s.show["Result"] }

// Active is the state in systemd's words.
func (s State) Active() string { return s.show["ActiveState"] + " (" + s.show["SubState"] + ")" }

// Known reports whether systemd has the unit.
func (s State) Known() bool { return s.show["LoadState"] == "loaded" }

// Masked reports whether systemd is told not to start it.
func (s State) Masked() bool { return s.show["LoadState"] == "masked" }

// File is the unit's file.
func (s State) File() string { return s.show["FragmentPath"] }

// DropIns are files that change the unit.
func (s State) DropIns() []string { return strings.Fields(s.show["DropInPaths"]) }

// Stale reports whether the unit's file changed since systemd read it.
func (s State) Stale() bool { return s.show["NeedDaemonReload"] == "yes" }

// Enabled reports whether it is started at boot.
func (s State) Enabled() bool { return s.show["UnitFileState"] == "enabled" }

func (s State) number(key string) int {
	n, _ := strconv.Atoi(s.show[key])
	return n
}

// Seen is a host at one moment.
type Seen struct {
	About
	Files   map[string]File // by path
	Process State
	Unit    []byte // what the unit's file holds
}

// Text returns what a file of the host holds.
func (s *Session) Text(ctx context.Context, file string) ([]byte, error) {
	out, err := s.one(ctx, command("text", file))
	return []byte(out), err
}

// Look looks at a host, and at files there, in one round trip. Files longer than
// limit bytes aren't read.
func (s *Session) Look(ctx context.Context, u Unit, paths []string, limit int64) (*Seen, error) {
	look := command("look", strconv.Itoa(len(paths)), strconv.FormatInt(limit, 10))
	look.payload = paths
	out, err := s.Do(ctx, command("about", u.Home, u.Start), look, command("process", u.Name), command("text", u.Start))
	if ce := (*CommandError)(nil); errors.As(err, &ce) && ce.Command == "text" {
		err = nil // there is no unit
	}
	if err != nil {
		return nil, err
	}
	seen := &Seen{About: parseAbout(out[0]), Process: parseState(out[2]), Unit: []byte(out[3])}
	seen.Files, err = parseFiles(out[1])
	return seen, err
}

func parseAbout(text string) About {
	a := About{KBytes: -1, Inodes: -1}
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
			a.Lacks = append(a.Lacks, value)
		case "odd":
			a.Odd = append(a.Odd, value)
		case "readonly":
			a.ReadOnly = value
		case "fixed":
			a.Fixed = value
		case "held":
			a.Holder = value
		case "kbytes":
			a.KBytes = number
		case "inodes":
			a.Inodes = number
		case "name":
			a.Name = value
		case "runs":
			a.Runs = value
		case "stamp":
			a.Stamp = value
		default:
			file, key, _ := strings.Cut(key, ".")
			switch file {
			case "trial":
				a.Trial = a.Trial.with(key, value)
			case "state":
				a.State = a.State.with(key, value)
			}
		}
	}
	return a
}

func (j *Journal) with(key, value string) *Journal {
	if j == nil {
		j = &Journal{}
	}
	switch key {
	case "generation":
		j.Generation = value
	case "previous":
		j.Previous = value
	case "since":
		j.Since = value
	case "rollout":
		j.Rollout = value
	case "by":
		j.By = value
	case "ended":
		j.Ended = value == "yes"
	}
	return j
}

func parseFiles(text string) (map[string]File, error) {
	out := map[string]File{}
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "|", 6)
		if len(f) != 6 {
			return nil, fmt.Errorf("the host answers %q where it was asked for a file", line)
		}
		size, _ := strconv.ParseInt(f[3], 10, 64)
		out[f[5]] = File{Path: f[5], Type: f[0], Mode: f[1], Owner: f[2], Size: size, SHA256: f[4]}
	}
	return out, nil
}

func parseState(text string) State {
	s := State{show: map[string]string{}, Mounts: map[string]string{}}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "arg":
			s.Args = append(s.Args, value)
		case "mount":
			from, to, _ := strings.Cut(value, " ")
			s.Mounts[to] = from
		default:
			s.show[key] = value
		}
	}
	return s
}

// From reports whether the process sees a generation's files.
func (s State) From(generation string) bool {
	for _, from := range s.Mounts {
		if slices.Contains(strings.Split(from, "/"), generation) {
			return true
		}
	}
	return false
}

// Parents are the folders above a path, from the top.
func Parents(p string) []string {
	var out []string
	for d := path.Dir(p); d != "/" && d != "."; d = path.Dir(d) {
		out = append([]string{d}, out...)
	}
	return out
}

// StateOf reads a unit's state, as the host tells it.
func StateOf(text string) State { return parseState(text) }
