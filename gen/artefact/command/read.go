package command

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// MaxFile is the maximum size of a file, in bytes.
const MaxFile = 1 << 20

// Input is a file of a host.
type Input struct {
	Name string
	Data []byte
	// Found means that the user named its directory, not the file: it may be anything.
	Found bool
}

// Options say what Read can't know.
type Options struct {
	// Known reports whether some version of kube-controller-manager has a flag of that name.
	Known func(name string) bool
}

// Error is a file that can't be read as a way to start kube-controller-manager, with a
// position where there is one.
type Error struct {
	Pos     text.Pos
	Message string
}

func (e *Error) Error() string {
	if e.Pos.Line == 0 {
		return e.Pos.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Pos.File, e.Pos.Line, e.Pos.Col, e.Message)
}

// fault is an Error before its position is looked up.
type fault struct {
	at      text.At
	message string
}

func (f *fault) Error() string { return f.message }

func faultf(at text.At, format string, args ...any) *fault {
	return &fault{at, fmt.Sprintf(format, args...)}
}

// Result is how a file starts kube-controller-manager.
type Result struct {
	Command
	File string
}

// reader reads the files of one host.
type reader struct {
	set     *text.Set
	want    string // base name of the program whose arguments are wanted
	known   func(string) bool
	scripts map[string]text.Text // by base name
	env     map[string][]systemd.Variable
	envUsed map[string]bool
	// envNoted: what systemd ignores in the file is in a note.
	envNoted map[string]bool
	envFile  map[string]text.Text
	envIndex map[string][]envFile // of env by the last element; nil if it isn't made
	depth    int                  // of documents within documents
	reading  string               // the file that is read
	// entered are the scripts that start the one that is read, by base name.
	entered     map[string]bool
	scriptsRead int
	masked      masked // the last text
	// starter has for a file the one that starts it.
	starter map[string]string
}

// Read reads files of one host, or of several: each file that starts the program is a result
// of its own, with the environment files and drop-ins that belong to it. The errors of files
// are joined, each an *Error; results of the others come with them.
func Read(set *text.Set, files []Input, o Options) ([]*Result, error) {
	r := newReader(set, Program)
	r.known = o.Known
	return r.files(files)
}

func newReader(set *text.Set, program string) *reader {
	return &reader{
		set: set, want: program, scripts: map[string]text.Text{},
		env: map[string][]systemd.Variable{}, envUsed: map[string]bool{}, envFile: map[string]text.Text{},
		envNoted: map[string]bool{}, entered: map[string]bool{},
		starter: map[string]string{},
	}
}

// located gives an error the position of its place.
func (r *reader) located(err error, file string) error {
	var (
		f     *fault
		unit  *systemd.Error
		sh    *shell.Error
		yaml  *yamltext.Error
		named *Error
	)
	switch {
	case errors.As(err, &named):
		return named
	case errors.As(err, &f):
		return &Error{r.pos(f.at, file), r.shown(f.message)}
	case errors.As(err, &unit):
		return &Error{r.pos(unit.At, file), r.shown(unit.Message)}
	case errors.As(err, &sh):
		return &Error{r.pos(sh.At, file), r.shown("as a script of a shell: " + quietShell(sh.Message))}
	case errors.As(err, &yaml):
		return &Error{r.pos(yaml.At, file), r.shown(yaml.Error())}
	}
	return &Error{text.Pos{File: file}, r.shown(err.Error())}
}

// pos is the position of a place in a file. The place of an empty text is none.
func (r *reader) pos(at text.At, file string) text.Pos {
	p := r.set.Pos(at)
	if at == (text.At{}) && p.File != file {
		return text.Pos{File: file}
	}
	return p
}

// shown writes out the holes of a message.
func (r *reader) shown(message string) string { return r.set.Show(text.Literal(message, text.At{})) }

// loaded is a file and what it is.
type loaded struct {
	Input
	text text.Text
	docs []Command
	err  error
	// unit is a unit file or a drop-in, environment a file of variables.
	unit        *systemd.Unit
	environment bool
}

// files reads all files.
func (r *reader) files(files []Input) ([]*Result, error) {
	all := make([]*loaded, 0, len(files))
	for _, in := range files {
		all = append(all, r.load(in))
	}
	r.environments(all)
	r.units(all)
	for _, l := range all {
		if len(l.docs) == 0 && l.err == nil && l.unit == nil && !l.environment {
			r.reading, r.scriptsRead = l.Name, 0
			l.docs, l.err = r.document(l.text)
		}
	}
	r.started(all)
	var out []*Result
	for _, l := range all {
		if len(l.docs) > 1 {
			l.docs, l.err = nil, r.several(l.docs)
		}
		if len(l.docs) == 1 {
			out = append(out, &Result{Command: l.docs[0], File: l.Name})
		}
	}
	var errs []error
	for _, l := range all {
		if l.err != nil && (!l.Found || startsProgram(l)) && !r.envUsed[l.Name] {
			errs = append(errs, r.located(l.err, l.Name))
		}
	}
	if len(out) == 0 && len(errs) == 0 {
		c, ok, err := r.fromVariables(all)
		switch {
		case ok:
			out = append(out, &Result{Command: c, File: r.set.Name(c.At)})
		case err != nil:
			errs = append(errs, r.located(err, all[0].Name))
		default:
			errs = append(errs, r.nothing(all))
		}
	}
	if len(out) > 0 {
		errs = append(errs, r.left(all)...)
	}
	return out, errors.Join(errs...)
}

// startsProgram reports whether a file is a unit that names the program where it starts
// something: what is wrong with it matters, also in a directory of other things.
func startsProgram(l *loaded) bool {
	return l.unit != nil && slices.ContainsFunc(starts(l.unit), func(d systemd.Directive) bool { return strings.Contains(d.Value.String(), Program) })
}

// started takes the results away from files that another one at hand starts: they are a part of
// its own result.
func (r *reader) started(all []*loaded) {
	if len(r.starter) == 0 {
		return
	}
	is, has := map[string]bool{}, map[string]bool{}
	for _, l := range all {
		has[l.Name] = len(l.docs) > 0
	}
	for _, l := range all {
		from, ok := r.starter[l.Name]
		if !ok || is[from] || !has[from] {
			continue // also of two that start each other, one stays
		}
		is[l.Name] = true
		r.envUsed[l.Name] = true // what it lacks alone doesn't count
		l.docs = nil
	}
}

// left are the errors of files that the user named, and that nothing uses.
func (r *reader) left(all []*loaded) []error {
	var errs []error
	for _, l := range all {
		if l.Found || l.err != nil || len(l.docs) > 0 || l.unit != nil {
			continue
		}
		if l.environment && !r.envUsed[l.Name] {
			errs = append(errs, &Error{text.Pos{File: l.Name}, "nothing reads it: no EnvironmentFile= and no script names it"})
		}
	}
	return errs
}

// nothing is the error for files of which none starts the program.
func (r *reader) nothing(all []*loaded) error {
	switch l := all[0]; {
	case len(all) == 1 && l.err != nil:
		return r.located(l.err, l.Name)
	case len(all) > 1:
		return &Error{text.Pos{File: l.Name}, fmt.Sprintf("none of the %d files starts %s", len(all), Program)}
	case l.unit != nil:
		return &Error{text.Pos{File: l.Name}, "it is a drop-in without ExecStart=, or a unit that starts nothing: give the unit with it"}
	default:
		return &Error{text.Pos{File: l.Name}, fmt.Sprintf("it starts no program: no ExecStart, no command, no variable of flags, no flag of %s", Program)}
	}
}

// several is the error for more than one command line.
func (r *reader) several(found []Command) error {
	slices.SortStableFunc(found, func(a, b Command) int {
		return comparePos(r.set.Pos(a.At), r.set.Pos(b.At))
	})
	var where []string
	const most = 5
	for i, c := range found {
		p := r.set.Pos(c.At)
		if i == most {
			where = append(where, "…")
			break
		}
		where = append(where, fmt.Sprintf("%s at %s:%d", c.Form, p.File, p.Line))
	}
	return &Error{r.set.Pos(found[1].At), fmt.Sprintf("%d command lines look like %s's: %s: give one of them, or --node NAME=FILE for each host", len(found), Program, strings.Join(where, ", "))}
}

func comparePos(a, b text.Pos) int {
	return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Col-b.Col)
}
