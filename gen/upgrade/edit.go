package upgrade

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

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/upgrade/steps"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Options are the options of a Run.
type Options struct {
	gen.Request
	To         string // a version, or a minor version for the patch release with data
	Write      bool   // the edits will be written
	SkipMinors bool   // write even if minor versions are skipped
}

// Run is an upgrade of clusters to another version: their CUE is edited in memory, then
// evaluated and vetted again.
type Run struct {
	opts     Options
	to       spec.Version
	before   *gen.Loaded
	Clusters []*Cluster
	// Changed has the new contents of files, by absolute name.
	Changed map[string][]byte
	// Also has, by absolute name of a changed file, the directories of clusters that
	// use it and weren't named.
	Also     map[string][]string
	Affected []*Neighbour // the clusters in Also that the edits would change

	files edit.Files
}

// Cluster is one cluster of a Run.
type Cluster struct {
	before *gen.Vetted
	Plan   *steps.Plan
	pkg    *edit.Package
	after  *spec.Cluster // nil if the edits make it invalid

	Steps    []StepDone
	ByHand   []Placed          // to do in addition to the edits
	Blocking []Placed          // to settle before anything is written
	Findings []finding.Finding // that the edits would cause
}

// Placed is a text with a position.
type Placed struct {
	Pos  finding.Pos `json:"position"`
	Text string      `json:"text"`
}

func (p Placed) String() string {
	if p.Pos == (finding.Pos{}) {
		return p.Text
	}
	return p.Pos.String() + ": " + p.Text
}

// StepDone is a step with the positions of its edits.
type StepDone struct {
	Minor int
	Edits []EditDone
	Notes []Placed
}

// EditDone is an edit with its position.
type EditDone struct {
	steps.Edit
	At finding.Pos
}

// appendNew appends p unless ps has it.
func appendNew(ps []Placed, p Placed) []Placed {
	if slices.Contains(ps, p) {
		return ps
	}
	return append(ps, p)
}

// add adds an edit at its positions, each once: one edit may apply to many nodes.
func (s *StepDone) add(e steps.Edit, places []finding.Pos) {
	for _, at := range places {
		if !slices.ContainsFunc(s.Edits, func(was EditDone) bool { return was.At == at && was.String() == e.String() }) {
			s.Edits = append(s.Edits, EditDone{e, at})
		}
	}
}

// Name returns the cluster's name.
func (c *Cluster) Name() string { return c.before.Cluster.Name }

// edit makes all edits in memory, and evaluates and checks the result.
func (u *Run) edit(ctx context.Context) error {
	for _, c := range u.Clusters {
		if err := u.open(c); err != nil {
			return err
		}
		for _, s := range c.Plan.Steps {
			c.do(s)
		}
	}
	if err := u.evaluate(ctx); err != nil {
		return err
	}
	// Only the edited clusters show which waivers are useless now.
	again := false
	for _, c := range u.Clusters {
		dropped, err := u.dropWaivers(c)
		if err != nil {
			return err
		}
		again = again || dropped
	}
	if again {
		if err := u.evaluate(ctx); err != nil {
			return err
		}
	}
	for _, c := range u.Clusters {
		c.verify()
		c.addManualSteps()
	}
	return u.checkNeighbours(ctx)
}

// open reads the files of a cluster's package.
func (u *Run) open(c *Cluster) error {
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

// shownPath returns a path relative to the working directory if that is shorter.
func shownPath(name string) string {
	if rel, err := filepath.Rel(workingDir(), name); err == nil && len(rel) < len(name) {
		return rel
	}
	return name
}

// do makes the edits of a step, and records those that it can't make.
func (c *Cluster) do(s *steps.Step) {
	done := StepDone{Minor: s.Minor}
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
			c.Blocking = appendNew(c.Blocking, Placed{
				source.At(e.Field), fmt.Sprintf("%s: its literal isn't in the files of this package: edit it where it comes from", e),
			})
		}
	}
	for _, n := range s.Notes {
		p := Placed{Text: n.Text}
		if n.Field != "" {
			p.Pos = source.At(n.Field)
		}
		if n.Blocks {
			c.Blocking = appendNew(c.Blocking, p)
		} else {
			done.Notes = appendNew(done.Notes, p)
		}
	}
	c.Steps = append(c.Steps, done)
}

// evaluate evaluates and vets the edited clusters, without writing them.
func (u *Run) evaluate(ctx context.Context) error {
	for _, c := range u.Clusters {
		if err := u.files.Merge(c.pkg); err != nil {
			return err
		}
	}
	var err error
	if u.Changed, err = u.files.Changed(); err != nil {
		return err
	}
	for name, data := range u.Changed {
		if bytes.Equal(data, u.files.Data(name)) {
			delete(u.Changed, name)
		}
	}
	after, err := u.load(ctx, u.opts.Args, u.Changed)
	if err != nil {
		return err
	}
	for _, c := range u.Clusters {
		c.after, c.Findings = nil, slices.Clone(after.Faults)
		for _, v := range after.Clusters {
			if v.Cluster.Name == c.Name() {
				c.after, c.Findings = v.Cluster, v.Findings
			}
		}
	}
	return nil
}

// dropWaivers removes the waivers that the edits made useless. It only notes those in
// a directory above, which another cluster may need.
func (u *Run) dropWaivers(c *Cluster) (dropped bool, err error) {
	useless := map[string]bool{}
	for _, f := range c.before.Findings {
		useless[f.Field] = f.Rule == "waiver"
	}
	last := &c.Steps[len(c.Steps)-1]
	own := u.files.Package(slices.DeleteFunc(config.PackageFiles(c.before.Cluster.Dir), func(name string) bool {
		return filepath.Dir(name) != c.before.Cluster.Dir
	}))
	for _, f := range c.Findings {
		if f.Rule != "waiver" || f.Severity != finding.Warning || useless[f.Field] {
			continue
		}
		rule := finding.Labels(f.Field)[1]
		e := steps.Edit{
			Edit:  edit.Edit{Op: edit.Drop, Path: []string{"waivers", rule}},
			Field: f.Field, Reason: "nothing breaks the rule any more",
		}
		at := own.Do(e.Edit)[0]
		if len(at) == 0 {
			last.Notes = appendNew(last.Notes, Placed{
				c.before.Cluster.Source.At(f.Field), fmt.Sprintf("waiver %s is no longer of use to this cluster", rule),
			})
		}
		last.add(e, at)
		dropped = dropped || len(at) > 0
	}
	return dropped, u.files.Merge(own)
}

// verify compares the edited cluster with the plan.
func (c *Cluster) verify() {
	if c.after == nil {
		c.Blocking = append(c.Blocking, Placed{Text: "with these edits it is no valid cluster any more:"})
		return
	}
	was := map[string]bool{}
	for _, f := range c.before.Findings {
		was[findingKey(f)] = true
	}
	c.Findings = slices.DeleteFunc(c.Findings, func(f finding.Finding) bool {
		return f.Waived != "" || was[findingKey(f)] || f.Severity == finding.NotChecked
	})
	if len(c.Blocking) > 0 {
		return
	}
	block := func(field, text string) {
		c.Blocking = append(c.Blocking, Placed{c.before.Cluster.Source.At(field), text})
	}
	if c.after.Version != c.Plan.To {
		block("version", fmt.Sprintf("with these edits the version is %s, not %s: edit it by hand where it comes from", c.after.Version, c.Plan.To))
	}
	if field, ok := c.Plan.Settled(c.after); !ok {
		block(field, fmt.Sprintf("with these edits %s isn't what it should be: edit it by hand", "cluster."+field))
	}
	if !maps.Equal(c.before.Cluster.APIServer.Flags, c.after.APIServer.Flags) {
		block("apiserver.flags", "the edits would change the flags of the kube-apiserver, which has some from the same place: write them apart")
	}
	if finding.Failed(c.Findings) {
		block("", "with these edits it would break rules that it keeps now:")
	}
}

// addManualSteps adds what changes with the version and no edit can do.
func (c *Cluster) addManualSteps() {
	old, source := c.before.Cluster, c.before.Cluster.Source
	add := func(field, format string, args ...any) {
		c.ByHand = append(c.ByHand, Placed{source.At(field), fmt.Sprintf(format, args...)})
	}
	from := c.Plan.From.String()
	if c.Plan.From == c.Plan.To {
		return
	}
	if a := c.after; a != nil && a.Uses(spec.StaticPod) && a.Version == c.Plan.To && strings.Contains(a.Pod.Image, from) {
		add("pod.image", "pod.image is %s: another image", c.after.Pod.Image)
	}
	if old.Binary != nil {
		for _, arch := range slices.Sorted(maps.Keys(old.Binary.Source)) {
			d := old.Binary.Source[arch]
			if at := d.URL + d.File; strings.Contains(at, from) || d.SHA256 != "" {
				add(finding.Path("binary", "source", arch), "binary.source.%s is %s: the program of %s, and its own sha256", arch, d.Origin(), c.Plan.To)
			}
		}
	}
	if v := old.APIServer.Version; v != nil && v.Minor < c.Plan.To.Minor {
		add("apiserver.version", "apiserver.version is %s: bring the kube-apiserver to v1.%d first, and say so here", v, c.Plan.To.Minor)
	}
}

// Blocked reports whether a person has to settle something before anything is written.
func (u *Run) Blocked() bool {
	return slices.ContainsFunc(u.Clusters, func(c *Cluster) bool { return len(c.Blocking) > 0 })
}

// Write replaces the files, all of them or none.
func (u *Run) Write() error {
	names := slices.Sorted(maps.Keys(u.Changed))
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
		err := disk.ReplaceFile(name, u.Changed[name], modes[name])
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
