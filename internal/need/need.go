// Package need is for tests that need a program or a privilege which neither Go nor
// this repository provides.
//
// If it is missing, the test is skipped with a reason of one form, and make test lists
// these reasons at its end:
//
//	not run here: buildah (apt-get install buildah)
//
// With CI set a skip is a failure: .ci/run has installed everything.
package need

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mark begins the reason of every skip. tools/test/missing looks for it.
const Mark = "not run here: "

// T is the part of testing.T, or of a script's, that this package uses.
type T interface {
	Skip(args ...any)
	Fatal(args ...any)
}

// builds is the remedy for the reference programs: make test builds them, go test
// doesn't.
const builds = `make test builds it; or PATH="$(tools/install.sh reference):$PATH"`

// source has the remedy for each missing program.
var source = map[string]string{
	"cue":        builds,
	"cfssl":      builds,
	"kubectl":    builds,
	"kube-bench": "tools/install.sh benchmark",
	"judge":      builds,

	"node":            "apt-get install nodejs",
	"bash":            "apt-get install bash",
	"buildah":         "apt-get install buildah",
	"chromium":        "apt-get install chromium",
	"containerd":      "apt-get install containerd",
	"ctr":             "apt-get install containerd",
	"curl":            "apt-get install curl",
	"fish":            "apt-get install fish",
	"git":             "apt-get install git",
	"jq":              "apt-get install jq",
	"make":            "apt-get install make",
	"mkntfs":          "apt-get install ntfs-3g",
	"ntfs-3g":         "apt-get install ntfs-3g",
	"openssl":         "apt-get install openssl",
	"podman":          "apt-get install podman",
	"pre-commit":      "apt-get install pre-commit",
	"script":          "apt-get install bsdutils",
	"sh":              "apt-get install dash",
	"sftp-server":     "apt-get install openssh-sftp-server",
	"setpriv":         "apt-get install util-linux",
	"ssh":             "apt-get install openssh-client",
	"ssh-add":         "apt-get install openssh-client",
	"ssh-agent":       "apt-get install openssh-client",
	"ssh-keygen":      "apt-get install openssh-client",
	"sshd":            "apt-get install openssh-server",
	"systemd":         "apt-get install systemd",
	"systemd-analyze": "apt-get install systemd",
	"tar":             "apt-get install tar",
	"timeout":         "apt-get install coreutils",
	"unshare":         "apt-get install util-linux",
	"xmllint":         "apt-get install libxml2-utils",
	"zsh":             "apt-get install zsh",
}

// moreDirs are searched after PATH: directories that only some users have in PATH, and
// those of programs that others start.
var moreDirs = []string{"/usr/sbin", "/sbin", "/usr/lib/systemd", "/lib/systemd", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec"}

// find returns the path of a program. A user's PATH may lack directories of root's.
func find(name string) (string, error) {
	at, err := exec.LookPath(name)
	if err == nil {
		return filepath.Abs(at)
	}
	for _, dir := range moreDirs {
		if at, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return at, nil
		}
	}
	return "", err
}

// Program returns the path of an outside program, or skips the test if it is missing.
func Program(t T, name string) string {
	helper(t)()
	// go test caches results, also of a skip, and doesn't see that a program was
	// installed. make test changes this variable then.
	_ = os.Getenv("KCMGEN_TEST_PROGRAMS")
	at, err := find(name)
	switch {
	case source[name] == "":
		t.Fatal("package need doesn't know where " + name + " comes from")
	case err == nil:
		return at
	}
	Missing(t, name, source[name])
	return ""
}

// Axe returns the script of axe-core, which judges whether a page can be used by all, or
// skips the test if it is missing. root is the repository.
func Axe(t T, root string) []byte {
	helper(t)()
	script, err := os.ReadFile(filepath.Join(NPM(t, root), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// NPM returns the directory of the packages of tools/browser/package.json, or skips the test
// if they are missing. root is the repository.
func NPM(t T, root string) string {
	helper(t)()
	dir, err := exec.Command(Program(t, "sh"), filepath.Join(root, "tools", "install.sh"), "browser", "check").Output()
	if err != nil {
		Missing(t, "packages of npm", "tools/install.sh browser, which takes npm")
	}
	return strings.TrimSpace(string(dir))
}

// helper returns t.Helper, or a function that does nothing if t has none.
func helper(t T) func() {
	if h, ok := t.(interface{ Helper() }); ok {
		return h.Helper
	}
	return func() {}
}

// Root skips the test unless it runs as root.
func Root(t T) {
	helper(t)()
	if os.Getuid() != 0 {
		Missing(t, "root", "sudo make test")
	}
}

// Namespaces returns the command that runs another one as root in namespaces of its
// own: add --mount or --net. It skips the test if the system permits none. For root it
// uses no user namespace, which a chroot would refuse.
func Namespaces(t T) string {
	helper(t)()
	Program(t, "unshare")
	command, err := namespaces()
	if err != nil {
		Missing(t, "namespaces", "as root; or where users may have namespaces of their own")
	}
	return command
}

var namespaces = sync.OnceValues(func() (string, error) {
	var said strings.Builder
	for _, command := range []string{"unshare", "unshare --map-root-user"} {
		out, err := exec.Command("sh", "-c", command+" --mount --net -- mount -t tmpfs tmpfs /tmp").CombinedOutput()
		if err == nil {
			return command, nil
		}
		fmt.Fprintf(&said, "%s: %v\n%s", command, err, out)
	}
	return "", fmt.Errorf("no namespaces: %s", &said)
})

// Missing skips a test because something is missing; remedy says how to get it. With CI
// set it fails the test.
func Missing(t T, what, remedy string) {
	helper(t)()
	reason := Mark + what + " (" + remedy + ")"
	if os.Getenv("CI") != "" {
		t.Fatal(reason + ", and with CI set everything has to run")
	}
	t.Skip(reason)
}

// spare is the part of go test's -timeout that is left for cleaning up.
const spare = 10 * time.Second

// Time returns a context for a test that waits. It ends shortly before go test would
// end everything, so that the test itself fails. No other time limit suits every
// machine, however busy.
func Time(t testing.TB) context.Context {
	t.Helper()
	timed, ok := t.(interface{ Deadline() (time.Time, bool) })
	if !ok {
		return t.Context()
	}
	end, ok := timed.Deadline()
	if !ok {
		return t.Context()
	}
	ctx, cancel := context.WithDeadline(t.Context(), end.Add(-spare))
	t.Cleanup(cancel)
	return ctx
}
