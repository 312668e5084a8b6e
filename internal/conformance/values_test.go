package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// judgedHost is the directory of the program, its files and generations in tests that run
// the unit: no host's own files are there.
const judgedHost = "/run/kcmgen-judge"

// hostileUnit returns a cluster whose unit runs once and writes its arguments.
func hostileUnit(flags string) string {
	return cluster("hostile", "systemd", oneNode+flags+`
	waivers: "unit-type": reason: "the program of this test ends"
	paths: {
		dir:         "`+judgedHost+`/fixed"
		binary:      "`+judgedHost+`/argv"
		generations: "`+judgedHost+`/generations"
	}
	unit: {
		Unit: {SuccessAction: "exit", FailureAction: "exit"}
		Service: {Type: "oneshot", Restart: "no", StandardOutput: "file:`+judgedHost+`/written"}
	}`)
}

func exportOne(t testing.TB, text string) string {
	t.Helper()
	dir := module(t, map[string]string{"c": text})
	if r := execute(t, dir, nil, kcmgen, "export", "./c"); r.code != 0 {
		t.Fatalf("exit %d\n%s", r.code, r.err)
	}
	return filepath.Join(dir, "out")
}

// TestValuesThroughSystemd: systemd's parser finds the intended arguments, before variables
// are expanded: a "$" is still two characters.
func TestValuesThroughSystemd(t *testing.T) {
	flags, want := hostileFlags(hostileValues())
	out := exportOne(t, hostileUnit(flags))
	got := systemdArgs(t, read(t, filepath.Join(out, "hostile/nodes/n1", seedUnit)))
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "$", "$$")
	}
	sameArgs(t, got, want)
}

// TestValuesRunBySystemd: a real systemd starts the exported hardened unit, and the program
// writes its arguments. It sees its files at the paths in the flags, and can't write there.
func TestValuesRunBySystemd(t *testing.T) {
	systemd, unshare := need.Program(t, "systemd"), need.Program(t, "unshare")
	need.Root(t) // for its mount, process and cgroup namespaces
	need.Namespaces(t)
	flags, want := hostileFlags(hostileValues())
	node := filepath.Join(exportOne(t, hostileUnit(flags)), "hostile/nodes/n1")
	work, err := os.MkdirTemp(scratch, "manager-")
	if err != nil {
		t.Fatal(err)
	}
	// The program prints its arguments, then what it sees.
	write(t, filepath.Join(work, "argv"), `#!/bin/sh
printf '%s\0' "$@"
cat `+judgedHost+`/fixed/ca.crt
( : > `+judgedHost+`/fixed/new ) 2>/dev/null && echo "wrote to its files"
( : > /etc/kcmgen-judge ) 2>/dev/null && echo "wrote to /etc"
true
`)
	r := execute(t, work, nil, "sh", "-c", manager, "sh", node, work, systemd, unshare)
	written, err := os.ReadFile(filepath.Join(work, "written"))
	if err != nil {
		t.Fatalf("systemd didn't run the unit (exit %d): %v\n%s%s", r.code, err, r.out, r.err)
	}
	parts := strings.Split(string(written), "\x00")
	got, rest := parts[:len(parts)-1], parts[len(parts)-1]
	sameArgs(t, append([]string{""}, got...), want)
	if ca := read(t, filepath.Join(node, "../../pki/ca.crt")); rest != ca {
		t.Errorf("the program sees, for its CA:\n%s", rest)
	}
}

// manager runs a systemd user manager as root in its own namespaces, until the unit ends.
// Arguments: the node's files, a directory, systemd, unshare.
const manager = `
set -eu
export node=$1 work=$2 systemd=$3 unshare=$4
exec "$unshare" --mount --propagation private sh -euc '
	mkdir "$work/cgroup"
	mount -t cgroup2 cgroup2 "$work/cgroup"
	own=$work/cgroup/kcmgen-judge-$$
	mkdir "$own"
	trap "find $own -depth -type d -exec rmdir {} \; ; umount $work/cgroup" EXIT
	( echo 0 > "$own/cgroup.procs"
	  exec "$unshare" --mount --pid --cgroup --fork --kill-child --mount-proc sh -euc '\''
		mount -t tmpfs -o mode=755 tmpfs /run
		mkdir -p /run/systemd/system /run/user /run/units '` + judgedHost + `'
		# PID 1 makes these at boot, for sandboxes to hide things with.
		mkdir -p /run/systemd/inaccessible/dir
		cd /run/systemd/inaccessible
		: > reg; mkfifo fifo; mknod chr c 0 0; mknod blk b 0 0
		chmod 000 *
		cd /
		umount -R /sys/fs/cgroup 2>/dev/null || true
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		cp -a "$node'` + judgedHost + `'/." '` + judgedHost + `'
		cp "$work/argv" '` + judgedHost + `/argv'
		chmod 755 '` + judgedHost + `/argv'
		cp "$node/` + seedUnit + `" /run/units
		# Without it the sockets of users would start too.
		printf "[Unit]\nDefaultDependencies=no\n" > /run/units/basic.target
		env -i HOME=/run/user XDG_RUNTIME_DIR=/run/user PATH="$PATH" LC_ALL=C.UTF-8 SYSTEMD_LOG_TARGET=console \
			SYSTEMD_UNIT_PATH=/run/units: SYSTEMD_GENERATOR_PATH=/run/user SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/run/user \
			timeout 60 "$systemd" --user --unit=kube-controller-manager.service || echo "systemd: exit $?" >&2
		cp '` + judgedHost + `/written' "$work/written"
	'\'' )
'`

// asRun returns a container's command as the kubelet runs it: $$ is one $, and $(NAME) a
// variable (see the API's documentation of Container.command).
func asRun(command []string) []string {
	out := make([]string, len(command))
	for i, c := range command {
		for _, part := range strings.Split(c, "$$") {
			if strings.Contains(part, "$(") {
				part = "a variable: " + part
			}
			out[i] += part + "$"
		}
		out[i] = strings.TrimSuffix(out[i], "$")
	}
	return out
}

// sameArgs compares the arguments after the program's name: all of want in order, and no
// others except those that kcmgen adds itself.
func sameArgs(t *testing.T, got, want []string) {
	t.Helper()
	got = got[1:]
	first := slices.IndexFunc(got, func(a string) bool { return strings.HasPrefix(a, "--zz-") })
	if first < 0 {
		t.Fatalf("none of the flags came through: %.300q", got)
	}
	for _, a := range got[:first] {
		if !strings.HasPrefix(a, "--") || !strings.Contains(a, "=") {
			t.Errorf("an unexpected argument: %.100q", a)
		}
	}
	got = got[first:]
	bad := 0
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			if bad++; bad <= 10 {
				t.Errorf("argument %d came through as %.120q, meant was %.120q", i, g, w)
			}
		}
	}
	t.Logf("%d of %d values came through", len(want)-bad, len(want))
}

// TestValuesThroughYAML: two other YAML parsers find the intended arguments and annotations
// of the pod.
func TestValuesThroughYAML(t *testing.T) {
	values := hostileValues()
	flags, want := hostileFlags(values)
	notes := "pod: annotations: {\n"
	for i, v := range values {
		notes += fmt.Sprintf("%q: %s\n", fmt.Sprintf("n%04d", i), quoted(v))
	}
	out := exportOne(t, cluster("hostile", "staticPod", oneNode+flags+notes+"}\n"))
	file := filepath.Join(out, "hostile/nodes/n1/etc/kubernetes/manifests/kube-controller-manager.yaml")
	r := kubectlPod(t, file)
	if r.code != 0 {
		t.Fatalf("kubectl: exit %d\n%s", r.code, r.err)
	}
	for name, pod := range map[string]any{"kubectl": fromJSON(t, r.out), "cue": yamlJSON(t, file)} {
		t.Run(name, func(t *testing.T) {
			p := pod.(map[string]any)
			containers := p["spec"].(map[string]any)["containers"].([]any)
			if len(containers) != 1 {
				t.Errorf("%d containers", len(containers))
			}
			sameArgs(t, asRun(stringsOf(containers[0].(map[string]any)["command"])), want)
			annotations := p["metadata"].(map[string]any)["annotations"].(map[string]any)
			if len(annotations) != len(values) {
				t.Errorf("%d annotations, meant were %d", len(annotations), len(values))
			}
			for i, v := range values {
				if got := annotations[fmt.Sprintf("n%04d", i)]; got != v {
					t.Errorf("annotation %d came through as %.120q, meant was %.120q", i, got, v)
				}
			}
		})
	}
}

// TestValuesThroughKubeconfig: kubectl finds the intended names, and no other entries.
func TestValuesThroughKubeconfig(t *testing.T) {
	packages, value := map[string]string{}, map[string]string{}
	for i, v := range hostileValues() {
		// The schema requires a name. Each runs kubectl, so this is a sample.
		if v == "" || i%9 != 0 && (i > 60 || i%2 != 0) {
			continue
		}
		name := fmt.Sprint("c", i)
		value[name] = v
		packages[name] = cluster(name, "systemd", oneNode+"kubeconfig: {cluster: "+quoted(v)+", user: "+quoted(v+"u")+", context: "+quoted("c"+v)+"}")
	}
	fit, refused := loadAll(t, module(t, packages))
	for name, rule := range refused {
		t.Errorf("%q is refused: %s", value[name], rule)
	}
	for name, v := range fit {
		made, err := generate(t, v)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "kubeconfig")
		for _, e := range made.Entries() {
			if strings.HasSuffix(e.Path, "/controller-manager.conf") {
				write(t, file, string(e.Bytes()))
			}
		}
		cfg := kubeconfigJSON(t, file).(map[string]any)
		var got []any
		for _, list := range []string{"clusters", "users", "contexts"} {
			for _, entry := range cfg[list].([]any) {
				got = append(got, entry.(map[string]any)["name"])
			}
		}
		got = append(got, cfg["current-context"])
		if want := []any{value[name], value[name] + "u", "c" + value[name], "c" + value[name]}; !slices.Equal(got, want) {
			t.Errorf("kubectl reads %q, meant was %q", got, want)
		}
	}
	t.Logf("%d kubeconfigs", len(fit))
}
