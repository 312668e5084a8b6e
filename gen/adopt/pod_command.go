package adopt

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// Start is how a pod's container starts the program.
type Start struct {
	// Words are what comes before the program's arguments: what starts it, and itself.
	Words []string
	// Other says what starts it, where that isn't a command line of such words.
	Other string
}

// started is where the program is in a container's command line.
type started struct {
	words []text.Text // all of command and args
	// at is the program's index, -1 if no word is it. after is where its arguments begin.
	at, after int
	shell     bool
}

// start finds the program in a node's container.
func (p *podWriter) start() started {
	s := started{at: -1}
	for _, field := range []string{"command", "args"} {
		for _, e := range p.container.Get(field).List() {
			s.words = append(s.words, e.Value())
		}
	}
	if len(s.words) > 0 {
		first := path.Base(s.words[0].String())
		s.shell = slices.Contains([]string{"sh", "bash", "ash", "dash", "busybox"}, first)
	}
	program := p.node.Read.Program
	for i, word := range s.words {
		// A script begins where the program does, if it begins with it.
		if program.Len() > 0 && word.String() == program.String() && word.At(0) == program.At(0) {
			if s.script(i) || i+1 < len(s.words) && s.words[i+1].String() == "--" { // more than what kcmgen adds is after it
				break
			}
			s.at, s.after = i, i+1
			if path.Base(word.String()) != command.Program && i+1 < len(s.words) && path.Base(s.words[i+1].String()) == "controller-manager" {
				s.after = i + 2 // hyperkube's
			}
			break
		}
	}
	return s
}

// script reports whether a word is a script, though a single word: what starts it doesn't pass
// the words after it on.
func (s *started) script(i int) bool {
	if !s.shell {
		return i > 0 && slices.Contains([]string{"-c", "--command"}, s.words[i-1].String()) // such as su's
	}
	return slices.ContainsFunc(s.words[:i], func(w text.Text) bool {
		return strings.HasPrefix(w.String(), "-") && !strings.HasPrefix(w.String(), "--") && strings.Contains(w.String(), "c") // -c, -ec, -cx
	})
}

// expectStart says how the container starts the program, and names what isn't kept of it.
func (p *podWriter) expectStart(want *Expected) {
	s := p.start()
	switch {
	case s.at >= 0 && s.after > s.at+1: // whose words can't be a path
		program := quote(p.w.Set.Show(joined(s.words[s.at:s.after])))
		want.Start.Other = "the program " + program
		p.leftText(s.words[s.at].At(0), "container.command: the program "+program+": "+p.w.model.Paths.Binary+" is exported in its place")
	case s.at >= 0:
		for _, word := range s.words[:s.after] {
			want.Start.Words = append(want.Start.Words, p.w.holes.fill(word, nil))
		}
		if program := s.words[s.at]; path.IsAbs(program.String()) && program.String() != p.w.model.Paths.Binary {
			p.leftText(program.At(0), fmt.Sprintf("container.command: the program %s: %s is exported in its place", quote(p.w.Set.Show(program)), p.w.model.Paths.Binary))
		}
	case p.node.Read.Program.Len() == 0:
		want.Start.Other = "what the image starts by itself"
		p.leftText(p.container.Place(), fmt.Sprintf("container.command: there is none, so the image says what starts: %s is exported", p.w.model.Paths.Binary))
	case s.shell:
		want.Start.Other = "the shell's script"
		message := "container.command: a shell starts the program: its flags are in the cluster, the rest of its script isn't"
		if to := p.redirections(s.words); to != "" {
			message += ", such as " + quote(to)
		}
		p.leftText(s.words[0].At(0), message)
	default:
		want.Start.Other = "the command line before the program"
		p.leftText(p.container.Get("command").Place(), "container.command: what starts the program isn't kept, its flags are")
	}
}

func joined(words []text.Text) text.Text {
	var parts []text.Text
	for i, w := range words {
		if i > 0 {
			parts = append(parts, text.Literal(" ", w.At(0)))
		}
		parts = append(parts, w)
	}
	return text.Join(parts...)
}

var redirection = lazy.Regexp(`(&|\b[0-9])?>>?\|?(&[0-9-]|\s*[^\s;&|<>()]+)`)

// redirections returns where a script's output goes: a part of it that holds no password.
func (p *podWriter) redirections(words []text.Text) string {
	var out []string
	for _, w := range words {
		out = append(out, redirection().FindAllString(p.w.Set.Show(w), -1)...)
	}
	return oneLine(strings.Join(out, " "))
}

// wrapper writes the program that starts the program.
func (p *podWriter) wrapper() {
	s := p.start()
	if s.at < 1 || s.after > s.at+1 {
		return
	}
	var before []string
	for _, word := range s.words[:s.at] {
		before = append(before, p.w.holes.expression(word))
	}
	p.w.line("container: command: [%s]", strings.Join(before, ", "))
}
