// Package logs reads the log lines of a kube-controller-manager, and explains the errors
// that are known.
package logs

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

// Line is a line of the log.
type Line struct {
	Text string    // as it was written
	Time time.Time // in the host's zone, without a year: see Parse; zero: unknown
	// Severity is the line's letter: I, W, E or F; 0 for one that isn't klog's.
	Severity byte
}

// header is what klog puts before a line: severity, month and day, time, thread, file.
var header = lazy.Regexp(`^([IWEF])(\d{4} \d{2}:\d{2}:\d{2}\.\d{6}) +\d+ [^ :\]]+:\d+\] `)

// Parse parses a line, of --logging-format=text or json. klog's text has neither a year nor
// a zone: the year is taken so that the time is the nearest to now, the zone is now's.
func Parse(text string, now time.Time) Line {
	l := Line{Text: text}
	if strings.HasPrefix(text, "{") {
		parseJSON(&l)
		return l
	}
	m := header().FindStringSubmatch(text)
	if m == nil {
		return l
	}
	l.Severity = m[1][0]
	if at, err := time.ParseInLocation("0102 15:04:05.000000", m[2], now.Location()); err == nil {
		l.Time = nearest(at, now)
	}
	return l
}

// nearest returns at in the year in which it is the nearest to now. February 29th isn't in
// each; zero: in none of those around now.
func nearest(at, now time.Time) time.Time {
	var best time.Time
	for year := now.Year() - 1; year <= now.Year()+1; year++ {
		t := at.AddDate(year-at.Year(), 0, 0)
		if t.Day() == at.Day() && (best.IsZero() || t.Sub(now).Abs() < best.Sub(now).Abs()) {
			best = t
		}
	}
	return best
}

// parseJSON parses a line as far as it goes: it may be cut.
func parseJSON(l *Line) {
	d := json.NewDecoder(strings.NewReader(l.Text))
	var stamp float64
	severity := byte('E') // an error has no verbosity
	_, err := d.Token()
	for err == nil && d.More() {
		var key json.Token
		if key, err = d.Token(); err != nil {
			break
		}
		switch key {
		case "ts":
			err = d.Decode(&stamp)
		case "v":
			severity = 'I'
			fallthrough
		default:
			var other json.RawMessage
			err = d.Decode(&other)
		}
	}
	if stamp > 0 && stamp < lastStamp {
		l.Time, l.Severity = time.UnixMicro(int64(stamp*1000)).UTC(), severity
	}
}

// lastStamp bounds times, in milliseconds: those of later years can't be written as JSON.
const lastStamp = 253402300800000

// severity returns a line's severity.
func severity(text string) byte {
	if strings.HasPrefix(text, "{") {
		l := Line{Text: text}
		parseJSON(&l)
		return l.Severity
	}
	if m := header().FindStringSubmatch(text); m != nil {
		return m[1][0]
	}
	return 0
}

// Message returns a line without klog's header.
func (l Line) Message() string {
	if m := header().FindString(l.Text); m != "" {
		return l.Text[len(m):]
	}
	return l.Text
}

// Change is a change of the leader that a line tells of.
type Change int

// Changes of the leader, as the process that logs them sees them.
const (
	NoChange Change = iota
	Acquired        // it leads from now on
	Lost            // it doesn't lead any more
)

// Leads returns the change of the leader that a line tells of. Source:
// k8s.io/client-go/tools/leaderelection and cmd/kube-controller-manager/app. Where a lease isn't
// renewed, another line comes first, which isn't counted.
func (l Line) Leads() Change {
	switch text := l.Message(); {
	case strings.Contains(text, "uccessfully acquired lease"):
		return Acquired
	case strings.Contains(text, "leaderelection lost"):
		return Lost
	}
	return NoChange
}
