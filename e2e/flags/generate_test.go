package flags

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// generator makes sets of flags for one version: half of them are good, the others have one
// flaw.
type generator struct {
	random  *rand.Rand
	minor   int
	flags   []flag
	foreign []string // flags that only other versions have
	gates   []gate
	names   []string // of controllers, and their aliases
}

// gate is a feature gate in the output of kcmgen flags --feature-gates.
type gate struct {
	Name            string
	Default, Locked bool
}

// skipped are flags that read files or directories of this machine, or end the process.
var skipped = []string{
	"help", "version", "kubeconfig", "master", "cert-dir", "allow-metric-labels-manifest",
	"controllers", "feature-gates", // made separately
}

func newGenerator(t *testing.T, version string) *generator {
	minor, err := strconv.Atoi(strings.Split(version, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	g := &generator{random: rand.New(rand.NewPCG(*seed, uint64(minor))), minor: minor, flags: flagsOf(t, minorOf(version))}
	names := map[string]bool{}
	for _, f := range g.flags {
		names[f.Name] = true
	}
	for _, other := range []string{"v1.20", "v1.25", "v1.30", "v1.37"} {
		for _, f := range flagsOf(t, other) {
			if !names[f.Name] {
				g.foreign = append(g.foreign, f.Name)
			}
		}
	}
	list(t, &g.gates, "--feature-gates", "--version", minorOf(version))
	var controllers []struct {
		Name            string
		Aliases         []string
		UnknownWhileOff bool
	}
	list(t, &controllers, "--controllers", "--version", minorOf(version))
	for _, c := range controllers {
		if !c.UnknownWhileOff {
			g.names = append(append(g.names, c.Name), c.Aliases...)
		}
	}
	g.flags = slices.DeleteFunc(g.flags, func(f flag) bool { return slices.Contains(skipped, f.Name) })
	return g
}

// set is one command line, each flag once.
func (g *generator) set(i int) []string {
	values := map[string]string{}
	for range 1 + g.random.IntN(5) {
		f := pick(g, g.flags)
		values[f.Name] = g.good(f)
	}
	switch {
	case odd(i):
		f := pick(g, g.flags)
		values[f.Name] = pick(g, oddities)
	case i%2 == 1:
		name, value := g.flaw()
		values[name] = value
	}
	if g.random.IntN(4) == 0 {
		if _, has := values["feature-gates"]; !has {
			values["feature-gates"] = g.goodGates()
		}
	}
	if g.random.IntN(4) == 0 {
		if _, has := values["controllers"]; !has {
			values["controllers"] = pick(g, []string{"*", "*,-" + pick(g, g.names), pick(g, g.names), "*,-" + pick(g, g.names) + "," + pick(g, g.names)})
		}
	}
	var out []string
	for name, value := range values {
		out = append(out, "--"+name+"="+value)
	}
	slices.Sort(out)
	return out
}

// odd reports whether a set has a value that only the flag's own parser accepts. Typed
// packages are stricter: they require real numbers and bools.
func odd(i int) bool { return i%5 == 4 }

var oddities = []string{
	"", " ", "0", "-0", "+5", "-1", "007", "0x10", "1_000", "1e3", "1.0", ".5", "5.", "nan", "inf", "2147483648",
	"true", "TRUE", "t", "yes", "1h", "1h30", ".5s", "-5s", "1µs", "0s", "+1h", "a,b", "a,,b", ",", `a,"b`, `"a,b"`, `a"b`, "a=b", "a=b,c", "=", "a:b", ":", "A=true",
	"10.0.0.0/8", "::1", "::ffff:10.0.0.1", "1.2.3", "01.2.3.4", "fe80::1%eth0", "1.5Ki", "10m", "1Zi", "*", "-*", "x*=3", "x=", "/c,/k", "/c,/k:", "/c,/k,/l",
}

func pick[T any](g *generator, from []T) T { return from[g.random.IntN(len(from))] }

// goodGates returns gates that don't change a locked value.
func (g *generator) goodGates() string {
	var out []string
	for range g.random.IntN(4) {
		gate := pick(g, g.gates)
		on := g.random.IntN(2) == 0
		if gate.Locked {
			on = gate.Default
		}
		out = append(out, fmt.Sprintf("%s=%v", gate.Name, on))
	}
	return strings.Join(out, ",")
}

// badGate returns a locked gate with the other value, or an unknown gate.
func (g *generator) badGate() string {
	for _, i := range g.random.Perm(len(g.gates)) {
		if gate := g.gates[i]; gate.Locked && g.random.IntN(2) == 0 {
			return fmt.Sprintf("%s=%v", gate.Name, !gate.Default)
		}
	}
	return "NoSuchGate=true"
}

// good returns a value that the flag's type and range allow.
func (g *generator) good(f flag) string {
	if len(f.Allowed) > 0 {
		return pick(g, f.Allowed)
	}
	low, high := 1.0, 40.0
	if f.Min != nil {
		low = *f.Min
	}
	if f.Max != nil {
		high = *f.Max
	}
	switch f.Type {
	case "bool":
		return pick(g, []string{"true", "false"})
	case "int", "int32", "uint64":
		return strconv.Itoa(int(low) + g.random.IntN(int(high-low)+1))
	case "float32", "float64":
		return pick(g, []string{"0.25", "1", "20", "0"})
	case "duration":
		return pick(g, []string{"10s", "1m30s", "2h", "1500ms", "1h0m0s"})
	case "ip":
		return pick(g, []string{"127.0.0.1", "::1", "0.0.0.0"})
	case "cidrs":
		return "10.0.0.0/8,192.168.0.0/16"
	case "quantity":
		return pick(g, []string{"0", "64Ki", "1M"})
	case "Level":
		return pick(g, []string{"0", "2", "2147483647"})
	case "pattern=N,...":
		return pick(g, []string{"", "controller*=4", "a=1,b=2"})
	case "namedCertKey":
		return pick(g, []string{"/c.crt,/c.key", "/c.crt,/c.key:*.example.com,localhost"})
	case "stringSlice":
		return pick(g, []string{"a", "a,b", ""})
	case "int32Slice":
		return pick(g, []string{"23", "23,29"})
	case "stringToString":
		return "metric,label=a"
	}
	switch f.Name {
	case "show-hidden-metrics-for-version":
		return fmt.Sprintf("1.%d", g.minor-1)
	case "emulated-version", "min-compatibility-version":
		return ""
	case "service-cluster-ip-range", "cluster-cidr":
		return pick(g, []string{"10.0.0.0/16", "10.0.0.0/16,fd00::/108", ""})
	}
	return pick(g, []string{"", "word", "/a/path", "two words"})
}

// flaw returns a flag that the version refuses for one reason.
func (g *generator) flaw() (name, value string) {
	switch g.random.IntN(8) {
	case 0:
		return pick(g, g.foreign), "1"
	case 1: // a typo
		name := pick(g, g.flags).Name
		at := g.random.IntN(len(name))
		return strings.Trim(name[:at]+"x"+name[at:], "-"), "1"
	case 2:
		return "feature-gates", pick(g, []string{g.badGate(), g.badGate(), "NoSuchGate=true", "AllAlpha=perhaps", "AllBeta", "AllAlpha=true,PodSecurity=", "DynamicAuditing=true"})
	case 3:
		return "controllers", pick(g, []string{"-*", "*,-no-such-controller", "*,Job-Controller", "*,-cronjobs", "*,storage-version-gc-controller", "*,"})
	case 4:
		pair := pick(g, [][2]string{
			{"logging-format", "xml"},
			{"log-flush-frequency", "0s"},
			{"log-json-split-stream", "true"},
			{"vmodule", "a=b"},
			{"show-hidden-metrics-for-version", "1.2"},
			{"requestheader-username-headers", " "},
			{"allow-metric-labels", "metric=a"},
			{"leader-elect-resource-lock", "endpoints"},
			{"cluster-signing-kubelet-client-cert-file", "/only-one"},
			{"tls-sni-cert-key", "/one"},
			{"service-cluster-ip-range", "10.0.0.0/16,10.1.0.0/16,10.2.0.0/16"},
			{"secure-port", "65536"},
			{"attach-detach-reconcile-sync-period", "1ms"},
		})
		return pair[0], pair[1]
	}
	return g.mistyped()
}

// mistyped returns a flag with a value of another type or out of range.
func (g *generator) mistyped() (name, value string) {
	for {
		f := pick(g, g.flags)
		switch f.Type {
		case "bool":
			return f.Name, pick(g, []string{"yes", "2", "on"})
		case "int", "int32", "uint64":
			if f.Min != nil && g.random.IntN(2) == 0 {
				return f.Name, strconv.Itoa(int(*f.Min) - 1)
			}
			return f.Name, pick(g, []string{"ten", "1.5", "99999999999999999999", "5s"})
		case "float32", "float64":
			return f.Name, pick(g, []string{"half", "1,5"})
		case "duration":
			return f.Name, pick(g, []string{"10", "5 s", "1d", "soon"})
		case "ip":
			return f.Name, pick(g, []string{"localhost", "10.0.0.0/8"})
		case "Level":
			return f.Name, pick(g, []string{"-1", "high", "2147483648"})
		}
	}
}
