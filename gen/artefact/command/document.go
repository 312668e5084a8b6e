package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

var (
	shebang     = lazy.Regexp(`^\s*#!`)
	mapping     = lazy.Regexp(`^(---|- |-$|\{|\[|"?[A-Za-z_][\w.:/+-]*"?\s*:(\s|$)|%YAML|\?)`)
	openingList = lazy.Regexp(`^\[\s*["'{\]]`)
	markdown    = lazy.Regexp("(?m)^[ \t]*```")
	nix         = lazy.Regexp(`(?m)services\.kubernetes\.|^\s*\{\s*(config|pkgs|lib)\s*,`)
	terraform   = lazy.Regexp(`(?m)^(resource|module|variable|locals|data|terraform)\s+("[^"]*"\s*)*\{`)
	program     = lazy.Regexp(`\[program:([^\]]*)\]`)
)

// document reads a text whose form isn't known.
func (r *reader) document(t text.Text) ([]Command, error) {
	if r.depth++; r.depth > maxDepth {
		r.depth--
		return nil, faultf(t.At(0), "documents within documents go deeper than %d", maxDepth)
	}
	defer func() { r.depth-- }()
	masked, templates := r.set.Mask(t)
	first := firstLine(masked)
	switch s := masked.String(); {
	case first == "":
		return nil, faultf(t.At(0), "it starts no program: it is empty, or has comments only")
	case isUnit(s):
		return one(r.nestedUnit(masked))
	case program().MatchString(s):
		return r.supervisor(masked)
	case isLog(s):
		return one(r.log(masked))
	case isFlagz(s):
		return one(r.flagz(masked))
	case isProcessList(s):
		return one(r.processes(masked))
	case heredoc().MatchString(s) && !mapping().MatchString(first) || shebang().MatchString(s):
		return r.script(t)
	case mapping().MatchString(first) && (first[0] != '[' || openingList().MatchString(s)) && !flagFirst(first):
		return r.structured(masked, templates)
	case isEnvironment(masked):
		return one(r.nestedEnvironment(masked))
	case isList(masked):
		return one(r.list(masked))
	case markdown().MatchString(s):
		return nil, faultf(t.At(0), "this is Markdown: give the file that it describes")
	case nix().MatchString(s):
		return nil, faultf(t.At(0), "this is Nix: give the unit that it makes, such as systemctl cat %s", Program)
	case terraform().MatchString(s):
		return nil, faultf(t.At(0), "this is Terraform: give the file that it writes to the host")
	}
	return r.script(t)
}

// firstLine returns the first line that is no comment, without white space.
func firstLine(t text.Text) string {
	for line := range strings.Lines(t.String()) {
		if l := strings.Trim(line, " \t\r\n"); l != "" && l[0] != '#' && l[0] != ';' {
			return l
		}
	}
	return ""
}

// flagFirst reports whether a line begins with a flag: "- " begins a list of YAML.
func flagFirst(line string) bool {
	return strings.HasPrefix(line, "--") && line != "---" && !strings.HasPrefix(line, "--- ")
}

func one(c Command, err error) ([]Command, error) {
	if err != nil {
		return nil, err
	}
	return []Command{c}, nil
}

// nestedUnit reads a unit within another document.
func (r *reader) nestedUnit(t text.Text) (Command, error) {
	u, err := systemd.Parse(t)
	if err != nil {
		return Command{}, err
	}
	if len(starts(u)) == 0 {
		return Command{}, faultf(t.At(0), "the unit has no ExecStart=")
	}
	return r.unit(u)
}

// nestedEnvironment reads variables within another document.
func (r *reader) nestedEnvironment(t text.Text) (Command, error) {
	name := r.set.Name(t.At(0))
	l := &loaded{Input: Input{Name: name}, text: t, environment: true}
	r.env[name], r.envFile[name] = systemd.EnvFile(t), t
	c, ok, err := r.fromVariables([]*loaded{l})
	if err == nil && !ok {
		err = faultf(t.At(0), "none of its variables holds flags")
	}
	return c, err
}

// script reads a shell script: the program that it starts, or the files that it writes.
func (r *reader) script(t text.Text) ([]Command, error) {
	masked, templates := r.set.Mask(t)
	script, err := shell.Parse(r.set, masked)
	if err != nil {
		return nil, r.noScript(masked, templates, err)
	}
	env := r.sourced(script, nil)
	var out []Command
	for _, h := range script.Heredocs(env) {
		got, err := r.document(h.Body)
		if err != nil {
			continue
		}
		for _, c := range got {
			c.Target = h.File
			c.Notes = append(c.Notes, Note{h.At, "", fmt.Sprintf("it is read from the here-document on line %d, as a shell writes it", r.set.Pos(h.At).Line), ""})
			out = append(out, c)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	c, err := r.shell(masked, nil)
	if err != nil {
		return nil, r.noScript(masked, templates, err)
	}
	return []Command{c}, nil
}

// noScript is the error for a text that is no script, or one that doesn't start the program.
func (r *reader) noScript(t text.Text, templates map[text.Template]text.At, err error) error {
	words := strings.Fields(firstLine(t))
	switch line := firstLine(t); {
	case len(templates) > 0:
		for _, what := range slices.Sorted(keys(templates)) {
			return faultf(templates[what], "this is a template (%s), and no form that is known before it is filled in", what)
		}
	case shebang().MatchString(t.String()) || strings.Contains(t.String(), Program):
		return err
	case len(words) > 0 && plainWord().MatchString(words[0]):
		return &Error{r.set.Pos(place(t, line)), fmt.Sprintf("%q is no flag, and not %s either", words[0], Program)}
	}
	// It may be anything, a password too.
	return &Error{r.set.Pos(place(t, firstLine(t))), fmt.Sprintf("its first word is no flag, and not %s either", Program)}
}

// plainWord matches words that may be meant as the name of a flag or a program.
var plainWord = lazy.Regexp(`^[a-z][a-z-]{0,39}$`)

func place(t text.Text, line string) text.At {
	return t.At(max(0, strings.Index(t.String(), line)))
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// structured reads YAML or JSON.
func (r *reader) structured(t text.Text, templates map[text.Template]text.At) ([]Command, error) {
	docs, err := yamltext.Parse(r.set, t)
	if err != nil && strings.Contains(t.String(), "${") { // such as [--a=${B}], which envsubst fills in first
		if again, err2 := yamltext.Parse(r.set, r.holes(t)); err2 == nil {
			docs, err = again, nil
		}
	}
	if err != nil && isList(t) {
		return one(r.list(t))
	}
	if err != nil {
		for _, what := range slices.Sorted(keys(templates)) {
			return nil, faultf(templates[what], "this is a template (%s) that is no YAML before it is filled in: %v", what, err)
		}
		return nil, err
	}
	var out []Command
	var failed error
	for _, doc := range docs {
		found, err := r.structure(doc)
		if failed == nil {
			failed = err
		}
		out = append(out, found...)
	}
	switch {
	case len(out) > 0:
		return beside(r.set, out, docs), nil
	case failed != nil:
		return nil, failed
	case len(docs) == 0:
		return nil, faultf(t.At(0), "it starts no program: the YAML is empty")
	}
	return nil, faultf(docs[0].At, "this is %s, which says nothing of how %s is started", kindName(docs[0]), Program)
}

// structure reads one document of YAML.
func (r *reader) structure(doc *yamltext.Node) ([]Command, error) {
	if out := config(r.set, doc); len(out) > 0 {
		return out, nil
	}
	if c, ok := argumentList(doc); ok {
		return []Command{c}, nil
	}
	out, failed := r.pods(doc)
	if len(out) > 0 {
		return out, nil
	}
	err := r.strings(doc, func(t text.Text) {
		got, err := r.document(t)
		if err == nil {
			out = append(out, got...)
		} else if failed == nil {
			failed = err
		}
	})
	if failed == nil {
		failed = err
	}
	return out, failed
}

// strings calls a function for every string in a document that may be a document itself.
func (r *reader) strings(n *yamltext.Node, do func(text.Text)) error {
	switch n.Kind {
	case yamltext.Scalar:
		if s := n.Text.String(); strings.Contains(s, "\n") && (strings.Contains(s, Program) || strings.Contains(s, "controllerManager")) {
			do(n.Text)
		}
	case yamltext.List:
		for _, e := range n.Items {
			if e != nil {
				_ = r.strings(e, do)
			}
		}
	case yamltext.Map:
		for _, p := range n.Pairs {
			if p.Value != nil {
				_ = r.strings(p.Value, do)
			}
		}
	}
	return nil
}

// argumentList reads a list of flags in YAML, such as the command of a pod alone.
func argumentList(doc *yamltext.Node) (Command, bool) {
	items := doc.List()
	c := Command{Form: List, At: doc.Place()}
	for i, e := range items {
		switch s := e.Str(); {
		case i == 0 && isProgram(e.Value()):
			c.Program = e.Value()
		case e.Is(yamltext.Scalar) && (strings.HasPrefix(s, "--") || e.IsHole()):
			c.Args = append(c.Args, Arg{Text: e.Value()})
		default:
			return Command{}, false
		}
	}
	return c, len(c.Args) > 0
}
