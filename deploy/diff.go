package deploy

import (
	"path"
	"slices"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// Drift is what one host has other than it is to have.
type Drift struct {
	Node    string       `json:"node"`
	Address string       `json:"address"`
	Runs    string       `json:"runs"` // a generation, none or found
	Want    string       `json:"want"`
	Files   []FileChange `json:"files,omitempty"`
	Flags   []FlagChange `json:"flags,omitempty"` // of the unit's file
	Unit    []string     `json:"unit,omitempty"`  // its other lines: "- " has, "+ " is to have
	// Process is what the running process has other than its unit: it was edited,
	// and not restarted. "" if it is the unit's.
	Process string   `json:"process,omitempty"`
	DropIns []string `json:"dropIns,omitempty"`
	Trial   string   `json:"trial,omitempty"`  // a generation that nobody confirmed yet
	Holder  string   `json:"holder,omitempty"` // who is changing the host just now
}

// Same reports whether the host is as it is to be.
func (d Drift) Same() bool {
	return len(d.Files) == 0 && len(d.Flags) == 0 && d.Process == "" && len(d.DropIns) == 0 && d.Trial == ""
}

// Drifts compares what hosts have with what they are to have.
func (r *Rollout) Drifts() []Drift {
	var out []Drift
	for _, m := range r.machines {
		d := Drift{Node: m.node.Name, Address: m.report.Address, Runs: m.seen.Runs, Want: m.want.Generation, DropIns: m.seen.Process.DropIns(), Holder: m.seen.Holder}
		if m.seen.Trial != nil {
			d.Trial = m.seen.Trial.Generation
		}
		d.Files = m.differs()
		if m.seen.Runs != m.want.Generation {
			d.Flags, d.Unit = flagChanges(m.was, &m.want.Set), unitChanges(m.was, &m.want.Set)
			// Of a generation that isn't there at all, one line says it.
			top := path.Join(m.unit.Home, m.want.Generation)
			if m.seen.Files[top].Type == host.Missing {
				d.Files = slices.DeleteFunc(d.Files, func(c FileChange) bool { return path.Dir(c.Path) == top })
			}
		}
		d.Process = m.stale()
		out = append(out, d)
	}
	return out
}
