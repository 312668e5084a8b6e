// Command missing ends make test: of what was skipped it prints one line for each
// reason, most of them programs that this machine doesn't have. It reads the files of
// a directory, which go test -json wrote.
//
//	missing DIRECTORY
//
// With CI set, a skipped test is a failure: .ci/run has installed everything.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mark begins the reason of a test that lacks something: internal/need writes it.
const mark = "not run here: "

func main() {
	found := skips{}
	if err := found.readAll(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "missing:", err)
		os.Exit(1)
	}
	for _, line := range found.lines() {
		fmt.Println(line)
	}
	if os.Getenv("CI") != "" && len(found) > 0 {
		fmt.Fprintln(os.Stderr, "missing: with CI set everything has to run")
		os.Exit(1)
	}
}

// skips are the tests that were skipped, by reason.
type skips map[string][]string

// readAll adds the runs that a directory has.
func (s skips) readAll(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err == nil {
			err = s.read(bytes.NewReader(data))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file.Name(), err)
		}
	}
	return nil
}

// event is a line of go test -json: see go doc test2json.
type event struct{ Action, Package, Test, Output string }

// read adds the tests of one run.
func (s skips) read(r io.Reader) error {
	said := map[event]*strings.Builder{} // what a test printed
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				return fmt.Errorf("%.80q: %w", line, err)
			}
			test := event{Package: e.Package, Test: e.Test}
			switch e.Action {
			case "output":
				if said[test] == nil {
					said[test] = &strings.Builder{}
				}
				said[test].WriteString(e.Output)
			case "skip":
				if e.Test != "" { // a package without tests isn't one that was skipped
					text := ""
					if b := said[test]; b != nil {
						text = b.String()
					}
					why := reason(text)
					s[why] = append(s[why], e.Package+" "+e.Test)
				}
				delete(said, test)
			case "pass", "fail":
				delete(said, test)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// reason is what a test said as it was skipped: the last line that begins with a
// place, file.go:12: in what it printed.
func reason(output string) string {
	if _, why, ok := strings.Cut(output, mark); ok {
		why, _, _ = strings.Cut(why, "\n")
		return mark + why
	}
	why := "no reason given"
	for line := range strings.Lines(output) {
		if _, after, ok := strings.Cut(strings.TrimSpace(line), ".go:"); ok {
			if _, text, ok := strings.Cut(after, ": "); ok {
				why = text
			}
		}
	}
	return "skipped: " + why
}

// lines are the reasons, each with the number of its tests.
func (s skips) lines() []string {
	var out []string
	for why, tests := range s {
		unit := "tests"
		if len(tests) == 1 {
			unit = "test"
		}
		out = append(out, fmt.Sprintf("%s: %d %s", why, len(tests), unit))
	}
	slices.Sort(out)
	return out
}
