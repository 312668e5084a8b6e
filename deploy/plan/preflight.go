package plan

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"time"
)

// preflight returns every reason why hosts can't be deployed to.
func (o *Observation) preflight(p *Plan) error {
	var errs []error
	for _, h := range o.Hosts {
		if p.step(h.Node) == nil {
			continue
		}
		for _, reason := range h.Unfit() {
			errs = append(errs, &HostError{h.Node, reason})
		}
	}
	if len(p.Steps) > 0 {
		errs = append(errs, o.distinctNames())
	}
	return errors.Join(errs...)
}

const (
	minSystemd = 233 // BindReadOnlyPaths=
	maxSkew    = 5 * time.Minute
)

// Unfit returns the reasons why a host can't be deployed to.
func (h *Host) Unfit() []error {
	var out []error
	no := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	a := h.Snapshot.HostInfo
	if !a.Root {
		no("sudo gives a shell that isn't root's")
	}
	if a.Systemd > 0 && a.Systemd < minSystemd && !h.Unit.IsPod() {
		no("systemd %d can't bind a generation to fixed paths: %d or newer can", a.Systemd, minSystemd)
	}
	for _, tool := range a.MissingTools {
		no("it has no %s", tool)
	}
	for _, odd := range a.Obstructed {
		no("%s where kcmgen keeps a file of its own: remove it", odd)
	}
	if skew := h.Skew; skew.Abs() > maxSkew {
		no("its clock is off by %v: certificates wouldn't be valid there; set it", skew)
	}
	if h.HealthUnknown != nil {
		out = append(out, fmt.Errorf("whether it becomes healthy couldn't be seen: %w", h.HealthUnknown))
	}
	out = append(out, h.unfitDirectories()...)
	switch f := h.Snapshot.Files[h.Unit.File]; {
	case h.Snapshot.Process.Masked:
		no("%s is masked: systemctl unmask %s, if it should run", h.Unit.Name, h.Unit.Name)
	case a.ReadOnlyUnitDir != "" && h.Snapshot.Runs != h.Desired.Generation:
		no("%s can't be written: it is on a read-only file system", a.ReadOnlyUnitDir)
	case f.Type != Missing && !f.Regular():
		no("%s is a %s; kcmgen writes only to a regular file: remove it", h.Unit.File, f.Type)
	}
	if a.Both != "" {
		no("%s and %s are both there: two would run; remove one of them, and stop what it starts", a.At, a.Both)
	}
	if program := h.Desired.Program(); h.lacksProgram(program) {
		no("%s isn't there: install it, or let kcmgen do it (binary.install)", program)
	}
	return slices.Concat(out, h.unfitKubelet(), h.unfitSpace())
}

// unfitDirectories refuses parents that are links or that other users may write to: they
// could replace what kcmgen writes.
func (h *Host) unfitDirectories() []error {
	var out []error
	seen := map[string]bool{}
	for _, leaf := range append(slices.Sorted(maps.Keys(h.Desired.Trees)), h.Unit.File) {
		for _, d := range Parents(leaf) {
			f, ok := h.Snapshot.Files[d]
			if !ok || seen[d] || f.Type == Missing {
				continue
			}
			seen[d] = true
			mode, _ := strconv.ParseUint(f.Mode, 8, 32)
			switch {
			case f.Type != Directory:
				out = append(out, fmt.Errorf("%s is a %s where a directory is expected", d, f.Type))
			case f.Owner[:min(len(f.Owner), 5)] != "root:" || mode&0o022 != 0 && mode&0o1000 == 0:
				out = append(out, fmt.Errorf("%s belongs to %s with mode %s: others could change what is put there", d, f.Owner, f.Mode))
			}
		}
	}
	return out
}

// unfitSpace returns why there is no space for the files to stage.
func (h *Host) unfitSpace() []error {
	var bytes, files int64
	for top, t := range h.Desired.Trees {
		if h.Snapshot.Files[top].Type == Directory {
			continue
		}
		for _, e := range t.Entries() {
			bytes += e.Size() + 4096
			files++
		}
	}
	if i := h.MissingImage(); i != nil { // and then the runtime's own copy of it
		bytes, files = bytes+i.Archive.Size, files+1
	}
	a := h.Snapshot.HostInfo
	switch need := (bytes + 1<<20) >> 10; {
	case files == 0:
	case a.ReadOnly != "":
		return []error{fmt.Errorf("%s can't be written: it is on a read-only file system", a.ReadOnly)}
	case a.KBytes >= 0 && a.KBytes < need:
		return []error{fmt.Errorf("%s: its file system is full: %d KiB are free, %d are needed", h.Unit.GenerationsDir, a.KBytes, need)}
	case a.Inodes >= 0 && a.Inodes < files+16:
		return []error{fmt.Errorf("%s: its file system has %d inodes left, %d are needed", h.Unit.GenerationsDir, a.Inodes, files+16)}
	}
	return nil
}

// lacksProgram reports whether a program is absent and isn't delivered either.
func (h *Host) lacksProgram(program string) bool {
	return h.Snapshot.Files[program].Type == Missing && !h.delivers(program)
}

// delivers reports whether the deployment installs a file.
func (h *Host) delivers(file string) bool {
	for top, t := range h.Desired.Trees {
		if path.Dir(file) == top {
			_, ok := t.Get(path.Base(file))
			return ok
		}
	}
	return false
}
