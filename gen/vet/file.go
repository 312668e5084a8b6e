package vet

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// hostPath is the schema's #HostPath, for values that the schema doesn't treat as
// paths.
var hostPath = lazy.Regexp(`^(/[A-Za-z0-9@_+=,][A-Za-z0-9@_+=.,-]*|/\.[A-Za-z0-9@_+=,-][A-Za-z0-9@_+=.,-]*)+$`)

// The bytes that Linux allows in a name and in a path, less room for out/.
const (
	maxName = 255
	maxPath = 2048
)

func pathUnsafe(v *view) []fault {
	p := v.Paths
	paths := map[string]string{"dir": p.Dir, "binary": p.Binary, "programs": p.Programs, "unit": p.Unit, "manifest": p.Manifest, "generations": p.Generations}
	for _, r := range spec.Roles {
		paths[string(r)] = p.Of(r)
	}
	var out []fault
	check := func(field, at string) {
		if !hostPath().MatchString(at) || len(at) > maxPath || slices.ContainsFunc(strings.Split(at, "/"), func(s string) bool { return len(s) > maxName }) {
			out = append(out, fault{
				field: field, message: fmt.Sprintf("%s is %.80q", field, at),
				expected: `an absolute path without "..", white space or special characters`,
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		check("paths."+name, paths[name])
	}
	if dir := workingDirectory(v); dir != "" {
		check("unit.Service.WorkingDirectory", dir)
	}
	return out
}

// workingDirectory returns the unit's working directory; "" if it depends on the host.
func workingDirectory(v *view) string {
	for _, d := range v.Unit.Service {
		dir := strings.TrimSuffix(strings.TrimPrefix(d.Value, "-"), "/")
		if v.Layout == spec.Systemd && d.Name == "WorkingDirectory" && dir != "~" && !strings.Contains(dir, "%") {
			return dir
		}
	}
	return ""
}

// place is a file or directory on a host.
type place struct {
	path, field, what string
	around            bool // other places may be below it
}

func (v *view) places(n *nodeView) []place {
	var out []place
	switch {
	case v.Layout == spec.StaticPod: // the binary is in the image
		out = append(out, place{path: v.Paths.Manifest, field: "paths.manifest", what: "the manifest"})
		if v.Image != nil {
			out = append(out, place{path: v.Paths.Binary, field: "paths.binary", what: "the binary"})
		}
	case v.Installs():
		out = append(out, place{path: v.Paths.Programs, field: "paths.programs", what: "the directory of programs"})
	default:
		out = append(out, place{path: v.Paths.Binary, field: "paths.binary", what: "the binary"})
	}
	if v.Layout == spec.Systemd {
		out = append(out, place{path: v.Paths.Unit, field: "paths.unit", what: "the unit"})
	}
	for _, r := range policy.Placed(v.Cluster, n.flags) {
		if v.PKI.ServiceAccount.UseCA && r == spec.ServiceAccountKey && v.Paths.Of(r) == v.Paths.CAKey {
			continue
		}
		out = append(out, place{path: v.Paths.Of(r), field: "paths." + string(r), what: string(r)})
	}
	if v.Generations {
		out = append(out, place{path: v.Paths.Generations, field: "paths.generations", what: "the directory of generations"})
	}
	if dir := workingDirectory(v); dir != "" {
		out = append(out, place{path: dir, field: "unit.Service.WorkingDirectory", what: "the working directory", around: true})
	}
	return out
}

// pathsCollide reports places with the same path, and files where another needs a
// directory. It reports a place once.
func pathsCollide(v *view, n *nodeView) []fault {
	var out []fault
	places := v.places(n)
	for i, b := range places {
		for _, a := range places[:i] {
			below := strings.HasPrefix(a.path, b.path+"/") && !b.around
			if a.path == b.path || below || strings.HasPrefix(b.path, a.path+"/") {
				out = append(out, fault{
					field: b.field, also: []string{a.field},
					message: fmt.Sprintf("%s %s and %s %s are in each other's way", a.what, a.path, b.what, b.path), expected: "different paths",
				})
				break
			}
		}
	}
	return out
}

func valueUnsafe(v *view, n *nodeView) []fault {
	var out []fault
	for _, f := range n.flags {
		if n := lineLength(f); v.Layout == spec.Systemd && n > maxLine {
			out = append(out, fault{field: f.Field, message: fmt.Sprintf("--%s makes a line of %d bytes in the unit", f.Name, n), expected: fmt.Sprintf("%d bytes at most", maxLine)})
		}
		if !spec.PlainLine(f.Value) {
			out = append(out, fault{
				field: f.Field, message: fmt.Sprintf("the value of --%s is %.60q: a control character, or not UTF-8", f.Name, f.Value),
				expected: "printable text",
			})
		}
	}
	return out
}

// maxLine is the longest line of a unit, in bytes, that go-systemd reads.
const maxLine = 2048

// lineLength is the length of a flag's line in the unit: indented, quoted, continued.
func lineLength(f spec.Flag) int {
	n := len("  \"\" \\\n") + len(f.String())
	for _, c := range []string{`"`, `\`, "%", "$"} {
		n += strings.Count(f.Value, c)
	}
	return n
}

func directiveUnsafe(v *view) []fault {
	var out []fault
	for _, s := range []struct {
		name string
		ds   []spec.Directive
	}{{"Unit", v.Unit.Unit}, {"Service", v.Unit.Service}, {"Install", v.Unit.Install}} {
		for _, d := range s.ds {
			field := finding.Path("unit", s.name, d.Name)
			switch {
			case !spec.PlainLine(d.Value):
				out = append(out, fault{field: field, message: fmt.Sprintf("%s=%.60q: a control character, or not UTF-8", d.Name, d.Value), expected: "one line of text"})
			case len(d.Name)+len("=")+len(d.Value) > maxLine:
				out = append(out, fault{field: field, message: fmt.Sprintf("%s makes a line of %d bytes in the unit", d.Name, len(d.Name)+len("=")+len(d.Value)), expected: fmt.Sprintf("%d bytes at most", maxLine)})
			case strings.HasSuffix(strings.TrimRight(d.Value, " \t"), `\`):
				out = append(out, fault{field: field, message: fmt.Sprintf("%s=%.60q ends in a backslash, which joins the next line to it", d.Name, d.Value), expected: "no backslash at the end"})
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(v.Pod.Annotations)) {
		if !spec.PlainText(v.Pod.Annotations[k]) {
			out = append(out, fault{field: finding.Path("pod", "annotations", k), message: "an annotation that isn't text", expected: "UTF-8 without control characters"})
		}
	}
	for _, field := range append(unsafeText("pod.spec", v.Pod.Spec), unsafeText("pod.container", v.Pod.Container)...) {
		out = append(out, fault{field: field, message: field + " isn't text", expected: "UTF-8 without control characters"})
	}
	return out
}

func kubeconfigMissing(v *view, n *nodeView) []fault {
	if n.flags.Value("kubeconfig", "") != "" || n.flags.Value("master", "") != "" {
		return nil // master-plain
	}
	return one(fault{field: v.flagField(n, "kubeconfig"), message: "there is no --kubeconfig", expected: fmt.Sprintf("flags: kubeconfig: %q", v.Paths.Kubeconfig)})
}

func filePair(v *view, n *nodeView) []fault {
	pairs := [][2]string{{"tls-cert-file", "tls-private-key-file"}, {"cluster-signing-cert-file", "cluster-signing-key-file"}}
	for _, s := range []string{"kubelet-serving", "kubelet-client", "kube-apiserver-client", "legacy-unknown"} {
		pairs = append(pairs, [2]string{"cluster-signing-" + s + "-cert-file", "cluster-signing-" + s + "-key-file"})
	}
	var out []fault
	for _, p := range pairs {
		a, b := n.flags.Value(p[0], ""), n.flags.Value(p[1], "")
		given, missing := p[0], p[1]
		if a == "" {
			given, missing = p[1], p[0]
		}
		if (a == "") != (b == "") {
			field := v.flagField(n, missing)
			if field == "flags" {
				field = v.flagField(n, given)
			}
			out = append(out, fault{field: field, message: fmt.Sprintf("--%s is given and --%s isn't", given, missing), expected: "both or none"})
		}
	}
	for _, p := range pairs[2:] {
		if given, general := n.flags.Value(p[0], ""), n.flags.Value(pairs[1][0], ""); given != "" && general != "" {
			out = append(out, fault{
				field: v.flagField(n, p[0]), also: []string{v.flagField(n, pairs[1][0])},
				message: fmt.Sprintf("--%s and --%s exclude each other", p[0], pairs[1][0]), expected: "one pair for all signers, or one for each",
			})
		}
	}
	return out
}

func fileKind(v *view, n *nodeView) []fault {
	return eachFile(v, n, func(f spec.Flag, able, found []spec.Role) *fault {
		if len(found) == 0 || slices.ContainsFunc(found, func(r spec.Role) bool { return slices.Contains(able, r) }) {
			return nil
		}
		return &fault{field: f.Field, message: fmt.Sprintf("--%s names %s, which is %s", f.Name, f.Value, kinds(found)), expected: "the path of " + kinds(able)}
	})
}

func fileNotPlaced(v *view, n *nodeView) []fault {
	return eachFile(v, n, func(f spec.Flag, able, found []spec.Role) *fault {
		if len(found) > 0 {
			return nil
		}
		x := &fault{
			field: f.Field, message: fmt.Sprintf("--%s names %s, where kcmgen puts no file", f.Name, f.Value),
			expected: v.Paths.Of(able[0]), hint: "set paths." + string(able[0]) + " to it, or ",
		}
		if able[0] == spec.FrontProxyCA && v.PKI.FrontProxy == nil {
			x.expected = `pki: frontProxy: certFile: "…"`
			x.hint = "without it kcmgen has no such file; "
		}
		x.hint += "waive this if the file is on the hosts already" + v.podViewHint(n, f)
		return x
	})
}

// podViewHint is the end of a hint: how a pod gets to see a file of its host.
func (v *view) podViewHint(n *nodeView, f spec.Flag) string {
	at := path.Clean(f.Value)
	m, held := podMountOf(v.podMounts(n), at)
	switch {
	case v.Layout != spec.StaticPod:
		return ""
	case held && m.field != "":
		return ", where " + m.field + " holds it"
	}
	return " and the pod sees it: " + v.volumeHint(n, need{path: at})
}

// eachFile calls check for every flag that names a file, with the roles that it may
// name and those that are at its path.
func eachFile(v *view, n *nodeView, check func(f spec.Flag, able, found []spec.Role) *fault) []fault {
	var out []fault
	for _, f := range n.flags {
		able, ok := policy.FileFlags[f.Name]
		if !ok || f.Value == "" {
			continue
		}
		var found []spec.Role
		for _, r := range spec.Roles {
			if v.Paths.Of(r) == f.Value && (r != spec.FrontProxyCA || v.PKI.FrontProxy != nil) {
				found = append(found, r)
			}
		}
		if x := check(f, able, found); x != nil {
			out = append(out, *x)
		}
	}
	return out
}

func kinds(rs []spec.Role) string {
	s := make([]string, len(rs))
	for i, r := range rs {
		s[i] = "paths." + string(r)
	}
	return strings.Join(s, " or ")
}
