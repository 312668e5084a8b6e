package plan

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// Observation is what was seen of a cluster's hosts.
type Observation struct {
	Cluster *spec.Cluster
	Action  string // the operator's command: deploy, rollback
	// Hosts are those that the command names, sorted by name.
	Hosts []*Host
	// Others are the cluster's other hosts, sorted by name.
	Others []*Host
	// ReadsLease: there is a kubeconfig to read the lease with.
	ReadsLease bool
	Leader     Leader
}

// Leader is the holder of the lease; its fields are "" if there is none or it isn't known.
type Leader struct {
	Holder   string // hostname_uuid
	Hostname string
}

// Host is what was observed of one host, and what it should have.
type Host struct {
	Node            string
	ClusterHostname string // its hostname, as the cluster has it
	Address         string // where it was reached
	User            string // the login's
	Unit            Unit
	Desired         *Desired // nil: the host isn't changed
	Current         *Config  // what it runs; nil: nothing, or it can't be read
	Snapshot        *Snapshot
	// OldFiles are the files of the running generation that are compared with those of the
	// new one, by path.
	OldFiles      map[string]File
	Unhealthy     string        // why it doesn't work; "" if it works
	HealthUnknown error         // why its health can't be checked
	Skew          time.Duration // by which its clock is ahead
	// Unreached is why one of the other hosts can't be reached.
	Unreached error
}

// Unit names the files and directories of a deployment on a host. In all of deploy a unit
// is what starts the process: a systemd unit, or a static pod.
type Unit struct {
	GenerationsDir string // the directory of generations
	File           string // the unit's file, or the pod's manifest
	// Name is systemd's name of the unit, or the pod's namespace and name with a slash
	// between them.
	Name string
	// ProgramsDir is the directory of installed programs.
	ProgramsDir string
	// Other is the unit of the other layout, which a host may have until its layout changes.
	Other Started
}

// Started is a file that starts a process, and the name of what it starts.
type Started struct{ File, Name string }

// UnitOf returns the unit of a cluster's hosts.
func UnitOf(c *spec.Cluster) Unit {
	u := Unit{
		GenerationsDir: c.Paths.Generations, File: c.Paths.Unit, Name: path.Base(c.Paths.Unit), ProgramsDir: c.Paths.Programs,
		Other: Started{c.Paths.Manifest, c.Pod.Namespace + "/" + spec.PodName},
	}
	if c.Layout == spec.StaticPod {
		return u.Exchanged()
	}
	return u
}

// Exchanged returns the unit of the other layout.
func (u Unit) Exchanged() Unit {
	u.File, u.Name, u.Other = u.Other.File, u.Other.Name, Started{u.File, u.Name}
	return u
}

// At returns the unit whose file is at a path: u, or that of the other layout.
func (u Unit) At(file string) Unit {
	if file != "" && file == u.Other.File {
		return u.Exchanged()
	}
	return u
}

// IsPod reports whether it is a static pod.
func (u Unit) IsPod() bool { return IsPod(u.Name) }

// IsPod reports whether the name of a unit is that of a static pod.
func IsPod(name string) bool { return strings.Contains(name, "/") }

// kind returns what the unit's file is called.
func (u Unit) kind() string {
	if u.IsPod() {
		return "manifest"
	}
	return "unit"
}

// mode returns the mode of the unit's file. A manifest's environment may hold a password.
func (u Unit) mode() fs.FileMode {
	if u.IsPod() {
		return 0o600
	}
	return 0o644
}

// Snapshot is a host at one moment.
type Snapshot struct {
	HostInfo
	Files   map[string]File // by path
	Process Process
	Unit    []byte // contents of the unit's file
	// Kubelet is the host's kubelet; nil where the unit is systemd's.
	Kubelet *Kubelet
}

// HostInfo is what a host reports about itself and its directory of generations.
type HostInfo struct {
	Root         bool
	Clock        time.Time // the host's own, to the second
	Boot         string    // the boot's id
	Systemd      int       // its version; 0: unknown
	MissingTools []string  // tools that aren't there
	Obstructed   []string  // paths of kcmgen's own files with something else at them: "PATH is a fifo"
	// ReadOnly is the directory that can't be written, "" if it can be.
	ReadOnly        string
	ReadOnlyUnitDir string // the unit's directory, if it can't be written
	Drill           string // the mode of a drill that goes on, or was cut off; "" if there is none
	Holder          string // the session that is changing the host; "" if none is
	KBytes          int64  // free; -1: unknown
	Inodes          int64  // free; -1: unknown
	Name            string // the kernel's hostname
	At              string // the file that starts the process: the unit's, or the other layout's
	Both            string // the other layout's file, if both are there
	// Runs is the generation that the file was written from: None if there is no file, Found
	// if kcmgen didn't write it.
	Runs  string
	Trial *Journal
	State *Journal
	// Stamp is a checksum that changes when the host is changed.
	Stamp string
}

// In place of a generation: there is no unit, or kcmgen didn't write it.
const (
	None  = "none"
	Found = "found"
)

// IsFound reports whether a generation is a unit that kcmgen didn't write, kept or not.
func IsFound(generation string) bool { return strings.HasPrefix(generation, Found) }

// Journal is a host's record of a generation that was started.
type Journal struct {
	Generation string
	Previous   string // None: there was no unit; "-": nothing to go back to
	Started    string // when it was started, by the host's clock
	Rollout    string // the plan's ID
	Action     string // deploy, rollback; undo: a failed run went back to it
	Ended      bool   // the run that started it ended well
}

// File is what is at a path of the host.
type File struct {
	Path   string
	Type   string // as stat says: "regular file", "directory", "symbolic link"; "missing"
	Mode   string // octal, such as "644"
	Owner  string // user:group
	IDs    string // their numbers
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

// Process is a unit as systemd reports it, and its process as the kernel reports it.
type Process struct {
	Known    bool // systemd has the unit
	Masked   bool // systemd must not start it
	Enabled  bool // it is started at boot
	Stale    bool // the unit's file changed since systemd read it
	Running  bool
	Dead     bool     // it has ended and isn't restarted
	Ending   bool     // it is stopping
	Active   string   // systemd's state, as "active (running)"
	File     string   // the unit's
	DropIns  []string // files that change the unit
	PID      int      // of the main process; 0: there is none
	Restarts int      // automatic restarts by systemd
	// Result is systemd's word for how the process last ended, Status its exit status.
	Result string
	Status int
	Args   []string          // of the running process
	Mounts map[string]string // source directory by mount point, in the process's view
}

// Sees reports whether a generation is mounted in the process's view.
func (p Process) Sees(generation string) bool {
	for _, from := range p.Mounts {
		if slices.Contains(strings.Split(from, "/"), generation) {
			return true
		}
	}
	return false
}

// Parents are the directories above a path, from the top.
func Parents(p string) []string {
	var out []string
	for d := path.Dir(p); d != "/" && d != "."; d = path.Dir(d) {
		out = append([]string{d}, out...)
	}
	return out
}
