package flags

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEffectOf: the direction of a change decides its class, its risk and its text.
func TestEffectOf(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		minor          int
		class          string // one of the effect's
		risk           Risk
		text           string // part of the effect's
	}{
		{"cluster-cidr", "10.200.0.0/16", "10.192.0.0/12", 34, "bootstrap", MediumRisk, "wider range"},
		{"cluster-cidr", "10.192.0.0/12", "10.200.0.0/16", 34, "bootstrap", HighRisk, "outside the new one"},
		{"cluster-cidr", "10.200.0.0/16", "10.201.0.0/16", 34, "bootstrap", HighRisk, "needs new nodes"},
		{"cluster-cidr", "10.200.0.0/16", "10.200.0.0/16,fd00::/48", 34, "bootstrap", HighRisk, "each family"},
		{"cluster-cidr", "10.200.0.0/16", "fd00::/48,10.200.0.0/16", 34, "bootstrap", HighRisk, "another order"},
		{"cluster-cidr", "fd00::/48,10.200.0.0/16", "10.200.0.0/16,fd00::/48", 34, "bootstrap", HighRisk, "another order"},
		{"cluster-cidr", "10.200.0.0/16,fd00::/48", "10.200.0.0/16", 34, "bootstrap", HighRisk, "no allocator"},
		{"cluster-cidr", "10.200.0.0/16,fd00::/48", "10.200.0.0/15,fd00::/56", 34, "bootstrap", HighRisk, "outside the new one"},
		{"cluster-cidr", "10.200.0.0/16", "10.200.7.1/16", 34, RestartOnly, LowRisk, "stays"},
		{"cluster-cidr", "10.200.0.0/16", "none", 34, "bootstrap", HighRisk, "is another"},
		{"service-cluster-ip-range", "10.32.0.0/16", "10.32.0.0/12", 34, "coordinate-apiserver", HighRisk, "wider range is kept free"},
		{"node-monitor-grace-period", "40s", "20s", 34, "eviction-timing", HighRisk, "sooner"},
		{"node-monitor-grace-period", "40s", "1m", 34, "eviction-timing", MediumRisk, "later"},
		{"node-monitor-grace-period", "60s", "1m", 34, RestartOnly, LowRisk, "stays"},
		{"node-monitor-grace-period", "", "50s", 34, RestartOnly, LowRisk, "stays"},
		{"node-monitor-grace-period", "", "45s", 31, "eviction-timing", MediumRisk, "later"},
		{"node-monitor-grace-period", "", "45s", 32, "eviction-timing", HighRisk, "sooner"},
		{"node-monitor-grace-period", "soon", "45s", 32, "eviction-timing", HighRisk, "another time"},
		{"node-cidr-mask-size", "24", "26", 34, "bootstrap", HighRisk, "smaller pod ranges"},
		{"node-cidr-mask-size", "0", "20", 34, "bootstrap", HighRisk, "another size"},
		{"kube-api-qps", "20", "100", 34, "load", MediumRisk, "more requests"},
		{"kube-api-qps", "20", "-1", 34, "load", MediumRisk, "no limit"},
		{"node-eviction-rate", "0.1", "1", 34, "eviction-timing", HighRisk, "faster"},
		{"node-eviction-rate", "0.1", "NaN", 34, "eviction-timing", HighRisk, "another rate"},
		{"profiling", "", "false", 34, "observability", LowRisk, "no longer served"},
		{"profiling", "false", "1", 34, "access", MediumRisk, "are served"},
		{"leader-elect", "true", "false", 34, "coordinate-instances", HighRisk, "without the lease"},
		{"authorization-always-allow-paths", "/healthz", "/healthz,/metrics", 34, "access", HighRisk, "Added: /metrics."},
		{"authorization-always-allow-paths", "", "/healthz", 34, "access", MediumRisk, "Removed: /livez, /readyz."},
		{"authorization-always-allow-paths", "", "/livez,/healthz,/readyz", 34, RestartOnly, LowRisk, "stays"},
		{"tls-cipher-suites", "A,B", "B", 34, "serving", MediumRisk, "Removed: A."},
		{"tls-cipher-suites", "", "B", 34, "serving", MediumRisk, "these cipher suites only"},
		{"tls-min-version", "VersionTLS12", "VersionTLS13", 34, "serving", MediumRisk, "are refused"},
		{"tls-min-version", "VersionTLS12", "VersionTLS10", 34, "serving", MediumRisk, "weaknesses"},
		{"cluster-signing-duration", "8760h", "720h", 34, "certificates", MediumRisk, "shorter"},
		{"cluster-signing-duration", "", "87600h", 34, "certificates", MediumRisk, "longer"},
		{"cluster-signing-key-file", "", "/ca.key", 34, "key-reach", HighRisk, "administrator"},
		{"root-ca-file", "/a.crt", "/b.crt", 34, "trust", HighRisk, "kube-root-ca.crt"},
		{"concurrent-gc-syncs", "20", "50", 34, "load", LowRisk, "More workers"},
		{"logging-format", "text", "json", 34, "observability", LowRisk, "another form"},
		{"deleting-pods-qps", "0.1", "5", 24, RestartOnly, LowRisk, "ignored"},
		{"horizontal-pod-autoscaler-use-rest-clients", "", "false", 20, "scaling", HighRisk, "Heapster"},
		{"port", "0", "10252", 22, RestartOnly, LowRisk, "ignored"},
		{"port", "0", "10252", 21, "access", HighRisk, "plain HTTP"},
		{"port", "0", "10252", 24, "controllers", HighRisk, "v1.24 doesn't know"},
		{"port", "0", "", 21, "access", HighRisk, "plain HTTP"},
		{"enable-taint-manager", "false", "", 27, "eviction-timing", HighRisk, "evict pods"},
		{"logtostderr", "", "true", 38, RestartOnly, LowRisk, "stays"},
		{"no-such-flag", "a", "b", 34, UnknownEffect, MediumRisk, "no-such-flag"},
	} {
		t.Run(fmt.Sprintf("%s %s to %s in %d", c.name, c.old, c.new, c.minor), func(t *testing.T) {
			e := EffectOf(c.name, c.old, c.new, c.minor)
			if !slices.Contains(e.Classes, c.class) || e.Risk != c.risk || !strings.Contains(e.Text, c.text) {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestEffectOfNames: changes of lists of names say which names change.
func TestEffectOfNames(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		minor          int
		risk           Risk
		class, text    string // text ends the effect's
	}{
		{"controllers", "", "*,-ttl-controller", 34, HighRisk, "controllers", " Stops: ttl-controller."},
		{"controllers", "*,-ttl", "*", 34, MediumRisk, "controllers", " Starts: ttl-controller."},
		{"controllers", "*", "*,bootstrapsigner", 27, MediumRisk, "controllers", " Starts: bootstrapsigner."},
		{"controllers", "*", "*,bootstrap-signer-controller,-ttl", 34, HighRisk, "controllers", " Stops: ttl-controller. Starts: bootstrap-signer-controller."},
		{"controllers", "*,-ttl", "*,-ttl-controller", 34, LowRisk, RestartOnly, "starts the same controllers."},
		{"controllers", "*,tokencleaner", "tokencleaner,*", 34, LowRisk, RestartOnly, "did."},
		{"feature-gates", "", "NoSuchGate=false", 34, MediumRisk, "feature-gates", " Unknown to v1.34: NoSuchGate."},
		{"feature-gates", "", "ContextualLogging=false", 34, MediumRisk, "feature-gates", " Turns ContextualLogging off (BETA)."},
		{"feature-gates", "ContextualLogging=false", "ContextualLogging=true", 34, MediumRisk, "feature-gates", " Turns ContextualLogging on (BETA)."},
		{"feature-gates", "", "APIServingWithRoutine=true", 34, HighRisk, "feature-gates", " Turns APIServingWithRoutine on (ALPHA)."},
		{"feature-gates", "", "NodeSwap=false", 34, HighRisk, "feature-gates", " The process ends at its start: locked gates can't be set. Turns NodeSwap off (GA, locked)."},
		{"feature-gates", "", "ContextualLogging=true", 34, LowRisk, RestartOnly, "did."},
		{"feature-gates", "", "ContextualLogging", 34, MediumRisk, "feature-gates", "the same gates."},
	} {
		t.Run(c.name+" "+c.old+" to "+c.new, func(t *testing.T) {
			e := EffectOf(c.name, c.old, c.new, c.minor)
			if !slices.Contains(e.Classes, c.class) || e.Risk != c.risk || !strings.HasSuffix(e.Text, c.text) {
				t.Errorf("%+v", e)
			}
		})
	}
	if many := EffectOf("controllers", "*", "", 34); !strings.Contains(many.Text, "stays") {
		t.Errorf("an unset list isn't the default: %+v", many)
	}
	all := EffectOf("controllers", "*", "-*", 34) // refused by the program; nothing must start
	if !strings.Contains(all.Text, " more.") || len(all.Text) > 800 {
		t.Errorf("a long list isn't cut: %+v", all)
	}
	hostile := EffectOf("authorization-always-allow-paths", "/healthz", "/healthz,/\x1b[2J", 34)
	if strings.Contains(hostile.Text, "\x1b") {
		t.Errorf("control characters reach the text: %q", hostile.Text)
	}
}

// TestEffectOn: what isn't a flag has effects by kind and name.
func TestEffectOn(t *testing.T) {
	for _, c := range []struct {
		kind, name, old, new string
		class                string
		risk                 Risk
		text                 string
	}{
		{KindUnit, "Service.NoNewPrivileges", "true", "", "sandbox", MediumRisk, "do more"},
		{KindUnit, "Service.NoNewPrivileges", "", "yes", "sandbox", LowRisk, "do less"},
		{KindUnit, "Service.User", "a", "b", "access", HighRisk, "another user"},
		{KindUnit, "Service.MemoryMax", "", "512M", "resources", HighRisk, "killed"},
		{KindUnit, "Service.RestartSec", "1s", "5s", "timing", MediumRisk, "After a crash"},
		{KindUnit, "Service.Nonesuch", "", "x", "sandbox", MediumRisk, "directive of the service"},
		{KindUnit, "X-Own.Thing", "", "x", "sandbox", MediumRisk, "directive of the unit"},
		{KindPod, "spec.containers[kube-controller-manager].resources.limits.memory", "1Gi", "512Mi", "resources", HighRisk, "killed"},
		{KindPod, "spec.containers[kube-controller-manager].livenessProbe.periodSeconds", "10", "5", "timing", MediumRisk, "restarts"},
		{KindPod, "spec.hostNetwork", "true", "", "connection", HighRisk, "127.0.0.1"},
		{KindPod, "spec.volumes[a]b].hostPath.path", "", "/x", "sandbox", MediumRisk, "its host"},
		{KindCertificate, "ca", "CN=a", "CN=b", "trust", HighRisk, "Another CA"},
		{KindCertificate, "service-account", "a", "b", "key-reach", HighRisk, "signed with another key"},
		{KindCertificate, "leaf", "", "", "certificates", LowRisk, "made anew"},
		{KindCertificate, "leaf.names", "a\nb", "a", "certificates", MediumRisk, "Removed: b."},
		{KindCertificate, "leaf.lifetime", "8760h0m0s", "720h0m0s", "certificates", MediumRisk, "shorter"},
		{KindKubeconfig, "endpoint", "https://a:6443", "https://b:6443", "connection", MediumRisk, "another address"},
		{KindKubeconfig, "kubeconfig.user", "a", "b", "connection", LowRisk, "doesn't see"},
		{KindRange, "pods", "10.0.0.0/16", "10.0.0.0/17", "bootstrap", HighRisk, "ends at its start"},
		{KindRange, "pods.mask", "24", "25", "bootstrap", HighRisk, "smaller"},
		{KindRange, "nodes", "10.0.0.0/16", "10.0.0.0/17", "records", LowRisk, "no host changes"},
		{KindVersion, "kubernetes", "v1.9.1", "v1.10.0", "version", HighRisk, "newer"},
		{KindVersion, "kubernetes", "v1.34.2", "v1.34.1", "version", HighRisk, "older"},
		{KindImage, "image.base", "a", "b", "program", HighRisk, "another base"},
		{KindProgram, "binary.source.amd64.sha256", "a", "b", "program", HighRisk, "another one"},
		{KindMember, "node", "", "cp-4", "members", MediumRisk, "gets an instance"},
		{KindMember, "node", "cp-4", "", "key-reach", HighRisk, "retire"},
		{KindNode, "ssh.user", "a", "b", "rollout", LowRisk, "Nothing that runs"},
		{KindDeploy, "deploy.soak", "10s", "20s", "rollout", LowRisk, "next host"},
		{KindCluster, "labels.site", "a", "b", "records", LowRisk, "no host"},
		{KindCluster, "name", "a", "b", "trust", HighRisk, "new CAs"},
		{KindNode, "name", "cp-1", "cp-2", "certificates", MediumRisk, "another name"},
		{KindFile, "content", "", "", RestartOnly, MediumRisk, "other contents"},
		{KindFile, "mode", "0600", "0644", "access", MediumRisk, "Other users"},
		{KindGeneration, "name", "a", "b", RestartOnly, LowRisk, "another generation"},
		{"nonesuch", "x", "a", "b", UnknownEffect, MediumRisk, "nonesuch x"},
	} {
		t.Run(c.kind+" "+c.name, func(t *testing.T) {
			e := EffectOn(c.kind, c.name, c.old, c.new)
			if !slices.Contains(e.Classes, c.class) || e.Risk != c.risk || !strings.Contains(e.Text, c.text) {
				t.Errorf("%+v", e)
			}
		})
	}
	for _, kind := range Kinds() {
		if e := EffectOn(kind, "nonesuch", "a", "b"); slices.Contains(e.Classes, UnknownEffect) {
			t.Errorf("%s has no general effect", kind)
		}
	}
}

// TestClasses: the riskiest class comes first, in the list and in each effect.
func TestClasses(t *testing.T) {
	if all := Classes(); !slices.IsSortedFunc(all, byRisk) || len(all) < 20 {
		t.Errorf("%+v", all)
	}
	e := EffectOf("enable-leader-migration", "false", "true", 34)
	if !slices.Equal(e.Classes, []string{"coordinate-instances", "coordinate-cloud"}) {
		t.Errorf("%+v", e)
	}
	if c, ok := ClassOf("trust"); !ok || c.Risk != HighRisk {
		t.Errorf("%+v", c)
	}
	if _, ok := ClassOf("nonesuch"); ok {
		t.Error("any id is a class's")
	}
}

// FuzzEffect: any values have an effect that is complete, the same each time, and can be
// shown on a terminal.
func FuzzEffect(f *testing.F) {
	for i, name := range Names() {
		f.Add(name, "", "10.0.0.0/8", i)
	}
	f.Add("controllers", "*,-ttl", "-*,,\"", 27)
	f.Add("feature-gates", "kube:A=true,B=false", "AllAlpha=true,=", 37)
	f.Add("cluster-cidr", "::/0,0.0.0.0/0", "::ffff:10.0.0.0/104", 34)
	f.Add("pod spec.volumes[]]][", "[", "]", -1)
	f.Fuzz(func(t *testing.T, name, old, new string, minor int) {
		check := func(effect func() Effect) {
			e := effect()
			if !reflect.DeepEqual(e, effect()) {
				t.Errorf("%q from %q to %q: two effects", name, old, new)
			}
			if len(e.Classes) == 0 || e.Risk.level() < 0 || e.Text == "" {
				t.Errorf("%q from %q to %q: %+v", name, old, new, e)
			}
			for _, id := range e.Classes {
				if _, ok := ClassOf(id); !ok {
					t.Errorf("%q: class %q", name, id)
				}
			}
			if strings.ContainsFunc(e.Text, func(r rune) bool { return r < ' ' }) || !strings.HasSuffix(e.Text, ".") {
				t.Errorf("%q from %q to %q: %q", name, old, new, e.Text)
			}
		}
		check(func() Effect { return EffectOf(name, old, new, minor) })
		kind, rest, _ := strings.Cut(name, " ")
		check(func() Effect { return EffectOn(kind, rest, old, new) })
	})
}
