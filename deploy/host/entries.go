package host

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// Entry is an entry of a log. Its text may have several lines.
type Entry struct {
	Time time.Time // by the host's clock
	Text string
}

// Entries returns the log's entries since a time by the host's clock, the oldest first, at most
// the last lines.
func (s *Session) Entries(ctx context.Context, u plan.Unit, since time.Time, lines int) ([]Entry, error) {
	at := fmt.Sprintf("%d.%06d", since.Unix(), since.Nanosecond()/1000)
	out, err := s.doOne(ctx, about("entries", u, at, strconv.Itoa(lines)))
	if err != nil {
		return nil, err
	}
	kind, text, _ := strings.Cut(out, "\n")
	parse := parseJournal
	if kind == "pod" {
		parse = parsePodLog
	}
	all := slices.DeleteFunc(parse(text), func(e Entry) bool { return e.Time.Before(since) })
	slices.SortStableFunc(all, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	return all[max(0, len(all)-lines):], nil
}

// parseJournal parses the output of journalctl -r -o short-unix: "SECONDS HOST NAME[PID]: TEXT".
// The other lines of a text that has several are indented.
func parseJournal(text string) []Entry {
	var out []Entry
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		at, rest, ok := strings.Cut(line, " ")
		when, is := unixTime(at)
		if !ok || !is {
			if n := len(out); n > 0 {
				out[n-1].Text += "\n" + strings.TrimLeft(line, " ")
			}
			continue
		}
		_, rest, _ = strings.Cut(rest, " ") // the host's name
		ident, message, ok := strings.Cut(rest, ": ")
		if !ok {
			ident, message = "", rest
		}
		if strings.HasPrefix(ident, "systemd[") {
			message = "systemd: " + message
		}
		out = append(out, Entry{when, message})
	}
	slices.Reverse(out)
	return out
}

// unixTime parses seconds since 1970 with a fraction of six digits.
func unixTime(s string) (time.Time, bool) {
	whole, fraction, ok := strings.Cut(s, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || !ok || len(fraction) != 6 {
		return time.Time{}, false
	}
	micros, err := strconv.ParseInt(fraction, 10, 64)
	return time.Unix(seconds, micros*1000), err == nil
}

// parsePodLog parses lines of a container's log files: "TIME stdout|stderr F|P TEXT", where P is
// a part of a line that goes on.
func parsePodLog(text string) []Entry {
	var out []Entry
	goesOn := false
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		if len(f) < 4 {
			continue
		}
		when, err := time.Parse(time.RFC3339Nano, f[0])
		if err != nil {
			continue
		}
		if goesOn && len(out) > 0 {
			out[len(out)-1].Text += f[3]
		} else {
			out = append(out, Entry{when, f[3]})
		}
		goesOn = f[2] == "P"
	}
	return out
}
