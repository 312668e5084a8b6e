package vet

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const rootOwner = "root:root"

// demandKind is what a benchmark makes a difference between.
type demandKind int

const (
	manifestFiles demandKind = iota // the manifest of a static pod
	kubeconfigFiles
	certFiles
	keyFiles
)

var kindNames = map[demandKind]string{manifestFiles: "manifests", kubeconfigFiles: "kubeconfigs", certFiles: "certificates", keyFiles: "private keys"}

// fileDemand is a control about files of one kind: their mode at most, or their owner.
type fileDemand struct {
	control
	kind demandKind
	mode fs.FileMode // 0: the control is about the owner, which is root:root
}

func (d fileDemand) rule() string {
	if d.mode == 0 {
		return benchmarkOwner
	}
	return benchmarkMode
}

// fileDemands are the controls about files. The benchmarks differ on certificates.
func fileDemands() []fileDemand {
	var out []fileDemand
	add := func(profile, number string, severity finding.Severity, mode fs.FileMode, kinds ...demandKind) {
		for _, k := range kinds {
			out = append(out, fileDemand{control{profile: profile, number: number, severity: severity}, k, mode})
		}
	}
	for _, p := range []string{cis19, cis112} {
		certs := map[string]fs.FileMode{cis19: 0o600, cis112: 0o644}[p]
		add(p, "1.1.3", isError, 0o600, manifestFiles)
		add(p, "1.1.4", isError, 0, manifestFiles)
		add(p, "1.1.17", isError, 0o600, kubeconfigFiles)
		add(p, "1.1.18", isError, 0, kubeconfigFiles)
		add(p, "1.1.19", isError, 0, certFiles, keyFiles)
		add(p, "1.1.20", isWarning, certs, certFiles)
		add(p, "1.1.21", isWarning, 0o600, keyFiles)
	}
	add(stig2, "V-242405", isError, 0, manifestFiles)
	add(stig2, "V-242408", isError, 0o644, manifestFiles)
	add(stig2, "V-242446", isError, 0, kubeconfigFiles)
	add(stig2, "V-242451", isError, 0, certFiles, keyFiles)
	add(stig2, "V-242460", isError, 0o644, kubeconfigFiles)
	add(stig2, "V-242466", isError, 0o644, certFiles)
	add(stig2, "V-242467", isError, 0o600, keyFiles)
	return out
}

// hostFile is a file that kcmgen places on a host, as a benchmark sees it.
type hostFile struct {
	kind  demandKind
	mode  fs.FileMode
	owner string
}

// hostFiles returns the kinds of files that a node's host gets. What lies in an image isn't
// on the host.
func hostFiles(v *view, n *nodeView) []hostFile {
	c := v.For(n.Node)
	var out []hostFile
	if c.Layout == spec.StaticPod {
		out = append(out, hostFile{manifestFiles, 0o600, rootOwner})
	}
	for _, r := range policy.Placed(c, n.flags) {
		if c.Layout == spec.StaticPod && c.Image.Copies(r) {
			continue
		}
		f := hostFile{kindOf(r), 0o644, policy.Owner(c, n.flags)}
		if r.Secret() {
			f.mode = 0o600
		}
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// kindOf returns the kind of a role's file.
func kindOf(r spec.Role) demandKind {
	switch {
	case r == spec.KubeconfigFile:
		return kubeconfigFiles
	case r.Secret():
		return keyFiles
	}
	return certFiles
}

// broken returns the demands of the cluster's benchmarks on a file that it breaks, and those
// on the same that it keeps.
func (v *view) broken(f hostFile, about func(fileDemand) bool) (broken, kept []fileDemand) {
	for _, d := range fileDemands() {
		switch {
		case d.kind != f.kind || !about(d) || !v.demands(d.profile):
		case d.mode == 0 && f.owner != rootOwner, d.mode != 0 && f.mode&^d.mode != 0:
			broken = append(broken, d)
		default:
			kept = append(kept, d)
		}
	}
	return broken, kept
}

// fileFault is one fault for all the demands that a file breaks.
func (v *view) fileFault(broken, kept []fileDemand, message, expected string) fault {
	x := fault{field: v.profileField(broken[0].profile), expected: expected, severity: isWarning}
	for _, d := range broken {
		x.controls = append(x.controls, d.String())
		if d.severity == isError {
			x.severity = isError
		}
	}
	x.message = message
	if len(kept) > 0 {
		var names []string
		for _, d := range kept {
			names = append(names, d.String())
		}
		x.message += fmt.Sprintf(", and %s: the benchmarks disagree", list(names)+" "+plural(len(names), "accepts", "accept")+" it")
	}
	return x
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// benchmarkFileMode reports files of kcmgen's whose mode a benchmark doesn't accept.
func benchmarkFileMode(v *view, n *nodeView) []fault {
	var out []fault
	for _, f := range hostFiles(v, n) {
		broken, kept := v.broken(f, func(d fileDemand) bool { return d.mode != 0 })
		if len(broken) == 0 {
			continue
		}
		message := fmt.Sprintf("%s on hosts have the mode %04o, and %s demands %04o", kindNames[f.kind], f.mode, broken[0], broken[0].mode)
		out = append(out, v.fileFault(broken, kept, message, fmt.Sprintf("at most %04o; kcmgen sets the mode, so waive it with the reason", broken[0].mode)))
	}
	return out
}

// benchmarkFileOwner reports files of kcmgen's that don't belong to root.
func benchmarkFileOwner(v *view, n *nodeView) []fault {
	var out []fault
	for _, f := range hostFiles(v, n) {
		broken, _ := v.broken(f, func(d fileDemand) bool { return d.mode == 0 })
		if len(broken) == 0 {
			continue
		}
		message := fmt.Sprintf("%s on hosts belong to %s, whom the pod runs as, and %s demands %s", kindNames[f.kind], f.owner, broken[0], rootOwner)
		if v.demands(nsa12) {
			message += "; nsa-1.2 demands a user that isn't root, who has to read them: the benchmarks disagree"
		}
		x := v.fileFault(broken, nil, message, "the pod runs as root, or a waiver with the reason")
		x.also = []string{"pod.hardening"}
		out = append(out, x)
	}
	return out
}

// benchmarkFileForeign reports files that flags name and kcmgen doesn't place: what mode and
// owner they have on the host isn't known.
func benchmarkFileForeign(v *view, n *nodeView) []fault {
	if !v.demands(cis19, cis112, stig2) {
		return nil
	}
	c := v.For(n.Node)
	placed := map[string]bool{}
	for _, r := range policy.Placed(c, n.flags) {
		placed[c.Paths.Of(r)] = true
	}
	var out []fault
	for _, f := range n.flags {
		roles, file := policy.FileFlags[f.Name]
		if !file || f.Value == "" || placed[f.Value] {
			continue
		}
		controls := v.controlsOfKind(kindOf(roles[0]))
		out = append(out, fault{
			field: f.Field, severity: finding.NotChecked, controls: controls,
			message:  fmt.Sprintf("the mode and the owner of %s, which --%s names, are not known: kcmgen doesn't place it", f.Value, f.Name),
			expected: "a look at the host, for " + list(controls),
		})
	}
	return out
}

// controlsOfKind returns the controls about files of a kind of the cluster's benchmarks.
func (v *view) controlsOfKind(k demandKind) []string {
	var out []string
	for _, d := range fileDemands() {
		if v.demands(d.profile) && d.kind == k {
			out = append(out, d.String())
		}
	}
	return out
}

// uniqueWords returns each word once, where it is first.
func uniqueWords(words []string) []string {
	var out []string
	for _, w := range words {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// ownerControls returns the controls of the cluster's benchmarks that demand files of root.
func (v *view) ownerControls() []string {
	var out []string
	for _, d := range fileDemands() {
		if v.demands(d.profile) && d.mode == 0 && d.kind != manifestFiles {
			out = append(out, d.String())
		}
	}
	return uniqueWords(out)
}
