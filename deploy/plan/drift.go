package plan

import (
	"path"
	"slices"
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

// dropInAdvice is what to do about a drop-in, after its name.
const dropInAdvice = "stays in force over what kcmgen deploys: say what it sets in the cluster (unit:, flags:), remove it on the host, and type systemctl daemon-reload there"

// Drift compares the host with its desired state.
func (h *Host) Drift() Drift {
	d := Drift{Node: h.Node, Address: h.Address, Runs: h.Snapshot.Runs, Desired: h.Desired.Generation, DropIns: h.Snapshot.Process.DropIns, Holder: h.Snapshot.Holder}
	if h.Snapshot.Trial != nil {
		d.Trial = h.Snapshot.Trial.Generation
	}
	d.Files = h.fileDifferences()
	if h.Snapshot.Runs != h.Desired.Generation {
		d.Flags, d.Unit = flagChanges(h.running(), &h.Desired.Config), unitChanges(h.Current, &h.Desired.Config)
		if note := h.unknownWordsNote(); note != "" {
			d.Unit = append(d.Unit, "~ "+note)
		}
		// A generation that is missing as a whole takes one line.
		top := path.Join(h.Unit.GenerationsDir, h.Desired.Generation)
		if h.Snapshot.Files[top].Type == Missing {
			d.Files = slices.DeleteFunc(d.Files, func(c FileChange) bool { return path.Dir(c.Path) == top })
		}
	}
	wants := &h.Desired.Config
	if h.meantSo() {
		d.Files, d.Unit, wants = nil, nil, h.running()
	}
	if len(d.DropIns) > 0 {
		d.Unit = append(d.Unit, "~ a drop-in "+dropInAdvice)
	}
	d.Process = h.staleProcess(wants)
	return d
}
