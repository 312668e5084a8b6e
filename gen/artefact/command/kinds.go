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
	// powerShell matches a variable of PowerShell, and a line that goes on.
	powerShell = lazy.Regexp("(?m)^\\s*(\\$[A-Za-z_:]+ *= *[\"'@(\\[$]|param *\\(|Set-StrictMode|Write-Host|New-Service|function [A-Z][A-Za-z]+-)|`\\s*$")
	puppetCode = lazy.Regexp(`(?m)^\s*(class|define|node)\s+\{?\s*['"]?[\w:]+['"]?\s*[:({]|^\s*\w+ *\{ *['"][^'"]*['"] *:`)
	upstart    = lazy.Regexp(`(?m)^(?:start|stop) on\s`)
	jsonnet    = lazy.Regexp(`(?m)^\s*\|\|\||^local \w+ = (import|std)|^function\(`)
)

// languages are what files with an extension are written in.
var languages = map[string]string{
	".ps1": "PowerShell", ".psm1": "PowerShell", ".pp": "a manifest of Puppet", ".tf": "Terraform", ".hcl": "HCL", ".nix": "Nix",
	".jsonnet": "Jsonnet", ".libsonnet": "Jsonnet", ".rs": "Rust", ".go": "Go", ".py": "Python", ".rb": "Ruby", ".js": "JavaScript",
	".ts": "TypeScript", ".java": "Java", ".bat": "a batch file", ".cue": "CUE", ".dhall": "Dhall", ".star": "Starlark",
}

// language returns what a text is written in; "" if it isn't known, or is a form that is read.
func language(s, extension string) string {
	switch name := languages[extension]; {
	case name != "":
		return name
	case nix().MatchString(s):
		return "Nix"
	case terraform().MatchString(s):
		return "Terraform"
	case puppetCode().MatchString(s) && strings.Contains(s, "=>"):
		return "a manifest of Puppet"
	case powerShell().MatchString(s) && !shebang().MatchString(s) && strings.Contains(s, "$"):
		return "PowerShell"
	case jsonnet().MatchString(s):
		return "Jsonnet"
	}
	return ""
}

// notRead is the error for a form that is known, and that nothing here reads.
func notRead(at text.At, what, instead string) error {
	return faultf(at, "this is %s, a form that kcmgen doesn't read yet: give %s", what, instead)
}

// hostFile is what to give instead of a program that writes it.
const hostFile = "the file that it writes to the host"

// otherKind is the error for a text that is known to be something else; nil if it isn't.
func (r *reader) otherKind(t text.Text, first string) error {
	s := t.String()
	extension := path.Ext(r.set.Name(t.At(0)))
	lang := language(s, extension)
	switch {
	case markdown().MatchString(s) || extension == ".md":
		return faultf(t.At(0), "this is Markdown without a block of code that starts %s: give the file that it describes", Program)
	case lang == "Nix":
		return notRead(t.At(0), lang, "the unit that it makes, such as systemctl cat "+Program)
	case lang != "":
		return notRead(t.At(0), lang, hostFile)
	case upstart().MatchString(s):
		return faultf(t.At(0), "this is a job of upstart, and neither exec nor a script in it starts %s", Program)
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

// upstartJob reads exec and the script of a job of upstart, which both are of a shell.
func (r *reader) upstartJob(t text.Text) ([]Command, error) {
	var b text.Builder
	inScript, goesOn := false, false
	for _, line := range t.Lines() {
		s := strings.TrimSpace(line.String())
		word, _, _ := strings.Cut(s, " ")
		switch {
		case s == "end script":
			inScript = false
		case inScript || goesOn:
			b.Write(line)
			goesOn = !inScript && strings.HasSuffix(s, `\`)
		case s == "script":
			inScript = true
		case word == "exec":
			b.Write(line)
			goesOn = strings.HasSuffix(s, `\`)
		case word == "env": // a variable of the job
			b.Write(line.From(strings.Index(line.String(), "env") + len("env")).Trim(" \t"))
		}
	}
	if b.Len() > 0 {
		if c, err := r.shell(b.Text(), nil); err == nil {
			return []Command{c}, nil
		}
	}
	return nil, r.otherKind(t, firstLine(t))
}

// noScript is the error for a text that is no script, or one that doesn't start the program.
// The text may be anything, a password too: words of it are in the message only if it is
// clear what they are.
func (r *reader) noScript(t text.Text, templates map[text.Template]text.At, err error) error {
	line := firstLine(t)
	words := strings.Fields(line)
	other := r.otherKind(t, line)
	switch {
	case shebang().MatchString(t.String()) && len(templates) == 0:
		return err
	case other != nil:
		return other
	}
	for _, what := range slices.Sorted(keys(templates)) {
		return faultf(templates[what], "this is a template (%s), and no form that is known before it is filled in", what)
	}
	at := t.At(max(0, strings.Index(t.String(), line)))
	if len(words) == 0 {
		return err
	}
	switch first, _, _ := strings.Cut(words[0], "="); {
	case r.known != nil && strings.Contains(words[0], "-") && r.known(strings.ReplaceAll(first, "_", "-")):
		return faultf(at, "%q is no flag: --%s is one", first, first)
	case isRuntime(path.Base(first)) || slices.Contains(mentioning, first) || slices.Contains(shells, path.Base(first)) || slices.Contains(starting, first):
		return err
	case similar(path.Base(first)):
		return faultf(at, "%q is no flag, and not %s either", first, Program)
	}
	return faultf(at, "its first word is no flag, and not %s either", Program)
}

// starting are programs that start others, or a cluster.
var starting = []string{"exec", "sudo", "nohup", "env", "systemd-run", "start-stop-daemon", "ssh", "kubeadm", "k3s", "rke2", "minikube", "kind"}

// similar reports whether a word is one of Kubernetes' programs, or a misspelt name.
func similar(word string) bool {
	return programName().MatchString(word)
}

var programName = lazy.Regexp(`^(kube[a-z-]{0,30}|k8s[a-z-]{0,30}|[a-z-]{0,20}control+er[a-z-]{0,20})$`)
