package remote

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/internal/lazy"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// maxConfigLen bounds a configuration that is read without an ssh program, in bytes.
const maxConfigLen = 1 << 20

// WithoutSSH returns the file that subset reads; "" if there is an ssh program, or no file.
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

// subset reads the user's configuration without an ssh program: Host, HostName, User, Port,
// IdentityFile and ProxyJump. Other keywords that apply are refused, with their line, or
// ignored if they are about terminals and the like.
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

// subsetFile reads the user's file. The system's file isn't read.
func (c *Config) subsetFile(a *answer, host string) error {
	name := cmp.Or(c.File, c.ssh("config"))
	if strings.EqualFold(c.File, "none") {
		return nil
	}
	data, err := readSSHFile(regular.NewBudget(maxConfigLen, maxConfigLen), name)
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
		parts := configLine().FindStringSubmatch(line)
		if parts == nil {
			continue
		}
		keyword, args := strings.ToLower(parts[1]), strings.Fields(parts[2])
		if end := slices.IndexFunc(args, func(arg string) bool { return arg[0] == '#' }); end >= 0 {
			args = args[:end]
		}
		fault := ""
		switch {
		case keyword != "host" && keyword != "match" && !applies, slices.Contains(passedOver, keyword):
		case keyword != "host" && !slices.Contains(followed, keyword):
			fault = "isn't followed without OpenSSH's ssh, and none is found here: install it"
		case len(args) == 0 || keyword != "host" && len(args) > 1 || strings.ContainsAny(parts[2], `"'\`), keyword == "host" && strings.Contains(parts[2], ","):
			fault = "needs OpenSSH's ssh, which isn't found here: without it, a line is a keyword and one plain value, or several of Host"
		case keyword == "host":
			applies = patternList(strings.Join(args, ","), strings.ToLower(host))
		case keyword == "identityfile" || len(a.values[keyword]) == 0:
			a.values[keyword] = append(a.values[keyword], args[0])
		}
		if fault != "" {
			return &ConfigError{File: name, Line: i + 1, Detail: keyword + " " + fault}
		}
	}
	return nil
}

// configLine matches a line of ssh_config: a keyword and its values, with an optional
// equals sign between them.
var configLine = lazy.Regexp(`^\s*([^\s=#][^\s=]*)\s*=?(.*)`)

var followed = []string{"hostname", "user", "port", "identityfile", "proxyjump"}

// passedOver are keywords that change neither the host nor what is trusted.
var passedOver = strings.Fields("addkeystoagent batchmode compression connecttimeout controlmaster controlpath controlpersist " +
	"forwardagent forwardx11 hashknownhosts loglevel requesttty sendenv serveralivecountmax serveraliveinterval setenv " +
	"stricthostkeychecking tcpkeepalive visualhostkey")
