package plan

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// Observation is what was seen of a cluster's hosts.
type Observation struct {
	Cluster *spec.Cluster
	Action  string // what people asked for: deploy, rollback
	// Hosts are those that the command is about, by name.
	Hosts []*Host
	// Beside are hosts of the cluster that the command isn't about, by name.
	Others []*Host
	// ReadsLease: the apiserver can be asked who leads.
	ReadsLease bool
	Leader     Leader
}

// Leader is who holds the lease; "" if nobody does, or nobody can be asked.
type Leader struct {
	Holder   string // hostname_uuid
	Hostname string
}

// Host is what was seen of one host, and what it is to have.
type Host struct {
	Node            string
	ClusterHostname string // its hostname, as the cluster has it
	Address         string // where it was reached
	User            string // the login's
	Unit            Unit
	Desired         *Desired // nil: nothing is to be changed
	Current         *Config  // what runs there; nil: nothing does, or it can't be told
	Snapshot        *Snapshot
	// Old are the files of the generation that it runs, by path, as far as they are
	// compared with those of the one that it gets.
	OldFiles      map[string]File
	Unhealthy     string        // why it doesn't work; "" if it does
	HealthUnknown error         // why it can't be asked whether it is healthy
	Skew          time.Duration // by which its clock is ahead
	// Unreached is why nothing was seen of a host that the command isn't about.
	Unreached error
}

// Unit is what is deployed to a host, by its names there.
type Unit struct {
	Home  string // the directory of generations
	Start string // the unit's file
	Name  string // as systemd knows it
	// Programs is the directory of installed programs.
	Programs string
}

// UnitOf is what is deployed to a cluster's hosts.
func UnitOf(c *spec.Cluster) Unit {
	return Unit{Home: c.Paths.Generations, Start: c.Paths.Unit, Name: path.Base(c.Paths.Unit), Programs: c.Paths.Programs}
}

// Seen is a host at one moment.
type Snapshot struct {
	HostInfo
	Files   map[string]File // by path
	Process Process
	Unit    []byte // what the unit's file holds
}

// About is what a host says of itself, and of the directory of generations.
type HostInfo struct {
	Root         bool
	Clock        time.Time // the host's own, to the second
	Boot         string    // the boot's id
	Systemd      int       // its version; 0: not said
	MissingTools []string  // tools that aren't there
	Obstructed   []string  // where its own files go lies something else: "PATH is a fifo"
	// ReadOnly is the directory that can't be written, "" if it can be.
	ReadOnly        string
	ReadOnlyUnitDir string // the unit's directory, if it can't be written
	Holder          string // who is changing the host; "" if nobody is
	KBytes          int64  // free; -1: not said
	Inodes          int64  // free; -1: not said
	Name            string // the host's own
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

// Process is a unit as its supervisor has it, and its process as the kernel has it.
type Process struct {
	Known    bool // the supervisor has the unit
	Masked   bool // it is told not to start it
	Enabled  bool // it is started at boot
	Stale    bool // the unit's file changed since the supervisor read it
	Running  bool
	Dead     bool     // it has ended, and isn't started again
	Ending   bool     // it is on its way to end
	Active   string   // the state in the supervisor's words
	File     string   // the unit's
	DropIns  []string // files that change the unit
	PID      int      // of the main process; 0: there is none
	Restarts int      // how often it was started again without being asked to
	// Result is how the process ended last, in the supervisor's words, and Status its exit
	// status.
	Result string
	Status int
	Args   []string          // of the running process
	Mounts map[string]string // places in the process's own view, by what is mounted there
}

// From reports whether the process sees a generation's files.
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
