package show

import (
	"math"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/status"
)

type hostView struct {
	ID      string // of the element
	Node    string
	Address string
	Name    string // the kernel's hostname, if it is another word than Node
	State   []sign // the worst first; at least one
	Problem string // why it can't be looked at; then there are no cells
	Cells   []cell
	Details details
}

// columns are the names of a host's cells.
var columns = []string{"State", "Leads", "Generation", "Version", "Healthz", "Apiserver", "Clock"}

func (v viewer) host(i int) hostView {
	h := &v.c.Hosts[i]
	out := hostView{ID: v.hostID(i), Node: plain(h.Node), Address: plain(h.Address), State: counted(v.about(h.Node), "well")}
	if h.Hostname != h.Node {
		out.Name = plain(h.Hostname)
	}
	if h.Problem != nil {
		out.Problem = plain(h.Problem.Text)
		return out
	}
	out.Cells = []cell{
		v.process(h), v.leads(h), v.generation(h), v.program(h),
		v.answer("Healthz", h.Healthz, h.Node, "healthz", "healthz-untrusted", "healthz-not-asked"),
		v.answer("Apiserver", h.Apiserver, h.Node, "apiserver-away", "apiserver-unauthorized", "apiserver-forbidden", "apiserver-untrusted"),
		v.clock(h),
	}
	out.Details = v.details(h)
	return out
}

// now returns the time at which the cluster was looked at, by the host's clock.
func (v viewer) now(h *status.Host) time.Time {
	if h == nil {
		return v.c.Time
	}
	return v.c.Time.Add(seconds(h.Skew))
}

func (v viewer) process(h *status.Host) cell {
	out := cell{Name: "State", Sign: v.worst(none, h.Node, "not-deployed", "not-running", "not-enabled", "other-process", "restarts"), Value: "running"}
	switch {
	case h.Running && out.Sign == none:
		out.Sign = well
	case h.Running:
	case h.State != "":
		out.Value = plain(h.State)
	default:
		out.Value = "not running"
	}
	restarts := amount(int64(h.Restarts), "restart")
	if out.Notes = []string{restarts}; h.Since != nil {
		out.Notes = []string{"for " + since(v.c.Time, *h.Since) + ", " + restarts, "since " + momentOf(*h.Since).Text}
	}
	if h.Known && !h.Enabled {
		out.Notes = append(out.Notes, "not started at boot")
	}
	return out
}

func (v viewer) leads(h *status.Host) cell {
	l := &v.c.Lease
	says := h.Metrics != nil && h.Metrics.Leads != nil
	holds := l.Problem == nil && l.Node == h.Node && h.Node != ""
	out := cell{Name: "Leads", Value: "no"}
	switch {
	case !l.Elects:
		out.Value = "not elected"
	case l.Problem != nil && !says:
		out.Value = unknown
	case l.Problem != nil && h.Leads():
		out.Value, out.Notes = "yes", []string{"by what it says"}
	case l.Problem != nil:
		out.Notes = []string{"by what it says"}
	case holds && says && !h.Leads():
		out.Value, out.Notes = "no longer", []string{"it holds the lease, and says that it doesn't lead"}
	case holds:
		out.Value, out.Notes = "yes", []string{"holds the lease"}
	case h.Leads():
		out.Value, out.Notes = "says so", []string{"it doesn't hold the lease"}
	}
	if out.Dull = out.Value == "no" || out.Value == unknown; out.Value == "yes" {
		out.Sign = star
	}
	out.Sign = v.worst(out.Sign, h.Node, "leader-idle", "work-stuck")
	return out
}

func (v viewer) generation(h *status.Host) cell {
	out := cell{Name: "Generation", Sign: v.worst(none, h.Node, "not-deployed-last", "unit-foreign", "files-differ", "not-restarted", "drop-in", "trial-open", "being-changed")}
	seen := []struct{ where, generation string }{{"exported", h.Exported}, {"on disk", h.OnDisk}, {"running", h.Runs}}
	if !h.Running {
		seen = seen[:2]
	}
	var known, all []string
	same, missing := "", ""
	for _, s := range seen {
		all = append(all, s.where+": "+short(s.generation))
		switch {
		case s.generation == "":
			missing = ", " + s.where + ": " + unknown + missing
		case len(known) == 0 || s.generation == same:
			known, same = append(known, s.where), s.generation
		default:
			out.Value = "not the same"
		}
	}
	switch {
	case out.Value != "":
		out.Notes = all
	case same == "":
		out.Value, out.Dull = unknown, true
	default:
		out.Value, out.Code, out.Notes = short(same), true, []string{strings.Join(known, ", ") + missing}
	}
	if h.Trial != "" {
		out.Notes = append(out.Notes, "on trial: "+short(h.Trial))
	}
	if h.Holder != "" {
		out.Notes = append(out.Notes, "being changed by "+plain(h.Holder))
	}
	return out
}

// short returns a generation as people are shown it.
func short(generation string) string {
	switch {
	case generation == "":
		return unknown
	case generation == plan.None:
		return "none"
	case plan.IsFound(generation):
		return "not kcmgen's"
	case len(generation) == 16:
		generation = generation[:8]
	}
	return plain(generation)
}

func (v viewer) program(h *status.Host) cell {
	out := cell{Name: "Version", Sign: v.worst(none, h.Node, "version-differs"), Value: plain(h.Version), Code: true}
	if out.Value == "" {
		out.Value, out.Code, out.Dull = unknown, false, true
	}
	return out
}

func (v viewer) answer(name string, a status.Answer, node string, ids ...string) cell {
	switch {
	case a.Problem != nil:
		return cell{Name: name, Sign: v.worst(none, node, ids...), Value: plain(a.Problem.Kind), Notes: problem(a.Problem)}
	case a.Asked:
		return cell{Name: name, Sign: well, Value: "ok"}
	}
	return cell{Name: name, Value: "not asked", Dull: true}
}

func (v viewer) clock(h *status.Host) cell {
	out := cell{Name: "Clock", Sign: v.worst(none, h.Node, "clock"), Value: "exact"}
	switch skew := seconds(h.Skew); {
	case skew.Abs() < time.Second/2:
		out.Dull = true
	case skew > 0:
		out.Value = status.Age(skew) + " ahead"
	default:
		out.Value = status.Age(skew) + " behind"
	}
	return out
}

// work returns for how long work has gone on; "" for none.
func work(s float64) string {
	switch {
	case s == 0 || math.IsNaN(s):
		return "–"
	case s < 1:
		return "<1s"
	}
	return status.Age(seconds(s))
}
