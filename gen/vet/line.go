package vet

import (
	"maps"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// Line is a command line that was read from files, not derived from a cluster.
type Line struct {
	Node string // "" if it is the only one
	Args []Arg
	// Partial: more flags, which aren't known, are added to these.
	Partial bool
	// Defaults: it has every flag; one at its default says nothing.
	Defaults bool
	// Bare: it doesn't begin with the program, so that others may come before it.
	Bare bool
	// InCluster: it runs in a pod with a service account, which replaces a kubeconfig.
	InCluster bool
	// Unit is the unit that has it, Pod what is known of the pod; nil if there is none.
	Unit *spec.Unit
	Pod  *LinePod
	At   finding.Pos // of what is missing
	// Fields are the positions of other fields, such as unit.Service.Restart.
	Fields finding.Source
	// Migration is the file of --leader-migration-config; nil if none lies beside it.
	Migration *Migration
	// Notes are what a reader found, by the id of a rule.
	Notes []Note
}

// LinePod is what rules need of a pod.
type LinePod struct {
	Image       string
	HostNetwork bool
	Limits      map[string]string
	// ProbePort is the port of a probe of /healthz; "" if there is none, or if it isn't
	// known.
	ProbePort string
}

// Note is what a reader found out about a file, beside the command line.
type Note struct {
	Rule              string
	At                finding.Pos
	Message, Expected string
}

// Arg is an argument after the program's name. Its parts are text and, at odd indices, the
// names of values that aren't known.
type Arg struct {
	Parts []string
	At    finding.Pos
	By    string // what adds it, such as kubeadm; "" if the file has it
}

// CommandLine applies the rules that need nothing but command lines, of one or more nodes.
// A finding that depends on a value that isn't known is left out.
func CommandLine(version spec.Version, lines []Line) []finding.Finding {
	m := flags.Of(version.Minor)
	rounds := 1
	for i := range lines {
		lines[i] = lines[i].withoutDefaults(m).joined(m)
		if slices.ContainsFunc(lines[i].Args, Arg.wordless) {
			lines[i].Partial = true
		}
		if lines[i].open() {
			rounds = samples
		}
	}
	var out []finding.Finding
	for round := range rounds {
		found := lineFindings(version, m, lines, round)
		if round == 0 {
			out = found
			continue
		}
		out = slices.DeleteFunc(out, func(f finding.Finding) bool {
			return !slices.ContainsFunc(found, func(g finding.Finding) bool { return same(f, g) })
		})
	}
	if rounds > 1 {
		out = slices.DeleteFunc(out, func(f finding.Finding) bool { return aboutHole(lines, m, f) })
	}
	for i := range out {
		out[i].Message, out[i].Expected = unsampled(lines, out[i].Message), unsampled(lines, out[i].Expected)
	}
	if slices.ContainsFunc(lines, func(l Line) bool { return l.Bare }) {
		out = slices.DeleteFunc(out, func(f finding.Finding) bool { return f.Pos.Line == 0 })
	}
	out = merged(sorted(withoutRedundant(out)))
	// What is missing has no position, and comes after what is there.
	slices.SortStableFunc(out, func(a, b finding.Finding) int { return missingAt(a) - missingAt(b) })
	out = slices.DeleteFunc(out, func(f finding.Finding) bool { return addedBy(lines, f) != "" && slices.Contains(spellingRules, f.Rule) })
	for i := range out {
		if by := addedBy(lines, out[i]); by != "" {
			out[i].Message += "; " + by + " adds it"
		}
		out[i] = ofLine(out[i], len(lines) > 1)
	}
	return out
}

// spellingRules say how a flag is better spelt: the user can't change one that isn't his.
var spellingRules = []string{"controller-renamed", "flag-renamed", "flag-deprecated", "flag-noop", "flag-repeated", "flag-spelled"}

// addedBy returns what adds the argument that a finding is about; "" if the file has it.
func addedBy(lines []Line, f finding.Finding) string {
	for _, l := range lines {
		for _, a := range l.Args {
			if a.By != "" && a.At == f.Pos && strings.Contains(f.Field, strings.TrimPrefix(strings.SplitN(a.Parts[0], "=", 2)[0], "--")) {
				return a.By
			}
		}
	}
	return ""
}

// lineAdvice words what is expected for people who have no cluster in CUE, by rule.
var lineAdvice = map[string]string{
	"sandbox-off":         "ProtectSystem=strict, NoNewPrivileges=yes, CapabilityBoundingSet= and more, as kcmgen writes them",
	"service-range-unset": "--service-cluster-ip-range=, with what the apiserver has",
	"requestheader-ca":    "a CA of its own for the front proxy",
	"cidr-host-bits":      "",
	"controllers-none":    "--controllers=*, and behind it what is to be off, such as -ttl-controller",
}

var cueDirective = lazy.Regexp(`unit: (Unit|Service|Install): (\w+): "?([^", ]+)"?`)

// ofLine words a finding for a command line: there is no cluster, the position is enough,
// and nothing can be waived.
func ofLine(f finding.Finding, nodes bool) finding.Finding {
	f.Cluster, f.Field = "", ""
	if !nodes {
		f.Node = ""
	}
	if strings.Contains(f.Hint, "waive") {
		f.Hint = ""
	}
	if advice := lineAdvice[f.Rule]; advice != "" {
		f.Expected = advice
	}
	f.Expected = cueDirective().ReplaceAllString(flagSpelling(f.Expected), "$2=$3 in [$1]")
	return f
}

func missingAt(f finding.Finding) int {
	if f.Pos.Line == 0 {
		return 1
	}
	return 0
}

// inClusterRules require what a service account replaces.
var inClusterRules = []string{"kubeconfig-missing", "delegated-auth"}

// same reports whether two findings are one, whatever values their messages have for what
// isn't known.
func same(a, b finding.Finding) bool {
	return a.Rule == b.Rule && a.Field == b.Field && a.Pos == b.Pos && sampled().ReplaceAllString(a.Message, "") == sampled().ReplaceAllString(b.Message, "")
}

var sampled = lazy.Regexp(`10\.\d+\.0\.0`)

// lineFindings applies the rules with one value for each that isn't known.
func lineFindings(version spec.Version, m *flags.Minor, lines []Line, round int) []finding.Finding {
	c := &spec.Cluster{Version: version, Layout: spec.Systemd, Profile: spec.Standard, Paths: usualPaths(), Flags: spec.Settings{}, Source: finding.Source{}}
	read := make([]*line, len(lines))
	for i, l := range lines {
		name := l.Node
		c.Nodes = append(c.Nodes, spec.Node{Name: name, Flags: spec.Settings{}})
		field, settings := "flags", c.Flags
		if len(lines) > 1 {
			field, settings = finding.Path("nodes", name, "flags"), c.Nodes[i].Flags
		}
		c.Source[field] = l.At
		if _, ok := c.Source["flags"]; !ok {
			c.Source["flags"] = l.At
		}
		read[i] = l.settings(m, round, settings, c.Source, field)
		if l.Partial && round%2 == 1 {
			for _, f := range usual(version) {
				if _, ok := settings[f.Name]; !ok {
					settings[f.Name] = spec.Setting{Value: f.Value}
				}
			}
		}
		if l.Unit != nil {
			c.Unit = *l.Unit
			c.Source["unit"] = l.At
		}
		if l.Pod != nil {
			c.Layout = spec.StaticPod
			c.Pod = spec.Pod{Image: l.Pod.Image, HostNetwork: l.Pod.HostNetwork, Limits: l.Pod.Limits, Hardened: true}
			c.Source["pod"] = l.At
		}
		maps.Copy(c.Source, l.Fields)
	}
	v := newView(c, Facts{})
	for i, n := range v.nodes {
		n.line = read[i]
	}
	hasUnit := slices.ContainsFunc(lines, func(l Line) bool { return l.Unit != nil })
	hasPod := slices.ContainsFunc(lines, func(l Line) bool { return l.Pod != nil })
	inCluster := slices.ContainsFunc(lines, func(l Line) bool { return l.InCluster })
	var out []finding.Finding
	for _, r := range allRules() {
		judges := r.Flags || r.Practice || r.Unit && hasUnit || r.Pod && hasPod
		if !judges || inCluster && slices.Contains(inClusterRules, r.ID) {
			continue
		}
		for _, f := range v.apply(r) {
			if r.Practice { // it starts nevertheless, and there are no waivers here
				f.Severity = finding.Warning
			}
			out = append(out, f)
		}
	}
	return out
}

// settings reads the arguments into settings, and notes where each is.
func (l Line) settings(m *flags.Minor, round int, into spec.Settings, source finding.Source, field string) *line {
	var args []string
	var at []finding.Pos
	for _, a := range l.Args {
		if !a.wordless() {
			args, at = append(args, a.sample(m, round)), append(at, a.At)
		}
	}
	given, faults := m.Read(args)
	for _, g := range given {
		value := g.Value
		if d, ok := m.Flag(g.Name); ok && d.Adds() && into[g.Name].Value != "" {
			value = d.Join(into[g.Name].Value, value)
		}
		into[g.Name] = spec.Setting{Value: value}
		source[field+"."+finding.Label(g.Name)] = at[g.Arg]
	}
	return &line{Line: l, given: given, faults: faults, at: at, args: args}
}

// withoutDefaults leaves out the flags that have their default, where all are given.
func (l Line) withoutDefaults(m *flags.Minor) Line {
	if !l.Defaults {
		return l
	}
	l.Args = slices.DeleteFunc(slices.Clone(l.Args), func(a Arg) bool {
		name, value, _ := strings.Cut(strings.TrimPrefix(a.text(), "--"), "=")
		d, ok := m.Flag(name)
		return ok && a.known() && d.Default == value
	})
	l.Partial = true // what isn't there has its default, which may be another's
	return l
}

// joined joins the name of a flag with its value in the next argument, if that isn't known.
func (l Line) joined(m *flags.Minor) Line {
	var out []Arg
	for i := 0; i < len(l.Args); i++ {
		a := l.Args[i]
		name, isFlag := strings.CutPrefix(a.text(), "--")
		d, _ := m.Flag(strings.ReplaceAll(name, "_", "-"))
		if i+1 < len(l.Args) && isFlag && a.known() && !strings.Contains(name, "=") && d.Type != "bool" && d.NoOptDefVal == "" {
			if next := l.Args[i+1]; !next.known() && !strings.HasPrefix(next.Parts[0], "-") {
				parts := slices.Clone(next.Parts)
				parts[0] = a.text() + "=" + parts[0]
				a = Arg{Parts: parts, At: a.At, By: a.By}
				i++
			}
		}
		out = append(out, a)
	}
	l.Args = out
	return l
}

var cueFlag = lazy.Regexp(`flags: "?([a-z0-9-]+)"?: ("[^"]*"|[^ ,;]+)`)

// flagSpelling writes flags in an advice as a command line has them, not as CUE.
func flagSpelling(advice string) string {
	if !strings.Contains(advice, "flags: ") {
		return advice
	}
	return cueFlag().ReplaceAllStringFunc(advice, func(s string) string {
		m := cueFlag().FindStringSubmatch(s)
		return "--" + m[1] + "=" + strings.Trim(m[2], `"`)
	})
}
