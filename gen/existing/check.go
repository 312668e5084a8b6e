package existing

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// NodeFiles are the files that start kube-controller-manager on a node. "-" is the standard
// input, and a directory stands for the files in it.
type NodeFiles struct {
	Node  string // "" if there are no nodes to compare
	Files []string
	Host  *Host // what was read from the host itself; nil if it wasn't asked
}

// Line is a command line that was checked.
type Line struct {
	Node      string         `json:"node,omitempty"`
	File      string         `json:"file"`
	Form      string         `json:"form"`
	Arguments int            `json:"arguments"`
	From      map[string]int `json:"from,omitempty"` // of these, by another file that has them
	Added     int            `json:"added,omitempty"`
	Unknown   int            `json:"unknown,omitempty"` // of these, with a value that isn't known
	Partial   bool           `json:"partial,omitempty"`
	Version   spec.Version   `json:"-"` // that it was checked against
	NoData    string         `json:"-"` // a version that it states, and of which there is no data
	Notes     []string       `json:"notes,omitempty"`
}

// Checked is the result of checking command lines.
type Checked struct {
	Lines    []Line            `json:"lines"`
	Findings []finding.Finding `json:"findings"`
}

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
			line.Node = node
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

// readFiles reads files, and those of directories, and what a host gave.
func readFiles(set *text.Set, n NodeFiles, stdin io.Reader) ([]*command.Result, error) {
	var in []command.Input
	var errs []error
	if n.Host != nil {
		for _, f := range n.Host.Given {
			in = append(in, command.Input{Name: f.Path, Data: f.Data})
		}
	}
	for _, name := range n.Files {
		if name == "-" {
			data, err := io.ReadAll(io.LimitReader(stdin, command.MaxFile+1))
			errs = append(errs, err)
			in = append(in, command.Input{Name: name, Data: data})
			continue
		}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			found, err := readDirectory(name)
			errs = append(errs, err)
			in = append(in, found...)
			continue
		}
		data, err := regular.Read(name, command.MaxFile)
		if err != nil {
			errs = append(errs, fileError(name, err))
			continue
		}
		in = append(in, command.Input{Name: name, Data: data})
	}
	if len(in) == 0 {
		return nil, errors.Join(errs...)
	}
	out, err := command.Read(set, in, command.Options{Known: flags.Exists})
	return out, errors.Join(append(errs, err)...)
}

// maxFound and maxFoundBytes bound the files of a directory.
const (
	maxFound      = 5000
	maxFoundBytes = 64 << 20
)

// readDirectory returns the files of a directory that may say something about the program.
// Which can't be read are left out, and so are keys.
func readDirectory(dir string) ([]command.Input, error) {
	var out []command.Input
	size := 0
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // another user's directory
		case e.IsDir() && name != dir && strings.HasPrefix(e.Name(), "."):
			return filepath.SkipDir
		case e.IsDir() || !e.Type().IsRegular():
			return nil
		case len(out) >= maxFound:
			return fmt.Errorf("%s: more than %d files: give the directory with those of %s", dir, maxFound, command.Program)
		}
		data, err := regular.Read(name, command.MaxFile)
		if err != nil || !utf8.Valid(data) && bytes.IndexByte(data, 0) >= 0 {
			return nil //nolint:nilerr // another user's file, or a program
		}
		out = append(out, command.Input{Name: name, Data: data, Found: true})
		if size += len(data); size > maxFoundBytes {
			return fmt.Errorf("%s: more than %d MiB of text: give the directory with the files of %s", dir, maxFoundBytes>>20, command.Program)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s: the directory has no file that can be read", dir)
	}
	return out, err
}

// fileError is the error of a file that can't be read.
func fileError(name string, err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w", name, pe.Err)
	}
	if errors.Is(err, regular.ErrNotRegular) {
		err = fmt.Errorf("%s: %w", name, errors.New("not a file"))
	}
	return err
}

// describe says what was read.
func describe(set *text.Set, r *command.Result) Line {
	out := Line{File: r.File, Form: string(r.Form), Arguments: len(r.Args), Partial: r.Partial}
	for _, a := range r.Args {
		if !a.Known() {
			out.Unknown++
		}
		if a.By != "" {
			out.Added++
		} else if from := set.Name(a.At(0)); from != r.File && a.Len() > 0 {
			if out.From == nil {
				out.From = map[string]int{}
			}
			out.From[from]++
		}
	}
	for _, n := range r.Notes {
		if n.Rule == "" {
			p := set.Pos(n.At)
			out.Notes = append(out.Notes, fmt.Sprintf("%s:%d: %s", p.File, p.Line, set.Show(text.Literal(n.Message, n.At))))
		}
	}
	return out
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

// versionOf returns the version to check against: the one that a file states, or minor's.
func versionOf(set *text.Set, r *command.Result, minor int, explicit bool) (v spec.Version, noData string) {
	stated := set.Show(r.Version)
	if stated == "" {
		stated = tagOf(set.Show(r.Image))
	}
	if found, err := parseStated(stated); err == nil && !explicit {
		if flags.Of(found.Minor) != nil {
			minor = found.Minor
		} else {
			noData = stated
		}
	}
	v, _ = spec.ParseVersion(flags.Of(minor).Version) // the data has a version
	return v, noData
}

// tagOf returns the tag of an image; "" if it has none.
func tagOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return tag
}

// parseStated parses a version as files state it: with or without v and patch.
func parseStated(s string) (spec.Version, error) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "stable-"), "v")
	s, _, _ = strings.Cut(s, "+")
	if strings.Count(s, ".") == 1 {
		s += ".0"
	}
	return spec.ParseVersion("v" + s)
}
