package vet

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// samples is how many values are tried for each that isn't known. A finding that comes with
// all of them doesn't depend on it.
const samples = 6

// open reports whether something in the line isn't known.
func (l Line) open() bool {
	return l.Partial || slices.ContainsFunc(l.Args, func(a Arg) bool { return !a.known() })
}

func (a Arg) known() bool { return len(a.Parts) < 2 }

// wordless reports whether not even a flag's name is known: any number of words may be
// there.
func (a Arg) wordless() bool {
	return !a.known() && (!strings.Contains(a.Parts[0], "=") && a.Parts[0] != "" || a.Parts[0] == "" && !a.value())
}

// value reports whether an argument that begins with something unknown goes on, and so is
// the value of the flag before it.
func (a Arg) value() bool { return len(a.Parts) > 3 || len(a.Parts) == 3 && a.Parts[2] != "" }

// text returns the argument with the names of what isn't known.
func (a Arg) text() string { return strings.Join(a.Parts, "") }

// sample returns the argument with a value for each that isn't known, which differs from
// round to round.
func (a Arg) sample(m *flags.Minor, round int) string {
	if a.known() {
		return a.text()
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(a.Parts[0], "--"), "=")
	name = strings.ReplaceAll(name, "_", "-")
	d, ok := m.Flag(name)
	if whole := len(a.Parts) == 3 && a.Parts[0] == "--"+d.Name+"=" && a.Parts[2] == ""; ok && whole {
		return a.Parts[0] + sampleOf(d, a.Parts[1], round)
	}
	parts := slices.Clone(a.Parts)
	for i := 1; i < len(parts); i += 2 {
		parts[i] = sampleAddress(parts[i], round)
	}
	return strings.Join(parts, "")
}

// sampleAddress returns an address that is the same wherever the same value is unknown, and
// another elsewhere.
func sampleAddress(expr string, round int) string {
	h := fnv.New32a()
	fmt.Fprint(h, expr, round)
	return fmt.Sprintf("10.%d.0.0", h.Sum32()%200)
}

// unsampled writes what isn't known in place of the first round's values for it.
func unsampled(lines []Line, message string) string {
	if !sampled().MatchString(message) {
		return message
	}
	for _, l := range lines {
		for _, a := range l.Args {
			for i := 1; i < len(a.Parts); i += 2 {
				sample := sampleAddress(a.Parts[i], 0)
				message = strings.ReplaceAll(strings.ReplaceAll(message, sample+"/16", a.Parts[i]), sample, a.Parts[i])
			}
		}
	}
	return message
}

// sampleOf returns a value that a flag may have.
func sampleOf(d flags.Def, expr string, round int) string {
	pick := func(values ...string) string { return values[round%len(values)] }
	switch d.Name {
	case clusterCIDR, serviceRange:
		return sampleAddress(expr, round) + "/16"
	case "bind-address":
		return pick("127.0.0.1", "10.9.8.7", "0.0.0.0")
	case "controllers":
		return pick("*", "*,bootstrap-signer-controller,token-cleaner-controller")
	case featureGates:
		return pick("", "AllBeta=false")
	}
	switch {
	case d.Type == "bool":
		// Flags with different names differ from each other in some round.
		return strconv.FormatBool((round>>(len(d.Name)%2)+len(d.Name)/2+round)%2 == 0)
	case len(d.Allowed) > 0 && !d.Adds():
		return pick(d.Allowed...)
	case d.Type == "duration":
		if base, err := time.ParseDuration(d.Default); err == nil && base > 0 {
			return (base * time.Duration(4+round) / 4).String()
		}
		return pick("30s", "5m0s", "1h0m0s")
	case strings.HasPrefix(d.Type, "int"), strings.HasPrefix(d.Type, "uint"), strings.HasPrefix(d.Type, "float"):
		return cmp.Or(d.Default, "1")
	}
	if _, ok := spec.PathFlags[d.Name]; ok {
		return "/etc/kubernetes/" + sampleAddress(expr, round)
	}
	return cmp.Or(d.Default, fmt.Sprintf("sample%d", round))
}

// usual returns the flags that a whole command line has.
func usual(version spec.Version) spec.Flags {
	read, _ := wholeLines.LoadOrStore(version.Minor, sync.OnceValue(func() spec.Flags {
		c := &spec.Cluster{Version: version, Layout: spec.Systemd, Profile: spec.Standard, Hardened: true, Paths: usualPaths()}
		c.Networks.Pods, _ = prefixes("10.200.0.0/16")
		c.Networks.Services, _ = prefixes("10.32.0.0/16")
		c.Networks.MaskIPv4, c.Networks.MaskIPv6 = 24, 64
		return policy.NodeFlags(c, &spec.Node{})
	}))
	return read.(func() spec.Flags)()
}

// usualPaths are paths that an advice can name.
func usualPaths() spec.Paths {
	at := func(r spec.Role) string { return "/etc/kubernetes/" + r.FileName() }
	return spec.Paths{
		CA: at(spec.CA), CAKey: at(spec.CAKey), TLSCert: at(spec.TLSCert), TLSKey: at(spec.TLSKey),
		Kubeconfig: at(spec.KubeconfigFile), ServiceAccountKey: at(spec.ServiceAccountKey), FrontProxyCA: at(spec.FrontProxyCA),
	}
}

var wholeLines sync.Map // minor to func() spec.Flags

// nameRules are the rules that need no value of a flag.
var nameRules = []string{
	"flag-unknown", "flag-removed", "flag-too-new", "flag-renamed", "flag-deprecated", "flag-noop",
	"flag-repeated", "flag-spelled", "flag-ignored", "network-flags-ignored", "value-unknown",
	// The same unknown value in two places is the same value.
	"service-account-key-is-ca", "key-shared", "requestheader-ca", "networks-overlap",
}

// aboutHole reports whether a finding is about the value of a flag whose value isn't known,
// or about one that isn't there where not all are known.
func aboutHole(lines []Line, m *flags.Minor, f finding.Finding) bool {
	for _, l := range lines {
		for _, a := range l.Args {
			if a.At == f.Pos && !a.known() && !slices.Contains(nameRules, f.Rule) {
				return true
			}
		}
	}
	return false
}

// valueUnknown says what isn't checked.
func valueUnknown(v *view, n *nodeView) []fault {
	if n.line == nil {
		return nil
	}
	var out []fault
	for i, a := range n.line.Args {
		if a.known() {
			continue
		}
		field := finding.Path("unknown", n.Name, fmt.Sprintf("[%d]", i))
		v.Source[field] = a.At
		x := fault{
			field: field, severity: finding.NotChecked,
			message:  fmt.Sprintf("%s: the value of %s isn't known here", cut(a.text()), cut(a.Parts[1])),
			expected: "its value, or the file that has it, to check it too",
		}
		if a.wordless() {
			x.message = fmt.Sprintf("%s: which flags it stands for isn't known here", cut(a.text()))
			x.expected = "the words that it stands for, or the file that has them, to check them too"
		}
		out = append(out, x)
	}
	return out
}

// cut shortens a long text.
func cut(s string) string {
	const most = 80
	if len([]rune(s)) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
