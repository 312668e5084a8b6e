package show

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/logs"
	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/live"
)

// maxRows bounds the rows of a host's small tables.
const maxRows = 6

// maxLog bounds a line of the log, in characters.
const maxLog = 400

// details is what a host's cells have no room for.
type details struct {
	Queues       []queueView
	Codes        []codeView
	Certificates []certificateView
	Logs         []logView
	Gates        []string // those that are on and ALPHA

	NoQueues, NoCodes, NoCertificates, NoLogs string // why there are none
	MoreQueues, MoreCertificates              string // how many aren't shown
}

type queueView struct{ Name, Depth, Unfinished, Retried string }

type codeView struct{ Code, Count string }

type certificateView struct {
	Sign  sign
	Use   string
	Path  string
	Ends  *moment
	Words string
}

// logView is a line of a log.
type logView struct {
	Title string
	Time  string // by the host's clock, in its zone; "": unknown
	Text  string
	Means string
}

func (v viewer) details(h *status.Host) details {
	var out details
	out.metrics(h)
	out.Certificates, out.MoreCertificates = v.certificates(h)
	if len(out.Certificates) == 0 {
		out.NoCertificates = "none is known"
	}
	if len(h.Ended) > 0 && !h.Running {
		out.Logs = append(out.Logs, v.line("Why it ended", h, h.Ended[len(h.Ended)-1]))
	}
	if line, _ := h.LastError(); line != "" {
		out.Logs = append(out.Logs, v.line("Last error of the log", h, line))
	}
	if len(out.Logs) == 0 {
		out.NoLogs = "none was seen"
	}
	return out
}

func (d *details) metrics(h *status.Host) {
	m := h.Metrics
	if m == nil {
		why := "metrics weren't read"
		if h.Unmetered != nil {
			why = plain(h.Unmetered.Text)
		}
		d.NoQueues, d.NoCodes = why, why
		return
	}
	queues := busiest(m.Queues)
	for _, q := range queues[:min(maxRows, len(queues))] {
		d.Queues = append(d.Queues, queueView{plain(q.Name), number(int64(q.Depth)), work(q.Unfinished), number(int64(q.Retried))})
	}
	switch more := len(queues) - len(d.Queues); {
	case len(queues) == 0:
		d.NoQueues = "all " + amount(int64(len(m.Queues)), "queue") + " idle"
	case more > 0:
		d.MoreQueues = "and " + number(int64(more)) + " more"
	}
	all := 0
	for code, n := range m.Codes {
		if all += n; n > 0 && refused(code) {
			d.Codes = append(d.Codes, codeView{plain(code), number(int64(n))})
		}
	}
	slices.SortFunc(d.Codes, func(a, b codeView) int { return strings.Compare(a.Code, b.Code) })
	if len(d.Codes) == 0 {
		d.NoCodes = "none in " + amount(int64(all), "request")
	}
	d.Codes = d.Codes[:min(2*maxRows, len(d.Codes))]
	for _, g := range m.Gates {
		if g.Stage == "ALPHA" {
			d.Gates = append(d.Gates, plain(g.Name))
		}
	}
}

// busiest returns the queues that have anything to do or to repeat, the busiest first.
func busiest(all []live.Queue) []live.Queue {
	all = slices.DeleteFunc(slices.Clone(all), func(q live.Queue) bool { return q.Depth == 0 && q.Unfinished == 0 && q.Retried == 0 })
	slices.SortStableFunc(all, func(a, b live.Queue) int {
		return cmp.Or(cmp.Compare(b.Depth, a.Depth), cmp.Compare(b.Unfinished, a.Unfinished), cmp.Compare(b.Retried, a.Retried))
	})
	return all
}

// refused reports whether a code of the metrics is one of an error: 400 and more, or
// client-go's <error> for a request without an answer.
func refused(code string) bool {
	n, err := strconv.Atoi(code)
	return err != nil || n >= 400
}

// certificates returns the certificates of a host, first those that can't be used, then by
// their end.
func (v viewer) certificates(h *status.Host) (out []certificateView, more string) {
	all := slices.Clone(h.Certificates)
	slices.SortStableFunc(all, func(a, b status.Certificate) int {
		return endOf(a).Compare(endOf(b))
	})
	for _, c := range all[:min(maxRows, len(all))] {
		out = append(out, v.certificate(h, &c))
	}
	if n := len(all) - len(out); n > 0 {
		more = "and " + number(int64(n)) + " that end later"
	}
	return out, more
}

// endOf returns when a certificate can't be used any more; the zero time for one that can't be
// used at all.
func endOf(c status.Certificate) time.Time {
	switch {
	case c.Problem != "":
		return time.Time{}
	case c.Ends == nil:
		return time.Unix(1<<40, 0)
	}
	return *c.Ends
}

// endsSoon is how long before its end a certificate is marked. status warns then.
const endsSoon = 30 * 24 * time.Hour

func (v viewer) certificate(h *status.Host, c *status.Certificate) certificateView {
	out := certificateView{Sign: none, Use: plain(c.Use), Path: plain(c.Path)}
	now := v.now(h)
	if c.Ends != nil {
		ends := momentOf(*c.Ends)
		ends.Text = c.Ends.UTC().Format(time.DateOnly)
		out.Ends = &ends
	}
	switch {
	case c.Problem != "":
		out.Sign, out.Words = bad[status.Error], plain(c.Problem)
	case c.Begins != nil && now.Before(*c.Begins):
		out.Sign, out.Words = bad[status.Error], "not valid yet, for "+status.Age(c.Begins.Sub(now))
	case c.Ends == nil:
		out.Words = "its end is unknown"
	case !now.Before(*c.Ends):
		out.Sign, out.Words = bad[status.Error], "expired "+status.Age(now.Sub(*c.Ends))+" ago"
	default:
		if left := c.Ends.Sub(now); left < endsSoon {
			out.Sign = bad[status.Warning]
		}
		out.Words = "in " + status.Age(c.Ends.Sub(now))
	}
	return out
}

func (v viewer) line(title string, h *status.Host, text string) logView {
	line := logs.Parse(text, h.Clock(v.c))
	out := logView{Title: title, Text: cut(line.Message(), maxLog)}
	if !line.Time.IsZero() {
		out.Time = line.Time.Format(time.DateTime)
	}
	if known := logs.Explain(text); known != nil {
		out.Means = plain(known.Means)
	}
	return out
}
