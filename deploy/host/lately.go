package host

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// Recent is what a host tells of its process besides its state.
type Recent struct {
	Since  time.Time      // when the process started, by the host's clock; zero: unknown
	Zone   *time.Location // of the times in its log; nil: unknown
	Others []int          // PIDs of other processes of the same program
	Errors []string       // the last lines of the log that are errors
	Ended  []string       // if no process runs: lines that say why
}

// lately asks for that, with at most a number of log lines.
func lately(u plan.Unit, lines int) Command { return about("lately", u, strconv.Itoa(lines)) }

func parseLately(u plan.Unit, out string) *Recent {
	r := &Recent{}
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "since":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
				r.Since = time.Unix(n, 0)
			}
		case "zone":
			// A container has its own zone, UTC unless it was given another.
			if at, err := time.Parse("-0700", value); err == nil && !u.IsPod() {
				r.Zone = at.Location()
			}
		case "other":
			if n, err := strconv.Atoi(value); err == nil {
				r.Others = append(r.Others, n)
			}
		case "error":
			r.Errors = append(r.Errors, value)
		case "ended":
			r.Ended = append(r.Ended, value)
		}
	}
	return r
}

// Texts returns the contents of files of the host, in one round trip. Those that can't be
// read have errors, by path.
func (s *Session) Texts(ctx context.Context, files []string) (texts map[string][]byte, faults map[string]error) {
	texts, faults = map[string][]byte{}, map[string]error{}
	type answer struct {
		file string
		text []byte
		err  error
	}
	all := make(chan answer, len(files))
	for _, f := range files {
		go func() {
			text, err := s.Text(ctx, f)
			all <- answer{f, text, err}
		}()
	}
	for range files {
		if a := <-all; a.err != nil {
			faults[a.file] = a.err
		} else {
			texts[a.file] = a.text
		}
	}
	return texts, faults
}
