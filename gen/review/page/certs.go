package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/review"
)

// certsView is the picture of how long certificates live, and a table of them.
type certsView struct {
	ID            string
	Width, Height int
	AxisY         int
	Desc          string
	Note          string
	Bars          []certBar
	Ticks         []tick
	Rows          []certRow
}

// certBar is a lifetime in the picture. It begins when the certificate is made, and one
// with a known end now.
type certBar struct {
	TextY, Y, W int
	Kind        string // "ca", "leaf" or "own": of the user, with a known end
	Mark        mark
	Text        string
	Full        string
	Beyond      bool // it is longer than the axis
	WasX        int  // the end of the lifetime before; 0: the same
}

type tick struct {
	X, TextX int
	Text     string
	Anchor   string
}

type certRow struct {
	Mark    mark
	ID      string
	Kind    string
	Facts   []fact
	Nodes   nodeSet
	Differs []fact // the facts before, where they are others
}

// fact is a named value.
type fact struct{ Name, Value string }

const (
	day  = 24 * time.Hour
	year = 365 * day
	// farthest is where the axis ends at the latest: a CA of a century would leave no room
	// for leaves of a year.
	farthest = 12 * year
)

type certPair struct {
	old, new *review.Certificate
	mark     mark
	more     int // others that are drawn alike
}

func (s section) certificates() []certPair {
	olds := map[string]*review.Certificate{}
	if s.old != nil {
		for i := range s.old.Certificates {
			olds[s.old.Certificates[i].ID] = &s.old.Certificates[i]
		}
	}
	var out []certPair
	if s.new != nil {
		for i := range s.new.Certificates {
			c := &s.new.Certificates[i]
			p := certPair{old: olds[c.ID], new: c, mark: markOf("")}
			switch {
			case p.old == nil && s.old != nil:
				p.mark = markOf(review.Added)
			case p.old != nil && !slices.Equal(factsOf(p.old), factsOf(c)):
				p.mark = markOf(review.Changed)
			}
			delete(olds, c.ID)
			out = append(out, p)
		}
	}
	if s.old != nil {
		for i := range s.old.Certificates {
			if c := &s.old.Certificates[i]; olds[c.ID] == c {
				out = append(out, certPair{old: c, mark: markOf(review.Removed)})
			}
		}
	}
	return out
}

// shownCerts is the number of bars in the picture. The table has all certificates.
const shownCerts = 24

// alone is the number of certificates up to which each has its own bar.
const alone = 12

func newCerts(id string, s section, ss *sets, now time.Time) *certsView {
	ps := s.certificates()
	if len(ps) == 0 {
		return nil
	}
	v := &certsView{ID: id, Width: wide}
	for _, p := range ps {
		v.Rows = append(v.Rows, certRowOf(p, ss))
	}
	v.draw(alikes(ps, now), now)
	return v
}

// alikes returns the certificates with how many more there are whose bar is the same: of
// 1,000 nodes each has a certificate. What differs comes first then.
func alikes(ps []certPair, now time.Time) []certPair {
	if len(ps) <= alone {
		return ps
	}
	type key struct {
		kind, mark string
		old, new   time.Duration
		ends       time.Time
	}
	var out []certPair
	seen := map[key]int{}
	for _, p := range ps {
		c := cmp.Or(p.new, p.old)
		old, _ := span(p.old, now)
		life, _ := span(p.new, now)
		k := key{c.Kind, p.mark.ID, old, life, c.Ends}
		if i, ok := seen[k]; ok {
			out[i].more++
			continue
		}
		seen[k] = len(out)
		out = append(out, p)
	}
	rank := []string{"changed", "new", "gone", "same"}
	slices.SortStableFunc(out, func(a, b certPair) int {
		return cmp.Compare(slices.Index(rank, a.mark.ID), slices.Index(rank, b.mark.ID))
	})
	return out
}

// span returns how long a certificate lives from the axis' beginning; 0 if that isn't known.
func span(c *review.Certificate, now time.Time) (d time.Duration, own bool) {
	if c == nil {
		return 0, false
	}
	if !c.Ends.IsZero() {
		if now.IsZero() || c.Ends.Before(now) {
			return 0, true
		}
		return c.Ends.Sub(now), true
	}
	d, err := time.ParseDuration(c.Lifetime)
	if err != nil || d < 0 {
		return 0, false
	}
	return d, false
}

func (v *certsView) draw(ps []certPair, now time.Time) {
	axis := time.Duration(0)
	for _, p := range ps {
		for _, c := range []*review.Certificate{p.old, p.new} {
			d, _ := span(c, now)
			axis = max(axis, min(d, farthest))
		}
	}
	if axis == 0 {
		return
	}
	y, left := 0, 0
	var said []string
	for _, p := range ps {
		c := cmp.Or(p.new, p.old)
		d, own := span(c, now)
		if d == 0 {
			continue
		}
		if len(v.Bars) == shownCerts {
			left += 1 + p.more
			continue
		}
		b := certBar{TextY: y + 12, Y: y + 18, W: max(at(d, axis), 3), Kind: c.Kind, Mark: p.mark, Beyond: d > axis}
		life := inWords(d)
		if own {
			b.Kind, life = "own", "ends "+c.Ends.UTC().Format(time.DateOnly)
		}
		if old, _ := span(p.old, now); p.new != nil && p.old != nil && old != d && old > 0 {
			b.WasX = max(at(old, axis), 3)
			life = inWords(old) + " → " + life
		}
		others := ""
		if p.more > 0 {
			others = " and " + number(p.more) + " more"
		}
		b.Text = fit(c.ID, 45-len([]rune(others+life))) + others + ": " + life
		if p.mark.ID != "same" {
			b.Text = p.mark.Sign + " " + b.Text
		}
		b.Text = fit(b.Text, 49)
		b.Full = c.ID + others + " (" + c.Kind + ") " + life
		said = append(said, b.Full+".")
		v.Bars = append(v.Bars, b)
		y += 36
	}
	if left > 0 {
		v.Note = fmt.Sprintf("%s more are in the table.", count(left, "certificate"))
	}
	v.AxisY, v.Height, v.Desc = y, y+22, strings.Join(said, " ")
	v.ticks(axis)
}

func at(d, axis time.Duration) int { return int(float64(min(d, axis)) / float64(axis) * wide) }

func (v *certsView) ticks(axis time.Duration) {
	step, unit, noun := axis/4, day, "day"
	switch {
	case axis >= 4*year:
		step, unit, noun = 2*year, year, "year"
	case axis >= year:
		step, unit, noun = year, year, "year"
		if axis < 2*year {
			step, unit, noun = 91*day, day, "day"
		}
	case axis < 4*day:
		unit, noun = time.Hour, "hour"
	}
	step = max(step.Truncate(unit), unit)
	for d := time.Duration(0); d <= axis; d += step {
		t := tick{X: at(d, axis), Text: number(int(d / unit)), Anchor: "middle"}
		t.TextX = t.X
		switch {
		case d == 0:
			t.Text, t.Anchor = "made", "start"
		case d+step > axis: // the last one has the unit
			t.Text = count(int(d/unit), noun)
			if t.X > wide-24 {
				t.Anchor, t.TextX = "end", min(t.X+24, wide)
			}
		}
		v.Ticks = append(v.Ticks, t)
	}
}

// inWords returns a duration in the largest unit that tells it well.
func inWords(d time.Duration) string {
	for _, u := range []struct {
		d    time.Duration
		noun string
	}{{year, "year"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= u.d && d%u.d == 0 {
			return count(int(d/u.d), u.noun)
		}
		if d >= 2*u.d {
			return "about " + strconv.FormatFloat(float64(d)/float64(u.d), 'f', 1, 64) + " " + u.noun + "s"
		}
	}
	return d.String()
}

func factsOf(c *review.Certificate) []fact {
	var out []fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{name, value})
		}
	}
	add("subject", c.Subject)
	add("names", strings.Join(c.Names, ", "))
	add("usages", strings.Join(c.Usages, ", "))
	add("key", c.Key)
	if d, err := time.ParseDuration(c.Lifetime); err == nil {
		add("lifetime", inWords(d))
	} else {
		add("lifetime", c.Lifetime)
	}
	if c.Given {
		add("from", "files of the user's own")
	}
	add("public key", c.PublicKey)
	if !c.Ends.IsZero() {
		add("ends", c.Ends.UTC().Format(time.DateOnly))
	}
	return out
}

func certRowOf(p certPair, ss *sets) certRow {
	c := cmp.Or(p.new, p.old)
	r := certRow{Mark: p.mark, ID: c.ID, Kind: c.Kind, Facts: factsOf(c), Nodes: ss.of(slices.Sorted(slices.Values(c.Nodes)))}
	if p.old == nil || p.new == nil {
		return r
	}
	before := map[string]string{}
	for _, f := range factsOf(p.old) {
		before[f.Name] = f.Value
	}
	for _, f := range r.Facts {
		if was, ok := before[f.Name]; !ok || was != f.Value {
			r.Differs = append(r.Differs, fact{f.Name, cmp.Or(was, "none")})
		}
		delete(before, f.Name)
	}
	for _, f := range factsOf(p.old) {
		if _, gone := before[f.Name]; gone {
			r.Differs = append(r.Differs, f)
		}
	}
	return r
}
