package plan

import (
	"fmt"
	"slices"
)

// NoWayBackError is a host without a generation to go back to.
type NoWayBackError struct{ Detail string }

func (e *NoWayBackError) Error() string { return "there is nothing to go back to: " + e.Detail }

// Rollback is the action that restores the previous generation.
const Rollback = "rollback"

// PreviousGeneration returns the generation that a rollback takes a host to. For a host
// that already went back, that is the one it runs.
func (o *Observation) PreviousGeneration(h *Host) (string, error) {
	if o.alreadyBack(h) {
		return h.Snapshot.Runs, nil
	}
	st := h.Snapshot.State
	switch t := h.Snapshot.Trial; {
	case t != nil && t.Action == Rollback: // an interrupted rollback
		return t.Generation, nil
	case t != nil:
		return "", &NoWayBackError{"a deployment is going on, or was interrupted; kcmgen deploy ends it"}
	case st == nil:
		return "", &NoWayBackError{"kcmgen hasn't deployed anything here"}
	case st.Generation != h.Snapshot.Runs:
		return "", &NoWayBackError{fmt.Sprintf("%s isn't the one of generation %s any more", h.Unit.File, st.Generation)}
	case st.Previous == "" || st.Previous == "-":
		return "", &NoWayBackError{"it went back already"}
	}
	return st.Previous, nil
}

// alreadyBack reports whether a host has already gone back, in a run that was interrupted
// or named only some hosts. If all hosts have gone back before, only those count that did
// so in the latest run, and only if that run didn't end; else each goes back once more.
func (o *Observation) alreadyBack(h *Host) bool {
	back := func(h *Host) bool { return h.Snapshot.State != nil && h.Snapshot.State.Action == Rollback }
	switch {
	case !back(h) || h.Snapshot.Trial != nil:
		return false
	case slices.ContainsFunc(o.Hosts, func(h *Host) bool { return !back(h) }):
		return true
	}
	latest := "" // of runs that ended
	for _, h := range o.Hosts {
		if h.Snapshot.State.Ended {
			latest = max(latest, h.Snapshot.State.Started)
		}
	}
	return !h.Snapshot.State.Ended && h.Snapshot.State.Started >= latest
}

// returnsAgain reports whether the host gets the generation that the last rollback left.
func (h *Host) returnsAgain() bool {
	st := h.Snapshot.State
	return st != nil && st.Action == Rollback && st.Ended && h.Snapshot.Trial == nil && st.Previous == h.Desired.Generation && h.Snapshot.Runs != h.Desired.Generation
}

// DesiredFromHost returns the desired state that a unit on a host describes, as far as it
// can be parsed. read returns a file of the host.
func DesiredFromHost(u Unit, generation string, unit []byte, read Reader) *Desired {
	set, err := ParseConfig(u, generation, unit, read)
	if set == nil || err != nil && IsFound(generation) {
		set = &Config{Generation: generation, Unit: unit} // a foreign unit that can't be parsed
	}
	return &Desired{Config: *set}
}

// DesiredNone returns the desired state of a host that leaves the cluster.
func DesiredNone() *Desired { return &Desired{Config: Config{Generation: None}} }
