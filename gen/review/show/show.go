// Package show writes a difference between two states of clusters: as text for a terminal,
// as Markdown for a comment on a pull request, and as JSON.
package show

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/review"
)

// Formats are those that Write knows.
func Formats() []string { return []string{"text", "markdown", "json"} }

// Options say how a difference is written.
type Options struct {
	// Limit is how many bytes Markdown may have; 0 means GitHubLimit. What doesn't fit is
	// counted.
	Limit int
	// More is the command that prints what doesn't fit; "" means kcmgen diff with both sides.
	More string
}

// Limits of a comment on a pull request, in characters, and so in bytes at least.
const (
	GitHubLimit = 65_536
	GitLabLimit = 1_000_000
	leastLimit  = 2_000 // the heading and what is left out always fit
)

// Write writes a difference in one of Formats. The same difference has the same bytes. The
// error is that of w, or an unknown format.
func Write(w io.Writer, d *review.Difference, format string, o Options) error {
	out := bufio.NewWriter(w)
	switch format {
	case "text":
		(&text{w: out}).difference(d)
	case "markdown":
		fmt.Fprint(out, markdown(d, o))
	case "json":
		if err := writeJSON(out, d); err != nil {
			return err
		}
	default:
		return fmt.Errorf("format %q: it must be one of %s", format, strings.Join(Formats(), ", "))
	}
	return out.Flush()
}

// risks are the levels, the riskiest first. What has none of them comes last.
func risks() []string { return []string{"high", "medium", "low"} }

// byRisk returns the changes of one level of risk, in order. "" is for those of no level.
func byRisk(cs []review.Change, risk string) []review.Change {
	var out []review.Change
	for _, c := range cs {
		if c.Risk == risk || risk == "" && !slices.Contains(risks(), c.Risk) {
			out = append(out, c)
		}
	}
	return out
}

// joined joins changes of files that differ in the same way on the same nodes: a generation
// has many files, and one owner.
func joined(cs []review.Change) []review.Change {
	type key struct{ old, new, effect, nodes string }
	at := map[key]int{}
	var out []review.Change
	for _, c := range cs {
		if c.Kind != review.OfFile || c.Name == "start" {
			out = append(out, c)
			continue
		}
		k := key{old: textOf(c.Old), new: textOf(c.New), effect: c.Text, nodes: strings.Join(c.Nodes, "\n")}
		if i, ok := at[k]; ok {
			out[i].Name += ", " + c.Name
			continue
		}
		at[k] = len(out)
		out = append(out, c)
	}
	return out
}

func textOf(v *review.Value) string {
	if v == nil {
		return "\x00"
	}
	return v.Text
}

// counts says how many changes there are of each risk: "1 high, 3 low". It is "" without
// changes.
func counts(cs []review.Change) string {
	var out []string
	for _, r := range risks() {
		if n := len(byRisk(cs, r)); n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, r))
		}
	}
	if n := len(byRisk(cs, "")); n > 0 {
		out = append(out, fmt.Sprintf("%d of unknown risk", n))
	}
	return strings.Join(out, ", ")
}

// summary says on one line how much differs.
func summary(d *review.Difference) string {
	var all []review.Change
	come, gone := 0, 0
	for _, c := range d.Clusters {
		all = append(all, c.Changes...)
		come, gone = come+len(c.Come), gone+len(c.Gone)
	}
	verb := "differs"
	if len(d.Clusters) != 1 {
		verb = "differ"
	}
	parts := []string{number(len(d.Clusters), "cluster") + " " + verb}
	if len(d.Clusters) == 0 {
		parts[0] = "nothing differs"
	}
	if c := counts(all); c != "" {
		parts = append(parts, number(len(all), "change")+" ("+c+")")
	}
	if come > 0 {
		parts = append(parts, number(come, "new finding"))
	}
	if gone > 0 {
		parts = append(parts, number(gone, "finding")+" gone")
	}
	if n := len(d.Untouched); n > 0 {
		parts = append(parts, number(n, "cluster")+" untouched")
	}
	return strings.Join(parts, ", ")
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// side names one side: as it was asked for, with the commit if that says more.
func side(s review.Side) string {
	if s.Commit == "" || strings.HasPrefix(s.Commit, s.Name) && s.Name != "" {
		return s.Name
	}
	return fmt.Sprintf("%s (%s)", s.Name, s.Commit[:min(len(s.Commit), 12)])
}

// subject says what a change is of.
func subject(c review.Change) string {
	switch c.Kind {
	case review.OfFlag:
		return "--" + c.Name
	case review.OfVersion:
		return "Kubernetes"
	case review.OfMembership:
		if len(c.Nodes) == 1 {
			return c.Name + " " + c.Nodes[0]
		}
		return c.Name
	case review.OfDeploy, review.OfImage, review.OfProgram, review.OfKubeconfig:
		return c.Name // it begins with the kind
	}
	if c.Name == "*" {
		return "the " + c.Kind
	}
	if c.Kind == review.OfFile && strings.Contains(c.Name, ", ") {
		return "files " + c.Name
	}
	return c.Kind + " " + c.Name
}

// origin says who set a value; "" if the change isn't of a flag.
func origin(v *review.Value) string {
	switch v.Origin {
	case review.ByFlag:
		return "set"
	case review.ByField:
		return "derived"
	case review.ByDefault:
		return "kcmgen's default"
	case review.ByKubernetes:
		return "Kubernetes' default"
	}
	return ""
}

// where says where the user wrote what differs; "" if nowhere.
func where(c review.Change) string {
	switch {
	case c.New != nil && c.New.At != "":
		return c.New.At
	case c.Old != nil && c.Old.At != "":
		return "was " + c.Old.At
	}
	return ""
}

// hosts names the nodes of a change: all, or the first ones. "" is the whole cluster.
func hosts(names []string, total int) string {
	const first = 3
	switch {
	case len(names) == 0:
		return ""
	case len(names) == total && total > 1:
		return fmt.Sprintf("all %d nodes", total)
	}
	return list(names, first)
}

// list joins names. It counts those after the first ones.
func list(names []string, first int) string {
	if len(names) <= first+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:first], ", "), len(names)-first)
}

// total is how many nodes a cluster has, on the new side if it is there.
func total(c *review.ClusterDifference) int {
	switch {
	case c.New != nil:
		return len(c.New.Nodes)
	case c.Old != nil:
		return len(c.Old.Nodes)
	}
	return 0
}

// outcome says what the next export does about a key or a certificate; "" if the change is
// of none.
func outcome(c review.Change) string {
	words := map[string]string{
		review.Makes: "an export makes it anew", review.Keeps: "an export keeps it", review.Refuses: "an export refuses it",
	}[c.Export]
	if words == "" || c.Reason == "" {
		return words + c.Reason
	}
	return words + ": " + c.Reason
}

// states says what became of a cluster or a node.
func state(s review.State) string {
	if s == review.Faulty {
		return "can't be evaluated on one side at least"
	}
	return string(s)
}

// nodeGroups joins nodes by what became of them.
func nodeGroups(c *review.ClusterDifference) []string {
	names := map[review.State][]string{}
	for _, n := range c.Nodes {
		name := n.Name
		if n.OldName != "" {
			name = n.OldName + " → " + n.Name
		}
		names[n.State] = append(names[n.State], name)
	}
	var out []string
	for _, s := range []review.State{review.Changed, review.Renamed, review.Added, review.Removed} {
		if len(names[s]) > 0 {
			out = append(out, map[review.State]string{
				review.Changed: "another generation", review.Renamed: "renamed", review.Added: "new", review.Removed: "gone",
			}[s]+": "+hosts(names[s], total(c)))
		}
	}
	return out
}
