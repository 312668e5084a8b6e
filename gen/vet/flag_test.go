package vet

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// allCases returns the cases of clusters and of flags.
func allCases() map[string]testCase {
	out := maps.Clone(cases)
	for _, more := range []map[string]testCase{
		flagCases, gateCases, controllerCases,
		ignoredCases, workerCases, isolationCases,
		signerCases, headerCases, cloudCases, directiveCases, addressCases, valueCases, unitCases, podFieldCases, exposureCases, capacityCases, benchmarkCases,
	} {
		maps.Copy(out, more)
	}
	return out
}

// at is the base cluster in another minor, with flags: name, value, name, value.
func at(minor int, nameValue ...string) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		c.Version = spec.Version{Minor: minor}
		c.Pod.Image = fmt.Sprintf("registry.k8s.io/kube-controller-manager:v1.%d.0", minor)
		for i := 0; i < len(nameValue); i += 2 {
			set(c, nameValue[i], nameValue[i+1])
		}
	}
}

// unallocated is at without the allocation of node ranges.
func unallocated(minor int, nameValue ...string) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		at(minor, nameValue...)(c)
		omit(c, allocate)
		omit(c, clusterCIDR)
		omit(c, serviceRange)
	}
}

var flagCases = map[string]testCase{
	"an unknown version":          {at(99), []string{"flags-unchecked"}},
	"a port in such a version":    {at(99, "secure-port", "https"), []string{"flags-unchecked", "port-invalid"}},
	"a misspelt flag":             {at(37, "concurent-gc-syncs", "30"), []string{"flag-unknown"}},
	"a flag that is gone":         {at(37, "pod-eviction-timeout", "6m"), []string{"flag-removed"}},
	"the last version with it":    {at(26, "pod-eviction-timeout", "6m", "enable-taint-manager", "false"), []string{"flag-deprecated"}},
	"a flag of a later version":   {at(30, "controller-shutdown-timeout", "10s"), []string{"flag-too-new"}},
	"an old name":                 {at(24, "experimental-cluster-signing-duration", "8760h"), []string{"flag-renamed"}},
	"an old name that is gone":    {at(25, "experimental-cluster-signing-duration", "8760h"), []string{"flag-removed"}},
	"a flag without effect":       {at(24, "register-retry-count", "3"), []string{"flag-noop"}},
	"port where it must be 0":     {at(21, "port", "0"), nil},
	"port where it does nothing":  {at(22, "port", "0"), []string{"flag-noop"}},
	"a number in words":           {at(37, "concurrent-gc-syncs", "thirty"), []string{"flag-type"}},
	"a number too large":          {at(37, "concurrent-gc-syncs", "2147483648"), []string{"flag-type"}},
	"a negative v":                {at(37, "v", "-1"), []string{"flag-type"}},
	"a bool in words":             {at(37, "leader-elect", "yes"), []string{"flag-type"}},
	"a list with a loose quote":   {at(37, "requestheader-allowed-names", `a,"b`), []string{"flag-type"}},
	"an address with a port":      {at(37, "bind-address", "127.0.0.1:80"), []string{"bind-address-foreign"}},
	"an empty address before":     {at(33, "bind-address", ""), []string{"bind-address-public", "flag-type"}},
	"a quantity":                  {at(37, "feature-gates", "LoggingAlphaOptions=true", "logging-format", "json", "log-json-split-stream", "true", "log-json-info-buffer-size", "64Ki"), nil},
	"no quantity":                 {at(37, "feature-gates", "LoggingAlphaOptions=true", "logging-format", "json", "log-json-info-buffer-size", "64 KB"), []string{"flag-type"}},
	"not among the allowed":       {at(37, "logging-format", "xml"), []string{"flag-value"}},
	"an unknown cipher":           {at(37, "tls-cipher-suites", "TLS_AES_128_GCM_SHA256,TLS_ROT13"), []string{"flag-value"}},
	"two good ciphers":            {at(37, "tls-cipher-suites", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384"), nil},
	"below the least":             {at(37, "concurrent-job-syncs", "0"), []string{"flag-value"}},
	"above the most":              {at(37, "max-endpoints-per-slice", "1001"), []string{"flag-value"}},
	"too short":                   {at(37, "attach-detach-reconcile-sync-period", "1ms"), []string{"flag-value"}},
	"an allocator behind a gate":  {at(28, "cidr-allocator-type", "MultiCIDRRangeAllocator"), []string{"flag-value"}},
	"an allocator with its gate":  {at(28, "cidr-allocator-type", "MultiCIDRRangeAllocator", "feature-gates", "MultiCIDRRangeAllocator=true"), nil},
	"a cloud with its gate off":   {at(30, "cloud-provider", "gce", "feature-gates", "DisableCloudProviders=false,DisableKubeletCloudCredentialProviders=false"), nil},
	"a cloud without":             {at(30, "cloud-provider", "gce"), []string{"flag-value"}},
	"another lock":                {at(27, "leader-elect-resource-lock", "configmaps"), []string{"flag-value"}},
	"a flag that ends at once":    {at(37, "help", "true"), []string{"flag-value"}},
	"a number after a space":      {at(37, "tls-curve-preferences", "29, 23"), []string{"flag-type"}},
	"an allocator of nothing":     {unallocated(28, "cidr-allocator-type", "Foo"), []string{"network-flags-ignored"}},
	"refused all the same":        {unallocated(37, "cidr-allocator-type", "Foo"), []string{"flag-value", "network-flags-ignored"}},
	"no allocator's name":         {unallocated(37, "cidr-allocator-type", ""), []string{"network-flags-ignored"}},
	"TLS without a port":          {at(37, "secure-port", "0", "tls-min-version", "VersionTLS99"), []string{"flag-ignored"}},
	"a burst of nothing":          {at(37, "kube-api-burst", "0"), []string{"flag-conflict"}},
	"klog's flags and json":       {at(24, "logging-format", "json", "skip-headers", "true", "one-output", "false"), []string{"flag-conflict", "flag-deprecated"}},
	"at their defaults":           {at(24, "logging-format", "json", "logtostderr", "1", "stderrthreshold", "ERROR"), []string{"flag-deprecated"}},
	"before they were refused":    {at(22, "logging-format", "json", "log-dir", "/l"), nil},
	"two families in v1.20":       {func(c *spec.Cluster) { at(20)(c); dual(c) }, []string{"flag-conflict"}},
	"without slices":              {func(c *spec.Cluster) { at(20, "feature-gates", "IPv6DualStack=true,EndpointSlice=false")(c); dual(c) }, []string{"flag-conflict"}},
	"with both gates":             {func(c *spec.Cluster) { at(20, "feature-gates", "IPv6DualStack=true")(c); dual(c) }, nil},
	"two families in v1.21":       {func(c *spec.Cluster) { at(21)(c); dual(c) }, nil},
	"vmodule and json":            {at(37, "logging-format", "json", "vmodule", "a=1"), []string{"flag-conflict"}},
	"an alpha option of logs":     {at(37, "log-text-split-stream", "true"), []string{"flag-conflict"}},
	"an alpha option left off":    {at(37, "log-text-split-stream", "F"), nil},
	"an alpha option in short":    {at(37, "log-text-split-stream", "T"), []string{"flag-conflict"}},
	"a buffer of nothing":         {at(37, "logging-format", "json", "log-json-info-buffer-size", "0Ki"), nil},
	"logs never flushed":          {at(37, "log-flush-frequency", "0s"), []string{"flag-conflict"}},
	"metrics of long ago":         {at(37, "show-hidden-metrics-for-version", "1.35"), []string{"flag-conflict"}},
	"metrics of the last minor":   {at(37, "show-hidden-metrics-for-version", "1.36"), nil},
	"a label without a metric":    {at(37, "allow-metric-labels", "label=a,b"), []string{"flag-conflict"}},
	"a metric with a space":       {at(37, "disabled-metrics", "a b"), []string{"flag-conflict"}},
	"an unchecked metric":         {at(35, "disabled-metrics", "a b"), nil},
	"two sources of labels":       {at(36, "allow-metric-labels", "a,b=c", "allow-metric-labels-manifest", "/m"), []string{"flag-conflict"}},
	"the first of two sources":    {at(35, "allow-metric-labels", "a,b=c", "allow-metric-labels-manifest", "/m"), nil},
	"a blank header":              {at(37, "requestheader-username-headers", "X-Remote-User, "), []string{"flag-conflict"}},
	"a header behind a gate":      {at(32, "requestheader-uid-headers", "X-Remote-Uid"), []string{"flag-conflict"}},
	"another header for the uid":  {at(37, "requestheader-uid-headers", "X-Uid"), []string{"flag-conflict"}},
	"leader migration at first":   {at(21, "enable-leader-migration", "true"), []string{"flag-conflict"}},
	"emulating what is to come":   {at(36, "emulated-version", "1.37"), []string{"flag-conflict"}},
	"emulating the last minor":    {at(37, "emulated-version", "1.36"), nil},
	"compatible with the past":    {at(37, "min-compatibility-version", "1.33"), []string{"flag-conflict"}},
	"no garbage collector":        {at(37, "enable-garbage-collector", "false"), []string{"flag-conflict"}},
	"nor what needs it":           {at(37, "enable-garbage-collector", "false", "controllers", "*,-storage-version-migrator-controller"), nil},
	"nor a gate for that":         {at(36, "enable-garbage-collector", "false"), nil},
	"compatible beyond emulation": {at(37, "emulated-version", "1.36", "min-compatibility-version", "1.37"), []string{"flag-conflict"}},
}

var gateCases = map[string]testCase{
	"a gate without a value":     {at(37, "feature-gates", "AllAlpha"), []string{"feature-gate-syntax"}},
	"a gate in words":            {at(37, "feature-gates", "AllAlpha=on"), []string{"feature-gate-syntax"}},
	"a misspelt gate":            {at(37, "feature-gates", "AllAlfa=true"), []string{"feature-gate-unknown"}},
	"a gate that is gone":        {at(37, "feature-gates", "APIListChunking=true"), []string{"feature-gate-unknown"}},
	"a gate that is to come":     {at(28, "feature-gates", "SeparateTaintEvictionController=true"), []string{"feature-gate-unknown"}},
	"a gate against its lock":    {at(29, "feature-gates", "APIListChunking=false"), []string{"feature-gate-locked"}},
	"a gate along its lock":      {at(29, "feature-gates", "APIListChunking=true"), []string{"feature-gate-idle"}},
	"a gate that is all right":   {at(28, "feature-gates", "APIListChunking=false"), nil},
	"a gate for the component":   {at(37, "feature-gates", "kube:AllAlpha=false"), nil},
	"a component too early":      {at(28, "feature-gates", "kube:AllAlpha=false"), []string{"feature-gate-unknown"}},
	"another component":          {at(37, "feature-gates", "etcd:AllAlpha=false"), []string{"feature-gate-syntax"}},
	"a component now and then":   {at(37, "feature-gates", "kube:AllAlpha=false,AllBeta=false"), []string{"feature-gate-syntax"}},
	"a lock that came later":     {at(37, "emulated-version", "1.34", "feature-gates", "DRAAdminAccess=false"), nil},
	"an empty list of gates":     {at(37, "feature-gates", ""), nil},
	"a gate without another":     {at(37, "feature-gates", "ClusterTrustBundle=false"), []string{"feature-gate-needs"}},
	"two gates that go together": {at(37, "feature-gates", "ClusterTrustBundle=false,ClusterTrustBundleProjection=false"), nil},
	"one gate on a single node":  {func(c *spec.Cluster) { c.Nodes[1].Flags["feature-gates"] = spec.Setting{Value: "AllAlfa=true"} }, []string{"feature-gate-unknown"}},
}

var controllerCases = map[string]testCase{
	"a misspelt controller":         {at(37, "controllers", "*,-ttl-controler"), []string{"controller-unknown"}},
	"no controllers":                {at(37, "controllers", ""), []string{"controllers-none"}},
	"only some that are off":        {at(37, "controllers", "-ttl-controller,-root-ca-certificate-publisher-controller"), []string{"controllers-none"}},
	"one alone":                     {at(37, "controllers", "node-ipam-controller"), nil},
	"minus everything":              {at(37, "controllers", "-*"), []string{"controller-unknown"}},
	"a new name too early":          {at(27, "controllers", "*,bootstrap-signer-controller"), []string{"controller-unknown"}},
	"an old name in its time":       {at(27, "controllers", "*,bootstrapsigner"), nil},
	"an old name of a controller":   {at(28, "controllers", "*,bootstrapsigner"), []string{"controller-renamed"}},
	"a controller that is gone":     {at(37, "controllers", "*,-service"), []string{"controller-unknown"}},
	"before it went":                {at(36, "controllers", "*,-service-lb-controller"), nil},
	"behind a gate, unknown":        {at(28, "controllers", "*,-storageversion-garbage-collector-controller"), []string{"controller-unknown"}},
	"behind a gate, known":          {at(28, "controllers", "*,-storageversion-garbage-collector-controller", "feature-gates", "APIServerIdentity=true,StorageVersionAPI=true"), nil},
	"behind a gate, without effect": {at(29, "controllers", "*,storageversion-garbage-collector-controller"), []string{"controller-ignored"}},
	"said twice":                    {at(37, "controllers", "*,-ttl-controller,ttl-controller"), []string{"controller-ignored"}},
	"tokens can't be switched off":  {at(35, "controllers", "*,-serviceaccount-token-controller"), []string{"controller-ignored"}},
	"tokens can be switched off":    {at(34, "controllers", "*,-serviceaccount-token-controller"), nil},
}

var ignoredCases = map[string]testCase{
	"no election": {func(c *spec.Cluster) {
		c.Nodes = c.Nodes[:1]
		set(c, "leader-elect", "false")
		set(c, "leader-elect-lease-duration", "30s")
	}, []string{"flag-ignored"}},
	"no signer": {func(c *spec.Cluster) {
		omit(c, "cluster-signing-cert-file")
		omit(c, "cluster-signing-key-file")
		set(c, "cluster-signing-duration", "1h")
	}, []string{"flag-ignored"}},
	"nothing is served":              {at(37, "secure-port", "0", "permit-port-sharing", "true"), []string{"flag-ignored"}},
	"suites under TLS 1.3":           {at(37, "tls-min-version", "VersionTLS13", "tls-cipher-suites", "TLS_AES_128_GCM_SHA256"), []string{"flag-ignored"}},
	"contention without profiles":    {at(37, "contention-profiling", "true"), []string{"flag-ignored"}},
	"a directory for no certificate": {at(37, "cert-dir", "/var/run/kubernetes"), []string{"flag-ignored"}},
	"a tuned controller is off":      {at(37, "controllers", "*,-job-controller", "concurrent-job-syncs", "7"), []string{"flag-ignored"}},
	"a tuned controller is gated":    {at(29, "concurrent-validating-admission-policy-status-syncs", "7"), []string{"flag-ignored"}},
	"a tuned controller of old":      {at(20, "controllers", "*,-garbagecollector", "concurrent-gc-syncs", "7", "port", "0"), []string{"flag-ignored"}},
	"migration without a leader":     {at(30, "leader-migration-config", "/etc/m.yaml"), []string{"flag-ignored"}},
	"no cloud to make routes in":     {at(30, "configure-cloud-routes", "true"), []string{"flag-ignored"}},
	"evicted by taints":              {at(25, "pod-eviction-timeout", "6m"), []string{"flag-ignored"}},
	"burst without a limit":          {at(37, "kube-api-qps", "-1", "kube-api-burst", "10"), []string{"flag-ignored"}},
	"collectors of nothing":          {at(36, "enable-garbage-collector", "false", "concurrent-gc-syncs", "7"), []string{"flag-ignored"}},
	"off twice":                      {at(36, "enable-garbage-collector", "false", "controllers", "*,-garbage-collector-controller"), nil},
	"a cloud for volumes":            {at(28, "cloud-provider", "external", "external-cloud-volume-plugin", "gce", "cloud-config", "/c"), nil},
	"a cloud for nothing":            {at(28, "cloud-provider", "external", "cloud-config", "/c"), []string{"flag-ignored"}},
	"json that isn't":                {at(37, "feature-gates", "LoggingAlphaOptions=true", "log-json-split-stream", "true"), []string{"flag-ignored"}},
}

var workerCases = map[string]testCase{
	"no workers":               {at(37, "concurrent-gc-syncs", "0"), []string{"workers-none"}},
	"fewer than none":          {at(37, "concurrent-deployment-syncs", "-1"), []string{"workers-none"}},
	"an autoscaler that rests": {at(37, "horizontal-pod-autoscaler-sync-period", "0s"), []string{"period-zero"}},
	"no grace for nodes":       {at(37, "node-monitor-grace-period", "0s"), []string{"period-zero"}},
	"grace of a moment":        {at(37, "node-monitor-grace-period", "5s"), []string{"node-monitor-timing"}},
	"a look after the grace":   {at(37, "node-monitor-period", "1m"), []string{"node-monitor-timing"}},
	"one heartbeat":            {at(37, "node-monitor-grace-period", "15s"), []string{"node-monitor-timing"}},
	"faster than the default":  {at(31, "node-monitor-grace-period", "20s", "node-monitor-period", "2s"), nil},
	"a broken connection":      {at(37, "node-monitor-grace-period", "45s"), []string{"node-monitor-timing"}},
	"longer than to notice it": {at(37, "node-monitor-grace-period", "46s"), nil},
	"a rate below nothing":     {at(37, "node-eviction-rate", "-0.1"), []string{"rate-invalid"}},
	"a threshold of no zone":   {at(37, "unhealthy-zone-threshold", "0"), []string{"rate-invalid"}},
	"a threshold of all":       {at(37, "unhealthy-zone-threshold", "1"), nil},
}

// TestHardenedOnEveryMinor: the flags that kcmgen adds are right for every version that
// it has data of.
func TestHardenedOnEveryMinor(t *testing.T) {
	for _, minor := range flags.Minors() {
		for _, change := range []func(*spec.Cluster){func(*spec.Cluster) {}, dual, pods} {
			c := base()
			at(minor)(c)
			change(c)
			if minor < 23 && len(c.Networks.Pods) == 2 { // its gates are the user's to set
				set(c, "feature-gates", "IPv6DualStack=true")
			}
			for _, f := range Check(c, Facts{}) {
				t.Errorf("v1.%d: %s", minor, f.Message)
			}
		}
	}
}

// TestEachFlagIsKnown: no flag of a version, with its default, breaks a rule about
// names, types or values.
func TestEachFlagIsKnown(t *testing.T) {
	for _, minor := range flags.Minors() {
		m := flags.Of(minor)
		for _, d := range m.Flags {
			value := strings.Trim(d.Default, "[]")
			if d.Name == "help" || d.Name == "version" || d.Type == "stringToString" || d.Type == "traceLocation" || d.Type == "namedCertKey" || d.Type == "int32Slice" {
				continue // their default can't be passed
			}
			c := base()
			at(minor, d.Name, value)(c)
			for _, f := range Check(c, Facts{}) {
				switch f.Rule {
				case "flag-unknown", "flag-removed", "flag-too-new", "flag-type", "flag-value", "flags-unchecked", "flag-conflict":
					t.Errorf("v1.%d: --%s=%s: %s: %s", minor, d.Name, value, f.Rule, f.Message)
				}
			}
		}
	}
}
