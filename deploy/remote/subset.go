package remote

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/regular"
)

// maxConfigLen bounds a configuration that is read without an ssh.
const maxConfigLen = 1 << 20

// WithoutSSH is the file that subset reads, where there is one and no ssh to ask.
func (c *Config) WithoutSSH() string {
	name := cmp.Or(c.File, c.ssh("config"))
	if _, err := exec.LookPath("ssh"); !errors.Is(err, exec.ErrNotFound) || strings.EqualFold(c.File, "none") {
		return ""
	}
	if _, err := os.Stat(name); err != nil {
		return ""
	}
	return name
}

// subset reads the user's configuration where there is no ssh to ask: Host, HostName,
// User, Port, IdentityFile and ProxyJump. Whatever else applies is refused, with its
// line, or passed over if it is about terminals and the like.
func (c *Config) subset(q question) (*answer, error) {
	a := &answer{values: map[string][]string{}, home: c.Home}
	for keyword, value := range map[string]string{"hostname": strings.ReplaceAll(q.hostName, "%", "%%"), "user": q.user, "proxyjump": q.jump} {
		if value != "" {
			a.values[keyword] = []string{value}
		}
	}
	if q.port != 0 {
		a.values["port"] = []string{strconv.Itoa(q.port)}
	}
	if q.identity {
		a.values["identityfile"] = []string{"none"}
	}
	if err := c.subsetFile(a, q.host); err != nil {
		return nil, err
	}
	host, err := c.expand(cmp.Or(a.value("hostname"), "%h"), map[byte]string{'h': q.host})
	if err != nil {
		return nil, fmt.Errorf("hostname %w", err)
	}
	a.values["hostname"] = []string{strings.ToLower(host)}
	a.values["user"] = []string{cmp.Or(a.value("user"), c.User)}
	a.values["port"] = []string{cmp.Or(a.value("port"), "22")}
	if len(a.values["identityfile"]) == 0 {
		a.values["identityfile"] = []string{"~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk", "~/.ssh/id_ed25519", "~/.ssh/id_ed25519_sk"}
	}
	a.values["userknownhostsfile"] = []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}
	a.values["globalknownhostsfile"] = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
	a.tokens = map[byte]string{
		'd': c.Home, 'h': host, 'k': q.host, 'n': q.host,
		'p': a.value("port"), 'r': a.value("user"), 'u': c.User, 'j': a.value("proxyjump"),
	}
	return a, nil
}

// subsetFile reads the one file there is: that of all users belongs to an ssh.
func (c *Config) subsetFile(a *answer, host string) error {
	name := cmp.Or(c.File, c.ssh("config"))
	if strings.EqualFold(c.File, "none") {
		return nil
	}
	data, err := readOf(regular.NewBudget(maxConfigLen, maxConfigLen), name)
	if c.File == "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info, err := os.Stat(name); c.File == "" && runtime.GOOS != "windows" && err == nil && info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s: others may write to it (mode %04o), which ssh refuses too", name, info.Mode().Perm())
	}
	applies := true
	for i, line := range strings.Split(string(data), "\n") {
		keyword, args := subsetLine(line)
		if keyword == "" {
			continue
		}
		fail := func(format string, args ...any) error {
			return &ConfigError{File: name, Line: i + 1, Detail: fmt.Sprintf(format, args...)}
		}
		if keyword == "host" {
			applies = patternList(strings.Join(args, ","), strings.ToLower(host))
		}
		switch {
		case keyword == "host", keyword != "match" && !applies, passedOver(keyword):
		case !followed(keyword):
			return fail("%s isn't followed without OpenSSH's ssh, and none is found here: install it", keyword)
		case len(args) != 1 || strings.ContainsAny(args[0], `"'\`):
			return fail("%s: one plain value was expected; to have all of ssh's rules, install OpenSSH's ssh", keyword)
		case keyword == "identityfile" || len(a.values[keyword]) == 0:
			a.values[keyword] = append(a.values[keyword], args[0])
		}
	}
	return nil
}

func followed(keyword string) bool {
	switch keyword {
	case "hostname", "user", "port", "identityfile", "proxyjump":
		return true
	}
	return false
}

// passedOver are keywords that neither lead elsewhere nor change what is trusted.
func passedOver(keyword string) bool {
	switch keyword {
	case "addkeystoagent", "batchmode", "compression", "connecttimeout", "controlmaster", "controlpath", "controlpersist",
		"forwardagent", "forwardx11", "hashknownhosts", "loglevel", "requesttty", "sendenv", "serveralivecountmax",
		"serveraliveinterval", "setenv", "stricthostkeychecking", "tcpkeepalive", "visualhostkey":
		return true
	}
	return false
}

// subsetLine splits a line into its keyword, in lower case, and its values, each of
// which may be quoted as a whole.
func subsetLine(line string) (keyword string, args []string) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", nil
	}
	end := strings.IndexAny(line+" ", " \t=")
	keyword = strings.ToLower(line[:end])
	rest := strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	for rest != "" && rest[0] != '#' {
		word, after, quoted := "", "", false
		if rest[0] == '"' {
			word, after, quoted = strings.Cut(rest[1:], `"`)
		}
		if !quoted || after != "" && after[0] != ' ' && after[0] != '\t' {
			end := strings.IndexAny(rest+" ", " \t")
			word, after = rest[:end], rest[end:]
		}
		args = append(args, word)
		rest = strings.TrimLeft(after, " \t")
	}
	return keyword, args
}
