package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

var (
	shebang     = lazy.Regexp(`^\s*#!`)
	mapping     = lazy.Regexp(`^(---|- |-$|\{|\[|"?[A-Za-z_][\w.:/+-]*"?\s*:(\s|$)|%YAML|\?)`)
	openingList = lazy.Regexp(`^\[\s*["'{\]]`)
	placeholder = lazy.Regexp(`<[A-Za-z][A-Za-z0-9 ._-]*>`)
	program     = lazy.Regexp(`\[program:([^\]]*)\]`)
)

// document reads a text whose form isn't known.
func (r *reader) document(t text.Text) ([]Command, error) {
	if r.depth++; r.depth > maxDepth {
		r.depth--
		return nil, faultf(t.At(0), "documents within documents go deeper than %d", maxDepth)
	}
	defer func() { r.depth-- }()
	masked, templates := r.mask(t)
	first := firstLine(masked)
	switch s := masked.String(); {
	case first == "":
		return nil, faultf(t.At(0), "it starts no program: it is empty, or has comments only")
	case isUnit(s):
		return r.nested([]part{{text: t}})
	case r.isMarkdown(masked, first):
		if out, err := r.guide(t); err == nil || isMarkdownName(r.set.Name(t.At(0))) {
			return out, err
		}
		return r.script(t)
	case strings.HasPrefix(first, "$ "):
		return r.document(prompted(t))
	case program().MatchString(s):
		return r.supervisor(masked)
	case upstart().MatchString(s):
		return r.upstartJob(masked)
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
		return r.nested([]part{{text: t}})
	case isList(masked):
		return one(r.list(masked))
	}
	if err := r.otherKind(masked, first); err != nil {
		return nil, err
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

// script reads a shell script: the program that it starts, or the files that it writes.
func (r *reader) script(t text.Text) ([]Command, error) {
	masked, templates := r.mask(t)
	script, err := shell.Parse(r.set, masked)
	if err != nil && placeholder().MatchString(masked.String()) { // such as A=<your address>
		filled := r.replaced(masked, placeholder().FindAllStringIndex(masked.String(), -1))
		if again, err2 := shell.Parse(r.set, filled); err2 == nil {
			masked, script, err = filled, again, nil
		}
	}
	if err != nil {
		return nil, r.noScript(masked, templates, err)
	}
	var parts []part
	for _, h := range script.Heredocs(r.sourced(script, nil)) {
		parts = append(parts, part{
			name: r.set.Show(h.File), target: h.File, text: h.Body,
			note: &Note{h.At, "", fmt.Sprintf("it is read from the here-document on line %d, as a shell writes it", r.set.Pos(h.At).Line), ""},
		})
	}
	if out, err := r.nested(parts); err == nil && len(out) > 0 {
		return out, nil
	}
	c, err := r.shell(masked, nil)
	if err != nil {
		return nil, r.noScript(masked, templates, err)
	}
	return []Command{c}, nil
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
	docs, notes, err := r.yaml(t)
	if err != nil && isList(t) {
		return one(r.list(t))
	}
	if err != nil {
		if other := r.otherKind(t, firstLine(t)); other != nil {
			return nil, other
		}
		for _, what := range slices.Sorted(keys(templates)) {
			return nil, faultf(templates[what], "this is a template (%s) that is no YAML before it is filled in: %v", what, err)
		}
		return nil, err
	}
	out, err := r.structures(t, docs)
	for i := range out {
		out[i].Notes = append(out[i].Notes, notes...)
	}
	return out, err
}

// yaml parses YAML that something may fill in first: as it is, with holes for variables such as
// in [--a=${B}], or without the lines that are an expression.
func (r *reader) yaml(t text.Text) ([]*yamltext.Node, []Note, error) {
	docs, err := parseYAML(r.set, t)
	if err == nil {
		return docs, nil, nil
	}
	if strings.Contains(t.String(), "${") {
		t = r.holes(t)
		if docs, err := parseYAML(r.set, t); err == nil {
			return docs, nil, nil
		}
	}
	if again, notes, ok := r.expressionLines(t); ok {
		if docs, err := parseYAML(r.set, again); err == nil {
			return docs, notes, nil
		}
	}
	return nil, nil, err
}

// structures reads documents of YAML.
func (r *reader) structures(t text.Text, docs []*yamltext.Node) ([]Command, error) {
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
	kind := kindName(docs[0])
	if docs[0].Get("kind").Str() == "Config" && docs[0].Get("apiVersion").Str() == "v1" {
		kind = "a kubeconfig"
	}
	for _, doc := range docs {
		if isNotRead(doc) {
			return nil, notRead(doc.At, kindName(doc), "the command line that it makes, such as /proc/PID/cmdline")
		}
	}
	return nil, faultf(docs[0].At, "this is %s, which says nothing of how %s is started", kind, Program)
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
	out, err := r.nested(r.parts(doc))
	if failed == nil {
		failed = err
	}
	return out, failed
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
