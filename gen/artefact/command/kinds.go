package command

import (
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

var (
	markdown  = lazy.Regexp("(?m)^[ \t]*```")
	nix       = lazy.Regexp(`(?m)services\.kubernetes\.|^\s*\{\s*(config|pkgs|lib)\s*,`)
	terraform = lazy.Regexp(`(?m)^(resource|module|variable|locals|data|terraform|provider|output)\s+("[^"]*"\s*)*\{`)
	helpText  = lazy.Regexp(`(?m)^Usage:\s+\S*` + Program + ` \[flags\]`)
	docker    = lazy.Regexp(`^FROM\s+\S+(\s+AS\s+\S+)?$`)
)

// otherKind is the error for a text that is known to be something else; nil if it isn't.
func (r *reader) otherKind(t text.Text, first string) error {
	s := t.String()
	extension := path.Ext(r.set.Name(t.At(0)))
	switch {
	case markdown().MatchString(s) || extension == ".md":
		return faultf(t.At(0), "this is Markdown: give the file that it describes")
	case nix().MatchString(s) || extension == ".nix":
		return faultf(t.At(0), "this is Nix: give the unit that it makes, such as systemctl cat %s", Program)
	case terraform().MatchString(s) || extension == ".tf":
		return faultf(t.At(0), "this is Terraform: give the file that it writes to the host")
	case helpText().MatchString(s):
		return faultf(t.At(0), "this is what %s --help prints, and no command line", Program)
	case docker().MatchString(first):
		return faultf(t.At(0), "this is a Dockerfile: give what starts a container of its image, which has the flags")
	case strings.HasPrefix(first, "<!") || strings.HasPrefix(first, "<?xml") || strings.HasPrefix(first, "<html"):
		return faultf(t.At(0), "this is HTML or XML")
	case logLine().MatchString(first):
		return faultf(t.At(0), "this is a log without the lines FLAG: that %s writes when it starts with --v=1 or more", Program)
	}
	return nil
}

// noScript is the error for a text that is no script, or one that doesn't start the program.
// The text may be anything, a password too: words of it are in the message only if it is
// clear what they are.
func (r *reader) noScript(t text.Text, templates map[text.Template]text.At, err error) error {
	line := firstLine(t)
	words := strings.Fields(line)
	for _, what := range slices.Sorted(keys(templates)) {
		return faultf(templates[what], "this is a template (%s), and no form that is known before it is filled in", what)
	}
	at := t.At(max(0, strings.Index(t.String(), line)))
	if len(words) == 0 {
		return err
	}
	switch first, _, _ := strings.Cut(words[0], "="); {
	case shebang().MatchString(t.String()):
		return err
	case r.known != nil && strings.Contains(words[0], "-") && r.known(strings.ReplaceAll(first, "_", "-")):
		return faultf(at, "%q is no flag: --%s is one", first, first)
	case isRuntime(path.Base(first)) || slices.Contains(mentioning, first) || slices.Contains(shells, path.Base(first)):
		return err
	case similar(path.Base(first)):
		return faultf(at, "%q is no flag, and not %s either", first, Program)
	}
	return faultf(at, "its first word is no flag, and not %s either", Program)
}

// similar reports whether a word is one of Kubernetes' programs, or a misspelt name.
func similar(word string) bool {
	return programName().MatchString(word)
}

var programName = lazy.Regexp(`^(kube[a-z-]{0,30}|k8s[a-z-]{0,30}|[a-z-]{0,20}control+er[a-z-]{0,20})$`)
