package vet

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
	machine "github.com/kcmgen/kcmgen/internal/need"
)

// sandboxFiles are the files that each unit of the test tries to read, and whose
// directories it tries to write to.
var sandboxFiles = []string{
	"/srv/a/f", "/srv/a/b/f", "/srv/c/f", "/opt/a/f", "/opt/d/f", "/home/u/f", "/root/u/f", "/tmp/u/f", "/var/tmp/u/f",
	"/etc/opt/f", "/home/f", "/root/f", "/tmp/f", "/usr/local/games/f", "/var/opt/f", "/mnt/f",
}

// sandboxPaths are the paths that directives name.
var sandboxPaths = []string{
	"/srv", "/srv/a", "/srv/a/b", "/srv/c", "/opt", "/opt/a", "/home", "/home/u", "/root", "/root/u", "/tmp/u", "/var/tmp", "/etc", "/etc/opt",
	"/usr/local/games", "/var/opt", "/mnt", "/srv/a/f",
}

// randomSandbox returns random directives that make a sandbox.
func randomSandbox(r *rand.Rand) []spec.Directive {
	var out []spec.Directive
	add := func(name, value string) { out = append(out, spec.Directive{Name: name, Value: value}) }
	pick := func(ss ...string) string { return ss[r.IntN(len(ss))] }
	dir := func() string { return sandboxPaths[r.IntN(len(sandboxPaths)-1)] }
	if r.IntN(5) > 0 {
		add("ProtectSystem", pick("no", "yes", "full", "strict", "strict"))
	}
	if r.IntN(5) > 0 {
		add("ProtectHome", pick("no", "yes", "true", "read-only", "tmpfs"))
	}
	add("PrivateTmp", pick("yes", "no", "on", "false"))
	add("PrivateDevices", pick("yes", "no"))
	for range r.IntN(4) {
		name := pick("InaccessiblePaths", "ReadOnlyPaths", "ReadWritePaths", "ReadWritePaths")
		at := sandboxPaths[r.IntN(len(sandboxPaths))]
		switch r.IntN(6) {
		case 0:
			add(name, fmt.Sprintf("-%s \"-%s\"", at, dir()))
		case 1:
			add(name, "-"+at)
			add(name, "") // resets it
		default:
			add(name, "-"+at)
		}
	}
	if r.IntN(4) == 0 {
		add("TemporaryFileSystem", dir()+pick("", ":ro", ":ro,mode=755"))
	}
	for range r.IntN(3) {
		at := dir()
		// A source with a file f, and nothing deeper.
		add(pick("BindPaths", "BindReadOnlyPaths"), pick("-"+at, "-"+at+":"+at, "-/srv/c:/opt/d", "-/srv/a/b:/home/u:rbind"))
	}
	return out
}

// sandboxUnit is a unit with the directives that runs the probe and writes its results
// to the file out.
func sandboxUnit(ds []spec.Directive, out string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nStandardOutput=file:%s\nExecStart=/bin/sh /run/sandbox/probe\n", out)
	for _, d := range ds {
		fmt.Fprintf(&b, "%s=%s\n", d.Name, d.Value)
	}
	return b.String()
}

// sandboxProbe is a script that prints for each file whether it is seen or hidden, and
// whether its directory is writable (writes) or not (kept).
func sandboxProbe() string {
	var b strings.Builder
	for i, f := range sandboxFiles {
		fmt.Fprintf(&b, "s=hidden; (read -r _ <%s) 2>/dev/null && s=seen; w=kept; (: >%s/w$$) 2>/dev/null && w=writes && rm %s/w$$; echo \"%d $s $w\"\n",
			f, path.Dir(f), path.Dir(f), i)
	}
	return b.String()
}

// runManager is a script that runs systemd's manager as root, in its own namespaces,
// until done.service has run. Arguments: a directory with units, systemd, unshare.
const runManager = `
set -eu
export work=$1 systemd=$2 unshare=$3
exec "$unshare" --mount --propagation private sh -euc '
	mkdir "$work/cgroup"
	mount -t cgroup2 cgroup2 "$work/cgroup"
	own=$work/cgroup/kcmgen-sandbox-$$
	mkdir "$own"
	trap "find $own -depth -type d -exec rmdir {} \; ; umount $work/cgroup" EXIT
	( echo 0 > "$own/cgroup.procs"
	  exec "$unshare" --mount --pid --cgroup --fork --kill-child --mount-proc sh -euc '\''
		mount -t tmpfs -o mode=755 tmpfs /run
		mkdir -p /run/systemd/system /run/user /run/units /run/sandbox/out /run/systemd/inaccessible/dir
		cd /run/systemd/inaccessible
		: > reg; mkfifo fifo; mknod chr c 0 0; mknod blk b 0 0
		chmod 000 *
		cd /
		umount -R /sys/fs/cgroup 2>/dev/null || true
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		cp "$work"/*.service /run/units
		cp "$work/probe" "$work/files" /run/sandbox
		mkdir /run/sandbox/work
		mount --bind "$work" /run/sandbox/work
		for at in /srv /opt /home /root /tmp /var/tmp /etc/opt /usr/local/games /var/opt /mnt; do
			mkdir -p "$at"
			mount -t tmpfs -o mode=755 tmpfs "$at"
		done
		while read -r f; do
			mkdir -p "${f%/*}"
			echo "$f" > "$f"
		done </run/sandbox/files
		printf "[Unit]\nDefaultDependencies=no\n" > /run/units/basic.target
		env -i HOME=/run/user XDG_RUNTIME_DIR=/run/user PATH="$PATH" LC_ALL=C.UTF-8 SYSTEMD_LOG_TARGET=console \
			SYSTEMD_UNIT_PATH=/run/units: SYSTEMD_GENERATOR_PATH=/run/user SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/run/user \
			timeout 300 "$systemd" --user --unit=done.service || echo "systemd: exit $?" >&2
		cp /run/sandbox/out/* /run/sandbox/work/out
	'\'' )
'`

// TestSandboxBySystemd: systemd starts units with random sandboxes, and their processes
// can see and write to what this package says.
func TestSandboxBySystemd(t *testing.T) {
	machine.Root(t)
	systemd, unshare := machine.Program(t, "systemd"), machine.Program(t, "unshare")
	work := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const units = 60
	r := rand.New(rand.NewPCG(13, 2))
	done := "[Unit]\nDefaultDependencies=no\nSuccessAction=exit\n"
	var all [units][]spec.Directive
	for i := range all {
		all[i] = randomSandbox(r)
		name := fmt.Sprintf("j%d.service", i)
		write(name, sandboxUnit(all[i], fmt.Sprintf("/run/sandbox/out/%d", i)))
		done += "Wants=" + name + "\nAfter=" + name + "\n"
	}
	write("done.service", done+"[Service]\nType=oneshot\nExecStart=/bin/true\n")
	write("probe", sandboxProbe())
	write("files", strings.Join(sandboxFiles, "\n")+"\n")
	if err := os.Mkdir(filepath.Join(work, "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	log, err := exec.Command("sh", "-c", runManager, "sh", work, systemd, unshare).CombinedOutput()
	if refused := strings.Contains(string(log), "not permitted") || strings.Contains(string(log), "ermission denied"); err != nil && refused {
		machine.Missing(t, "systemd in namespaces", "where root may have them")
	}
	if err != nil {
		t.Fatalf("systemd: %v\n%s", err, log)
	}
	ran, hidden, kept := 0, 0, 0
	for i, ds := range all {
		found, err := os.ReadFile(filepath.Join(work, "out", fmt.Sprint(i)))
		if lines := strings.Count(string(found), "\n"); err != nil || lines != len(sandboxFiles) {
			continue // its mounts can't be made: the unit doesn't start
		}
		ran++
		h, k := compareSandbox(t, ds, strings.Split(string(found), "\n"))
		hidden, kept = hidden+h, kept+k
	}
	t.Logf("%d units ran, %d files were hidden, %d directories kept from writing", ran, hidden, kept)
	if ran < units*3/4 || hidden < units || kept < units {
		t.Errorf("too few to tell:\n%s", log[max(0, len(log)-4000):])
	}
}

// compareSandbox compares what a unit's process found with what this package says.
func compareSandbox(t *testing.T, ds []spec.Directive, lines []string) (hidden, kept int) {
	t.Helper()
	c := base()
	c.Unit = spec.Unit{Service: ds}
	c.Generations = false
	v := newView(c, Facts{})
	s := v.sandbox(v.nodes[0])
	for i, f := range sandboxFiles {
		_, hides := s.hides(f, spec.PathFlag{})
		_, gone := s.hides(path.Dir(f), spec.PathFlag{Dir: true, Writes: true})
		_, guards := s.guards(path.Dir(f))
		sees, writes := "seen", "writes"
		if hides {
			sees = "hidden"
			hidden++
		}
		if gone || guards {
			writes = "kept"
			kept++
		}
		if want := fmt.Sprintf("%d %s %s", i, sees, writes); lines[i] != want {
			t.Errorf("%s: systemd says %q, and this package %q, of\n%s", f, lines[i], want, sandboxUnit(ds, ""))
		}
	}
	return hidden, kept
}
