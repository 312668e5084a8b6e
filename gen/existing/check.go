package existing

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// Check checks the command lines in files: of units, pods and other forms. It checks
// against the minor version or, unless that is explicit, against the version that a file
// states. Files that can't be read are errors, joined; the others are checked nevertheless.
func Check(nodes []NodeFiles, stdin io.Reader, minor int, explicit bool) (*Checked, error) {
	out := &Checked{Lines: []Line{}, Findings: []finding.Finding{}}
	var errs []error
	var compared []vet.Line
	for _, n := range nodes {
		set := &text.Set{}
		read, err := readFiles(set, n, stdin)
		if err != nil {
			errs = append(errs, err)
		}
		if n.Node != "" && len(read) > 1 {
			errs = append(errs, fmt.Errorf("--node %s: %d of its files start %s: %s and %s; give one", n.Node, len(read), command.Program, read[0].File, read[1].File))
			continue
		}
		checked, found := checkAll(set, n.Node, read, minor, explicit)
		for i := range checked {
			out.Lines = append(out.Lines, checked[i].Line)
			if n.Node != "" {
				compared = append(compared, checked[i].toVet)
			}
		}
		if n.Node == "" {
			out.Findings = append(out.Findings, found...)
		}
	}
	if len(compared) > 0 && len(errs) == 0 {
		versions := slices.Clone(out.Lines)
		slices.SortFunc(versions, func(a, b Line) int { return b.Version.Minor - a.Version.Minor })
		out.Findings = vet.CommandLine(versions[0].Version, compared)
	}
	return out, errors.Join(errs...)
}

// judged is a command line and its form for vet.
type judged struct {
	Line
	toVet vet.Line
}

// checkAll checks command lines, several at once. Those of a node are only prepared: they are
// compared with those of others.
func checkAll(set *text.Set, node string, read []*command.Result, minor int, explicit bool) ([]judged, []finding.Finding) {
	out := make([]judged, len(read))
	found := make([][]finding.Finding, len(read))
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i, r := range read {
		all.Go(func() error {
			c := describe(set, r)
			c.Node = node
			c.Version, c.NoData = versionOf(set, r, minor, explicit)
			line := vetLine(set, r)
			line.Node, line.Migration = node, migrationBeside(r)
			if node == "" {
				found[i] = vet.CommandLine(c.Version, []vet.Line{line})
			}
			out[i] = judged{c, line}
			return nil
		})
	}
	_ = all.Wait() // none fails
	return out, slices.Concat(found...)
}

// vetLine returns a command line in the form of vet.
func vetLine(set *text.Set, r *command.Result) vet.Line {
	out := vet.Line{
		Partial: r.Partial, Defaults: r.Defaults, Bare: r.Form == command.List && r.Program.Len() == 0,
		At: finding.Pos{File: r.File}, Unit: unitOf(r), Fields: finding.Source{},
		InCluster: r.Form == command.Workload, Pod: podOf(set, r),
	}
	if r.Container != nil {
		out.Fields["pod.image"] = position(set, r.Container.Get("image").Place())
		out.Fields["pod.resources.limits.cpu"] = position(set, r.Container.Get("resources", "limits", "cpu").Place())
		out.Fields["pod.probe"] = position(set, r.Container.Get("livenessProbe").Place())
	}
	if out.Unit != nil {
		for _, d := range r.UnitFile.Directives {
			out.Fields[finding.Path("unit", d.Section, d.Name)] = position(set, d.At)
		}
	}
	for _, a := range r.Args {
		out.Args = append(out.Args, vet.Arg{Parts: set.Parts(a.Text), At: position(set, a.At(0)), By: a.By})
	}
	for _, n := range r.Notes {
		if n.Rule != "" {
			out.Notes = append(out.Notes, vet.Note{Rule: n.Rule, At: position(set, n.At), Message: set.Show(text.Literal(n.Message, n.At)), Expected: n.Expected})
		}
	}
	return out
}

func position(set *text.Set, at text.At) finding.Pos {
	p := set.Pos(at)
	return finding.Pos{File: p.File, Line: p.Line, Col: p.Col}
}

// podOf returns what rules need of a pod; nil if there is none.
func podOf(set *text.Set, r *command.Result) *vet.LinePod {
	if r.Container == nil {
		return nil
	}
	spec := r.Pod.Get("spec")
	if spec == nil {
		spec = r.Pod
	}
	out := &vet.LinePod{Image: set.Show(r.Image), HostNetwork: spec.Get("hostNetwork").Str() == "true"}
	if cpu := r.Container.Get("resources", "limits", "cpu").Value(); cpu.Len() > 0 && cpu.Known() {
		out.Limits = map[string]string{"cpu": cpu.String()}
	}
	probe := r.Container.Get("livenessProbe", "httpGet")
	port := probe.Get("port").Value()
	for _, p := range r.Container.Get("ports").List() {
		if p.Get("name").Str() == port.String() {
			port = p.Get("containerPort").Value()
		}
	}
	if port.Known() && strings.Trim(port.String(), "0123456789") == "" {
		out.ProbePort = port.String()
	}
	return out
}

// unitOf returns the directives of a unit, without those that start the program.
func unitOf(r *command.Result) *spec.Unit {
	if r.UnitFile == nil || !r.UnitFile.Has("Service") {
		return nil
	}
	out := &spec.Unit{}
	for _, d := range r.UnitFile.Directives {
		line := spec.Directive{Name: d.Name, Value: d.Value.String()}
		switch {
		case strings.HasPrefix(d.Name, "Exec"):
		case d.Section == "Unit":
			out.Unit = append(out.Unit, line)
		case d.Section == "Service":
			out.Service = append(out.Service, line)
		case d.Section == "Install":
			out.Install = append(out.Install, line)
		}
	}
	has := func(name string) bool {
		return slices.ContainsFunc(out.Service, func(d spec.Directive) bool { return d.Name == name })
	}
	out.Hardened = has("ProtectSystem") && has("NoNewPrivileges") && (has("CapabilityBoundingSet") || has("User") || has("DynamicUser"))
	for _, ds := range [][]spec.Directive{out.Unit, out.Service, out.Install} {
		slices.SortStableFunc(ds, func(a, b spec.Directive) int { return cmp.Compare(a.Name, b.Name) })
	}
	return out
}
