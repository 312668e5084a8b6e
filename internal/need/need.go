// Package need is for tests alone: it says what a test needs of the machine that
// neither Go nor this repository brings along.
//
// Where it isn't there, the test is skipped with a reason of one form, by which
// make test lists at its end what wasn't run:
//
//	not run here: buildah (apt-get install buildah)
//
// With CI set that is a failure: .ci/run has installed everything.
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

// T is what of a test, or of a script's, is asked for here.
type T interface {
	Skip(args ...any)
	Fatal(args ...any)
}

// builds is said of the reference programs: make test brings them along, go test doesn't.
const builds = `make test builds it; or PATH="$(tools/install.sh reference):$PATH"`

// source says where a program comes from.
var source = map[string]string{
	"cue":     builds,
	"cfssl":   builds,
	"kubectl": builds,

	"bash":            "apt-get install bash",
	"buildah":         "apt-get install buildah",
	"curl":            "apt-get install curl",
	"fish":            "apt-get install fish",
	"git":             "apt-get install git",
	"make":            "apt-get install make",
	"mkntfs":          "apt-get install ntfs-3g",
	"ntfs-3g":         "apt-get install ntfs-3g",
	"openssl":         "apt-get install openssl",
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
	"zsh":             "apt-get install zsh",
}

// beside PATH are the directories in which only some users' shells look, and those of
// programs that others start.
var beside = []string{"/usr/sbin", "/sbin", "/usr/lib/systemd", "/lib/systemd", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec"}

// find is a program's full name. A user's PATH may lack what root's has.
func find(name string) (string, error) {
	at, err := exec.LookPath(name)
	if err == nil {
		return filepath.Abs(at)
	}
	for _, dir := range beside {
		if at, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return at, nil
		}
	}
	return "", err
}

// Program is the full name of an outside program that the test can't do without.
func Program(t T, name string) string {
	helper(t)()
	// go test keeps results, and would keep a skip for ever: it doesn't see that
	// something was installed meanwhile. make test tells it by this variable.
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

// helper is t.Helper, where it has one.
func helper(t T) func() {
	if h, ok := t.(interface{ Helper() }); ok {
		return h.Helper
	}
	return func() {}
}

// Root is said by a test that the system lets only root do.
func Root(t T) {
	helper(t)()
	if os.Getuid() != 0 {
		Missing(t, "root", "sudo make test")
	}
}

// Namespaces is the command that runs another one in namespaces of its own: a
// mount namespace with --mount, a network with --net, and there it's root.
// Root itself needs no user namespace, which a chroot, for one, refuses.
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

// Missing ends a test for want of something; remedy is how to get it.
func Missing(t T, what, remedy string) {
	helper(t)()
	reason := Mark + what + " (" + remedy + ")"
	if os.Getenv("CI") != "" {
		t.Fatal(reason + ", and with CI set everything has to run")
	}
	t.Skip(reason)
}

// spare is what is left of go test's -timeout for ending what a test began.
const spare = 10 * time.Second

// Time is for what a test waits for: it ends a little before go test would end
// everything, and says which test it was. No other time limit is right on
// each machine, however busy.
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
