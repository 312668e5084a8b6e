package command

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// isProcess reports whether text with NULs is the command line of a program.
func isProcess(data, program string) bool {
	for word := range strings.SplitSeq(data, "\x00") {
		if strings.ContainsAny(word, "=[\n") && !strings.HasPrefix(word, "-") {
			return false // a file with a NUL in it
		}
		if word == program || strings.HasSuffix(word, "/"+program) {
			return true
		}
	}
	return false
}

// process reads /proc/PID/cmdline, whose words end in NULs.
func (r *reader) process(t text.Text) ([]Command, error) {
	var words []text.Text
	for s := t.String(); t.Len() > 0; s = t.String() {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			words = append(words, t.Trim("\n"))
			break
		}
		words = append(words, t.Slice(0, i))
		t = t.From(i + 1)
	}
	c, err := r.program(words, nil)
	c.Form, c.At = wrapper(c.Form, Process), words[0].At(0)
	return one(c, err)
}

var (
	processHead = lazy.Regexp(`(?m)^[ \t]*(?:UID|USER|PID|F S|F   UID)\b.*\b(?:CMD|COMMAND|ARGS)[ \t\r]*$|\A[ \t]*(?:CMD|COMMAND|ARGS)[ \t\r]*$`)
	// processLine matches a line of ps: numbers, a time, and the program or what starts it.
	processLine = lazy.Regexp(`(?m)^[ \t]*(?:\S+[ \t]+){0,3}[0-9]+[ \t].*[ \t](?:[0-9]+-)?[0-9]+:[0-9]{2}(?:[.:][0-9]+)?[ \t]+` +
		`(?:\S*(?:sh|sudo|go-runner|tini|dumb-init)[ \t]+(?:\S+[ \t]+)*?)?\S*` + Program + `(?:[ \t]+-|[ \t\r]*$)`)
	// processNumber matches a line of pgrep -a, and of a control group's processes.
	processNumber = lazy.Regexp(`(?m)^[ \t]*(?:│?[ \t]*[└├]─[ \t]*)?[0-9]+[ \t]+\S*` + Program + `[ \t]+-|[└├]─[ \t]*[0-9]+[ \t]+\S*` + Program + `[ \t]`)
)

// isProcessList reports whether a text is what ps, pgrep -a or systemctl status prints.
func isProcessList(s string) bool {
	if !strings.Contains(s, Program) {
		return processHead().MatchString(s)
	}
	return processHead().MatchString(s) || processLine().MatchString(s) || processNumber().MatchString(s)
}

// lookers are programs that look at processes or files of the program.
var lookers = []string{"grep", "egrep", "rg", "less", "tail", "vi", "vim", "watch", "strace", "ssh", "pgrep", "systemctl", "journalctl"}

// processes reads the program's line of ps, which doesn't quote.
func (r *reader) processes(t text.Text) (Command, error) {
	var found []Command
	started := true // by another one, such as /go-runner
	for _, line := range t.Lines() {
		words := fields(line)
		for i, w := range words {
			if !r.is(w) || i+1 < len(words) && !strings.HasPrefix(words[i+1].String(), "-") {
				continue
			}
			if slices.ContainsFunc(words[:i], func(w text.Text) bool { return slices.Contains(lookers, base(w)) }) {
				break // such as grep
			}
			direct := i == 0 || strings.Trim(words[i-1].String(), "0123456789:.-") == "" // its number or its time
			switch {
			case direct && started:
				found, started = nil, false
			case !direct && !started:
				continue
			}
			found = append(found, r.processWords(w, words[i+1:]))
			break
		}
	}
	switch len(found) {
	case 0:
		return Command{}, faultf(t.At(0), "this is a list of processes, and none of them is %s", Program)
	case 1:
		return found[0], nil
	}
	return Command{}, faultf(found[1].At, "%d processes are %s: give the line of one", len(found), Program)
}

// processWords is the command line of a process. ps and systemctl cut lines off at the width
// of a terminal; only systemctl shows that it did.
func (r *reader) processWords(program text.Text, words []text.Text) Command {
	c := Command{Form: ProcessList, At: program.At(0), Program: program, Args: args(words)}
	if n := len(words) - 1; n >= 0 && (strings.HasSuffix(words[n].String(), "…") || strings.HasSuffix(words[n].String(), "...")) {
		c.Partial = true
		c.Args[n].Text = r.set.Hole("cut_off", words[n].String(), words[n].At(0))
		c.Notes = append(c.Notes, Note{words[n].At(0), "", "the line is cut off here; systemctl status --full, or ps -ww, prints all of it", ""})
	}
	return c
}
