package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// adopted returns a host that kcmgen never changed, whose unit says the same in other words.
func adopted(t *testing.T, change func(unit string) string) *Host {
	t.Helper()
	h := observed(t, "cp-1")
	text, _, _ := strings.Cut(string(h.Desired.Unit), "BindReadOnlyPaths=")
	wants, err := ParseConfig(Unit{}, fresh, []byte(text), func(string, bool) ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	h.Desired.Config = *wants
	byHand := strings.ReplaceAll(change("# by hand\n"+string(h.Desired.Unit)), "ExecStart=", "ExecStart =  ")
	was, _ := ParseConfig(Unit{}, Found, []byte(byHand), func(string, bool) ([]byte, error) { return nil, nil })
	if was == nil {
		t.Fatal("no unit")
	}
	h.Current = was
	h.Snapshot.Runs, h.Snapshot.Unit, h.Snapshot.Process.Args = Found, was.Unit, was.Argv
	for top := range h.Desired.Trees {
		only, err := tree.New([]tree.Entry{{Path: h.Unit.Name, Mode: 0o644, Data: h.Desired.Unit}})
		if err != nil {
			t.Fatal(err)
		}
		h.Desired.Trees[top] = only
	}
	return h
}

// TestMeantSo: a unit by hand that means what was exported is no difference, and no restart.
func TestMeantSo(t *testing.T) {
	same := func(unit string) string { return unit }
	for name, tc := range map[string]struct {
		unit   func(string) string
		change func(*Host)
		same   bool
	}{
		"other words":         {same, func(*Host) {}, true},
		"another flag":        {func(u string) string { return strings.Replace(u, "--v=2", "--v=3", 1) }, func(*Host) {}, false},
		"another program":     {func(u string) string { return strings.Replace(u, "ExecStart=/", "ExecStart=/other/", 1) }, func(*Host) {}, false},
		"a prefix":            {func(u string) string { return strings.Replace(u, "ExecStart=/", "ExecStart=-/", 1) }, func(*Host) {}, false},
		"a wrapper":           {func(u string) string { return strings.Replace(u, "ExecStart=/", "ExecStart=/usr/bin/nice /", 1) }, func(*Host) {}, false},
		"a command before it": {func(u string) string { return strings.Replace(u, "ExecStart=/", "ExecStartPre=/bin/a\nExecStart=/", 1) }, func(*Host) {}, false},
		"a command after it": {func(u string) string {
			return strings.Replace(u, "ExecStart=/", "ExecStartPost=/bin/a\nExecStart=/", 1)
		}, func(*Host) {}, false},
		"a command to stop it":  {func(u string) string { return strings.Replace(u, "ExecStart=/", "ExecStop=/bin/a\nExecStart=/", 1) }, func(*Host) {}, false},
		"a command to reload":   {func(u string) string { return strings.Replace(u, "ExecStart=/", "ExecReload=/bin/a\nExecStart=/", 1) }, func(*Host) {}, false},
		"another directive":     {func(u string) string { return strings.Replace(u, "[Service]\n", "[Service]\nUser=kube\n", 1) }, func(*Host) {}, false},
		"a drop-in":             {same, func(h *Host) { h.Snapshot.Process.DropIns = []string{"/etc/a.conf"} }, false},
		"a file to place":       {same, func(h *Host) { h.Desired.Trees = observed(t, "cp-1").Desired.Trees }, false},
		"kcmgen's own":          {same, func(h *Host) { h.Snapshot.Runs = old }, false},
		"an older process":      {same, func(h *Host) { h.Snapshot.Process.Args = []string{"/kcm", "--v=1"} }, false},
		"a process that's ill":  {same, func(h *Host) { h.Unhealthy = "no answer" }, true}, // nothing differs; a deployment restarts it
		"no unit that is known": {same, func(h *Host) { h.Current = nil }, false},
	} {
		h := adopted(t, tc.unit)
		tc.change(h)
		if d := h.Drift(); d.InSync() != tc.same {
			t.Errorf("%s: in sync: %v, %+v", name, d.InSync(), d)
		}
		if s := h.step(); (s == nil) != (tc.same && h.Unhealthy == "") {
			t.Errorf("%s: a step: %+v", name, s)
		}
	}
}

// TestMeantSoWithVariables: where the unit's text has variables, the process shows what it means,
// unless it can't be the unit's; then a plan says why there is a restart.
func TestMeantSoWithVariables(t *testing.T) {
	same := func(unit string) string { return unit }
	for name, tc := range map[string]struct {
		unit   func(string) string
		change func(*Host)
		known  bool // what it means is known
		same   bool
	}{
		"in a word":           {same, func(*Host) {}, true, true},
		"words":               {func(u string) string { return strings.Replace(u, "--v=${LV}", "$KCM_ARGS $MORE", 1) }, func(*Host) {}, true, true},
		"a specifier":         {func(u string) string { return strings.Replace(u, "${LV}", "%i", 1) }, func(*Host) {}, true, true},
		"another value":       {same, func(h *Host) { h.Snapshot.Process.Args = slices.Concat(h.Snapshot.Process.Args, []string{"--v=9"}) }, true, false},
		"another file":        {func(u string) string { return strings.Replace(u, "[Service]\n", "[Service]\nEnvironmentFile=/a\n", 1) }, func(*Host) {}, true, false},
		"another program":     {same, func(h *Host) { h.Snapshot.Process.Args[0] = "/other" }, false, false},
		"another name":        {func(u string) string { return strings.Replace(u, "ExecStart =  /", "ExecStart=@/", 1) }, func(*Host) {}, false, false},
		"two commands":        {func(u string) string { return strings.Replace(u, "ExecStart =  /", "ExecStart=/a $A\nExecStart=/", 1) }, func(*Host) {}, false, false},
		"it doesn't run":      {same, func(h *Host) { h.Snapshot.Process.Running = false }, false, false},
		"systemd has another": {same, func(h *Host) { h.Snapshot.Process.Stale = true }, false, false},
	} {
		h := adopted(t, same)
		h.Current, _ = ParseConfig(Unit{}, Found, []byte(tc.unit(strings.Replace(string(h.Current.Unit), "--v=2", "--v=${LV}", 1))), nil)
		h.Snapshot.Process.Args = slices.Clone(h.Snapshot.Process.Args)
		tc.change(h)
		d, s := h.Drift(), h.step()
		if d.InSync() != tc.same || (s == nil) != tc.same {
			t.Errorf("%s: in sync: %v, %+v, %+v", name, d.InSync(), d, s)
		}
		if h.Current.HealthzAddress() != "" {
			t.Errorf("%s: it would be asked at %s, and may listen elsewhere", name, h.Current.HealthzAddress())
		}
		const says = "its command line can't be read from its file"
		if strings.Contains(strings.Join(d.Unit, "\n"), says) == tc.known || strings.Contains(strings.Join(h.notes(&Plan{}), "\n"), says) == tc.known {
			t.Errorf("%s: it says %q, %q", name, d.Unit, h.notes(&Plan{}))
		}
	}
}

// TestDropInAdvice: diff --live and a plan say what to do about a drop-in.
func TestDropInAdvice(t *testing.T) {
	h := adopted(t, func(unit string) string { return unit })
	h.Snapshot.Process.DropIns = []string{"/etc/a.conf"}
	d, notes := h.Drift(), strings.Join(h.notes(&Plan{}), "\n")
	if d.InSync() || !strings.Contains(strings.Join(d.Unit, "\n"), dropInAdvice) || !strings.Contains(notes, "/etc/a.conf changes the unit, and isn't kcmgen's: it "+dropInAdvice) {
		t.Errorf("%+v\n%s", d, notes)
	}
}

const meantPod = `apiVersion: v1
kind: Pod
metadata: {name: kcm, namespace: kube-system}
spec:
  hostNetwork: true
  containers:
  - name: kcm
    image: kcm:v1.34.2
    command: [/go-runner, --log-file=/a, /usr/bin/kube-controller-manager, --v=2]
    env:
    - {name: A, value: "1"}
    - {name: B, value: "2"}
    volumeMounts:
    - {name: x, mountPath: /x, readOnly: true}
    - {name: y, mountPath: /y}
    livenessProbe: {httpGet: {path: /healthz, port: 1}}
    readinessProbe: {httpGet: {path: /readyz, port: 2}}
  - name: other
    image: other:v1
    args: [kube-controller-manager, --v=2]
  volumes:
  - {name: x, hostPath: {path: /x}}
  - {name: y, hostPath: {path: /y}}
`

// TestMeantPod: manifests are compared as what they say, not as lines: the same in another order
// of what has a name is the same, and the same lines in another place aren't.
func TestMeantPod(t *testing.T) {
	swap := func(a, b string) func(string) string {
		return func(s string) string { return strings.NewReplacer(a, b, b, a).Replace(s) }
	}
	put := func(a, b string) func(string) string {
		return func(s string) string { return strings.Replace(s, a, b, 1) }
	}
	for name, tc := range map[string]struct {
		change func(string) string
		same   bool
	}{
		"the same":              {func(s string) string { return "# by hand\n" + s }, true},
		"other flags":           {put("--v=2]", "--v=3, --x]"), true}, // compared by name elsewhere
		"command and args":      {put(", /usr/bin/kube-controller-manager, --v=2]", "]\n    args: [/usr/bin/kube-controller-manager, --v=2]"), true},
		"order of variables":    {swap(`{name: A, value: "1"}`, `{name: B, value: "2"}`), true},
		"order of mounts":       {swap("{name: x, mountPath: /x, readOnly: true}", "{name: y, mountPath: /y}"), true},
		"order of volumes":      {swap("{name: x, hostPath: {path: /x}}", "{name: y, hostPath: {path: /y}}"), true},
		"what means nothing":    {put("metadata: {", "status: {}\nmetadata: {creationTimestamp: null, "), true},
		"the default's name":    {put("image: kcm:v1.34.2", "imagePullPolicy: IfNotPresent\n    image: kcm:v1.34.2"), true},
		"no resources":          {put("image: kcm:v1.34.2", "resources: {}\n    image: kcm:v1.34.2"), true},
		"another program":       {put("/usr/bin/kube-c", "/opt/kube-c"), false},
		"a program of the PATH": {put("/usr/bin/kube-c", "kube-c"), false},
		"another wrapper":       {put("--log-file=/a", "--log-file=/b"), false},
		"without a wrapper":     {put("/go-runner, --log-file=/a, ", ""), false},
		"arguments of an image": {put("command: [/go-runner", "args: [/go-runner"), false},
		"another variable":      {put(`value: "1"`, `value: "3"`), false},
		"values exchanged":      {swap(`"1"`, `"2"`), false},
		"another mount":         {swap("readOnly: true", "readOnly: false"), false},
		"mounts exchanged":      {swap("name: x, m", "name: y, m"), false},
		"volumes exchanged":     {swap("path: /x}", "path: /y}"), false},
		"probes exchanged":      {swap("{path: /healthz, port: 1}", "{path: /readyz, port: 2}"), false},
		"another's flags":       {put("[kube-controller-manager, --v=2", "[kube-controller-manager, --v=3"), false},
		"fewer containers": {func(s string) string {
			a, b, _ := strings.Cut(s, "  - name: other")
			_, c, _ := strings.Cut(b, "--v=2]\n")
			return a + c
		}, false},
		"another image": {put("v1.34.2", "v1.34.3"), false},
	} {
		text := tc.change(meantPod)
		if text == meantPod {
			t.Errorf("%s: nothing is changed", name)
		}
		u := Unit{Name: "kube-system/kcm"}
		a, err1 := ParseConfig(u, fresh, []byte(meantPod), nil)
		b, err2 := ParseConfig(u, Found, []byte(text), nil)
		if err1 != nil || err2 != nil {
			t.Errorf("%s: %v, %v", name, err1, err2)
			continue
		}
		if got := sameStart(a, b); got != tc.same {
			t.Errorf("%s: the same: %v", name, got)
		}
	}
}

// TestMeantKubeadm: kubeadm names the program without its directory, and an export with it.
func TestMeantKubeadm(t *testing.T) {
	with := func(program string) []byte {
		return []byte(strings.Replace(meantPod, "[/go-runner, --log-file=/a, /usr/bin/kube-controller-manager", "["+program, 1))
	}
	const kubeadm = "kube-controller-manager"
	if !samePod(with(kubeadm), with("/usr/local/bin/"+kubeadm)) || samePod(with(kubeadm), with("/opt/"+kubeadm)) {
		t.Error("kubeadm's program isn't that of its image")
	}
}
