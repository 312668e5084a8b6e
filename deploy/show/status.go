package show

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kcmgen/kcmgen/deploy/logs"
	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/live"
)

// Status returns what was seen of a cluster: a table with a line for each host, and what is
// wrong.
func Status(c *status.Cluster) []Line {
	var out lines
	out = append(out, Line{Text: c.Name + ": " + leads(c), Style: Bold})
	if about := about(c); about != "" {
		out.say("  %s", about)
	}
	out = append(out, table(c)...)
	for i := range c.Hosts {
		out.details(c, &c.Hosts[i])
	}
	for _, f := range c.Findings {
		style := map[status.Severity]Style{status.Error: Red, status.Warning: Yellow}[f.Severity]
		where := ""
		if f.Node != "" {
			where = f.Node + ": "
		}
		out = append(out, Line{string(f.Severity) + ":", fmt.Sprintf("%s%s [%s]", where, f.Message, f.ID), style})
		if f.Hint != "" {
			out.say("    %s", f.Hint)
		}
	}
	if len(c.Findings) == 0 {
		out.say("nothing is wrong")
	}
	return out
}

// leads returns who leads.
func leads(c *status.Cluster) string {
	l := c.Lease
	switch {
	case !l.Elects:
		return "no leader election"
	case l.Problem != nil:
		return "who leads isn't known"
	case l.Holder == "":
		return "no instance leads"
	}
	now := c.Time
	if h := c.Led(); h != nil {
		now = now.Add(time.Duration(h.Skew * float64(time.Second)))
	}
	text := cmp.Or(l.Node, l.Holder) + " leads"
	if l.Acquired != nil {
		text += fmt.Sprintf(" since %s (%s)", l.Acquired.UTC().Format("2006-01-02 15:04:05 UTC"), status.Age(now.Sub(*l.Acquired)))
	}
	if l.Renewed != nil {
		text += fmt.Sprintf(", renewed %s ago", status.Age(max(0, now.Sub(*l.Renewed))))
	}
	if l.Changes != nil {
		text += fmt.Sprintf(", %s in the last hour", plural(*l.Changes, "change"))
	}
	return text
}

// about returns what is known of the apiserver and of the nodes.
func about(c *status.Cluster) string {
	var out []string
	if v := c.Apiserver.Version; v != "" {
		out = append(out, "apiserver "+v)
	}
	if n := c.Nodes; n.Problem == nil {
		out = append(out, plural(n.Count, "node"))
		for _, p := range n.Pools {
			if n.Allocates && p.Left >= 0 {
				out = append(out, fmt.Sprintf("%s: %d more of /%d", p.CIDR, p.Left, p.Mask))
			}
		}
	}
	return strings.Join(out, ", ")
}

// table returns a line for each host.
func table(c *status.Cluster) []Line {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "HOST\tLEADS\tSTATE\tSINCE\tRESTARTS\tGENERATION\tVERSION\tHEALTHZ\tAPISERVER\tQUEUED\tFIRST END\tCLOCK")
	for i := range c.Hosts {
		h := &c.Hosts[i]
		if h.Problem != nil {
			fmt.Fprintf(w, "%s\t-\tnot reached\t-\t-\t-\t-\t-\t-\t-\t-\t-\n", line(h.Node))
			continue
		}
		since := "-"
		if h.Since != nil {
			since = status.Age(c.Time.Sub(*h.Since))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", line(h.Node), leading(c, h), line(cmp.Or(h.State, "-")), since, h.Restarts,
			generations(h), line(cmp.Or(h.Version, "-")), answer(h.Healthz), answer(h.Apiserver), queued(h.Metrics), firstEnd(h), clock(h.Skew))
	}
	_ = w.Flush() // to memory
	var out []Line
	for text := range strings.Lines(b.String()) {
		out = append(out, Line{Text: strings.TrimRight(text, " \n")})
	}
	return out
}

// line returns a text on one line, without tabs: it is a cell of a table.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\v' || r == '\f' || r == '\r' || r == '\xff' {
			return ' '
		}
		return r
	}, s)
}

func leading(c *status.Cluster, h *status.Host) string {
	switch holds := c.Lease.Node == h.Node; {
	case holds && h.Metrics != nil && h.Metrics.Leads != nil && !h.Leads():
		return "no longer"
	case holds:
		return "yes"
	case h.Leads():
		return "says so"
	}
	return "-"
}

// generations returns what a host has and runs, if that differs from the last export too.
func generations(h *status.Host) string {
	text := Short(cmp.Or(h.OnDisk, "-"))
	if h.Running && h.Runs != h.OnDisk {
		text += ", not run"
	}
	if h.Exported != "" && h.Exported != h.OnDisk {
		text += ", not " + Short(h.Exported)
	}
	return line(text)
}

func answer(a status.Answer) string {
	switch {
	case !a.Asked:
		return "-"
	case a.Problem != nil:
		return a.Problem.Kind
	}
	return "ok"
}

func queued(m *live.Metrics) string {
	if m == nil || len(m.Queues) == 0 {
		return "-"
	}
	n := 0
	for _, q := range m.Queues {
		n += q.Depth
	}
	return fmt.Sprint(n)
}

func firstEnd(h *status.Host) string {
	c := h.FirstEnd()
	if c == nil {
		return "-"
	}
	return c.Use + " " + c.Ends.Format(time.DateOnly)
}

func clock(skew float64) string {
	if skew == 0 {
		return "ok"
	}
	return fmt.Sprintf("%+.0fs", skew)
}

// details adds what doesn't fit in the table.
func (l *lines) details(c *status.Cluster, h *status.Host) {
	if m := h.Metrics; m != nil {
		if busy := Busiest(m, 3); len(busy) > 0 && h.Leads() {
			var all []string
			for _, q := range busy {
				all = append(all, fmt.Sprintf("%s (%d waiting, %s unfinished, %d retries)", q.Name, q.Depth, status.Age(time.Duration(q.Unfinished*float64(time.Second))), q.Retried))
			}
			l.say("  %s: busiest queues: %s", h.Node, strings.Join(all, ", "))
		}
		if codes := ClientErrors(m); len(codes) > 0 {
			l.say("  %s: errors of the apiserver since its start: %s", h.Node, strings.Join(codes, ", "))
		}
		if gates := Alpha(m); len(gates) > 0 {
			l.say("  %s: alpha gates that are on: %s", h.Node, strings.Join(gates, ", "))
		}
	}
	if text, known := h.LastError(); text != "" {
		at := logs.Parse(text, h.Clock(c))
		when := ""
		if !at.Time.IsZero() {
			when = ", " + at.Time.Format("2006-01-02 15:04:05")
		}
		l.say("  %s: last error of its log%s: %s", h.Node, when, excerpt(at.Message()))
		if known != nil {
			l.say("      that is: %s", known.Means)
		}
	}
}

func excerpt(s string) string {
	if s = line(s); len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// Busiest returns the queues with the most to do, at most n.
func Busiest(m *live.Metrics, n int) []live.Queue {
	all := slices.DeleteFunc(slices.Clone(m.Queues), func(q live.Queue) bool { return q.Depth == 0 && q.Unfinished < 1 })
	slices.SortStableFunc(all, func(a, b live.Queue) int {
		return cmp.Or(cmp.Compare(b.Unfinished, a.Unfinished), cmp.Compare(b.Depth, a.Depth))
	})
	return all[:min(n, len(all))]
}

// ClientErrors returns how often the apiserver answered with which error: "403 × 12".
func ClientErrors(m *live.Metrics) []string {
	var out []string
	for code, n := range m.Codes {
		if n > 0 && (code >= "4" || strings.HasPrefix(code, "<")) && code != "404" && code != "409" {
			out = append(out, fmt.Sprintf("%s × %d", code, n))
		}
	}
	slices.Sort(out)
	return out
}

// Alpha returns the alpha feature gates that are on.
func Alpha(m *live.Metrics) []string {
	var out []string
	for _, g := range m.Gates {
		if g.Stage == "ALPHA" {
			out = append(out, g.Name)
		}
	}
	return out
}
