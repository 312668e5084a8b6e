package plan

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// FileChange is a file or directory of a host that differs from what it should be.
type FileChange struct {
	Path string    `json:"path"`
	Kind tree.Kind `json:"kind"`
	// What differs of a path that exists: contents, mode, owner, type.
	What []string `json:"what,omitempty"`
	Want string   `json:"want,omitempty"`
	Have string   `json:"have,omitempty"`
}

// fileDifferences compares a host's files with the desired ones, path by path.
func (h *Host) fileDifferences() []FileChange {
	var out []FileChange
	for top, t := range h.Desired.Trees {
		out = append(out, h.compareDirectory(top, 0o700, h.Desired.Owners[top], h.holdsSecrets(top))...)
		for _, e := range t.Entries() {
			if p := path.Join(top, e.Path); e.Dir {
				out = append(out, h.compareDirectory(p, e.Mode, e.Owner, true)...)
			} else {
				out = append(out, h.compareFile(p, e)...)
			}
		}
	}
	for d, mode := range h.Desired.Dirs {
		out = append(out, h.compareDirectory(d, mode, "", false)...)
	}
	switch f := h.Snapshot.Files[h.Unit.File]; {
	case h.Desired.Generation == None:
	case IsFound(h.Desired.Generation): // it has the mode that it had
		mode, _ := strconv.ParseUint(f.Mode, 8, 12)
		out = append(out, h.compareFile(h.Unit.File, tree.Entry{Mode: fs.FileMode(mode), Data: h.Desired.Unit})...)
	default:
		out = append(out, h.compareFile(h.Unit.File, tree.Entry{Mode: h.Unit.mode(), Data: h.Desired.Unit})...)
	}
	slices.SortFunc(out, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// holdsSecrets reports whether one of kcmgen's directories holds secrets. A generation's
// does, a program's doesn't.
func (h *Host) holdsSecrets(top string) bool { return path.Dir(top) == h.Unit.GenerationsDir }

// compareDirectory compares a directory. One that kcmgen doesn't own only has to exist.
func (h *Host) compareDirectory(p string, mode fs.FileMode, owner string, ours bool) []FileChange {
	f := h.Snapshot.Files[p]
	switch {
	case f.Type == Missing:
		return []FileChange{{Path: p, Kind: tree.Added}}
	case f.Type != Directory:
		return []FileChange{{Path: p, Kind: tree.Changed, What: []string{"type"}, Want: Directory, Have: f.Type}}
	case ours:
		return attributes(p, f, mode, owner, nil)
	}
	return nil
}

func (h *Host) compareFile(p string, e tree.Entry) []FileChange {
	f := h.Snapshot.Files[p]
	switch {
	case f.Type == Missing:
		return []FileChange{{Path: p, Kind: tree.Added}}
	case !f.Regular():
		return []FileChange{{Path: p, Kind: tree.Changed, What: []string{"type"}, Want: "regular file", Have: f.Type}}
	}
	var what []string
	if f.Size != e.Size() || f.SHA256 != "" && f.SHA256 != e.Sum() {
		what = []string{"contents"}
	}
	return attributes(p, f, e.Mode, e.Owner, what)
}

const rootOwner = "root:root"

// attributes compares mode and owner. A file without an owner belongs to root.
func attributes(p string, f File, mode fs.FileMode, owner string, what []string) []FileChange {
	c := FileChange{Path: p, Kind: tree.Changed, What: what}
	var want, have []string
	if m := strconv.FormatUint(uint64(mode), 8); f.Mode != m {
		c.What, want, have = append(c.What, "mode"), append(want, m), append(have, f.Mode)
	}
	is := f.IDs
	if owner == "" || owner == rootOwner {
		owner, is = rootOwner, f.Owner
	}
	if is != owner {
		c.What, want, have = append(c.What, "owner"), append(want, owner), append(have, is)
	}
	if len(c.What) == 0 {
		return nil
	}
	c.Want, c.Have = strings.Join(want, " "), strings.Join(have, " ")
	return []FileChange{c}
}

// staleProcess returns how the running process differs from a configuration, and from a unit
// that runs and is started at boot; "" if it doesn't.
func (h *Host) staleProcess(wants *Config) string {
	p := h.Snapshot.Process
	switch {
	case h.Desired.Generation == None:
		return ""
	case !p.Running:
		return h.Unit.Name + " is " + p.Active
	}
	if differs := h.Stale(wants); differs != "" {
		return differs
	}
	if !p.Enabled {
		return h.Unit.Name + " isn't started at boot"
	}
	return ""
}

// Stale returns how the running process differs from a configuration; "" if it doesn't, or
// if none runs.
func (h *Host) Stale(c *Config) string {
	p := h.Snapshot.Process
	switch {
	case !p.Running || c == nil:
		return ""
	case len(c.Argv) > 0 && !slices.Equal(p.Args, c.Argv):
		return "it runs with other arguments: " + OtherArgs(p.Args, c.Argv)
	case c.Bound && !p.Sees(c.Generation):
		return "it runs with the files of another generation"
	case h.lacksProgram(c.Program()):
		return c.Program() + " isn't there any more: it runs until it is restarted"
	case p.Stale:
		return h.Unit.Name + " changed since systemd read it"
	}
	return ""
}

// OtherArgs describes how one command line differs from another.
func OtherArgs(have, want []string) string {
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

// MissingTrees returns the paths of the trees that are absent from the host or differ.
func (h *Host) MissingTrees() []string {
	var out []string
	for top, t := range h.Desired.Trees {
		fault := len(h.compareDirectory(top, 0o700, h.Desired.Owners[top], h.holdsSecrets(top))) > 0
		for _, e := range t.Entries() {
			fault = fault || !e.Dir && len(h.compareFile(path.Join(top, e.Path), e)) > 0
		}
		if fault {
			out = append(out, top)
		}
	}
	slices.Sort(out)
	return out
}

// MissingDirs returns the directories that the unit needs and the host lacks.
func (h *Host) MissingDirs() []string {
	var out []string
	for d := range h.Desired.Dirs {
		if h.Snapshot.Files[d].Type == Missing {
			out = append(out, d)
		}
	}
	slices.Sort(out)
	return out
}
