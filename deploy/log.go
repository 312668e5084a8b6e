package deploy

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Log prints a line for each event, and below it, on a terminal, how long the current step
// has taken.
type Log struct {
	w     io.Writer
	style func(Line) string
	live  bool
	done  chan struct{}

	mu    sync.Mutex
	since time.Time
	last  string
}

// NewLog returns a log. style returns a line as w shows it; live: w is a terminal.
func NewLog(w io.Writer, live bool, style func(Line) string) *Log {
	l := &Log{w: w, style: style, live: live, done: make(chan struct{})}
	if live {
		go l.tick()
	}
	return l
}

// End removes the line with the time, and prints no more.
func (l *Log) End() {
	close(l.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	l.last = ""
}

// Print prints an event.
func (l *Log) Print(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	line := Line{Text: e.Node + ": " + e.Step + ": " + e.Text}
	if e.Step == "back" || e.Step == "stranded" {
		line = Line{Mark: e.Node + ": " + e.Step + ":", Text: e.Text, Style: Red}
	}
	fmt.Fprintln(l.w, l.style(line))
	l.since, l.last = time.Now(), e.Node+": "+e.Step
}

// clear removes the line with the time.
func (l *Log) clear() {
	if l.live && l.last != "" {
		fmt.Fprint(l.w, "\r\x1b[K")
	}
}

func (l *Log) tick() {
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
