package readback

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Layouts compares what a node starts as a systemd unit with what it starts as a static pod.
// Both are rendered, and read back from their text.
type Layouts struct {
	Cluster     string   `json:"cluster"`
	Node        string   `json:"node"`
	Arguments   int      `json:"arguments"` // equal ones, without the program
	Files       int      `json:"files"`     // seen at equal paths, with equal contents and modes
	Differences []string `json:"differences"`
}

// LayoutLines returns comparisons for a person.
func LayoutLines(all []Layouts) []string {
	var out []string
	for _, l := range all {
		out = append(out, fmt.Sprintf("%s: %s starts the same as a unit and as a pod (%d arguments, %d files with their modes), but for", l.Cluster, l.Node, l.Arguments, l.Files))
		for _, d := range l.Differences {
			out = append(out, "    "+d)
		}
	}
	return out
}

// CompareLayouts compares both forms of each node of a cluster. Values from embedded files
// are redacted.
func CompareLayouts(c *spec.Cluster) ([]Layouts, error) {
	var out []Layouts
	for i := range c.Nodes {
		one, err := compareLayouts(c, &c.Nodes[i])
		if err != nil {
			return nil, fmt.Errorf("cluster %s: node %s: %w", c.Name, c.Nodes[i].Name, err)
		}
		one.Cluster, one.Node = c.Embedded.Redact(c.Name), c.Embedded.Redact(one.Node)
		for j, d := range one.Differences {
			one.Differences[j] = c.Embedded.Redact(d)
		}
		out = append(out, *one)
	}
	return out, nil
}

// form is one of a node's two forms, as read back.
type form struct {
	argv  []string
	files map[string]formFile // by the path that the process sees
	user  string
}

type formFile struct {
	name    string // in the generation, or in the image
	mode    fs.FileMode
	inImage bool
}

func compareLayouts(c *spec.Cluster, n *spec.Node) (*Layouts, error) {
	unit, err := readForm(c, n, spec.Systemd)
	if err != nil {
		return nil, err
	}
	pod, err := readForm(c, n, spec.StaticPod)
	if err != nil {
		return nil, err
	}
	out := &Layouts{Node: n.Name, Differences: []string{}}
	differs := func(what, asUnit, asPod string) {
		if asUnit != asPod {
			out.Differences = append(out.Differences, fmt.Sprintf("%s: unit: %s; pod: %s", what, asUnit, asPod))
		}
	}
	differs("program", unit.argv[0]+" on the host", pod.argv[0]+" in the image "+c.Pod.Image)
	if slices.Equal(unit.argv[1:], pod.argv[1:]) {
		out.Arguments = len(unit.argv) - 1
	} else {
		differs("arguments", strings.Join(unit.argv[1:], " "), strings.Join(pod.argv[1:], " "))
	}
	for _, at := range pathsOf(unit, pod) {
		u, p := unit.files[at], pod.files[at]
		if u == p {
			out.Files++
			continue
		}
		differs(at, u.String(), p.String())
	}
	differs("user", unit.user, pod.user)
	differs("restart", "by systemd, as its Restart says", "by the kubelet, at once and then after 10 s to 5 min")
	differs("log", "in the journal", "in files below /var/log/pods")
	return out, nil
}

func (f formFile) String() string {
	switch {
	case f.name == "":
		return "missing"
	case f.inImage:
		return "in the image"
	}
	return fmt.Sprintf("%s with mode %o", f.name, f.mode)
}

func pathsOf(forms ...form) []string {
	var out []string
	for _, f := range forms {
		for at := range f.files {
			out = append(out, at)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// readForm renders a form of a node and reads it back: its command line, and for each file
// what is mounted at its path.
func readForm(c *spec.Cluster, n *spec.Node, l spec.Layout) (form, error) {
	h := plan.HostWith(c, n, l)
	c = c.For(h.Node)
	text, err := render.Preview(c, h)
	if err != nil {
		return form{}, err
	}
	out := form{files: map[string]formFile{}}
	var mounted func(at string) (string, bool)
	if out.argv, mounted, err = started(c, l, text.Text); err != nil {
		return form{}, err
	}
	if len(out.argv) == 0 {
		return form{}, fmt.Errorf("the %s starts nothing", l)
	}
	for _, f := range text.Files {
		if f.InImage {
			out.files[f.Path] = formFile{f.Name, f.Mode, true}
			continue
		}
		if from, ok := mounted(f.Path); ok {
			out.files[f.Path] = formFile{path.Base(from), f.Mode, false}
		}
	}
	out.user = userOf(c, h)
	return out, nil
}

// started returns the command line of a unit or a pod, and a function that returns what is
// mounted at a path.
func started(c *spec.Cluster, l spec.Layout, text []byte) (argv []string, mounted func(string) (string, bool), err error) {
	if argv, err = Args(c, text); err != nil {
		return nil, nil, err
	}
	if l == spec.StaticPod {
		p, err := artefact.ParseHostPod(text)
		if err != nil {
			return nil, nil, err
		}
		return argv, p.Host, nil
	}
	u, err := artefact.ParseUnit(text)
	if err != nil {
		return nil, nil, err
	}
	var all artefact.HostPod
	for _, b := range u["Service"]["BindReadOnlyPaths"] {
		from, to, _ := strings.Cut(b, ":")
		all.Mounts = append(all.Mounts, artefact.Mount{To: to, From: from})
	}
	if !c.Generations { // files lie at their paths
		return argv, func(at string) (string, bool) { return at, true }, nil
	}
	return argv, all.Host, nil
}

// userOf returns the user that the process of a form runs as.
func userOf(c *spec.Cluster, h plan.Host) string {
	if c.LayoutOf(h.Node) == spec.StaticPod {
		if s := policy.PodSecurity(c, h.Flags); s.User != 0 {
			return fmt.Sprint(s.User)
		}
		return "root"
	}
	for _, d := range policy.Service(c, h.Flags) {
		if d.Name == "User" && d.Value != "" {
			return d.Value
		}
	}
	return "root"
}
