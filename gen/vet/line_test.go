package vet

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// checkLine applies the rules to a command line of v1.37.
func checkLine(words string) []string {
	found := CommandLine(spec.Version{Minor: 37}, []Line{lineOf("", words)})
	return ids(slices.DeleteFunc(found, func(f finding.Finding) bool { return f.Pos.Line == 0 })) // of what is missing
}

// lineOf splits a command line; <A> stands for a value that isn't known.
func lineOf(node, words string) Line {
	l := Line{Node: node, At: finding.Pos{File: cmp.Or(node, "f")}}
	for i, w := range strings.Fields(words) {
		parts := strings.FieldsFunc(strings.ReplaceAll(w, "<", "<\x00"), func(r rune) bool { return r == '<' || r == '>' })
		a := Arg{At: finding.Pos{File: l.At.File, Line: i + 1, Col: 1}}
		for _, p := range parts {
			hole, is := strings.CutPrefix(p, "\x00")
			if is == (len(a.Parts)%2 == 0) {
				a.Parts = append(a.Parts, "")
			}
			a.Parts = append(a.Parts, hole)
		}
		if len(a.Parts)%2 == 0 {
			a.Parts = append(a.Parts, "")
		}
		l.Args = append(l.Args, a)
	}
	return l
}

// TestUnknownValues: a rule says nothing of a value that isn't known, nor of what depends on
// it; the flag's name is checked.
func TestUnknownValues(t *testing.T) {
	for words, want := range map[string][]string{
		"--pod-eviction-timeout=<E> --no-such=<X>":             {"flag-removed", "flag-unknown", "value-unknown not checked"},
		"--allocate-node-cidrs=true --cluster-cidr=<P>":        {"value-unknown not checked"},
		"--cluster-cidr <P> --allocate-node-cidrs":             {"value-unknown not checked"},
		"--allocate-node-cidrs=<A> --cluster-cidr=10.0.0.0/16": {"value-unknown not checked"},
		"--allocate-node-cidrs=<A>":                            {"value-unknown not checked"},
		"--cluster-cidr=<NET>/16 --allocate-node-cidrs":        {"value-unknown not checked"},
		"--cluster_cidr=<P>":                                   {"flag-spelled", "network-flags-ignored", "value-unknown not checked"},
		"--v=<V> --v=<W>":                                      {"flag-repeated", "value-unknown not checked"},
		"--profiling=<P> --contention-profiling=<Q>":           {"value-unknown not checked"},
		"--leader-elect=<L> --leader-elect-lease-duration=<D>": {"value-unknown not checked"},
		"--tls-cert-file=<C>":                                  {"value-unknown not checked"},
		"--tls-cert-file=<C> --tls-private-key-file=<K>":       {"value-unknown not checked"},
		"<ALL>":          {"value-unknown not checked"},
		"<ALL> --port=0": {"flag-removed", "value-unknown not checked"},
		"--<NAME>=2":     {"value-unknown not checked"},
		"--port=0 x<Y>":  {"flag-removed", "value-unknown not checked"},
		"--kubeconfig=/etc/kubernetes/<F> --master=http://<M>": {"value-unknown not checked"},
		"--feature-gates=<G> --controllers=<C> --tls-cipher-suites=<S> --logging-format=<F> --concurrent-gc-syncs=<N> --bind-address=<B> --secure-port=<P>": {"value-unknown not checked"},
	} {
		if diff := gocmp.Diff(want, checkLine(words)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", words, diff)
		}
	}
}

// TestSameUnknown: the same unknown value in two places is the same value, others aren't.
func TestSameUnknown(t *testing.T) {
	for words, want := range map[string]string{
		"--cluster-signing-key-file=<D>/k --service-account-private-key-file=<D>/k":                        "service-account-key-is-ca",
		"--cluster-signing-key-file=<D>/k --service-account-private-key-file=<E>/k":                        "",
		"--cluster-signing-key-file=<K> --service-account-private-key-file=<K>":                            "service-account-key-is-ca",
		"--cluster-signing-key-file=<K> --service-account-private-key-file=<L>":                            "",
		"--allocate-node-cidrs --cluster-cidr=<R> --service-cluster-ip-range=<R>":                          "networks-overlap",
		"--allocate-node-cidrs --cluster-cidr=<R> --service-cluster-ip-range=<S>":                          "",
		"--client-ca-file=<D>/a --requestheader-client-ca-file=<D>/a":                                      "requestheader-ca",
		"--tls-cert-file=/c --tls-private-key-file=<D>/k --service-account-private-key-file=<D>/k":         "key-shared",
		"--tls-cert-file=/c --tls-private-key-file=<D>/k --service-account-private-key-file=<D>/other.key": "",
	} {
		want := slices.DeleteFunc([]string{want, "value-unknown not checked"}, func(s string) bool { return s == "" })
		got := checkLine(words)
		got = slices.DeleteFunc(got, func(id string) bool { return id == "file-pair" })
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", words, diff)
		}
	}
}

// TestLineOfFiles: what only a command line can have.
func TestLineOfFiles(t *testing.T) {
	at := finding.Pos{File: "f", Line: 1, Col: 1}
	whole := func(change func(*Line)) []string {
		l := lineOf("", "--kubeconfig=/a --v=2")
		change(&l)
		return ids(slices.DeleteFunc(CommandLine(spec.Version{Minor: 37}, []Line{l}), func(f finding.Finding) bool {
			return !slices.Contains([]string{"kubeconfig-missing", "delegated-auth", "value-quoted", "path-relative", "probe-port", "controller-renamed", "image-tag", "lease-and-cpu-limit", "sandbox-off", "unit-line", "manifest-backup"}, f.Rule)
		}))
	}
	arg := func(s string) Arg { return Arg{Parts: []string{s}, At: at} }
	for name, tc := range map[string]struct {
		change func(*Line)
		want   []string
	}{
		"a unit":           {func(*Line) {}, []string{"delegated-auth"}},
		"in the cluster":   {func(l *Line) { l.InCluster, l.Args = true, nil }, nil},
		"outside of it":    {func(l *Line) { l.Args = nil }, []string{"delegated-auth", "kubeconfig-missing"}},
		"quotes":           {func(l *Line) { l.Args = append(l.Args, arg(`--root-ca-file="/a"`)) }, []string{"delegated-auth", "value-quoted"}},
		"two in one":       {func(l *Line) { l.Args = append(l.Args, arg("--root-ca-file=/a --profiling=false")) }, []string{"delegated-auth", "value-quoted"}},
		"a list in quotes": {func(l *Line) { l.Args = append(l.Args, arg(`--controllers="*"`)) }, []string{"delegated-auth"}},
		"a relative path":  {func(l *Line) { l.Args = append(l.Args, arg("--root-ca-file=ca.pem")) }, []string{"delegated-auth", "path-relative"}},
		"with a directory": {func(l *Line) {
			l.Args = append(l.Args, arg("--root-ca-file=ca.pem"))
			l.Unit = &spec.Unit{Service: []spec.Directive{{Name: "WorkingDirectory", Value: "/k"}}}
		}, []string{"delegated-auth", "sandbox-off"}},
		"another's probe": {func(l *Line) { l.Pod = &LinePod{Image: "a:v1", HostNetwork: true, ProbePort: "10252"} }, []string{"delegated-auth", "probe-port"}},
		"its probe":       {func(l *Line) { l.Pod = &LinePod{Image: "a:v1", HostNetwork: true, ProbePort: "10257"} }, []string{"delegated-auth"}},
		"a pod": {func(l *Line) {
			l.Pod = &LinePod{Image: "a:latest", HostNetwork: true, Limits: map[string]string{"cpu": "100m"}}
		}, []string{"delegated-auth", "image-tag", "lease-and-cpu-limit"}},
		"an old name": {func(l *Line) { l.Args = append(l.Args, arg("--controllers=*,bootstrapsigner")) }, []string{"controller-renamed", "delegated-auth"}},
		"that kubeadm has": {func(l *Line) {
			l.Args = append(l.Args, Arg{Parts: []string{"--controllers=*,bootstrapsigner"}, At: at, By: "kubeadm"})
		}, []string{"delegated-auth"}},
		"nothing is served": {func(l *Line) { l.Args = append(l.Args, arg("--secure-port=0")) }, nil},
		"a backup":          {func(l *Line) { l.Notes = []Note{{Rule: "manifest-backup", At: at, Message: "m"}} }, []string{"delegated-auth", "manifest-backup"}},
		"a note":            {func(l *Line) { l.Notes = []Note{{Rule: "unit-line", At: at, Message: "m"}} }, []string{"delegated-auth", "unit-line"}},
		"words unknown":     {func(l *Line) { l.Args = []Arg{{Parts: []string{"", "$A", ""}, At: at}} }, nil},
	} {
		if diff := gocmp.Diff(tc.want, whole(tc.change)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
}

// TestPartialLine: where more flags are added that aren't known, no rule misses one.
func TestPartialLine(t *testing.T) {
	for words, want := range map[string][]string{
		"":                                nil,
		"--allocate-node-cidrs=true":      nil,
		"--cluster-cidr=10.0.0.0/16":      nil,
		"--tls-cert-file=/a":              nil,
		"--port=0 --bind-address=0.0.0.0": {"bind-address-public", "flag-removed"},
		"--profiling=true":                {"profiling-on"},
		"--profiling=maybe":               {"flag-type"},
	} {
		l := lineOf("", words)
		l.Partial = true
		if diff := gocmp.Diff(want, ids(CommandLine(spec.Version{Minor: 37}, []Line{l}))); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", words, diff)
		}
	}
}

// TestNodesDiffer: the command lines of nodes are compared.
func TestNodesDiffer(t *testing.T) {
	check := func(a, b string) []string {
		found := CommandLine(spec.Version{Minor: 37}, []Line{lineOf("a", a), lineOf("b", b)})
		return ids(slices.DeleteFunc(found, func(f finding.Finding) bool { return f.Pos.Line == 0 }))
	}
	for _, tc := range []struct {
		a, b string
		want []string
	}{
		{"--v=2", "--v=2", nil},
		{"--v=2 --bind-address=127.0.0.1", "--v=4 --bind-address=::1", nil},
		{"--concurrent-gc-syncs=30", "--concurrent-gc-syncs=20", []string{"flags-differ"}},
		{"--concurrent-gc-syncs=30", "", []string{"flags-differ"}},
		{"--concurrent-gc-syncs=20", "", nil}, // the default
		{"--concurrent-gc-syncs=<N>", "--concurrent-gc-syncs=20", []string{"value-unknown not checked"}},
		{"--leader-elect=false", "--leader-elect=false", []string{"leader-elect-off"}},
		{"--leader-elect-resource-name=x", "--leader-elect-resource-name=y", []string{"leader-elect-differs"}},
		{"--allocate-node-cidrs --cluster-cidr=10.0.0.0/16 --service-cluster-ip-range=10.1.0.0/16", "--allocate-node-cidrs --cluster-cidr=10.8.0.0/16 --service-cluster-ip-range=10.1.0.0/16", []string{"allocation-differs"}},
		{"--port=0", "--port=0", []string{"flag-removed"}},
	} {
		if diff := gocmp.Diff(tc.want, check(tc.a, tc.b)); diff != "" {
			t.Errorf("%s | %s: (-want +got):\n%s", tc.a, tc.b, diff)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for words, want := range map[string][]string{
		"":                                       nil,
		"--v=2 --leader-elect --profiling=false": nil,
		"--cluster_name=x -v=2":                  {"flag-spelled"},
		"--cluster-name x -v 2":                  nil,
		"--leader-elect true":                    {"flag-syntax"},
		"--cluster-name":                         {"flag-syntax"},
		"x --v=2":                                {"flag-syntax"},
		"-- --v=2":                               {"flag-syntax"},
		"--v=2 --":                               nil,
		"-v2":                                    nil,
		"-v2 x":                                  {"flag-syntax"},
		"-hv2":                                   {"flag-value"},
		"-":                                      {"flag-syntax"},
		"---v=2":                                 {"flag-syntax"},
		"-leader-elect=false":                    {"flag-syntax"},
		"--help=false --version=false":           nil,
		"--controllers=":                         {"controllers-none"},
		`--controllers="*",-ttl-controller`:      nil,
		"--allow-metric-labels=a,b=c --allow-metric-labels=d,e=f,g": nil,
		"--allow-metric-labels==b":                                  {"flag-conflict"},
		"--v=2 --v=3":                                               {"flag-repeated"},
		"--v=2 -v=3":                                                {"flag-repeated"},
		"--requestheader-allowed-names=a --requestheader-allowed-names=b":           nil,
		"--feature-gates=AllAlpha=false --feature-gates=AllBeta=maybe":              {"feature-gate-syntax"},
		"--controllers=* --controllers=-ttl":                                        {"controller-renamed"},
		"--hlep --port 0":                                                           {"flag-removed", "flag-unknown"},
		"--cluster-signing-duration=1h":                                             {"flag-ignored"},
		"--leader-elect-lease-duration=5s":                                          {"leader-elect-timing"},
		"--allocate-node-cidrs":                                                     {"cluster-cidr-missing"},
		"--allocate-node-cidrs --cluster-cidr=10.0.0.0/24 --node-cidr-mask-size=16": {"node-mask-size", "service-range-unset"},
		"--tls-cert-file=/a":                                                        {"file-pair"},
	} {
		if diff := gocmp.Diff(want, checkLine(words)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", words, diff)
		}
	}
}

// FuzzCommandLine: no command line of any version causes a panic, and each finding has a
// rule and a message.
func FuzzCommandLine(f *testing.F) {
	for _, words := range []string{"--v=2", "--leader-elect true", "-v", "--", "-", "--=", "--feature-gates==,=true,A", "--controllers=-,*,,-*", "--cluster-cidr=::/0,0.0.0.0/0 --allocate-node-cidrs"} {
		f.Add(words, uint8(37))
	}
	f.Fuzz(func(t *testing.T, words string, minor uint8) {
		minors := flags.Minors()
		for _, f := range CommandLine(spec.Version{Minor: minors[int(minor)%len(minors)]}, []Line{lineOf("", words)}) {
			if f.Rule == "" || f.Message == "" {
				t.Errorf("%q: %+v has no rule or message", words, f)
			}
		}
	})
}
