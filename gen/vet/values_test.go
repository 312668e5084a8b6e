package vet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// coordinating is the base cluster in a minor with coordinated election, and with flags
// of the apiserver.
func coordinating(minor int, apiserver ...string) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		at(minor, "feature-gates", "CoordinatedLeaderElection=true")(c)
		for i := 0; i < len(apiserver); i += 2 {
			c.APIServer.Flags[apiserver[i]] = spec.Setting{Value: apiserver[i+1]}
		}
	}
}

// then makes several changes to a cluster.
func then(changes ...func(*spec.Cluster)) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		for _, change := range changes {
			change(c)
		}
	}
}

func with(name, value string) func(*spec.Cluster) {
	return func(c *spec.Cluster) { set(c, name, value) }
}

// wrote marks fields as written by the user.
func wrote(fields ...string) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		for _, f := range fields {
			c.Source[f] = finding.Pos{File: "c.cue", Line: 1, Col: 1}
		}
	}
}

const (
	election1 = "CoordinatedLeaderElection=true"
	serves1   = "coordination.k8s.io/v1beta1=true"
)

var valueCases = map[string]testCase{
	"suites of TLS 1.3 only":         {at(37, "tls-cipher-suites", "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384"), []string{"tls-http2"}},
	"a suite that HTTP/2 misses":     {at(37, "tls-cipher-suites", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"), []string{"tls-http2"}},
	"RSA without ephemeral keys":     {at(28, "tls-cipher-suites", "TLS_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"), []string{"tls-http2", "tls-suite-weak"}},
	"the suite that HTTP/2 demands":  {at(20, "tls-cipher-suites", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"), nil},
	"no HTTP/2":                      {at(31, "tls-cipher-suites", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "disable-http2-serving", "true"), nil},
	"no HTTP/2, and no TLS 1.2":      {at(37, "tls-cipher-suites", "TLS_AES_256_GCM_SHA384", "disable-http2-serving", "true"), []string{"tls12-impossible"}},
	"suites under TLS 1.3, at first": {at(20, "tls-min-version", "VersionTLS13", "tls-cipher-suites", "TLS_AES_128_GCM_SHA256"), []string{"flag-ignored", "tls-http2"}},
	"suites in a bad order":          {at(20, "tls-cipher-suites", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"), []string{"tls-http2"}},
	"suites in a good order":         {at(20, "tls-cipher-suites", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"), nil},
	"an order that no longer counts": {at(22, "tls-cipher-suites", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"), nil},
	"suites without a port":          {at(37, "secure-port", "0", "tls-cipher-suites", "TLS_AES_128_GCM_SHA256"), []string{"flag-ignored"}},
	"no suites":                      {at(37, "tls-cipher-suites", ""), nil},
	"suites of another key":          {at(37, "tls-cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_AES_128_GCM_SHA256"), []string{"tls12-impossible"}},
	"suites of the RSA key": {then(at(37, "tls-cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), func(c *spec.Cluster) {
		c.PKI.Serving.Key = spec.Key{Algo: "rsa", Size: 2048}
	}), nil},
	"suites of the combined key": {then(at(37, "tls-cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), func(c *spec.Cluster) {
		c.PKI.Separate = false
	}), []string{"certificate-combined", "tls12-impossible"}},
	"suites of a key of the host": {at(37, "tls-cipher-suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "tls-cert-file", "/h.crt", "tls-private-key-file", "/h.key"), []string{"file-not-placed"}},

	"curves":                     {at(37, "tls-curve-preferences", "4588,29,23"), nil},
	"one curve, in other digits": {at(36, "tls-curve-preferences", "0x17"), nil},
	"an unknown curve":           {at(37, "tls-curve-preferences", "23,26"), []string{"tls-curves"}},
	"no curve at all":            {at(37, "tls-curve-preferences", "0"), []string{"tls-curves"}},
	"a curve beyond all":         {at(37, "tls-curve-preferences", "65559"), []string{"tls-curves"}},
	"a curve twice":              {at(36, "tls-curve-preferences", "23,29,0x17"), []string{"tls-curves"}},
	"curves without a port":      {at(37, "secure-port", "0", "tls-curve-preferences", "1"), []string{"flag-ignored"}},
	"curves of TLS 1.3 only":     {at(37, "tls-curve-preferences", "4588"), []string{"tls12-impossible"}},
	"the same, and none needed": {then(at(37, "tls-curve-preferences", "4588", "tls-cipher-suites", "TLS_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), func(c *spec.Cluster) {
		c.PKI.Serving.Key = spec.Key{Algo: "rsa", Size: 2048}
	}), []string{"tls-suite-weak"}},
	"the same under TLS 1.3": {at(37, "tls-curve-preferences", "4588", "tls-min-version", "VersionTLS13"), nil},

	"a range without allocation":         {unallocated(37, "cluster-cidr", "rubbish"), []string{"network-flags-ignored"}},
	"services without allocation":        {then(unallocated(37), with(serviceRange, "10.96.0.0/16,10.97.0.0/16"), nothingStated), []string{"network-flags-ignored", "service-range-differs not checked"}},
	"services that validation counts":    {then(unallocated(37), with(serviceRange, "10.96.0.0/16,10.97.0.0/16,10.98.0.0/16"), nothingStated), []string{"cidr-invalid", "network-flags-ignored", "service-range-differs not checked"}},
	"services that are read":             {then(with(serviceRange, "10.96.0.0/16,10.97.0.0/16"), nothingStated), []string{"cidr-invalid", "service-range-differs not checked"}},
	"a range of a controller that rests": {then(with(clusterCIDR, "rubbish"), with("controllers", "*,-nodeipam")), []string{"controller-renamed", "network-flags-ignored"}},

	"a period of a gate that is off":  {at(28, "legacy-service-account-token-clean-up-period", "0s"), []string{"flag-ignored"}},
	"a period of a gate that is on":   {at(28, "legacy-service-account-token-clean-up-period", "0s", "feature-gates", "LegacyServiceAccountTokenCleanUp=true"), []string{"period-zero"}},
	"workers of a controller at rest": {at(37, "controllers", "*,-garbage-collector-controller", "concurrent-gc-syncs", "0"), []string{"flag-ignored"}},

	"a stop before it began": {at(37, "controller-shutdown-timeout", "-1s"), []string{"duration-negative"}},
	"a stop at once":         {at(35, "controller-shutdown-timeout", "0s"), nil},

	"other pods by a flag":     {with(clusterCIDR, "10.201.0.0/16"), []string{"said-twice"}},
	"the same pods by a flag":  {with(clusterCIDR, "10.200.0.0/16"), nil},
	"other pods on every node": {func(c *spec.Cluster) { onEveryNode(c, clusterCIDR, "10.201.0.0/16") }, []string{"said-twice"}},
	"pods by a flag alone":     {then(func(c *spec.Cluster) { c.Networks.Pods = nil }, with(clusterCIDR, "10.201.0.0/16"), with(allocate, "true")), nil},
	"pods in another order":    {then(dual, with(clusterCIDR, "fd01::/56,10.200.0.0/16")), []string{"said-twice"}},
	"pods in another spelling": {then(dual, with(clusterCIDR, "10.200.0.0/16,fd01:0::/56")), nil},
	"other services by a flag": {then(with(serviceRange, "10.33.0.0/16"), func(c *spec.Cluster) {
		c.APIServer.Flags[serviceRange] = spec.Setting{Value: "10.33.0.0/16"}
	}), []string{"said-twice"}},
	"other services, nothing to compare": {then(with(serviceRange, "10.33.0.0/16"), func(c *spec.Cluster) { c.APIServer.Flags = nil }), []string{"said-twice", "service-range-differs not checked"}},
	"services that the apiserver lacks":  {with(serviceRange, "10.33.0.0/16"), []string{"service-range-differs"}},
	"another mask than the default":      {with(mask, "25"), nil},
	"another mask than was written":      {then(with(mask, "25"), wrote("networks.nodeMask.ipv4")), []string{"said-twice"}},
	"the mask that was written":          {then(with(mask, "24"), wrote("networks.nodeMask.ipv4")), nil},
	"another mask of a family":           {then(dual, with(mask6, "65"), wrote("networks.nodeMask.ipv6")), []string{"said-twice"}},
	"no mask of a family":                {then(dual, with(mask4, "0"), with(mask6, "0x0")), nil},
	"a mask of 0 next to another":        {then(with(mask, "24"), with(mask4, "0")), nil},
	"no mask, and no other":              {then(dual, with(mask, "00")), nil},
	"a profile undone": {then(func(c *spec.Cluster) { c.Profile = "slowBoards" },
		with("leader-elect-renew-deadline", "20s")), []string{"said-twice"}},
	"a profile and more": {then(func(c *spec.Cluster) { c.Profile = "slowBoards" }, with("leader-elect-lease-duration", "2m")), nil},

	"a gate of then":                   {at(37, "emulated-version", "kube=1.36", "feature-gates", "HPAScaleToZero=true"), nil},
	"a gate of after then":             {at(37, "emulated-version", "1.34", "feature-gates", "NativeHistograms=true"), []string{"feature-gate-emulated"}},
	"nor can it be off":                {at(37, "emulated-version", "kube=v1.34", "feature-gates", "NativeHistograms=false"), []string{"feature-gate-emulated"}},
	"all gates of then":                {at(37, "emulated-version", "1.35", "feature-gates", "AllAlpha=false,AllBeta=false"), nil},
	"a gate that only the binary lost": {at(37, "emulated-version", "1.35", "feature-gates", "APIListChunking=true"), []string{"feature-gate-unknown"}},
	"a need of now":                    {at(37, "emulated-version", "1.36", "feature-gates", "ClusterTrustBundle=false,ClusterTrustBundleProjection=true"), []string{"feature-gate-needs"}},
	"the last word on a lock":          {at(37, "feature-gates", "DRAAdminAccess=false,DRAAdminAccess=true"), []string{"feature-gate-idle"}},
	"its lock of then":                 {at(37, "emulated-version", "1.36", "feature-gates", "DRAAdminAccess=false"), []string{"feature-gate-locked"}},
	"a default by compatibility":       {at(37, "min-compatibility-version", "1.37", "feature-gates", "DRAConsumableCapacity=false"), []string{"feature-gate-needs"}},
	"the default without":              {at(37, "min-compatibility-version", "1.36", "feature-gates", "DRAConsumableCapacity=false"), nil},
	"a patch to emulate":               {at(37, "emulated-version", "1.36.0"), nil},
	"a patch that isn't one":           {at(37, "emulated-version", "1.36.1"), []string{"flag-conflict"}},
	"another component's version":      {at(37, "emulated-version", "etcd=1.36"), []string{"flag-conflict"}},

	"elected by the apiserver":       {coordinating(37, featureGates, election1, runtimeConfig, serves1), nil},
	"elected without the apiserver":  {coordinating(37), []string{"coordinated-apiserver"}},
	"elected without the API":        {coordinating(37, featureGates, election1), []string{"coordinated-apiserver"}},
	"elected without the gate":       {coordinating(37, runtimeConfig, serves1), []string{"coordinated-apiserver"}},
	"elected by all of beta":         {then(coordinating(37, featureGates, "AllBeta=true", runtimeConfig, "api/beta=true"), with(featureGates, "AllBeta=true")), nil},
	"all of beta, not the apiserver": {with(featureGates, "AllBeta=true"), []string{"coordinated-apiserver"}},
	"all of beta but one":            {with(featureGates, "AllBeta=true,CoordinatedLeaderElection=false"), nil},
	"all of beta, before it was":     {then(at(32), with(featureGates, "AllBeta=true")), nil},
	"all of beta, emulated before":   {at(34, "emulated-version", "1.32", "feature-gates", "AllBeta=true"), nil},
	"elected by alpha":               {coordinating(31, featureGates, election1, runtimeConfig, "coordination.k8s.io/v1alpha1"), nil},
	"elected by the other alpha":     {coordinating(32, featureGates, election1, runtimeConfig, "coordination.k8s.io/v1alpha1=true"), []string{"coordinated-apiserver"}},
	"elected by a newer apiserver":   {then(coordinating(32, featureGates, election1, runtimeConfig, "coordination.k8s.io/v1alpha2=true,coordination.k8s.io/v1beta1=true"), newer(33)), nil},
	"half of that":                   {then(coordinating(32, featureGates, election1, runtimeConfig, "coordination.k8s.io/v1alpha2=true"), newer(33)), []string{"coordinated-apiserver"}},
	"an apiserver without flags":     {then(coordinating(37), func(c *spec.Cluster) { c.APIServer.Flags = nil }), []string{"coordinated-apiserver not checked", "service-range-differs not checked"}},
	"elected for another lease":      {then(coordinating(37, featureGates, election1, runtimeConfig, serves1), with("leader-elect-resource-name", "mine")), []string{"coordinated-lease"}},
	"elected in another namespace":   {then(coordinating(37, featureGates, election1, runtimeConfig, serves1), with("leader-elect-resource-namespace", "default")), []string{"coordinated-lease"}},
	"the lease that it is":           {then(coordinating(37, featureGates, election1, runtimeConfig, serves1), with("leader-elect-resource-name", "kube-controller-manager")), nil},
	"another lease, held by itself":  {with("leader-elect-resource-name", "mine"), nil},
	"no election, and nothing to elect": {func(c *spec.Cluster) {
		coordinating(37)(c)
		c.Nodes = c.Nodes[:1]
		set(c, "leader-elect", "false")
	}, nil},
}

func nothingStated(c *spec.Cluster) { c.APIServer.Flags = nil }

func newer(minor int) func(*spec.Cluster) {
	return func(c *spec.Cluster) { c.APIServer.Version = &spec.Version{Minor: minor} }
}

func onEveryNode(c *spec.Cluster, name, value string) {
	for i := range c.Nodes {
		c.Nodes[i].Flags[name] = spec.Setting{Value: value}
	}
}

// TestSaidTwiceBare: the rule applies without derived flags, too.
func TestSaidTwiceBare(t *testing.T) {
	for pods, want := range map[string]bool{"10.201.0.0/16": true, "10.200.0.0/16": false} {
		c := base()
		c.Hardened = false
		set(c, clusterCIDR, pods)
		if got := ids(Check(c, Facts{})); slices.Contains(got, "said-twice") != want {
			t.Errorf("%s: %q", pods, got)
		}
	}
}

// TestTokenKeys: which kinds of keys may sign tokens.
func TestTokenKeys(t *testing.T) {
	rsaOf := func(bits int) crypto.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), uint(bits-1)), E: 65537}
	}
	for name, tc := range map[string]struct {
		key  crypto.PublicKey
		want []string
	}{
		"P-224":    {&ecdsa.PublicKey{Curve: elliptic.P224()}, []string{"service-account-key-kind"}},
		"P-256":    {&ecdsa.PublicKey{Curve: elliptic.P256()}, nil},
		"P-384":    {&ecdsa.PublicKey{Curve: elliptic.P384()}, nil},
		"P-521":    {&ecdsa.PublicKey{Curve: elliptic.P521()}, nil},
		"RSA 512":  {rsaOf(512), []string{"service-account-key-kind"}},
		"RSA 1024": {rsaOf(1024), []string{"service-account-key-weak"}},
		"RSA 2047": {rsaOf(2047), []string{"service-account-key-weak"}},
		"RSA 2048": {rsaOf(2048), nil},
		"none":     {nil, nil},
	} {
		for _, ca := range []bool{false, true} {
			c := base()
			facts := Facts{ServiceAccount: Material{Public: tc.key}}
			if ca { // the CA's key signs
				c.PKI.ServiceAccount.UseCA = true
				facts = Facts{CA: Material{Public: tc.key}}
			}
			got := slices.DeleteFunc(ids(Check(c, facts)), func(id string) bool {
				return !strings.HasPrefix(id, "service-account-key-kind") && !strings.HasPrefix(id, "service-account-key-weak")
			})
			if diff := cmp.Diff(tc.want, got, cmpEmpty); diff != "" {
				t.Errorf("%s, the CA's: %v (-want +got):\n%s", name, ca, diff)
			}
		}
	}
}

var cmpEmpty = cmp.FilterValues(func(a, b []string) bool { return len(a) == 0 && len(b) == 0 }, cmp.Comparer(func(a, b []string) bool { return true }))

// TestNeverWeaker: for no misspelt cipher suite or TLS version is a broken one suggested.
func TestNeverWeaker(t *testing.T) {
	for _, name := range []string{tlsSuites, tlsMin} {
		d, _ := flags.Of(37).Flag(name)
		for _, good := range d.Allowed {
			for i := range good {
				bad := good[:i] + "x" + good[i+1:]
				near := spec.NearestSafe(bad, d.Allowed)
				if strings.Contains(near, "RC4") || strings.Contains(near, "3DES") || strings.Contains(near, "CBC_SHA256") || strings.HasPrefix(near, "TLS_RSA_") || near == "VersionTLS10" || near == "VersionTLS11" {
					t.Errorf("%s %q: did you mean %q?", name, bad, near)
				}
			}
		}
	}
	for said, want := range map[string]string{"VersionTLS14": "VersionTLS13", "VersionTLS1.3": "VersionTLS13", "VersionTLS1.2": "VersionTLS12", "TLS_AES_128_GCM_SHA257": "TLS_AES_128_GCM_SHA256"} {
		allowed := flags.Of(37)
		name := tlsSuites
		if strings.HasPrefix(said, "Version") {
			name = tlsMin
		}
		d, _ := allowed.Flag(name)
		if got := spec.NearestSafe(said, d.Allowed); got != want {
			t.Errorf("%q: did you mean %q? want %q", said, got, want)
		}
	}
}
