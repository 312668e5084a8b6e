package main

import (
	"fmt"
	"io"
	"math"
	"time"
)

// row is a comparison: the first side is ours, the second the peer's, and further ones
// are references for the note.
type row struct {
	title  string
	nodes  int // of a row that is part of a curve
	sides  []side
	rounds int
	bounds []bound
	note   func([]stats) string
}

// bound is a limit for a figure of a row.
type bound struct {
	text   string
	limit  float64
	floor  bool // limit is the minimum, not the maximum
	figure func([]stats) float64
}

// timesLess requires that ours takes at least limit times less wall time than the peer.
func timesLess(limit float64) bound {
	return bound{fmt.Sprintf("≥ %g × less wall time", limit), limit, true, func(s []stats) float64 {
		return 1 / ratio(s, wall)
	}}
}

// timesAtMost requires that ours takes at most limit times the wall time of the peer.
func timesAtMost(limit float64) bound {
	return bound{fmt.Sprintf("≤ %g × its wall time", limit), limit, false, func(s []stats) float64 {
		return ratio(s, wall)
	}}
}

// memoryAtMost limits the peak RSS of every run.
func memoryAtMost(megabytes float64) bound {
	return bound{fmt.Sprintf("≤ %g MB", megabytes), megabytes, false, func(s []stats) float64 {
		return float64(s[0].peak()) / 1e6
	}}
}

func ratio(s []stats, of func(sample) time.Duration) float64 {
	return s[0].median(of).Seconds() / s[1].median(of).Seconds()
}

// report prints rows as they are ready, and collects the bounds that they missed.
type report struct {
	out    io.Writer
	missed []string
	held   int
	own    func() int64 // peaks below this can't be measured
}

func (r *report) section(title string) {
	fmt.Fprintf(r.out, "\n%-51s %9s  %15s  %8s  %7s\n", title, "wall ms", "min–max", "CPU ms", "RSS MB")
}

func (r *report) row(w row, all []stats) {
	fmt.Fprintf(r.out, "  %s\n", w.title)
	for i, s := range all {
		walls := s.sorted(wall)
		fmt.Fprintf(r.out, "    %-47s %9.1f  %15s  %8.1f  %7s\n", w.sides[i].name, ms(s.median(wall)),
			fmt.Sprintf("%.1f–%.1f", ms(walls[0]), ms(walls[len(walls)-1])), ms(s.median(cpu)), r.megabytes(s.peak()))
	}
	if len(all) > 1 {
		fastest := all[0].sorted(wall)[0].Seconds() / all[1].sorted(wall)[0].Seconds()
		fmt.Fprintf(r.out, "    → wall %s (fastest runs %s), CPU %s", compare(ratio(all, wall)), compare(fastest), compare(ratio(all, cpu)))
	} else {
		fmt.Fprint(r.out, "    → no peer")
	}
	for _, b := range w.bounds {
		fmt.Fprintf(r.out, "; bound %s: %s", b.text, r.judge(w.title, b, b.figure(all)))
	}
	fmt.Fprintf(r.out, " (%d rounds)\n", len(all[0]))
	if w.note != nil {
		fmt.Fprintf(r.out, "      %s\n", w.note(all))
	}
}

func (r *report) judge(title string, b bound, figure float64) string {
	if b.floor == (figure >= b.limit) || figure == b.limit {
		r.held++
		return "holds"
	}
	r.missed = append(r.missed, title+": "+b.text)
	return "MISSED"
}

func (r *report) summary() {
	fmt.Fprintf(r.out, "\n%d bounds hold, %d missed\n", r.held, len(r.missed))
	for _, m := range r.missed {
		fmt.Fprintf(r.out, "  MISSED %s\n", m)
	}
}

// compare returns the ratio ours/peer in words.
func compare(ratio float64) string {
	if ratio < 1 {
		return fmt.Sprintf("%.1f × less", 1/ratio)
	}
	return fmt.Sprintf("%.1f × as much", ratio)
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

func (r *report) megabytes(n int64) string {
	if own := r.own(); n <= own {
		return fmt.Sprintf("≤ %.0f", float64(own)/1e6)
	}
	return fmt.Sprintf("%.0f", float64(n)/1e6)
}

// aboveKeys returns the note of an RSA row, whose third side only generates keys. An RSA
// key takes from 20 to 300 ms, and only the rest can be saved. It compares CPU time,
// because ours makes keys in parallel.
func aboveKeys(all []stats) string {
	bare, bareErr := all[2].mean(cpu)
	text := "mean CPU above the bare keys:"
	for i, who := range []string{" kcmgen", ", pipeline"} {
		mean, se := all[i].mean(cpu)
		text += fmt.Sprintf("%s %.0f ± %.0f ms", who, (mean-bare)*1000, math.Hypot(se, bareErr)*1000)
	}
	return text + " (the ECDSA row is the same work without that noise)"
}
