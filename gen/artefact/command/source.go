package command

import (
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// sourced adds the variables of files at hand that a script reads.
func (r *reader) sourced(script *shell.Script, env map[string]text.Text) map[string]text.Text {
	out := map[string]text.Text{}
	for name, value := range env {
		out[name] = value
	}
	for _, s := range script.Sources() {
		r.source(s.String(), out)
	}
	return out
}

// source adds the variables of a file at hand.
func (r *reader) source(at string, to map[string]text.Text) {
	file, _, ok := r.environment(at)
	t := r.envFile[file]
	if !ok { // one that isn't only variables
		if t, ok = r.scripts[path.Base(at)]; !ok {
			return
		}
		file = r.set.Name(t.At(0))
	}
	r.envUsed[file] = true
	if other, err := shell.Parse(r.set, t); err == nil {
		for name, value := range other.Vars() {
			to[name] = value
		}
	}
}

// openrc returns the command of an OpenRC script, or of one of SysV whose functions are those
// of its distribution: variables that its runner starts.
func (r *reader) openrc(t text.Text, script *shell.Script, env map[string]text.Text) (Command, bool) {
	vars := script.Vars()
	get := func(name string) text.Text {
		if v, ok := vars[name]; ok {
			return v
		}
		return env[name]
	}
	if program := get("command"); r.is(program) {
		// The file in conf.d with the script's name is read before it.
		conf := map[string]text.Text{}
		r.source("conf.d/"+path.Base(r.set.Name(t.At(0))), conf)
		var words []text.Text
		for _, name := range []string{"command_args", "command_args_background", "command_args_foreground"} {
			words = append(words, r.evaluated(get(name), conf)...)
		}
		return Command{Form: Script, At: program.At(0), Program: program, Args: args(words)}, true
	}
	for _, names := range [][2]string{{"DAEMON", "DAEMON_ARGS"}, {"DAEMON", "DAEMON_OPTS"}} {
		if program := get(names[0]); r.is(program) {
			return Command{Form: Script, At: program.At(0), Program: program, Args: args(fields(get(names[1])))}, true
		}
	}
	return Command{}, false
}

// evaluated splits a value of which openrc-run makes words with eval: quotes in it hold. A
// hole ${A} of which a file at hand has the value is that value.
func (r *reader) evaluated(t text.Text, conf map[string]text.Text) []text.Text {
	var out []text.Text
	for _, w := range shellWords(t) {
		hs := r.set.Holes(w)
		if len(hs) == 1 && w.IsHole() {
			if value, ok := conf[strings.Trim(hs[0].Expr, "${}")]; ok {
				out = append(out, shellWords(value)...)
				continue
			}
		}
		out = append(out, w)
	}
	return out
}
