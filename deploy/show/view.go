package show

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/status"
)

// page is what page.html shows. Each text in it went through plain, or is a constant.
type page struct {
	Style    template.CSS
	Title    string
	Summary  string
	Clusters []clusterView
}

type clusterView struct {
	ID       string // of the element
	Name     string
	State    []sign // the worst first; at least one
	Time     moment
	Limited  bool
	Facts    []cell
	Findings []findingView
	Hosts    []hostView
	Columns  []string // of the hosts
}

// sign is how bad something is. Colour never says it alone: the symbol and the word do too.
type sign struct {
	Class  string // of the element: ok, error, warning, unchecked, leads, none
	Symbol string
	Word   string
}

var (
	none = sign{Class: "none"}
	well = sign{"ok", "✓", ""}
	star = sign{"leads", "★", ""}
	bad  = map[status.Severity]sign{
		status.Error:      {"error", "✕", "error"},
		status.Warning:    {"warning", "▲", "warning"},
		status.NotChecked: {"unchecked", "?", "not checked"},
	}
	severities = []status.Severity{status.Error, status.Warning, status.NotChecked} // the worst first
)

// cell is a value with its name.
type cell struct {
	Name  string
	Sign  sign
	Value string
	Code  bool     // the value is one to copy
	Dull  bool     // the value is the usual one, or none
	Notes []string // below the value
}

// moment is a time, for people and for programs.
type moment struct{ Text, ISO string }

func momentOf(t time.Time) moment {
	t = t.UTC()
	return moment{t.Format("2006-01-02 15:04:05 UTC"), t.Format(time.RFC3339)}
}

func pageOf(clusters []*status.Cluster) page {
	p := page{Style: template.CSS(style)}
	right := 0
	for i, c := range clusters {
		p.Clusters = append(p.Clusters, viewer{c, fmt.Sprintf("c%d", i+1)}.cluster())
		if !c.Wrong() {
			right++
		}
	}
	switch {
	case len(clusters) == 0:
		p.Summary = "no cluster was looked at"
	case len(clusters) == 1:
		p.Summary = p.Clusters[0].Name + ": " + words(p.Clusters[0].State)
	case right == len(clusters):
		p.Summary = fmt.Sprintf("%d clusters: nothing is wrong", right)
	default:
		p.Summary = fmt.Sprintf("%d clusters: something is wrong with %d", len(clusters), len(clusters)-right)
	}
	p.Title = p.Summary + " – kcmgen status"
	return p
}

// viewer makes the view of a cluster.
type viewer struct {
	c  *status.Cluster
	id string
}

func (v viewer) cluster() clusterView {
	out := clusterView{
		ID: v.id, Name: plain(v.c.Name), State: counted(v.c.Findings, "all well"), Time: momentOf(v.c.Time), Limited: v.c.Limited,
		Facts: v.facts(), Columns: columns,
	}
	for i := range v.c.Findings {
		out.Findings = append(out.Findings, v.finding(&v.c.Findings[i]))
	}
	for i := range v.c.Hosts {
		out.Hosts = append(out.Hosts, v.host(i))
	}
	return out
}

// counted says how many findings there are of each severity, the worst first; without any it
// says otherwise.
func counted(all []status.Finding, otherwise string) (out []sign) {
	for _, s := range severities {
		n := 0
		for _, f := range all {
			if f.Severity == s {
				n++
			}
		}
		if n == 0 {
			continue
		}
		word := string(s)
		if n > 1 && s != status.NotChecked {
			word += "s"
		}
		out = append(out, sign{bad[s].Class, bad[s].Symbol, number(int64(n)) + " " + word})
	}
	if len(out) == 0 {
		out = []sign{{well.Class, well.Symbol, otherwise}}
	}
	return out
}

// words returns the words of signs.
func words(signs []sign) string {
	var out []string
	for _, s := range signs {
		out = append(out, s.Word)
	}
	return strings.Join(out, ", ")
}

// about returns the findings about a host; "": about the cluster.
func (v viewer) about(node string) (out []status.Finding) {
	for _, f := range v.c.Findings {
		if f.Node == node {
			out = append(out, f)
		}
	}
	return out
}

// worst returns the sign of the worst finding about a host that has one of the IDs; without
// such a finding it returns otherwise.
func (v viewer) worst(otherwise sign, node string, ids ...string) sign {
	for _, s := range severities {
		for _, f := range v.about(node) {
			if f.Severity == s && slices.Contains(ids, f.ID) {
				return bad[s]
			}
		}
	}
	return otherwise
}

type findingView struct {
	Sign     sign
	Host     string // "": it is about the cluster
	HostID   string // of the host's element; "" if there is none
	Message  string
	Advice   string // what to do
	Command  string // what to type
	On       string // the host on which to type it; "": here
	ID, Page string
}

// docs is where the pages of the documentation are.
const docs = "https://github.com/kcmgen/kcmgen/blob/main/"

func (v viewer) finding(f *status.Finding) findingView {
	out := findingView{Sign: bad[f.Severity], Host: plain(f.Node), Message: plain(f.Message), ID: plain(f.ID), Page: docs + plain(f.Page)}
	if i := slices.IndexFunc(v.c.Hosts, func(h status.Host) bool { return h.Node == f.Node }); i >= 0 {
		out.HostID = v.hostID(i)
	}
	there := false
	out.Advice, out.Command, there = command(plain(f.Hint))
	if there {
		out.On = out.Host
	}
	return out
}

func (v viewer) hostID(i int) string { return fmt.Sprintf("%s-h%d", v.id, i+1) }

// programs are those that hints name, and whether they are for the finding's host.
var programs = map[string]bool{
	"kcmgen": false, "kubectl": false,
	"journalctl": true, "systemctl": true, "tail": true, "timedatectl": true,
}

// command splits a hint into what to do and what to type, which is after a colon, and tells
// whether that is for the host.
func command(hint string) (advice, command string, there bool) {
	for from := 0; ; {
		i := strings.Index(hint[from:], ": ")
		if i < 0 {
			return hint, "", false
		}
		advice, command = hint[:from+i], hint[from+i+len(": "):]
		program, _, _ := strings.Cut(command, " ")
		if there, ok := programs[program]; ok {
			for _, words := range []string{"type there", "type"} {
				if rest, ok := strings.CutSuffix(advice, words); ok && (rest == "" || strings.HasSuffix(rest, ": ")) {
					advice = strings.TrimSuffix(rest, ": ")
					break
				}
			}
			return advice, command, there
		}
		from += i + len(": ")
	}
}

// seconds returns a duration; what is no number, or longer than a century, is cut.
func seconds(s float64) time.Duration {
	const century = 100 * 365 * 24 * 3600
	if math.IsNaN(s) {
		return 0
	}
	return time.Duration(max(-century, min(century, s)) * float64(time.Second))
}

// since returns the age of a time; 0 for one that is yet to come.
func since(now, t time.Time) string { return status.Age(max(0, now.Sub(t))) }

// number returns a number with commas between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// amount returns a number with the word for what is counted.
func amount(n int64, word string) string {
	if n != 1 {
		word += "s"
	}
	return number(n) + " " + word
}
