package show

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/review"
)

// comment is a comment on a pull request, as far as it is written.
type comment struct {
	b     strings.Builder
	limit int
	ends  []string // of what is open
	cut   bool     // something didn't fit, and all after it is left out
	left  struct{ clusters, changes, findings, others int }
}

// reserved are bytes for the sentence that says what was left out.
const reserved = 600

// markdown writes a difference as Markdown. The riskiest clusters come first, so that what
// doesn't fit is what matters least.
func markdown(d *review.Difference, o Options) string {
	c := &comment{limit: max(cmp.Or(o.Limit, GitHubLimit), leastLimit) - reserved}
	c.put("### What changes for kube-controller-manager\n\n%s → %s: %s.\n", code(short(side(d.Base), longest)), code(short(side(d.Head), longest)), summary(d))
	for _, i := range riskiest(d.Clusters) {
		c.cluster(&d.Clusters[i])
	}
	if len(d.Shared) > 0 {
		c.put("\n#### Shared files\n\n")
	}
	for _, s := range d.Shared {
		c.other(c.put("- %s is read by %s\n", code(short(s.File, longest)), names(s.Clusters, 10)))
	}
	if n := len(d.Untouched); n > 0 {
		c.open(number(n, "cluster") + " untouched")
		c.other(c.put("%s\n", names(d.Untouched, 200)))
		c.close()
	}
	if len(d.Notes) > 0 {
		c.put("\n")
	}
	for _, n := range d.Notes {
		c.other(c.put("- %s\n", plain(short(n, 4*longest))))
	}
	return c.b.String() + c.leftOut(d, o)
}

// riskiest returns the places of clusters: those with the riskiest change first, then
// faulty ones, then by name.
func riskiest(cs []review.ClusterDifference) []int {
	rank := func(c review.ClusterDifference) int {
		if c.State == review.Faulty {
			return len(risks())
		}
		most := -1
		for _, one := range c.Changes {
			most = max(most, review.RiskLevel(one.Risk))
		}
		return most
	}
	out := make([]int, len(cs))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(rank(cs[b]), rank(cs[a])) })
	return out
}

// put writes a part if it fits, with what has to be closed after it. It returns whether it
// did.
func (c *comment) put(format string, args ...any) bool {
	part := fmt.Sprintf(format, args...)
	ends := 0
	for _, e := range c.ends {
		ends += len(e)
	}
	if c.cut || c.b.Len()+len(part)+ends > c.limit {
		c.cut = true
		return false
	}
	c.b.WriteString(part)
	return true
}

// other counts a part that isn't a change, a finding or a cluster, and didn't fit.
func (c *comment) other(fits bool) {
	if !fits {
		c.left.others++
	}
}

// open begins a part that is folded. title is kcmgen's own text.
func (c *comment) open(title string) {
	const end = "\n</details>\n"
	c.ends = append(c.ends, end)
	if !c.put("\n<details><summary>%s</summary>\n\n", title) {
		c.ends[len(c.ends)-1] = ""
	}
}

func (c *comment) close() {
	last := len(c.ends) - 1
	c.b.WriteString(c.ends[last])
	c.ends = c.ends[:last]
}

// manyChanges is how many changes of one risk are shown without being folded.
const manyChanges = 10

func (c *comment) cluster(d *review.ClusterDifference) {
	became := state(d.State)
	if d.OldName != "" {
		became = "renamed, was " + code(short(d.OldName, longest))
	}
	if n := counts(d.Changes); n != "" {
		became += ": " + n
	}
	if !c.put("\n#### %s\n\n%s\n\n", code(short(d.Name, longest)), became) {
		c.left.clusters++
		c.left.changes += len(d.Changes)
		c.left.findings += len(d.Come) + len(d.Gone)
		return
	}
	c.upgrade(d.Upgrade)
	for _, r := range append(risks(), "") {
		some := byRisk(d.Changes, r)
		folded := len(some) > 0 && (r == "low" || len(some) > manyChanges && r != "high")
		if folded {
			c.open(number(len(some), "change") + " of " + cmp.Or(r, "unknown") + " risk")
		}
		for _, one := range joined(some) {
			if !c.change(one, total(d)) {
				c.left.changes++
			}
		}
		if folded {
			c.close()
		}
	}
	c.findings("new", d.Come)
	c.findings("gone", d.Gone)
	if len(d.Nodes) > 0 {
		c.put("\n")
	}
	for _, line := range nodeGroups(d) {
		what, which, _ := strings.Cut(line, ": ")
		c.other(c.put("- hosts, %s: %s\n", what, code(short(which, 4*longest))))
	}
}

func (c *comment) upgrade(u *review.Upgrade) {
	if u == nil {
		return
	}
	c.put("Upgrade of Kubernetes: %s → %s\n\n", code(short(u.From, longest)), code(short(u.To, longest)))
	if len(u.Notes) == 0 {
		return
	}
	c.open("what <code>kcmgen upgrade</code> says of it")
	for _, n := range u.Notes {
		c.other(c.put("- %s\n", plain(short(n, 4*longest))))
	}
	c.close()
	c.put("\n")
}

// change writes a change as an entry of a list. It returns whether it fits.
func (c *comment) change(one review.Change, total int) bool {
	old, now := values(one)
	line := fmt.Sprintf("- **%s** %s", cmp.Or(plain(short(one.Risk, longest)), "unknown risk"), code(short(subject(one), 8*longest)))
	if a := arrow(spanned(old, one.Old), spanned(now, one.New)); a != "" {
		line += " " + a
	}
	if one.Way != "" {
		line += ", " + plain(short(one.Way, longest))
	}
	if one.Own {
		line += ", kcmgen's own defaults changed"
	}
	if h := hosts(one.Nodes, total); h != "" && (one.Kind != review.OfMembership || len(one.Nodes) != 1) {
		line += ", on " + code(short(h, 2*longest))
	}
	if w := where(one); w != "" {
		line += ", " + code(short(w, 2*longest))
	}
	line += "\n"
	if o := outcome(one); o != "" {
		line += "  - " + plain(short(o, 4*longest)) + "\n"
	}
	classes := make([]string, len(one.Classes))
	for i, id := range one.Classes {
		classes[i] = code(short(id, longest))
	}
	line += "  - " + strings.Join(classes, ", ") + " " + plain(short(one.Text, 8*longest))
	if one.Part != "" {
		line += " Part: " + plain(short(one.Part, longest)) + "."
	}
	if one.Source != "" {
		line += " " + link(one.Source)
	}
	return c.put("%s\n", line)
}

// link is a link to a source. Only an address of the data's form is one.
func link(url string) string {
	if !strings.HasPrefix(url, "https://") || strings.ContainsFunc(url, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune("()<>[]\\`\"'*_|", r) && r != '_'
	}) {
		return code(short(url, 2*longest))
	}
	return "[source](" + url + ")"
}

// spanned is a value as a code span, with who set it; "" if there is none.
func spanned(shown string, v *review.Value) string {
	if v == nil {
		return ""
	}
	if o := origin(v); o != "" {
		return fmt.Sprintf("%s (%s)", code(shown), o)
	}
	return code(shown)
}

func (c *comment) findings(word string, fs []finding.Finding) {
	if len(fs) == 0 {
		return
	}
	c.open(number(len(fs), "finding") + " " + word)
	for _, f := range fs {
		at := ""
		if p := strings.TrimSuffix(position(f), ": "); p != "" {
			at = code(short(p, longest)) + " "
		}
		if !c.put("- **%s** %s %s%s\n", plain(severity(f)), code(short(f.Rule, longest)), at, plain(short(f.Message, 4*longest))) {
			c.left.findings++
		}
	}
	c.close()
}

// names joins names as code.
func names(all []string, first int) string {
	shown := all
	if len(all) > first+1 {
		shown = all[:first]
	}
	var out []string
	for _, n := range shown {
		out = append(out, code(short(n, longest)))
	}
	text := strings.Join(out, ", ")
	if n := len(all) - len(shown); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// leftOut says what didn't fit, and how it is printed.
func (c *comment) leftOut(d *review.Difference, o Options) string {
	if !c.cut {
		return ""
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{c.left.clusters, "cluster"}, {c.left.changes, "change"}, {c.left.findings, "finding"}, {c.left.others, "other line"}} {
		if p.n > 0 {
			parts = append(parts, number(p.n, p.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"some headings"}
	}
	more := o.More
	if more == "" {
		more = fmt.Sprintf("kcmgen diff %s %s", d.Base.Name, d.Head.Name)
	}
	return fmt.Sprintf("\n**Left out**, because a comment has an end: %s. To read all, type %s.\n", strings.Join(parts, ", "), code(short(more, longest)))
}
