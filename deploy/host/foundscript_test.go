//go:build linux

package host_test

import (
	"os"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/internal/need"
)

// said runs a line of the script on a session, and returns what it printed, in one line.
func said(t *testing.T, s *host.Session, line string) string {
	t.Helper()
	out, err := s.Do(within(t), host.Raw(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Join(strings.Split(strings.TrimSpace(out[0]), "\n"), ", ")
}

// realRoot skips a test that needs the files and users of root.
func realRoot(t *testing.T) {
	t.Helper()
	need.Program(t, "setpriv")
	if os.Getuid() != 0 {
		need.Missing(t, "root", "as root")
	}
}

// TestStartedBy: a process counts where root put it: in a system unit, or in a pod of the host's
// kubelet.
func TestStartedBy(t *testing.T) {
	s := session(t)
	for groups, want := range map[string]string{
		"0::/system.slice/kcm.service":                                     "kcm.service",
		"0::/system.slice/kcm.service/below/it":                            "kcm.service",
		"0::/own.slice/own-a.slice/kcm.service":                            "kcm.service",
		`1:name=systemd:/system.slice/kcm.service\n0::/`:                   "kcm.service",
		`4:memory:/system.slice/kcm.service\n0::/`:                         "",
		"0::/user.slice/user-1.slice/user@1.service/app.slice/kcm.service": "",
		"0::/user.slice/user-1.slice/user@1.service/kubepods/a":            "",
		"0::/user.slice/user-1.slice/session-1.scope":                      "",
		"0::/":                          "",
		"0::/kubepods/burstable/pod1/a": "pod",
		"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-a.scope":        "pod",
		"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-a.slice":    "pod",
		`4:memory:/kubepods/pod1/a\n0::/system.slice/containerd.service`:       "pod",
		"0::/system.slice/docker-a.scope":                                      "",
		"0::/system.slice/docker-a.scope/system.slice/kcm.service":             "",
		"0::/system.slice/docker-a.scope/kubelet.slice/kubelet-kubepods.slice": "",
		"0::/docker/a/kubepods/pod1":                                           "",
	} {
		if got := said(t, s, "groups_of() { printf '"+groups+"\\n'; }; started_by 1"); got != want {
			t.Errorf("%s is started by %q, expected %q", groups, got, want)
		}
	}
}

// TestFoundVersion: a program is run only if root alone can have put it there.
func TestFoundVersion(t *testing.T) {
	realRoot(t)
	const (
		program = "/run/p/kube-controller-manager"
		unit    = `groups_of() { echo 0::/system.slice/kcm.service; }; systemctl() { case $* in *FragmentPath*) echo /kcm.service ;; esac; }; `
	)
	s, _ := podSession(t, "chmod 755 /run && mkdir /run/p && cp /bin/sleep "+program+" && { "+program+" 1000 </dev/null >/dev/null 2>&1 & } && until grep -lx kube-controller /proc/[0-9]*/comm >/dev/null; do :; done", "")
	for name, c := range map[string]struct {
		before, undo string
		want         string // in what it says
		version      bool
	}{
		"root's":                {unit, ":", "unit kcm.service, file /kcm.service", true},
		"of a user's session":   {`groups_of() { echo 0::/user.slice/user@1.service/kcm.service; }; found_stopped() { :; }; `, ":", "stray ", false},
		"of a pod":              {`groups_of() { echo 0::/kubepods/a; }; `, ":", "pid ", false},
		"of no file":            {`groups_of() { echo 0::/system.slice/kcm.service; }; systemctl() { :; }; `, ":", "unit kcm.service", false},
		"a user's file":         {unit + "chown 1000 " + program + "; ", "chown 0 " + program, "unit kcm.service", false},
		"that a group writes":   {unit + "chmod 775 " + program + "; ", "chmod 755 " + program, "unit kcm.service", false},
		"in a user's dir":       {unit + "chown 1000 /run/p; ", "chown 0 /run/p", "unit kcm.service", false},
		"in a public dir":       {unit + "chmod 1777 /run; ", "chmod 755 /run", "unit kcm.service", false},
		"that isn't the host's": {unit + "mount --bind /bin/ls " + program + "; ", "umount " + program, "unit kcm.service", false},
		"in other namespaces":   {unit + "same_namespace() { false; }; ", ":", "unit kcm.service", false},
	} {
		got := said(t, s, c.before+"found; "+c.undo)
		if !strings.Contains(got, c.want) || strings.Contains(got, "version ") != c.version {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestOnlyRootsKubelet: a user's process isn't the host's kubelet, whatever its name is, and the
// program of one in another mount namespace isn't run.
func TestOnlyRootsKubelet(t *testing.T) {
	realRoot(t)
	begin := func(how string) *host.Session {
		s, _ := podSession(t, "chmod 755 . && cp /bin/sleep kubelet && { "+how+" ./kubelet 1000 </dev/null >/dev/null 2>&1 & } && until grep -lx kubelet /proc/[0-9]*/comm >/dev/null; do :; done", "")
		return s
	}
	const ask = `if pid=$(kubelet_pid); then kubelet_version "$pid" | grep -q sleep && echo runs || echo is; fi`
	for how, want := range map[string]string{"": "runs", "setpriv --reuid 1000": "", "unshare --mount": "is"} {
		if got := said(t, begin(how), ask); got != want {
			t.Errorf("%q: %q, expected %q", how, got, want)
		}
	}
}

// TestFoundStopped: what would start the program is found by what it starts, whatever its name is.
func TestFoundStopped(t *testing.T) {
	const program = "ExecStart=/opt/kube-controller-manager"
	s := session(t)
	type files map[string]string
	oneLine := strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	for name, c := range map[string]struct {
		files files
		want  string
	}{
		"none":           {nil, ""},
		"one":            {files{"kcm.service": program + " --v=2"}, "kcm.service"},
		"in words":       {files{"kcm.service": "ExecStart = /opt/hyperkube \\\n  kube-controller-manager \\\n --v=2"}, "kcm.service"},
		"two":            {files{"a.service": program, "b.service": program}, "a.service, b.service"},
		"a drop-in":      {files{"a.service": "ExecStart=/bin/true", "a.service.d/1.conf": program}, "a.service"},
		"its name only":  {files{"a.service": "After=kube-controller-manager.service", "b.service": "#" + program, "c.service": "ExecStartPre=/opt/kube-controller-manager"}, ""},
		"other programs": {files{"a.service": program + "-exporter", "b.service": "ExecStart=/bin/systemctl stop kube-controller-manager"}, ""},
		"kcmgen's own":   {files{"kcmgen-recover.service": program}, ""},
		"a template":     {files{"a@.service": program}, ""},
	} {
		line := `d=/run/units; rm -rf $d; mkdir -p $d/a.service.d; unit_dirs() { echo $d; }; systemctl() { :; }; `
		for file, text := range c.files {
			line += `printf '%b\n' ` + host.Quote(oneLine.Replace(text)) + " >$d/" + file + "; "
		}
		if got := said(t, s, line+"ln -s a.service $d/alias.service; stopped_units"); got != c.want {
			t.Errorf("%s: %q, expected %q", name, got, c.want)
		}
	}
}

// TestFoundEnvironment: each environment file that systemd reads is named, and one that it needs
// and that isn't there, too.
func TestFoundEnvironment(t *testing.T) {
	s := session(t)
	for shown, want := range map[string]string{
		"":                                     "",
		"/run/e/a b (ignore_errors=no)":        "env /run/e/a b",
		"/run/e/none (ignore_errors=no)":       "env /run/e/none",
		"/run/e/none (ignore_errors=yes)":      "",
		"/run/e/dir (ignore_errors=no)":        "env /run/e/dir",
		"/run/e/dir (ignore_errors=yes)":       "",
		"/run/e/*.env (ignore_errors=no)":      "env /run/e/1.env, env /run/e/2.env",
		"/run/e/*.env (ignore_errors=yes)":     "env /run/e/1.env, env /run/e/2.env",
		"/run/e/*.none (ignore_errors=no)":     "env /run/e/*.none",
		"/run/e/[2-9].* (ignore_errors=yes)":   "env /run/e/2.env",
		"/run/e/x (y) (z) (ignore_errors=yes)": "env /run/e/x (y) (z)",
	} {
		line := `mkdir -p /run/e/dir; for f in 'a b' 1.env 2.env 'x (y) (z)'; do : >"/run/e/$f"; done; systemctl() { case $3 in EnvironmentFiles) echo ` + host.Quote(shown) + ` ;; esac; }; `
		if got, want := said(t, s, line+"found_unit u.service"), strings.TrimSuffix("unit u.service, "+want, ", "); got != want {
			t.Errorf("%s: %q, expected %q", shown, got, want)
		}
	}
}

// TestFoundNames: each thing that starts the program has a name for the operator.
func TestFoundNames(t *testing.T) {
	for _, c := range []struct {
		p    host.FoundProcess
		want string
	}{
		{host.FoundProcess{PID: 7, Unit: "a.service"}, "a.service (process 7)"},
		{host.FoundProcess{Unit: "a.service"}, "a.service (not running)"},
		{host.FoundProcess{PID: 7, Manifests: []string{"/m/a.yaml"}}, "the static pod of /m/a.yaml (process 7)"},
		{host.FoundProcess{PID: 7}, "process 7"},
	} {
		if got := c.p.Name(); got != c.want {
			t.Errorf("%+v is %q, expected %q", c.p, got, c.want)
		}
	}
}
