package vet

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// line is a command line that the user wrote, not one derived from a cluster.
type line struct {
	Line
	given  []flags.Given
	faults []flags.Fault
	at     []finding.Pos
	args   []string // with values in place of those that aren't known
}

// lineField is the field of arguments that belong to no flag.
const lineField = "arguments"

func flagSyntax(v *view, n *nodeView) []fault {
	if n.line == nil {
		return nil
	}
	var out []fault
	for _, f := range n.line.faults {
		field := finding.Path(lineField, n.Name, fmt.Sprintf("[%d]", f.Arg))
		v.Source[field] = n.line.at[f.Arg]
		out = append(out, fault{field: field, message: f.Message, expected: f.Expected})
	}
	return out
}

func flagRepeated(v *view, n *nodeView) []fault {
	if n.line == nil {
		return nil
	}
	var out []fault
	last := map[string]flags.Given{}
	for _, g := range n.line.given {
		before, again := last[g.Name]
		last[g.Name] = g
		d, known := v.minor.Flag(g.Name)
		if !again || !known || d.Adds() {
			continue
		}
		field := finding.Path("flags", g.Name, n.Name, fmt.Sprintf("[%d]", before.Arg))
		v.Source[field] = n.line.at[before.Arg]
		out = append(out, fault{
			field: field, also: []string{n.flags.Field(g.Name)},
			message:  fmt.Sprintf("--%s=%.80s has no effect: the flag comes again, and the last counts", g.Name, before.Value),
			expected: "each flag once",
		})
	}
	return out
}

// flagSpelled: the program takes "_" for "-" in a name, but no search and no sed that people
// use on units does.
func flagSpelled(v *view, n *nodeView) []fault {
	if n.line == nil {
		return nil
	}
	var out []fault
	for _, g := range n.line.given {
		word, _, _ := strings.Cut(n.line.args[g.Arg], "=")
		if !strings.Contains(word, "_") {
			continue
		}
		field := finding.Path("flags", g.Name, n.Name, fmt.Sprintf("[%d]", g.Arg), "name")
		v.Source[field] = n.line.at[g.Arg]
		out = append(out, fault{field: field, message: fmt.Sprintf("%.80s is spelt with \"_\": it is taken for --%s", word, g.Name), expected: "--" + g.Name})
	}
	return out
}

// noted is a rule whose faults a reader of files finds.
func noted(rule string) func(*view, *nodeView) []fault {
	return func(v *view, n *nodeView) []fault {
		if n.line == nil {
			return nil
		}
		var out []fault
		for i, note := range n.line.Notes {
			if note.Rule == rule {
				field := finding.Path("notes", n.Name, fmt.Sprintf("[%d]", i))
				v.Source[field] = note.At
				out = append(out, fault{field: field, message: note.Message, expected: note.Expected})
			}
		}
		return out
	}
}

// lineRules are about command lines that were read from files.
var lineRules = []Rule{
	{ID: "flag-syntax", Severity: isError, Fixed: true, Flags: true, node: flagSyntax, Doc: "a command line has nothing but flags, each with its value (kcmgen flags --check)"},
	{ID: "flag-repeated", Severity: isWarning, Flags: true, node: flagRepeated, Doc: "a command line has each flag once (kcmgen flags --check)"},
	{ID: "flag-spelled", Severity: isWarning, Flags: true, node: flagSpelled, Doc: "a command line spells a flag with \"-\" (kcmgen flags --check)"},
	{ID: "flags-differ", Severity: isWarning, Flags: true, cluster: flagsDiffer, Doc: "the command lines of nodes have the same flags, but for addresses and files (kcmgen flags --check --node)"},
	{ID: "value-unknown", Severity: isWarning, Flags: true, node: valueUnknown, Doc: "the values of a command line are known: a variable hides none (kcmgen flags --check, which reports it as not checked)"},
	{ID: "value-quoted", Severity: isError, Fixed: true, Flags: true, node: literalQuote, Doc: "a value of a command line has no quotes in it, and no other flag (kcmgen flags --check)"},
	{ID: "path-relative", Severity: isWarning, Flags: true, node: relativePath, Doc: "paths on a command line are absolute (kcmgen flags --check)"},
	{ID: "probe-port", Severity: isError, Flags: true, node: probePort, Doc: "a pod's probe asks the secure port (kcmgen flags --check)"},
	{ID: "manifest-backup", Severity: isError, Flags: true, node: noted("manifest-backup"), Doc: "no backup of a manifest lies beside it: the kubelet reads every file of its directory (kcmgen flags --check DIRECTORY)"},
	{ID: "unit-line", Severity: isWarning, Flags: true, node: noted("unit-line"), Doc: "systemd ignores no line of a unit or its environment files (kcmgen flags --check)"},
	{ID: "unit-continuation", Severity: isError, Fixed: true, Flags: true, node: noted("unit-continuation"), Doc: "a line of a unit goes on after one backslash at its end: not after two, nor with white space behind it (kcmgen flags --check)"},
	{ID: "unit-program", Severity: isError, Fixed: true, Flags: true, node: noted("unit-program"), Doc: "the program of a unit is a path without variables (kcmgen flags --check)"},
	{ID: "form-field", Severity: isWarning, Flags: true, node: noted("form-field"), Doc: "a configuration of what starts kube-controller-manager has the fields that its reader knows (kcmgen flags --check)"},
}

// nodeFlags are flags that may differ between nodes.
var nodeFlags = []string{"bind-address", "address", "master", "kubeconfig", "tls-cert-file", "tls-private-key-file", "authentication-kubeconfig", "authorization-kubeconfig", "external-cloud-volume-plugin", "v", "vmodule", "log-dir", "log-file"}

// flagsDiffer compares the command lines of nodes: any of them may lead.
func flagsDiffer(v *view) []fault {
	if v.nodes[0].line == nil {
		return nil
	}
	names := map[string]bool{}
	for _, n := range v.nodes {
		for _, f := range n.flags {
			names[f.Name] = true
		}
	}
	var out []fault
	first := v.nodes[0]
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if slices.Contains(nodeFlags, name) || slices.Contains([]string{allocate, clusterCIDR, mask, mask4, mask6, serviceRange}, name) || strings.HasPrefix(name, "leader-elect-resource-") {
			continue // allocation-differs and leader-elect-differs
		}
		for _, n := range v.nodes[1:] {
			if first.value(name) == n.value(name) {
				continue
			}
			out = append(out, fault{
				field: cmp.Or(n.flags.Field(name), first.flags.Field(name), "flags"), also: []string{first.flags.Field(name)},
				message:  fmt.Sprintf("--%s is %q on node %s and %q on node %s", name, first.value(name), first.Name, n.value(name), n.Name),
				expected: "one value on all nodes: any of them may lead",
			})
		}
	}
	return out
}

// literalQuote: no shell removes the quotes of a pod's arguments, nor those that are within
// others.
func literalQuote(v *view, n *nodeView) []fault {
	if n.line == nil {
		return nil
	}
	var out []fault
	for _, f := range n.flags {
		d, _ := v.minor.Flag(f.Name)
		s := f.Value
		switch {
		case len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] && !d.Adds():
			out = append(out, fault{field: f.Field, message: fmt.Sprintf("the value of --%s has quotes in it: no shell takes them away here", f.Name), expected: strings.Trim(s, `"'`)})
		case strings.Contains(s, " --") && d.Type != "bool":
			_, more, _ := strings.Cut(s, " --")
			name, _, _ := strings.Cut(more, "=")
			if _, known := v.minor.Flag(name); known {
				out = append(out, fault{field: f.Field, message: fmt.Sprintf("--%s and --%s are one argument: nothing splits it here", f.Name, name), expected: "an argument for each flag"})
			}
		}
	}
	return out
}

// relativePath: a relative path depends on the working directory.
func relativePath(v *view, n *nodeView) []fault {
	if n.line == nil || lastValue(v.Unit.Service, "", "WorkingDirectory") != "" {
		return nil
	}
	var out []fault
	for _, f := range n.flags {
		if _, ok := spec.PathFlags[f.Name]; ok && strings.Trim(f.Value, `"'`) == f.Value && f.Value != "" && !path.IsAbs(f.Value) && f.Name != "tls-sni-cert-key" {
			out = append(out, fault{field: f.Field, message: fmt.Sprintf("--%s names %s, which depends on the working directory", f.Name, f.Value), expected: "an absolute path"})
		}
	}
	return out
}

// probePort: the kubelet restarts a process that doesn't answer its probe.
func probePort(_ *view, n *nodeView) []fault {
	if n.line == nil || n.line.Pod == nil || n.line.Pod.ProbePort == "" {
		return nil
	}
	port := n.value("secure-port")
	f := fault{field: "pod.probe", expected: "one port"}
	switch {
	case port == n.line.Pod.ProbePort:
		return nil
	case isZero(port):
		f.message = fmt.Sprintf("the probe asks port %s, and with --secure-port=%s nothing is served: the kubelet restarts the process again and again", n.line.Pod.ProbePort, port)
		f.expected, f.also = "a port, or no probe", []string{n.flags.Field("secure-port")}
	default:
		f.message = fmt.Sprintf("the probe asks port %s, and the process serves at %s: the kubelet restarts it again and again", n.line.Pod.ProbePort, port)
	}
	return one(f)
}
