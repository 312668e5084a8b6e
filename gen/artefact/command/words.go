package command

import (
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// maxDepth bounds documents within documents, and scripts within scripts.
const maxDepth = 5

func base(t text.Text) string { return path.Base(t.String()) }

var shells = []string{"sh", "bash", "dash", "ash", "ksh", "busybox"}

// program finds the program in the words of a command, which may be started by others: a
// shell, docker, env.
func (r *reader) program(words []text.Text, env map[string]text.Text) (Command, error) {
	if len(words) == 0 {
		return Command{}, faultf(text.At{}, "it starts no program")
	}
	if r.depth++; r.depth > 4*maxDepth {
		r.depth--
		return Command{}, faultf(words[0].At(0), "scripts within scripts go deeper than %d", maxDepth)
	}
	defer func() { r.depth-- }()
	first := base(words[0])
	switch {
	case slices.Contains(shells, first):
		if script, ok := dashC(words); ok {
			return r.shell(script, env)
		}
	case isRuntime(first):
		if c, ok, err := r.docker(words, env); ok {
			return c, err
		}
	}
	if first == "start-stop-daemon" {
		i := slices.IndexFunc(words, func(w text.Text) bool { return w.String() == "--" })
		if program := slices.IndexFunc(words, r.is); program >= 0 && program < i {
			return Command{Program: words[program], Args: args(words[i+1:])}, nil
		}
	}
	if first == "ssh" {
		if script, ok := remote(words); ok {
			return r.shell(script, nil)
		}
	}
	for i, w := range words {
		switch {
		case r.is(w):
			return Command{Program: w, Args: args(words[i+1:])}, nil
		case i > 0 && base(w) == strings.TrimPrefix(r.want, "kube-") && strings.HasPrefix(base(words[i-1]), "hyperkube"):
			return Command{Program: words[i-1], Args: args(words[i+1:])}, nil
		}
	}
	if c, ok := r.wrapped(words); ok && r.want == Program {
		return c, nil
	}
	if c, ok := r.scriptAtHand(words, env); ok {
		return c, nil
	}
	if i := slices.IndexFunc(words, func(w text.Text) bool { return base(w) == "kubeadm" }); i >= 0 && len(option(words, "config")) > 0 {
		return Command{}, faultf(words[i].At(0), "kubeadm reads a file with its configuration here: give that file")
	}
	if words[0].IsHole() && len(words) > 1 && strings.HasPrefix(words[1].String(), "--") {
		return Command{Program: words[0], Args: args(words[1:])}, nil
	}
	return Command{}, faultf(words[0].At(0), "it starts %.80s, and %s is nowhere among the words", words[0].String(), r.want)
}

// maxScripts bounds how many scripts a file starts, with those that these start.
const maxScripts = 50

// scriptAtHand finds the program in a script at hand that a command starts.
func (r *reader) scriptAtHand(words []text.Text, env map[string]text.Text) (Command, bool) {
	for _, w := range words {
		name := base(w)
		script, ok := r.scripts[name]
		if !ok || r.entered[name] || r.scriptsRead >= maxScripts || !strings.HasPrefix(w.String(), "/") || isUnit(script.String()) {
			continue
		}
		r.scriptsRead++
		r.entered[name] = true
		c, err := r.shell(script, env)
		delete(r.entered, name)
		if err == nil {
			if file := r.set.Name(script.At(0)); file != r.reading {
				r.starter[file] = r.reading
			}
			return c, true
		}
	}
	return Command{}, false
}

// isProgram reports whether a word is the program's name or path.
func isProgram(w text.Text) bool { return isNamed(w, Program) }

// is reports whether a word is the name or the path of the program that is wanted.
func (r *reader) is(w text.Text) bool { return isNamed(w, r.want) }

func isNamed(w text.Text, program string) bool {
	return !strings.HasPrefix(w.String(), "-") && !strings.Contains(w.String(), "=") && base(w) == program
}

// remote returns what ssh has the shell of another host run: the words after the host with
// blanks between them.
func remote(words []text.Text) (text.Text, bool) {
	const valued = "BbcDEeFIiJLlmOopPQRSWw" // options with a value
	i := 1
	for i < len(words) && strings.HasPrefix(words[i].String(), "-") {
		if o := words[i].String(); len(o) == 2 && strings.IndexByte(valued, o[1]) >= 0 {
			i++
		}
		i++
	}
	if i+1 >= len(words) {
		return text.Text{}, false
	}
	var b text.Builder
	for _, w := range words[i+1:] {
		if b.Len() > 0 {
			b.Byte(' ', w.At(0))
		}
		b.Write(w)
	}
	return b.Text(), true
}

func args(words []text.Text) []Arg {
	out := make([]Arg, 0, len(words))
	for _, w := range words {
		out = append(out, Arg{Text: w})
	}
	return out
}

// dashC returns the script of sh -c.
func dashC(words []text.Text) (text.Text, bool) {
	for i, w := range words[1:] {
		s := w.String()
		if strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "--") && strings.HasSuffix(s, "c") && i+2 < len(words) {
			return words[i+2], true
		}
	}
	return text.Text{}, false
}

// shell finds the program in a script.
func (r *reader) shell(t text.Text, env map[string]text.Text) (Command, error) {
	script, err := shell.Parse(r.set, t)
	if err != nil {
		return Command{}, err
	}
	env = r.sourced(script, env)
	var found []Command
	var last error
	for _, c := range script.Commands(env) {
		got, err := r.program(c.Words, env)
		for _, name := range installExec {
			if by, ok := r.installed(c.Env[name]); ok && err != nil {
				got, err = by, nil
			}
		}
		if err != nil {
			if last == nil {
				last = err
			}
			continue
		}
		if len(got.Args) == 0 && len(found) > 0 || isMentioned(c.Words) {
			continue // such as pkill kube-controller-manager
		}
		got.At = c.At
		found = append(found, got)
	}
	if len(found) == 0 {
		vars := script.Vars()
		for _, name := range installExec {
			if c, ok := r.installed(vars[name]); ok {
				return c, nil
			}
		}
		if c, ok := r.openrc(t, script, env); ok {
			return c, nil
		}
		if last == nil {
			last = faultf(t.At(0), "the script starts no program")
		}
		return Command{}, last
	}
	best := found[0]
	for _, c := range found[1:] { // the one with flags; others may look at the process
		if len(c.Args) > 0 && len(best.Args) > 0 {
			return Command{}, faultf(c.At, "the script starts %s twice, here and on line %d", r.want, r.set.Pos(best.At).Line)
		}
		if len(c.Args) > len(best.Args) {
			best = c
		}
	}
	best.Form = wrapper(best.Form, Script)
	return best, nil
}

// mentioning are programs whose arguments name the program without starting it.
var mentioning = []string{"pkill", "pgrep", "pidof", "killall", "kill", "echo", "printf", "cp", "mv", "rm", "ln", "install", "chmod", "chown", "wget", "curl", "scp", "test", "[", "systemctl", "service", "grep", "which", "command", "mkdir", "cat", "tee", "sed", "tar", "touch", "rsync", "stat", "ls"}

func isMentioned(words []text.Text) bool {
	first := base(words[0])
	for i := 0; first == "sudo" && i+1 < len(words); i++ {
		first = base(words[i+1])
	}
	return slices.Contains(mentioning, first)
}

// fields splits at white space, as a shell does with a variable.
func fields(t text.Text) []text.Text {
	var out []text.Text
	s := t.String()
	for i := 0; i < len(s); {
		if strings.IndexByte(" \t\r\n", s[i]) >= 0 {
			i++
			continue
		}
		end := i
		for end < len(s) && strings.IndexByte(" \t\r\n", s[end]) < 0 {
			end++
		}
		out = append(out, t.Slice(i, end))
		i = end
	}
	return out
}
