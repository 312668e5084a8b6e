package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy"
)

// printPlan prints what will be done, before the question.
func printPlan(w io.Writer, p *deploy.Plan) {
	if len(p.Steps) == 0 {
		printNotes(w, p.Notes)
		return
	}
	order := ""
	if len(p.Steps) > 1 {
		order = ", one after the other"
	}
	say(w, "%s: %s changes %s%s", p.Cluster, p.Action, plural(len(p.Steps), "host"), order)
	for i, s := range p.Steps {
		head := fmt.Sprintf("  %d. %s (%s)  %s → %s", i+1, s.Node, s.Address, shortGeneration(s.From), shortGeneration(s.To))
		if s.Stops {
			head += ", stop: it had none before"
		} else {
			head += ", restart"
		}
		switch {
		case s.Leader && len(p.Steps) > 1:
			head += ", the leader last"
		case s.Leader:
			head += ", the leader"
		}
		fmt.Fprintln(w, colour(w, bold, visible(head)))
		printStep(w, s)
	}
	if len(p.Unchanged) > 0 {
		say(w, "  unchanged: %s", strings.Join(p.Unchanged, ", "))
	}
	say(w, "each has up to %v to become healthy and must stay so for %v; without an operator to confirm it, it goes back by itself after %v",
		seconds(p.Gate), seconds(p.Soak), seconds(p.Revert))
	printNotes(w, p.Notes)
}

func seconds(s deploy.Seconds) time.Duration { return s.Duration().Round(time.Second) }

func printNotes(w io.Writer, notes []string) {
	for _, n := range notes {
		fmt.Fprintln(w, colour(w, yellow, "note:"), visible(n))
	}
}

func printStep(w io.Writer, s deploy.Step) {
	if s.Recover != "" {
		sayVisibly(w, "       first ends the trial of %s, which was not confirmed", shortGeneration(s.Recover))
	}
	if s.Unhealthy != "" {
		sayVisibly(w, "       isn't healthy now: %s", s.Unhealthy)
	}
	printChanges(w, "       ", s.Files, s.Flags, s.Brings())
	if !s.Usual() {
		sayVisibly(w, "       restart: %s", s.Restart)
	}
}

func printChanges(w io.Writer, indent string, files []deploy.FileChange, flags []deploy.FlagChange, unit []string) {
	plain := map[deploy.Kind][]string{}
	for _, f := range files {
		if len(f.What) == 0 || len(f.What) == 1 && f.What[0] == "contents" {
			plain[f.Kind] = append(plain[f.Kind], f.Path)
			continue
		}
		line := string(f.Kind) + " " + f.Path + ": " + strings.Join(f.What, " and ")
		if f.Want != "" {
			line += fmt.Sprintf(" is %s, not %s", f.Have, f.Want)
		}
		sayVisibly(w, "%s%s", indent, line)
	}
	for _, kind := range []deploy.Kind{deploy.Added, deploy.Changed} {
		if names := plain[kind]; len(names) > 0 {
			sayVisibly(w, "%s%s %s", indent, kind, strings.Join(names, ", "))
		}
	}
	for _, f := range flags {
		switch {
		case f.From == nil:
			sayVisibly(w, indent+"+ --%s=%s", f.Name, *f.To)
		case f.To == nil:
			sayVisibly(w, indent+"- --%s=%s", f.Name, *f.From)
		default:
			sayVisibly(w, indent+"~ --%s=%s, was %s", f.Name, *f.To, *f.From)
		}
	}
	for _, l := range unit {
		sayVisibly(w, "%s%s", indent, l)
	}
}

func shortGeneration(s string) string {
	if len(s) == 16 {
		return s[:8]
	}
	return s
}

func sayNothingToDo(w io.Writer, cluster string, nodes []string) error {
	_, err := fmt.Fprintf(w, "%s: nothing to do: %s unchanged and healthy\n", cluster, strings.Join(nodes, ", "))
	return err
}

// printReports prints the outcome on each host.
func printReports(w io.Writer, reports []*deploy.Report) error {
	for _, r := range reports {
		if r.Outcome == deploy.Unchanged {
			if err := sayNothingToDo(w, r.Cluster, r.Nodes()); err != nil {
				return err
			}
			continue
		}
		for _, h := range r.Hosts {
			line := fmt.Sprintf("%s: %s: %s", r.Cluster, h.Node, h.Outcome)
			switch from, to := shortGeneration(h.From), shortGeneration(h.To); {
			case from == to || h.Outcome == deploy.Unchanged:
			case h.Outcome == deploy.RolledBack || h.Outcome == deploy.Untouched || h.Outcome == deploy.Gone:
				line += fmt.Sprintf("  has %s, not %s", from, to)
			default:
				line += fmt.Sprintf("  %s → %s", from, to)
			}
			if h.Seconds > 0 {
				line += fmt.Sprintf("  %.1f s", h.Seconds)
			}
			if _, err := fmt.Fprintln(w, visible(line)); err != nil {
				return err
			}
			for _, l := range h.Log {
				if _, err := fmt.Fprintf(w, "    %s\n", visible(l)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// rolloutLog prints a line for each event, and below it, on a terminal, how long the
// current step has taken.
type rolloutLog struct {
	w     io.Writer
	mu    sync.Mutex
	live  bool
	done  chan struct{}
	since time.Time
	last  string
}

func newRolloutLog(std stdio) *rolloutLog {
	l := &rolloutLog{w: std.err, live: terminal(std.err), done: make(chan struct{})}
	if l.live {
		go l.tick()
	}
	return l
}

// end removes the line with the time, and prints no more.
func (l *rolloutLog) end() {
	close(l.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	l.last = ""
}

func (l *rolloutLog) print(e deploy.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	what := e.Step
	switch e.Step {
	case "back", "stranded":
		what = colour(l.w, red, e.Step)
	}
	fmt.Fprintf(l.w, "%s: %s: %s\n", e.Node, what, visible(e.Text))
	l.since, l.last = time.Now(), e.Node+": "+e.Step
}

// clear removes the line with the time.
func (l *rolloutLog) clear() {
	if l.live && l.last != "" {
		fmt.Fprint(l.w, "\r\x1b[K")
	}
}

func (l *rolloutLog) tick() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		l.mu.Lock()
		if l.last != "" {
			fmt.Fprintf(l.w, "\r\x1b[K%s, %v", l.last, time.Since(l.since).Round(time.Second))
		}
		l.mu.Unlock()
	}
}

// exitOf returns the exit code for a rollout's error, and false for other errors.
func exitOf(err error) (int, bool) {
	switch {
	case is[*deploy.StalePlanError](err):
		return exitDiffers, true
	case is[*deploy.StrandedError](err):
		return exitStranded, true
	case is[*deploy.UnseenError](err):
		return exitUnseen, true
	case is[*deploy.RolledBackError](err):
		return exitRolledBack, true
	}
	return 0, false
}
