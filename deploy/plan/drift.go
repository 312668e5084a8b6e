package plan

import (
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact"
)

// Drift is how a host differs from its desired state.
type Drift struct {
	Node    string       `json:"node"`
	Address string       `json:"address"`
	Runs    string       `json:"runs"` // a generation, none or found
	Desired string       `json:"want"`
	Files   []FileChange `json:"files,omitempty"`
	Flags   []FlagChange `json:"flags,omitempty"` // of the unit's file
	Unit    []string     `json:"unit,omitempty"`  // its other lines: "- " on the host, "+ " desired
	// Process is how the running process differs from its unit, as after an edit without
	// a restart; "" if it doesn't.
	Process string   `json:"process,omitempty"`
	DropIns []string `json:"dropIns,omitempty"`
	Trial   string   `json:"trial,omitempty"`  // a generation that isn't confirmed
	Holder  string   `json:"holder,omitempty"` // the session that is changing the host
}

// InSync reports whether the host is in its desired state.
func (d Drift) InSync() bool {
	return len(d.Files) == 0 && len(d.Flags) == 0 && d.Process == "" && len(d.DropIns) == 0 && d.Trial == ""
}

// Drifts compares each host with its desired state.
func (o *Observation) Drifts() []Drift {
	var out []Drift
	for _, h := range o.Hosts {
		out = append(out, h.Drift())
	}
	return out
}

// Drift compares the host with its desired state.
func (h *Host) Drift() Drift {
	d := Drift{Node: h.Node, Address: h.Address, Runs: h.Snapshot.Runs, Desired: h.Desired.Generation, DropIns: h.Snapshot.Process.DropIns, Holder: h.Snapshot.Holder}
	if h.Snapshot.Trial != nil {
		d.Trial = h.Snapshot.Trial.Generation
	}
	d.Files = h.fileDifferences()
	if h.Snapshot.Runs != h.Desired.Generation {
		d.Flags, d.Unit = flagChanges(h.Current, &h.Desired.Config), unitChanges(h.Current, &h.Desired.Config)
		// A generation that is missing as a whole takes one line.
		top := path.Join(h.Unit.GenerationsDir, h.Desired.Generation)
		if h.Snapshot.Files[top].Type == Missing {
			d.Files = slices.DeleteFunc(d.Files, func(c FileChange) bool { return path.Dir(c.Path) == top })
		}
	}
	wants := &h.Desired.Config
	if h.meantSo() {
		d.Files, d.Unit, wants = nil, nil, h.Current
	}
	d.Process = h.staleProcess(wants)
	return d
}

// meantSo reports whether a host that kcmgen never changed has what the export means: the same
// flags and directives in other words, and no file beside them.
func (h *Host) meantSo() bool {
	switch {
	case !IsFound(h.Snapshot.Runs), h.Desired.Generation == None, h.Current == nil, len(h.Snapshot.Process.DropIns) > 0:
		return false
	case !sameLines(h.Current, &h.Desired.Config), len(flagChanges(h.Current, &h.Desired.Config)) > 0:
		return false
	}
	for _, t := range h.Desired.Trees {
		for _, e := range t.Entries() {
			if e.Path != path.Base(h.Unit.File) {
				return false // a file that the host doesn't have
			}
		}
	}
	return true
}

// sameLines reports whether two units or manifests say the same beside the command line.
func sameLines(a, b *Config) bool {
	switch {
	case (a.Pod == nil) != (b.Pod == nil), len(a.Argv) == 0, len(b.Argv) == 0:
		return false
	case a.Pod == nil:
		return slices.Equal(a.directives(), b.directives())
	case len(a.Pod.ChangedEnv(b.Pod)) > 0:
		return false
	}
	of := func(c *Config) []string {
		out := slices.DeleteFunc(slices.Clone(c.lines()), func(l string) bool { // those that mean nothing
			return slices.Contains([]string{"creationTimestamp: null", "status: {}", "imagePullPolicy: IfNotPresent"}, l)
		})
		slices.Sort(out)
		return out
	}
	return slices.Equal(of(a), of(b))
}

// directives returns a unit's directives without the command line, in a fixed order; nil if
// it can't be parsed.
func (s *Config) directives() []string {
	u, err := artefact.ParseUnit(s.Unit)
	if err != nil {
		return nil
	}
	var out []string
	for section, names := range u {
		for name, values := range names {
			if name != "ExecStart" {
				out = append(out, section+" "+name+"="+strings.Join(values, "\n"))
			}
		}
	}
	slices.Sort(out)
	return out
}
