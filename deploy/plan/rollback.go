package plan

import (
	"fmt"
	"slices"
)

// NoWayBackError is a host that has nothing to go back to.
type NoWayBackError struct{ Detail string }

func (e *NoWayBackError) Error() string { return "there is nothing to go back to: " + e.Detail }

// Rollback is what people ask for who want the generation before.
const Rollback = "rollback"

// Before returns the generation that a rollback takes a host to: the one it has where it
// went back already.
func (o *Observation) PreviousGeneration(h *Host) (string, error) {
	if o.alreadyBack(h) {
		return h.Snapshot.Runs, nil
	}
	st := h.Snapshot.State
	switch t := h.Snapshot.Trial; {
	case t != nil && t.By == Rollback: // it was on its way
		return t.Generation, nil
	case t != nil:
		return "", &NoWayBackError{"a deployment is going on, or wasn't ended; kcmgen deploy ends it"}
	case st == nil:
		return "", &NoWayBackError{"kcmgen hasn't deployed anything here"}
	case st.Generation != h.Snapshot.Runs:
		return "", &NoWayBackError{fmt.Sprintf("%s isn't the one of generation %s any more", h.Unit.Start, st.Generation)}
	case st.Previous == "" || st.Previous == "-":
		return "", &NoWayBackError{"it went back already"}
	}
	return st.Previous, nil
}

// wentBack tells hosts that have gone back already, in a run that was interrupted or
// was for them alone. Where all have, those have that did it last, in a run that didn't
// end: else each goes back once more.
func (o *Observation) alreadyBack(h *Host) bool {
	back := func(h *Host) bool { return h.Snapshot.State != nil && h.Snapshot.State.By == Rollback }
	switch {
	case !back(h) || h.Snapshot.Trial != nil:
		return false
	case slices.ContainsFunc(o.Hosts, func(h *Host) bool { return !back(h) }):
		return true
	}
	latest := "" // of runs that ended
	for _, h := range o.Hosts {
		if h.Snapshot.State.Ended {
			latest = max(latest, h.Snapshot.State.Since)
		}
	}
	return !h.Snapshot.State.Ended && h.Snapshot.State.Since >= latest
}

// again: a rollback takes the host to what one took it back from.
func (h *Host) returnsAgain() bool {
	st := h.Snapshot.State
	return st != nil && st.By == Rollback && st.Ended && h.Snapshot.Trial == nil && st.Previous == h.Desired.Generation && h.Snapshot.Runs != h.Desired.Generation
}

// OnHost is what a unit of a host asks for, as far as it can be told. read returns a file
// of the host.
func DesiredFromHost(generation string, unit []byte, read func(path string) ([]byte, error)) *Desired {
	set, err := ParseConfig(generation, unit, read)
	if set == nil || err != nil && IsFound(generation) {
		set = &Config{Generation: generation, Unit: unit} // somebody else's, and beyond us
	}
	return &Desired{Config: *set}
}

// Nothing is what a host is to have that leaves the cluster.
func DesiredNone() *Desired { return &Desired{Config: Config{Generation: None}} }
