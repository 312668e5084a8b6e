package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/regular"
)

// setting is what one line of ssh_config says.
type setting struct {
	args []string
	file string // "" where the target said it
	line int
}

func (s setting) fail(format string, args ...any) error {
	if s.file == "" {
		return fmt.Errorf(format, args...)
	}
	return &ConfigError{File: s.file, Line: s.line, Detail: fmt.Sprintf(format, args...)}
}

// followed are the keywords that lead somewhere, by their name in lower case; for
// those with true every line counts, for the others the first.
func followed(keyword string) (every, ok bool) {
	switch keyword {
	case "identityfile", "certificatefile":
		return true, true
	case "addressfamily", "canonicalizehostname", "globalknownhostsfile", "hostkeyalias", "hostname",
		"identitiesonly", "identityagent", "port", "proxycommand", "proxyjump",
		"revokedhostkeys", "user", "userknownhostsfile":
		return false, true
	}
	return false, false
}

// sshConfig reads ssh_config files as they are for one host. The first value of
// a keyword counts, so that what the target says is put in before.
type sshConfig struct {
	*Config
	host   string // what a Host line is compared with
	typed  string // the same before any substitution
	values map[string][]setting
	final  bool // this is the second pass,
	again  bool // and this says that one is wanted
	named  bool // a Host line named the host, by more than a pattern for all
	led    bool // HostName leads to another name
	budget *regular.Budget
	files  int // read in this pass
}

// limits of what is read: ssh's own depth of includes, and bounds for a file, for
// all of them, and for their number: each of sixteen levels may include all files of
// the level before once more.
const (
	maxIncludes  = 16
	maxConfigLen = 1 << 20
	maxConfigSum = 16 << 20
	maxConfigs   = 1000
)

// readConfig reads both files for a host. said is what the target says.
func (c *Config) readConfig(host string, said map[string]string) (*sshConfig, error) {
	r := &sshConfig{
		Config: c, host: host, typed: host, values: map[string][]setting{},
		budget: regular.NewBudget(maxConfigLen, maxConfigSum),
	}
	for keyword, value := range said {
		if value != "" {
			r.values[keyword] = []setting{{args: []string{value}}}
		}
	}
	err := r.pass()
	if _, r.led = r.first("hostname"); err != nil || !r.again {
		return r, err
	}
	// Match final: all is read once more, for the host's name as it is by now.
	name, err := r.hostName()
	if err != nil {
		return nil, err
	}
	r.host, r.final = name, true
	r.values["hostname"] = []setting{{args: []string{strings.ReplaceAll(name, "%", "%%")}}}
	return r, r.pass()
}

func (r *sshConfig) pass() error {
	r.files = 0
	if err := r.file(r.ssh("config"), false, true, 0); err != nil {
		return err
	}
	return r.file(filepath.Join(r.systemDir(), "ssh_config"), true, true, 0)
}

// file reads one file. Where it is included below a Host line for another host,
// none of it applies.
func (r *sshConfig) file(name string, system, apply bool, depth int) error {
	if r.files++; r.files > maxConfigs {
		return fmt.Errorf("%s: Include leads to more than %d files", name, maxConfigs)
	}
	data, err := readOf(r.budget, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := onlyOurs(name, system); err != nil {
		return err
	}
	return r.text(name, string(data), system, apply, depth)
}

// readOf reads a file of ssh's within a budget. ssh users name the null device where
// they want none, so it is an empty file.
func readOf(b *regular.Budget, name string) ([]byte, error) {
	data, err := b.Read(name)
	if errors.Is(err, regular.ErrNotRegular) && isNull(name) {
		return nil, nil
	}
	return data, err
}

func isNull(name string) bool {
	fi, err := os.Stat(name)
	null, nullErr := os.Stat(os.DevNull)
	return err == nil && nullErr == nil && os.SameFile(fi, null)
}

// onlyOurs refuses a file that others could have written, as ssh does: it leads
// to other hosts. (Windows has no such modes.)
func onlyOurs(name string, system bool) error {
	info, err := os.Stat(name)
	if err != nil || system || runtime.GOOS == "windows" || info.Mode().Perm()&0o022 == 0 || isNull(name) {
		return err
	}
	return fmt.Errorf("%s: others may write to it (mode %04o), which ssh refuses too", name, info.Mode().Perm())
}

func (r *sshConfig) text(name, text string, system, apply bool, depth int) error {
	active := apply
	for i, line := range strings.Split(text, "\n") {
		keyword, rest := cutKeyword(line)
		if keyword == "" || strings.HasPrefix(keyword, "#") {
			continue
		}
		every, ok := followed(keyword)
		if !ok && keyword != "host" && keyword != "match" && keyword != "include" {
			continue
		}
		s := setting{file: name, line: i + 1}
		var err error
		if s.args, err = splitArgs(rest); err != nil {
			return s.fail("%s: %v", keyword, err)
		}
		if len(s.args) == 0 {
			return s.fail("%s says nothing", keyword)
		}
		switch {
		case keyword == "host":
			active = apply && r.matchHost(s.args)
		case keyword == "match":
			active, err = r.match(s, apply)
		case keyword == "include":
			err = r.include(s, system, active, depth)
		case active:
			r.set(keyword, s, every)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *sshConfig) set(keyword string, s setting, every bool) {
	// ProxyJump and ProxyCommand are two words for one thing.
	other := map[string]string{"proxyjump": "proxycommand", "proxycommand": "proxyjump"}[keyword]
	if len(r.values[other]) > 0 {
		return
	}
	old := r.values[keyword]
	said := slices.ContainsFunc(old, func(o setting) bool { return slices.Equal(o.args, s.args) })
	if len(old) == 0 || every && !said {
		r.values[keyword] = append(old, s)
	}
}

// cutKeyword splits a line into its keyword, in lower case, and what follows,
// which an equals sign may introduce.
func cutKeyword(line string) (keyword, rest string) {
	line = strings.Trim(line, " \t\r\f\n")
	i := strings.IndexAny(line, " \t=")
	if i < 0 {
		return strings.ToLower(line), ""
	}
	rest = strings.TrimLeft(line[i:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	return strings.ToLower(line[:i]), rest
}

// splitArgs splits arguments as OpenSSH's argv_split does: a quote may begin
// inside a word, and a comment only at the beginning of one.
func splitArgs(s string) ([]string, error) {
	var out []string
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' || s[i] == '\t' {
			continue
		}
		if s[i] == '#' {
			break
		}
		var word strings.Builder
		quote := byte(0)
	word:
		for ; i < len(s); i++ {
			ch := s[i]
			switch {
			case ch == '\\' && i+1 < len(s) && (strings.IndexByte(`'"\`, s[i+1]) >= 0 || quote == 0 && s[i+1] == ' '):
				i++
				word.WriteByte(s[i])
			case quote == 0 && (ch == ' ' || ch == '\t'):
				break word
			case quote == 0 && (ch == '"' || ch == '\''):
				quote = ch
			case quote != 0 && ch == quote:
				quote = 0
			default:
				word.WriteByte(ch)
			}
		}
		if quote != 0 {
			return nil, fmt.Errorf("a quote is never closed")
		}
		out = append(out, word.String())
	}
	return out, nil
}

func (r *sshConfig) matchHost(patterns []string) bool {
	matched := false
	for _, p := range patterns {
		not := strings.HasPrefix(p, "!")
		if !wildcard(strings.TrimPrefix(p, "!"), r.host) {
			continue
		}
		if not {
			return false
		}
		matched = true
		r.named = r.named || strings.Trim(p, "*?") != ""
	}
	return matched
}

// match decides a Match line. A criterion that can't be decided here matters only
// where all others hold.
func (r *sshConfig) match(s setting, apply bool) (bool, error) {
	matched, named, unknown := apply, false, ""
	args := s.args
	for len(args) > 0 {
		criterion, value, joined := strings.Cut(args[0], "=")
		criterion, not := strings.CutPrefix(strings.ToLower(criterion), "!")
		args = args[1:]
		var holds bool
		switch criterion {
		case "all":
			holds = true
		case "final", "canonical":
			r.again = r.again || apply && criterion == "final"
			holds = r.final
		case "host", "originalhost", "user", "localuser":
			if !joined {
				if len(args) == 0 {
					return false, s.fail("Match %s lacks its value", criterion)
				}
				value, args = args[0], args[1:]
			}
			holds = r.criterion(criterion, value)
			named = named || !not && strings.HasSuffix(criterion, "host") && strings.Trim(value, "*?") != ""
		default:
			if !joined && len(args) > 0 {
				args = args[1:]
			}
			unknown, holds = criterion, !not
		}
		matched = matched && holds != not
	}
	if matched && unknown != "" {
		return false, s.fail("Match %s isn't followed here: give what it leads to in a Host block, or in the cluster", unknown)
	}
	r.named = r.named || matched && named
	return matched, nil
}

func (r *sshConfig) criterion(name, patterns string) bool {
	switch name {
	case "host":
		host, err := r.hostName()
		return err == nil && patternList(patterns, strings.ToLower(host), true) // the error comes where it is used
	case "originalhost":
		return patternList(patterns, strings.ToLower(r.typed), true)
	case "user":
		return patternList(patterns, r.login(), false)
	}
	return patternList(patterns, r.User, false)
}

// include reads the files of an Include line.
func (r *sshConfig) include(s setting, system, active bool, depth int) error {
	if depth+1 > maxIncludes {
		return s.fail("Include goes deeper than %d files", maxIncludes)
	}
	for _, pattern := range s.args {
		pattern, err := r.path(s, pattern)
		if err != nil {
			return err
		}
		if !filepath.IsAbs(pattern) {
			dir := filepath.Join(r.Home, ".ssh")
			if system {
				dir = r.systemDir()
			}
			pattern = filepath.Join(dir, pattern)
		}
		files, err := filepath.Glob(pattern)
		if err != nil {
			return s.fail("Include %s: %v", pattern, err)
		}
		for _, file := range files {
			if err := r.file(file, system, active, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
