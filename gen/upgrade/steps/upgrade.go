// Package steps decides what a cluster needs to go from one Kubernetes version to
// another: edits of its CUE, and notes for a person. It goes one minor version at a
// time, and does no input or output.
package steps

import (
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/schemas"
)

// Plan is what one cluster needs.
type Plan struct {
	From, To spec.Version
	Steps    []*Step // one for each minor version, in order
	// Expected has the settings that the edited CUE must evaluate to, by the path of
	// their struct.
	Expected map[string]spec.Settings
}

// Step is the step to one minor version.
type Step struct {
	Minor int
	Edits []Edit
	Notes []Note
}

// Edit is a change of the cluster's CUE, with its reason.
type Edit struct {
	edit.Edit
	Field  string
	Reason string
}

// String returns the edit in words.
func (e Edit) String() string {
	name := ""
	if n := len(e.Path); n > 0 {
		name = e.Path[n-1]
	}
	if n := len(e.Path); n > 1 && e.Path[n-2] == "flags" {
		name = "--" + name
	}
	switch {
	case e.Op == edit.Set:
		return fmt.Sprintf("%s becomes %s", name, e.To)
	case e.Op == edit.Rename:
		return fmt.Sprintf("%s becomes --%s", name, e.To)
	case e.Op == edit.RenameElement:
		return fmt.Sprintf("%s: %s becomes %s", name, e.From, e.To)
	case e.Op == edit.DropElement:
		return fmt.Sprintf("%s: %s goes", name, e.From)
	case e.Op == edit.Import:
		return "imports " + e.To
	case e.Path[0] == "waivers":
		return fmt.Sprintf("waiver %s goes", name)
	}
	return name + " goes"
}

// Note is a message for a person. If Blocks is set, the person has to settle it before
// anything is written.
type Note struct {
	Field  string // empty: it isn't about a field
	Text   string
	Blocks bool
}

// VersionError is a version that a cluster can't be upgraded to, or from.
type VersionError struct{ Reason string }

func (e *VersionError) Error() string { return e.Reason }

// New plans the upgrade of a cluster to a version. Within one minor version it plans
// edits of what that version itself no longer accepts.
func New(c *spec.Cluster, to spec.Version) (*Plan, error) {
	switch {
	case flags.Of(to.Minor) == nil:
		return nil, &VersionError{fmt.Sprintf("there is no data of v1.%d: %s", to.Minor, known())}
	case flags.Of(c.Version.Minor) == nil:
		return nil, &VersionError{fmt.Sprintf("%s has %s, and there is no data for it: %s", c.Name, c.Version, known())}
	case to.Older(c.Version):
		return nil, &VersionError{fmt.Sprintf("%s has %s, which is newer than %s: Kubernetes goes up only", c.Name, c.Version, to)}
	}
	p := &planner{c: c, plan: &Plan{From: c.Version, To: to}, state: stateOf(c)}
	for minor := min(c.Version.Minor+1, to.Minor); minor <= to.Minor; minor++ {
		p.step(minor)
	}
	last := p.plan.Steps[len(p.plan.Steps)-1]
	if to != c.Version {
		last.Edits = append(last.Edits, Edit{
			edit.Edit{Op: edit.Set, Path: []string{"version"}, From: c.Version.String(), To: to.String()},
			"version", "",
		})
	}
	if to.Minor != c.Version.Minor {
		last.Edits = append(last.Edits, imports(to.Minor))
	}
	p.plan.Expected = p.state.settings()
	return p.plan, nil
}

// imports changes the import of the typed vocabulary to that of a minor version, if the
// cluster imports one.
func imports(minor int) Edit {
	return Edit{
		edit.Edit{Op: edit.Import, From: schemas.Path + "/v1_", To: fmt.Sprintf("%s/v1_%d", schemas.Path, minor)},
		"", fmt.Sprintf("the flags of v1.%d", minor),
	}
}

func known() string {
	all := flags.Minors()
	return fmt.Sprintf("it begins with v1.%d and ends with v1.%d", all[0], all[len(all)-1])
}

type planner struct {
	c      *spec.Cluster
	plan   *Plan
	state  state
	cur    *Step
	minor  int
	now    *flags.Minor
	before *flags.Minor // of the minor version before
}

func (p *planner) step(minor int) {
	p.minor, p.now, p.before = minor, flags.Of(minor), flags.Of(minor-1)
	if p.before == nil || minor == p.c.Version.Minor {
		p.before = p.now
	}
	p.cur = &Step{Minor: minor}
	p.plan.Steps = append(p.plan.Steps, p.cur)
	for _, h := range p.state {
		for _, name := range h.names() {
			p.flag(h, name)
		}
		p.controllers(h)
		p.gates(h)
	}
	p.defaults()
	p.gateDefaults()
}

func (p *planner) edit(h *holder, op edit.Op, name, from, to, reason string) {
	p.cur.Edits = append(p.cur.Edits, Edit{
		edit.Edit{Op: op, Path: append(slices.Clone(h.path), name), From: from, To: to}, h.field(name), reason,
	})
}

func (p *planner) note(field string, blocks bool, format string, args ...any) {
	p.cur.Notes = append(p.cur.Notes, Note{field, fmt.Sprintf(format, args...), blocks})
}
