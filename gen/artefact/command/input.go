package command

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// keyMaterial matches files with keys, whose lines must not appear in messages.
var keyMaterial = lazy.Regexp(`(?m)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|^PuTTY-User-Key-File-|AGE-SECRET-KEY-1`)

// certificate matches a file that is a certificate and nothing else.
var certificate = lazy.Regexp(`^\s*-----BEGIN [A-Z0-9 ]+-----`)

var (
	// kubeconfig matches the kind of a file with credentials, and credential what it has then.
	// Other files have a token too: kubeadm's, K3s's.
	kubeconfig = lazy.Regexp(`(?m)^"?kind"?[ \t]*:[ \t]*["']?Config["']?[ \t\r]*$|^\s*\{(?s:.*)"kind"\s*:\s*"Config"`)
	credential = lazy.Regexp(`(?m)[{,\s-]["']?(?:users|client-key-data|client-key|token|password)["']?\s*:`)
	// tokenLine matches a line of a file of tokens: token, user, its number, and its groups.
	tokenLine = lazy.Regexp(`^[^,\s=]+,[^,=]+,[^,=]+(?:,("[^"]*"|[^",=]*))?$`)
)

// holdsKeys reports whether a file is one of keys or credentials.
func holdsKeys(data string) bool {
	switch {
	case strings.Contains(data, "PRIVATE KEY") || strings.Contains(data, "PuTTY") || strings.Contains(data, "AGE-SECRET"):
		if keyMaterial().MatchString(data) {
			return true
		}
	case strings.Contains(data, "-----BEGIN "):
		return certificate().MatchString(data)
	}
	return strings.Contains(data, "Config") && kubeconfig().MatchString(data) && credential().MatchString(data) || isTokens(data)
}

// isTokens reports whether a file is a list of tokens, as kube-apiserver reads it.
func isTokens(data string) bool {
	found := false
	for line := range strings.Lines(data) {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case line == "" || line[0] == '#':
		case !tokenLine().MatchString(line) || strings.HasPrefix(line, "-"):
			return false
		default:
			found = true
		}
	}
	return found
}

// load reads a file and finds out what it is.
func (r *reader) load(in Input) *loaded {
	l := &loaded{Input: in}
	if l.err = plain(in, r.want); l.err != nil {
		return l
	}
	l.text = r.set.Add(in.Name, string(in.Data))
	if strings.IndexByte(l.text.String(), 0) >= 0 {
		l.docs, l.err = r.process(l.text)
		return l
	}
	r.classify(l)
	r.scripts[path.Base(in.Name)] = l.text
	return l
}

// sectionless matches a line of a unit.
var sectionless = lazy.Regexp(`(?m)^[ \t]*ExecStart[ \t]*=`)

// classify finds units and files of variables, which belong together.
func (r *reader) classify(l *loaded) {
	switch masked, _ := r.mask(l.text); {
	case isUnit(masked.String()):
		l.text = masked
		if l.unit, l.err = systemd.Parse(masked); l.err != nil {
			return
		}
		if !l.unit.Has("Service") && !l.unit.Has("Container") {
			l.unit = nil
			l.err = faultf(l.text.At(0), "this is a unit of systemd that starts no service: it has no [Service]")
		}
	case isEnvironment(masked):
		l.text = masked
		if at := sectionless().FindStringIndex(masked.String()); at != nil {
			l.err = faultf(masked.At(at[0]), "ExecStart= is in no section, so systemd ignores it: [Service] is missing before it")
			return
		}
		l.environment = true
	}
}

// plain refuses what is no text, or holds a key.
func plain(in Input, program string) error {
	at := func(offset int, format string, args ...any) error {
		line := 1 + strings.Count(string(in.Data[:offset]), "\n")
		return &Error{text.Pos{File: in.Name}, fmt.Sprintf("line %d: ", line) + fmt.Sprintf(format, args...)}
	}
	whole := func(format string, args ...any) error {
		return &Error{text.Pos{File: in.Name}, fmt.Sprintf(format, args...)}
	}
	data := string(in.Data)
	switch nul := strings.IndexByte(data, 0); {
	case strings.HasPrefix(data, "\xff\xfe") || strings.HasPrefix(data, "\xfe\xff"):
		return whole("it is UTF-16, and units, pods and lists of flags are UTF-8; type: iconv -f UTF-16 -t UTF-8")
	case len(data) > MaxFile:
		return whole("file is too large: %d bytes, at most %d", len(data), MaxFile)
	case !utf8.ValidString(data):
		n := firstInvalid(data)
		return at(n, "byte %d isn't UTF-8, as units, pods and lists of flags are", n)
	case holdsKeys(data):
		return whole("it holds a key, a token or a certificate, and is not read: neither a unit nor a pod nor a list of flags has one")
	case strings.ContainsAny(data, text.Reserved):
		return at(strings.IndexAny(data, text.Reserved), "it has the character U+FDD0 or U+FDD1, which no text has")
	case nul >= 0 && !isProcess(data, program):
		return at(nul, "byte %d is a NUL: only /proc/PID/cmdline has one, and this isn't %s's", nul, program)
	}
	return nil
}

func firstInvalid(data string) int {
	for i := 0; i < len(data); {
		c, n := utf8.DecodeRuneInString(data[i:])
		if c == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}
