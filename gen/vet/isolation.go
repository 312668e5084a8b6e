package vet

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// isolationRules compare the sandbox, the mounts and the probes with what the flags
// name: the process must see it, read it and write to it.
var isolationRules = []Rule{
	{
		ID: "path-hidden", Severity: isError, Fixed: true, node: pathHidden,
		Doc: "the process sees every file and directory that its flags name: the unit hides none, or a volume of the pod holds it",
	},
	{
		ID: "path-in-image", Severity: isError, node: pathInImage,
		Doc: "a file that no volume of the pod holds is in its image",
	},
	{
		ID: "path-read-only", Severity: isError, Fixed: true, node: pathReadOnly,
		Doc: "the process can write to the files and directories where its flags make it write",
	},
	{
		ID: "path-unreadable", Severity: isError, Fixed: true, node: pathUnreadable,
		Doc: "the user that the unit or pod runs as can read the files that kcmgen puts there",
	},
	{
		ID: "port-privileged", Severity: isError, Fixed: true, node: portPrivileged,
		Doc: "a pod may listen on its port: below 1024 on the host's network it needs root and NET_BIND_SERVICE",
	},
	{
		ID: "volume-collides", Severity: isError, Fixed: true, node: podClashes,
		Doc: "no volume of the pod is mounted where kcmgen mounts a file",
	},
	{
		ID: "probe-unreachable", Severity: isError, Fixed: true, node: probeUnreachable,
		Doc: "a pod without the host's network listens where the kubelet probes it, and reaches the apiserver",
	},
	{
		ID: "probe-without-port", Severity: isWarning, node: probeWithoutPort,
		Doc: "a pod that has probes serves what they ask for: --secure-port isn't 0",
	},
	{
		ID: "restart-policy", Severity: isError, Unit: true, node: restartPolicy,
		Doc: "systemd restarts the process after it lost the leader lease (a warning where it exits with code 1)",
	},
}

// need is a path that the process uses.
type need struct {
	path, field string
	what        string // how messages begin
	flag        spec.PathFlag
	role        spec.Role // of the file that kcmgen puts there; "" if it is none
	ours        bool      // kcmgen puts it there
}

// needs returns the paths that a node's process uses.
func (v *view) needs(n *nodeView) []need {
	if n.alike.needs == nil {
		n.alike.needs = v.pathsOf(n)
	}
	return n.alike.needs
}

func (v *view) pathsOf(n *nodeView) []need {
	dir := "/"
	if v.Layout == spec.StaticPod {
		dir = v.Pod.WorkingDir()
	} else if d := workingDirectory(v); d != "" {
		dir = d
	}
	placed := policy.Placed(v.Cluster, n.flags)
	var out []need
	for _, f := range n.flags {
		if v.pathUnread(n, f) {
			continue
		}
		for _, p := range f.Paths(dir) {
			x := need{path: p, field: f.Field, what: fmt.Sprintf("--%s names %s", f.Name, p), flag: spec.PathFlags[f.Name]}
			if v.Layout == spec.Systemd { // an image may have no such link
				x.path = withoutLink(p)
			}
			for _, r := range placed {
				if v.Paths.Of(r) == p {
					x.role, x.ours = r, true
				}
			}
			out = append(out, x)
		}
	}
	if v.Layout == spec.StaticPod {
		return out
	}
	program := need{path: v.Program(n.Node), field: "paths.binary", ours: v.Installs()}
	if v.Installs() {
		program.field = "paths.programs"
	}
	program.what = "the program is " + program.path
	out = append(out, program)
	for _, d := range v.Unit.Service {
		if d.Name == "WorkingDirectory" && path.IsAbs(d.Value) && plain(d.Value) {
			out = append(out, need{path: path.Clean(d.Value), field: "unit.Service.WorkingDirectory", what: "the working directory is " + d.Value, flag: spec.PathFlag{Dir: true}})
		}
	}
	return out
}

// withoutLink resolves /var/run, a symbolic link on every host.
func withoutLink(p string) string {
	if rest, ok := strings.CutPrefix(p, "/var/run/"); ok {
		return "/run/" + rest
	}
	return p
}

// pathUnread reports whether the process never uses the path in a flag.
func (v *view) pathUnread(n *nodeView, f spec.Flag) bool {
	if _, ok := spec.PathFlags[f.Name]; !ok {
		return true
	}
	if f.Name == "log-file" || f.Name == "log-dir" {
		return !isFalse(n.value("logtostderr"))
	}
	if v.minor != nil {
		if _, known := v.minor.Flag(f.Name); !known {
			return true // flag-unknown, flag-removed or flag-too-new
		}
	}
	why, _ := v.ignored(n, f)
	return why != ""
}

func pathHidden(v *view, n *nodeView) []fault {
	if v.Layout == spec.StaticPod {
		return v.missingInPod(n, true)
	}
	s := v.sandbox(n)
	out := v.bindsOmitted(n)
	for _, x := range v.needs(n) {
		if s.foreignRoot && x.ours && (x.role == "" || !v.Generations) {
			out = append(out, fault{field: x.field, message: x.what + ", which isn't below the unit's RootDirectory or in its image", expected: "no other root, or a BindReadOnlyPaths for it"})
			continue
		}
		if d, hidden := s.hides(x.path, x.flag); hidden {
			out = append(out, hiddenFault(x, d))
		}
	}
	return out
}

// hiddenFault is the fault of a path that a directive hides.
func hiddenFault(x need, d spec.Directive) fault {
	f := fault{
		field: x.field, also: []string{finding.Path("unit", "Service", d.Name)},
		message: fmt.Sprintf("%s, which %s=%s hides from the process", x.what, d.Name, d.Value),
	}
	switch d.Name {
	case "ProtectHome":
		f.expected = "a path outside /home, /root and /run/user"
		f.hint = `or let the process see them: unit: Service: ProtectHome: "read-only"`
		if x.flag.Writes {
			f.hint = `or let the process write there: unit: Service: ProtectHome: "no"`
		}
	case "PrivateTmp":
		f.expected = "a path outside /tmp and /var/tmp"
		f.hint = `or let the process see the host's: unit: Service: PrivateTmp: "no"`
	case "PrivateDevices":
		f.expected = "a path outside /dev"
	case "TemporaryFileSystem":
		f.expected = "a path outside of it, or one that is bound into it"
		f.hint = fmt.Sprintf("unit: Service: BindReadOnlyPaths: %q", x.path)
		if x.flag.Writes {
			f.hint = fmt.Sprintf("unit: Service: BindPaths: %q", x.path)
		}
	default:
		f.expected = fmt.Sprintf("a path outside of it, or another %s", d.Name)
	}
	return f
}

func pathInImage(v *view, n *nodeView) []fault {
	if v.Layout != spec.StaticPod {
		return nil
	}
	return v.missingInPod(n, false)
}

// certDirUnsafe: kcmgen makes the directory, and a mount or a directive for it.
func certDirUnsafe(v *view, n *nodeView) []fault {
	dir, ok := policy.CertDir(v.Cluster, n.flags)
	if !ok || hostPath().MatchString(strings.TrimSuffix(dir, "/")) && len(dir) <= maxPath {
		return nil
	}
	return one(fault{
		field: v.flagField(n, "cert-dir"), message: fmt.Sprintf("--cert-dir is %.80q", dir),
		expected: `an absolute path without "..", white space or special characters`,
	})
}

// missingInPod reports paths that no volume of the pod holds: with sure, those that its
// image doesn't hold either; else those that the image may hold.
func (v *view) missingInPod(n *nodeView, sure bool) []fault {
	mounts := v.podMounts(n)
	var out []fault
	for _, x := range v.needs(n) {
		m, mounted := podMountOf(mounts, x.path)
		switch {
		case mounted && (!m.file || m.path == x.path), !mounted && x.flag.Writes:
			continue
		case mounted && sure: // below a file
			out = append(out, fault{field: x.field, also: []string{m.field}, message: fmt.Sprintf("%s, and %s is a file in the pod", x.what, m.path), expected: "a volume that holds it"})
			continue
		}
		holds, known := v.inImage(x.path)
		if holds || known != sure {
			continue
		}
		f := fault{field: x.field, message: x.what + ", and no volume of the pod holds it", expected: "a volume of the pod with it", hint: v.volumeHint(n, x)}
		if !known {
			f.message += ": it must be in the image"
			f.hint += "; waive this if the image holds it"
		}
		out = append(out, f)
	}
	return out
}

// volumeHint is a hint: the volume to add to the pod.
func (v *view) volumeHint(n *nodeView, x need) string {
	kind := `, type: "File"`
	if x.flag.Dir {
		kind = `, type: "Directory"`
	}
	if x.flag.Writes {
		kind = ", readOnly: false"
	}
	return fmt.Sprintf("pod: volumes: %s: {hostPath: %q%s}", finding.Label(v.volumeName(n, x.path)), x.path, kind)
}

// volumeName names the volume of a path after its base name, or after the whole path
// if that is taken.
func (v *view) volumeName(n *nodeView, at string) string {
	name := volumeLabel(path.Base(at))
	taken := strings.HasPrefix(name, "kcmgen") || v.Pod.HasVolume(name) ||
		slices.ContainsFunc(v.needs(n), func(o need) bool { return !o.ours && o.path != at && volumeLabel(path.Base(o.path)) == name })
	if taken {
		name = volumeLabel("of" + at)
	}
	return cmp.Or(name, "more")
}

// volumeLabel turns text into a DNS label of at most 63 characters.
func volumeLabel(s string) string {
	s = strings.Trim(nonLabel(s), "-")
	return strings.ToLower(strings.Trim(s[max(0, len(s)-63):], "-"))
}

func nonLabel(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, s)
}

func pathReadOnly(v *view, n *nodeView) []fault {
	var out []fault
	for _, x := range v.needs(n) {
		if !x.flag.Writes {
			continue
		}
		if v.Layout == spec.StaticPod {
			out = append(out, v.readOnlyInPod(n, x)...)
			continue
		}
		s := v.sandbox(n)
		if _, hidden := s.hides(x.path, x.flag); hidden {
			continue
		}
		if d, guarded := s.guards(x.path); guarded {
			out = append(out, fault{
				field: x.field, also: []string{finding.Path("unit", "Service", d.Name)},
				message:  fmt.Sprintf("%s to write to, which %s=%s forbids", x.what, d.Name, d.Value),
				expected: "a writable path", hint: writableHint(x, d),
			})
		}
	}
	return out
}

// writableHint is a hint: add ReadWritePaths for the path or, if d names that very
// path, remove it there.
func writableHint(x need, d spec.Directive) string {
	at := x.path
	if !x.flag.Dir {
		at = path.Dir(at)
	}
	if slices.Contains(words(d.Value), at) {
		return fmt.Sprintf("take it out of %s", d.Name)
	}
	return fmt.Sprintf("unit: Service: ReadWritePaths: %q", at)
}

func (v *view) readOnlyInPod(n *nodeView, x need) []fault {
	m, mounted := podMountOf(v.podMounts(n), x.path)
	switch {
	case mounted && m.readOnly:
		field := m.field
		if field == "" {
			field = x.field
		}
		return one(fault{field: field, also: []string{x.field}, message: x.what + " to write to, and the volume is read-only", expected: "readOnly: false"})
	case !mounted && v.security(n).ReadOnlyRoot():
		x.path = path.Dir(x.path + "/")
		if !x.flag.Dir {
			x.path, x.flag.Dir = path.Dir(x.path), true
		}
		return one(fault{field: x.field, message: x.what + " to write to, and the pod's root is read-only", expected: "a writable volume of the pod", hint: v.volumeHint(n, x)})
	}
	return nil
}
