package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/upgrade"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// upgrading is one run of the command.
type upgrading struct {
	opts     upgradeOptions
	args     []string
	to       spec.Version
	now      time.Time
	before   *loaded
	clusters []*upgraded

	files   edit.Files
	changed map[string][]byte // what files become, by absolute name
	also    map[string][]string
	moved   []*neighbour // the clusters that weren't named, and would change
}

// upgraded is one cluster of it.
type upgraded struct {
	before *gen.Vetted
	plan   *upgrade.Plan
	pkg    *edit.Package
	after  *spec.Cluster // nil if it isn't one any more

	steps    []stepDone
	byHand   []placed // to do beside the edits
	blocking []placed // to settle before anything is written
	findings []finding.Finding
}

// placed is a text about a place.
type placed struct {
	Pos  finding.Pos `json:"position"`
	Text string      `json:"text"`
}

// stepDone is a step with the places of its edits.
type stepDone struct {
	minor int
	edits []editDone
	notes []placed
}

type editDone struct {
	upgrade.Edit
	at finding.Pos
}

// once appends what isn't there yet.
func once(ps []placed, p placed) []placed {
	if slices.Contains(ps, p) {
		return ps
	}
	return append(ps, p)
}

// add takes in where an edit was done, each place once: one may hold for many
// nodes.
func (s *stepDone) add(e upgrade.Edit, places []finding.Pos) {
	for _, at := range places {
		if !slices.ContainsFunc(s.edits, func(was editDone) bool { return was.at == at && told(was.Edit) == told(e) }) {
			s.edits = append(s.edits, editDone{e, at})
		}
	}
}

func (c *upgraded) name() string { return c.before.Cluster.Name }

// edit plans the edits of all files, and evaluates what comes out in memory.
func (u *upgrading) edit(ctx context.Context, std stdio) error {
	for _, c := range u.clusters {
		if err := u.open(c); err != nil {
			return err
		}
		for _, s := range c.plan.Steps {
			c.do(s)
		}
	}
	if err := u.evaluate(ctx, std); err != nil {
		return err
	}
	// A waiver shows that it is of no use any more only once the rest is done.
	again := false
	for _, c := range u.clusters {
		dropped, err := u.dropWaivers(c)
		if err != nil {
			return err
		}
		again = again || dropped
	}
	if again {
		if err := u.evaluate(ctx, std); err != nil {
			return err
		}
	}
	for _, c := range u.clusters {
		c.verify()
		c.leftToPeople()
	}
	return u.sharedWith(ctx, std)
}

// open reads the files of a cluster's package.
func (u *upgrading) open(c *upgraded) error {
	names := config.PackageFiles(c.before.Cluster.Dir)
	for _, name := range names {
		if u.files.Has(name) {
			continue
		}
		data, err := regular.Read(name, config.MaxFile)
		if err != nil {
			return err
		}
		if err := u.files.Add(name, shownPath(name), data); err != nil {
			return err
		}
	}
	c.pkg = u.files.Package(names)
	return nil
}

// shownPath is a path from the working directory where that is shorter.
func shownPath(name string) string {
	if rel, err := filepath.Rel(workingDir(), name); err == nil && len(rel) < len(name) {
		return rel
	}
	return name
}

// do carries out what a step needs, and notes what can't be.
func (c *upgraded) do(s *upgrade.Step) {
	done := stepDone{minor: s.Minor}
	source := c.before.Cluster.Source
	edits := make([]edit.Edit, len(s.Edits))
	for i, e := range s.Edits {
		edits[i] = e.Edit
	}
	for i, at := range c.pkg.Do(edits...) {
		switch e := s.Edits[i]; {
		case len(at) > 0:
			done.add(e, at)
		case e.Op == edit.Import: // the base vocabulary
		default:
			c.blocking = once(c.blocking, placed{
				source.At(e.Field), fmt.Sprintf("%s: its literal isn't in the files of this package: edit it where it comes from", told(e)),
			})
		}
	}
	for _, n := range s.Notes {
		p := placed{Text: n.Text}
		if n.Field != "" {
			p.Pos = source.At(n.Field)
		}
		if n.Blocks {
			c.blocking = once(c.blocking, p)
		} else {
			done.notes = once(done.notes, p)
		}
	}
	c.steps = append(c.steps, done)
}

// evaluate evaluates and vets the edited clusters, without writing them.
func (u *upgrading) evaluate(ctx context.Context, std stdio) error {
	for _, c := range u.clusters {
		if err := u.files.Merge(c.pkg); err != nil {
			return err
		}
	}
	var err error
	if u.changed, err = u.files.Changed(); err != nil {
		return err
	}
	for name, data := range u.changed {
		if bytes.Equal(data, u.files.Data(name)) {
			delete(u.changed, name)
		}
	}
	after, err := loadWith(ctx, "", u.args, u.changed, u.now, std)
	if err != nil {
		return err
	}
	for _, c := range u.clusters {
		c.after, c.findings = nil, slices.Clone(after.faults)
		for _, v := range after.clusters {
			if v.Cluster.Name == c.name() {
				c.after, c.findings = v.Cluster, v.Findings
			}
		}
	}
	return nil
}

// dropWaivers takes out the waivers that were of use, and are no more. One in a
// folder above may be of use to another cluster.
func (u *upgrading) dropWaivers(c *upgraded) (dropped bool, err error) {
	useless := map[string]bool{}
	for _, f := range c.before.Findings {
		useless[f.Field] = f.Rule == "waiver"
	}
	last := &c.steps[len(c.steps)-1]
	own := u.files.Package(slices.DeleteFunc(config.PackageFiles(c.before.Cluster.Dir), func(name string) bool {
		return filepath.Dir(name) != c.before.Cluster.Dir
	}))
	for _, f := range c.findings {
		if f.Rule != "waiver" || f.Severity != finding.Warning || useless[f.Field] {
			continue
		}
		rule := finding.Labels(f.Field)[1]
		e := upgrade.Edit{
			Edit:  edit.Edit{Op: edit.Drop, Path: []string{"waivers", rule}},
			Field: f.Field, Reason: "nothing breaks the rule any more",
		}
		at := own.Do(e.Edit)[0]
		if len(at) == 0 {
			last.notes = once(last.notes, placed{
				c.before.Cluster.Source.At(f.Field), fmt.Sprintf("waiver %s is of no use to this cluster any more", rule),
			})
		}
		last.add(e, at)
		dropped = dropped || len(at) > 0
	}
	return dropped, u.files.Merge(own)
}

// verify compares what the edited CUE comes to with what was planned.
func (c *upgraded) verify() {
	if c.after == nil {
		c.blocking = append(c.blocking, placed{Text: "with these edits it is no valid cluster any more:"})
		return
	}
	was := map[string]bool{}
	for _, f := range c.before.Findings {
		was[findingKey(f)] = true
	}
	c.findings = slices.DeleteFunc(c.findings, func(f finding.Finding) bool {
		return f.Waived != "" || was[findingKey(f)] || f.Severity == finding.NotChecked
	})
	if len(c.blocking) > 0 {
		return
	}
	block := func(field, text string) {
		c.blocking = append(c.blocking, placed{c.before.Cluster.Source.At(field), text})
	}
	if c.after.Version != c.plan.To {
		block("version", fmt.Sprintf("with these edits the version is %s, not %s: edit it by hand where it comes from", c.after.Version, c.plan.To))
	}
	if field, ok := c.plan.Settled(c.after); !ok {
		block(field, fmt.Sprintf("with these edits %s isn't what it should be: edit it by hand", "cluster."+field))
	}
	if !maps.Equal(c.before.Cluster.APIServer.Flags, c.after.APIServer.Flags) {
		block("apiserver.flags", "the edits would change the flags of the kube-apiserver, which has some from the same place: write them apart")
	}
	if finding.Failed(c.findings) {
		block("", "with these edits it would break rules that it keeps now:")
	}
}

// leftToPeople names what goes with the version, and no edit can know.
func (c *upgraded) leftToPeople() {
	old, source := c.before.Cluster, c.before.Cluster.Source
	add := func(field, format string, args ...any) {
		c.byHand = append(c.byHand, placed{source.At(field), fmt.Sprintf(format, args...)})
	}
	from := c.plan.From.String()
	if c.plan.From == c.plan.To {
		return
	}
	if a := c.after; a != nil && a.Layout == spec.StaticPod && a.Version == c.plan.To && strings.Contains(a.Pod.Image, from) {
		add("pod.image", "pod.image is %s: another image", c.after.Pod.Image)
	}
	if old.Binary != nil {
		for _, arch := range slices.Sorted(maps.Keys(old.Binary.Source)) {
			d := old.Binary.Source[arch]
			if at := d.URL + d.File; strings.Contains(at, from) || d.SHA256 != "" {
				add(finding.Path("binary", "source", arch), "binary.source.%s is %s: the program of %s, and its own sha256", arch, d.Origin(), c.plan.To)
			}
		}
	}
	if v := old.APIServer.Version; v != nil && v.Minor < c.plan.To.Minor {
		add("apiserver.version", "apiserver.version is %s: bring the kube-apiserver to v1.%d first, and say so here", v, c.plan.To.Minor)
	}
}

func (u *upgrading) blocked() bool {
	return slices.ContainsFunc(u.clusters, func(c *upgraded) bool { return len(c.blocking) > 0 })
}

// writeFiles replaces the files, all of them or none.
func (u *upgrading) writeFiles() error {
	names := slices.Sorted(maps.Keys(u.changed))
	modes := map[string]os.FileMode{}
	for _, name := range names {
		fi, err := os.Stat(name)
		if err != nil {
			return err
		}
		modes[name] = fi.Mode().Perm()
		data, err := regular.Read(name, config.MaxFile)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, u.files.Data(name)) {
			return fmt.Errorf("%s was changed meanwhile: nothing was written", u.files.Shown(name))
		}
	}
	for i, name := range names {
		err := disk.ReplaceFile(name, u.changed[name], modes[name])
		if err == nil {
			continue
		}
		errs := []error{fmt.Errorf("writing %s: %w", u.files.Shown(name), err)}
		for _, done := range names[:i] {
			if err := disk.ReplaceFile(done, u.files.Data(done), modes[done]); err != nil {
				errs = append(errs, fmt.Errorf("putting %s back: %w", u.files.Shown(done), err))
			}
		}
		return errors.Join(errs...)
	}
	return nil
}
