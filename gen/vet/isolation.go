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

// isolationRules hold the sandbox, the mounts and the probes against what the flags
// name: the process of that layout can see it, read it and write to it.
var isolationRules = []Rule{
	{
		ID: "path-hidden", Severity: isError, Fixed: true, node: pathHidden,
		Doc: "the process sees every file and directory that its flags name: nothing in the unit hides it, or a volume of the pod holds it",
	},
	{
		ID: "path-in-image", Severity: isError, node: pathInImage,
		Doc: "a file that no volume of the pod holds lies in its image, which is one of the user's own",
	},
	{
		ID: "path-read-only", Severity: isError, Fixed: true, node: pathReadOnly,
		Doc: "the process can write to the files and directories that its flags have it write to",
	},
	{
		ID: "path-unreadable", Severity: isError, Fixed: true, node: pathUnreadable,
		Doc: "the user that the unit runs as can read the files that kcmgen puts there",
	},
	{
		ID: "volume-collides", Severity: isError, Fixed: true, node: podClashes,
		Doc: "no volume of the pod is mounted where kcmgen mounts a file",
	},
	{
		ID: "probe-unreachable", Severity: isError, Fixed: true, node: probeUnreachable,
		Doc: "in a network of its own, a pod listens where the kubelet's probes ask, and reaches the apiserver",
	},
	{
		ID: "restart-policy", Severity: isError, node: restartPolicy,
		Doc: "systemd starts the process again when it ends for a lost leader lease (a warning where the unit never does)",
	},
}

// need is a path that the process has to find.
type need struct {
	path, field string
	what        string // as messages begin
	flag        spec.PathFlag
	role        spec.Role // that kcmgen places there; "" if it places nothing
	ours        bool      // kcmgen puts it there
}

// needs are the paths that a node's process uses.
func (v *view) needs(n *nodeView) []need {
	dir := "/"
	if d := workingDirectory(v); d != "" {
		dir = d
	}
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
			for _, r := range policy.Placed(v.Cluster, n.flags) {
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

// withoutLink is a path without the symbolic link that every host has in it.
func withoutLink(p string) string {
	if rest, ok := strings.CutPrefix(p, "/var/run/"); ok {
		return "/run/" + rest
	}
	return p
}

// pathUnread reports whether the path in a flag is never looked at.
func (v *view) pathUnread(n *nodeView, f spec.Flag) bool {
	if _, ok := spec.PathFlags[f.Name]; !ok {
		return true
	}
	if f.Name == "log-file" || f.Name == "log-dir" {
		return !isFalse(n.value("logtostderr"))
	}
	if v.minor != nil {
		if _, known := v.minor.Flag(f.Name); !known {
			return true // flag-unknown and its like
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
	var out []fault
	for _, x := range v.needs(n) {
		if s.foreign && x.ours && (x.role == "" || !v.Generations) {
			out = append(out, fault{field: x.field, message: x.what + ", which isn't below the unit's RootDirectory or in its image", expected: "no other root, or a BindReadOnlyPaths for it"})
			continue
		}
		if d, hidden := s.hides(x.path, x.flag); hidden {
			out = append(out, hiddenFault(x, d))
		}
	}
	return out
}

// hiddenFault says what hides a path in a unit, and what to write instead.
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
	if !ok || hostPath.MatchString(strings.TrimSuffix(dir, "/")) && len(dir) <= maxPath {
		return nil
	}
	return one(fault{
		field: v.flagField(n, "cert-dir"), message: fmt.Sprintf("--cert-dir is %.80q", dir),
		expected: `an absolute path without "..", white space or special characters`,
	})
}

// missingInPod are the paths that no volume of the pod holds, and that its image
// doesn't either (sure), or of which nobody knows.
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
			f.message += ": it would have to lie in the image"
			f.hint += "; waive this if the image holds it"
		}
		out = append(out, f)
	}
	return out
}

// volumeHint is the volume that a pod lacks.
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

// volumeName is a name for the volume of a path: of the file, unless another path
// would be called the same.
func (v *view) volumeName(n *nodeView, at string) string {
	name := volumeLabel(path.Base(at))
	taken := strings.HasPrefix(name, "kcmgen") || slices.ContainsFunc(v.Pod.Volumes, func(o spec.Volume) bool { return o.Name == name }) ||
		slices.ContainsFunc(v.needs(n), func(o need) bool { return !o.ours && o.path != at && volumeLabel(path.Base(o.path)) == name })
	if taken {
		name = volumeLabel("of" + at)
	}
	return cmp.Or(name, "more")
}

// volumeLabel is a text as a volume's name: a DNS label, of 63 characters at most.
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
				expected: "a place that can be written to", hint: writableHint(x, d),
			})
		}
	}
	return out
}

// writableHint is what opens a path: a ReadWritePaths, unless it stands against the
// very same path.
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
	case !mounted && v.Pod.Hardened:
		x.path = path.Dir(x.path + "/")
		if !x.flag.Dir {
			x.path, x.flag.Dir = path.Dir(x.path), true
		}
		return one(fault{field: x.field, message: x.what + " to write to, and the pod's root is read-only", expected: "a volume of the pod that can be written to", hint: v.volumeHint(n, x)})
	}
	return nil
}
