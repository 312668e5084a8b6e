package vet

import (
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const (
	migration = "leader-migration-config"
	lm        = "/etc/kubernetes/lm.yaml"
)

// migrates makes a cluster read a file of leader migration.
func migrates(c *spec.Cluster, file string) {
	set(c, "enable-leader-migration", "true")
	set(c, migration, file)
}

func volume(c *spec.Cluster, at string, ro bool) {
	c.Pod.Volumes = append(c.Pod.Volumes, spec.Volume{Name: "v", HostPath: at, MountPath: at, ReadOnly: ro})
}

// selfSigned lets the process make its own serving certificate in a directory.
func selfSigned(c *spec.Cluster, dir string) {
	omit(c, "tls-cert-file")
	omit(c, "tls-private-key-file")
	set(c, "cert-dir", dir)
}

func podNetwork(c *spec.Cluster) {
	pods(c)
	c.Pod.Liveness = &spec.Probe{PeriodSeconds: 10}
}

func restart(c *spec.Cluster, policy string) {
	c.Unit.Service = []spec.Directive{{Name: "Restart", Value: policy}, {Name: "RestartSec", Value: "5"}}
}

// user runs the unit as a user.
func user(name string) func(*spec.Cluster) {
	return func(c *spec.Cluster) { service(c, "User", name) }
}

// waivedCA takes the CA's certificate from a file that kcmgen doesn't place.
func waivedCA(c *spec.Cluster, at string) {
	set(c, "client-ca-file", at)
	waiver(c, "file-not-placed")
}

var isolationCases = map[string]testCase{
	// Pods.
	"a pod without a volume for a file": {func(c *spec.Cluster) { pods(c); migrates(c, lm) }, []string{"path-hidden"}},
	"a pod with a volume for it":        {func(c *spec.Cluster) { pods(c); migrates(c, lm); volume(c, lm, true) }, []string{"pod-root"}},
	"a pod with a volume around it":     {func(c *spec.Cluster) { pods(c); migrates(c, lm); volume(c, "/etc/kubernetes", true) }, []string{"pod-root"}},
	"a pod with a volume elsewhere":     {func(c *spec.Cluster) { pods(c); migrates(c, lm); volume(c, "/etc/kubernetes/lm", true) }, []string{"path-hidden"}},
	"a pod that doesn't read it":        {func(c *spec.Cluster) { pods(c); set(c, migration, lm) }, []string{"flag-ignored", "pod-root"}},
	"a pod with metric labels":          {func(c *spec.Cluster) { pods(c); set(c, "allow-metric-labels-manifest", "/x/m.yaml") }, []string{"path-hidden"}},
	"a pod with a certificate by name": {func(c *spec.Cluster) {
		pods(c)
		set(c, "tls-sni-cert-key", "/k/kube-controller-manager.crt,/x/a.key:a.b")
	}, []string{"path-hidden"}},
	"a pod with kcmgen's files by name": {func(c *spec.Cluster) {
		pods(c)
		set(c, "tls-sni-cert-key", "/k/kube-controller-manager.crt,/k/kube-controller-manager.key:a.b")
	}, nil},
	"a pod with a recycler's template":     {func(c *spec.Cluster) { pods(c); set(c, "pv-recycler-pod-template-filepath-nfs", "/x/nfs.yaml") }, []string{"path-hidden"}},
	"a pod with the host's CA":             {func(c *spec.Cluster) { pods(c); waivedCA(c, "/etc/kubernetes/pki/ca.crt") }, []string{"file-not-placed waived", "path-hidden"}},
	"a pod with the host's CA in a volume": {func(c *spec.Cluster) { pods(c); waivedCA(c, "/p/ca.crt"); volume(c, "/p", true) }, []string{"file-not-placed waived", "pod-root"}},
	"a pod with its image's roots":         {func(c *spec.Cluster) { pods(c); waivedCA(c, publishedRoots) }, []string{"file-not-placed waived", "pod-root"}},
	"a pod of an image of one's own":       {func(c *spec.Cluster) { pods(c); migrates(c, lm); c.Pod.Image = "x/kcm:v1.37.1" }, []string{"path-in-image", "pod-root"}},
	"a pod of an image that holds it": {func(c *spec.Cluster) {
		pods(c)
		migrates(c, lm)
		c.Pod.Image = "x/kcm:v1.37.1"
		waiver(c, "path-in-image")
	}, []string{"path-in-image waived", "pod-root"}},
	"a pod of an image from scratch":       {func(c *spec.Cluster) { image(c); migrates(c, lm) }, []string{"path-hidden"}},
	"a pod of an image on a base":          {func(c *spec.Cluster) { image(c); c.Image.Base = "debian"; migrates(c, lm) }, []string{"path-in-image", "pod-root"}},
	"a pod with its CA in the image":       {func(c *spec.Cluster) { image(c, spec.CA) }, nil},
	"a pod with plugins":                   {func(c *spec.Cluster) { pods(c); set(c, "flex-volume-plugin-dir", "/opt/flex") }, []string{"path-hidden"}},
	"a pod that signs for itself":          {func(c *spec.Cluster) { pods(c); selfSigned(c, "/var/lib/kcm") }, nil},
	"a pod that keeps what it signs":       {func(c *spec.Cluster) { pods(c); selfSigned(c, "/var/lib/kcm"); volume(c, "/var/lib/kcm", false) }, []string{"pod-root"}},
	"a pod that can't write what it signs": {func(c *spec.Cluster) { pods(c); selfSigned(c, "/var/lib/kcm"); volume(c, "/var/lib/kcm", true) }, []string{"path-read-only", "pod-root"}},
	"a pod that logs to its root":          {func(c *spec.Cluster) { at(22, "logtostderr", "false", "log-file", "/var/log/kcm.log")(c); pods(c) }, []string{"path-read-only"}},
	"a pod that logs to a volume": {func(c *spec.Cluster) {
		at(22, "logtostderr", "false", "log-file", "/var/log/kcm.log")(c)
		pods(c)
		volume(c, "/var/log", false)
	}, []string{"pod-root"}},
	"a pod that logs to stderr":          {func(c *spec.Cluster) { at(22, "log-file", "/var/log/kcm.log")(c); pods(c) }, nil},
	"a volume in the place of a file":    {func(c *spec.Cluster) { pods(c); volume(c, "/k/ca.crt", true) }, []string{"volume-collides"}},
	"a pod's own network":                {podNetwork, []string{"probe-unreachable"}},
	"a pod's own network, IPv6":          {func(c *spec.Cluster) { podNetwork(c); set(c, "bind-address", "::1") }, []string{"probe-unreachable"}},
	"a pod's own network, open":          {func(c *spec.Cluster) { podNetwork(c); set(c, "bind-address", "0.0.0.0") }, []string{"bind-address-public"}},
	"a pod's own network, unprobed":      {func(c *spec.Cluster) { podNetwork(c); c.Pod.Liveness = nil }, nil},
	"a pod's own network, nothing there": {func(c *spec.Cluster) { podNetwork(c); set(c, "secure-port", "0") }, []string{"probe-without-port"}},
	"a pod's own network and localhost":  {func(c *spec.Cluster) { pods(c); c.APIServer.Endpoint = "local" }, []string{"probe-unreachable"}},
	"the host's network":                 {func(c *spec.Cluster) { podNetwork(c); c.Pod.HostNetwork = true }, nil},

	// Units.
	"a unit that reads the host's file": {func(c *spec.Cluster) { migrates(c, lm) }, nil},
	"root's home, protected":            {func(c *spec.Cluster) { waivedCA(c, "/root/pki/ca.crt") }, []string{"file-not-placed waived", "path-hidden"}},
	"root's home, visible":              {func(c *spec.Cluster) { waivedCA(c, "/root/pki/ca.crt"); service(c, "ProtectHome", "read-only") }, []string{"file-not-placed waived"}},
	"root's home, empty":                {func(c *spec.Cluster) { waivedCA(c, "/root/pki/ca.crt"); service(c, "ProtectHome", "tmpfs") }, []string{"file-not-placed waived", "path-hidden"}},
	"root's home, bound": {func(c *spec.Cluster) {
		waivedCA(c, "/root/pki/ca.crt")
		service(c, "ProtectHome", "tmpfs")
		service(c, "BindReadOnlyPaths", "/root/pki")
	}, []string{"file-not-placed waived"}},
	"root's home, bound in vain":        {func(c *spec.Cluster) { waivedCA(c, "/root/pki/ca.crt"); service(c, "BindReadOnlyPaths", "/root/pki") }, []string{"file-not-placed waived", "path-hidden"}},
	"root's home without a sandbox":     {func(c *spec.Cluster) { waivedCA(c, "/root/pki/ca.crt"); c.Unit.Hardened = false }, []string{"file-not-placed waived", "sandbox-off"}},
	"files in root's home":              {func(c *spec.Cluster) { c.Paths.CA = "/root/ca.crt" }, []string{"path-hidden"}},
	"a program in a home":               {func(c *spec.Cluster) { c.Paths.Binary = "/home/ops/kcm" }, []string{"path-hidden"}},
	"working in a home":                 {func(c *spec.Cluster) { service(c, "WorkingDirectory", "/home/ops") }, []string{"path-hidden"}},
	"working in a home, if it is there": {func(c *spec.Cluster) { service(c, "WorkingDirectory", "-/home/ops") }, nil},
	"a file in /tmp":                    {func(c *spec.Cluster) { migrates(c, "/tmp/lm.yaml") }, []string{"path-hidden"}},
	"a file in the host's /tmp":         {func(c *spec.Cluster) { migrates(c, "/tmp/lm.yaml"); service(c, "PrivateTmp", "no") }, nil},
	"a file of another's":               {func(c *spec.Cluster) { migrates(c, lm); service(c, "InaccessiblePaths", "-/etc/kubernetes") }, []string{"path-hidden"}},
	"a file of another's, taken back": {func(c *spec.Cluster) {
		migrates(c, lm)
		service(c, "InaccessiblePaths", "/etc/kubernetes")
		service(c, "InaccessiblePaths", "")
	}, nil},
	"a file below a file system":         {func(c *spec.Cluster) { migrates(c, lm); service(c, "TemporaryFileSystem", "/etc/kubernetes:ro") }, []string{"path-hidden"}},
	"a relative file":                    {func(c *spec.Cluster) { migrates(c, "lm.yaml"); service(c, "WorkingDirectory", "/tmp/x") }, []string{"path-hidden"}},
	"another root":                       {func(c *spec.Cluster) { service(c, "RootDirectory", "/srv/kcm") }, nil},
	"another root without generations":   {func(c *spec.Cluster) { service(c, "RootDirectory", "/srv/kcm"); c.Generations = false }, []string{"path-hidden"}},
	"a unit that signs for itself":       {func(c *spec.Cluster) { selfSigned(c, "/var/lib/kcm") }, nil},
	"a unit that signs in its directory": {func(c *spec.Cluster) { selfSigned(c, "/k") }, nil},
	"a unit that signs in a home":        {func(c *spec.Cluster) { selfSigned(c, "/root/kcm") }, []string{"path-hidden"}},
	"a unit that signs in /tmp":          {func(c *spec.Cluster) { selfSigned(c, "/tmp/kcm") }, []string{"path-hidden"}},
	"a unit that signs, kept from it":    {func(c *spec.Cluster) { selfSigned(c, "/var/lib/kcm"); service(c, "ReadOnlyPaths", "/var/lib/kcm") }, []string{"path-read-only"}},
	"a unit that signs, guarded by hand": {func(c *spec.Cluster) {
		selfSigned(c, "/var/lib/kcm")
		c.Unit.Hardened = false
		service(c, "ProtectSystem", "strict")
	}, []string{"path-read-only", "sandbox-off"}},
	"a unit that signs in a bad place": {func(c *spec.Cluster) { selfSigned(c, "certs") }, []string{"path-unsafe"}},
	"a unit that logs to a file":       {at(22, "logtostderr", "false", "log-file", "/var/log/kcm.log"), []string{"path-read-only"}},
	"a unit that logs to its file": {func(c *spec.Cluster) {
		at(22, "logtostderr", "false", "log-file", "/var/log/kcm/x.log")(c)
		service(c, "LogsDirectory", "kcm")
	}, nil},
	"another user":           {user("kube"), []string{"path-unreadable"}},
	"another user by number": {user("998"), []string{"path-unreadable"}},
	"root by name":           {user("root"), nil},
	"root by number":         {user("0"), nil},
	"root in another group":  {func(c *spec.Cluster) { service(c, "Group", "kube") }, nil},
	"a user of the moment":   {func(c *spec.Cluster) { service(c, "DynamicUser", "yes") }, []string{"path-unreadable"}},
	"another user, who may read all": {func(c *spec.Cluster) {
		user("kube")(c)
		service(c, "AmbientCapabilities", "CAP_DAC_READ_SEARCH")
		service(c, "CapabilityBoundingSet", "CAP_DAC_READ_SEARCH")
	}, nil},
	"another user, kept from it": {func(c *spec.Cluster) { user("kube")(c); service(c, "AmbientCapabilities", "CAP_DAC_READ_SEARCH") }, []string{"path-unreadable"}},
	"on failure":                 {func(c *spec.Cluster) { restart(c, "on-failure") }, nil},
	"on failure, with the gate":  {func(c *spec.Cluster) { restart(c, "on-failure"); set(c, featureGates, releasesGate+"=true") }, []string{"restart-policy"}},
	"on failure, with all alpha gates": {func(c *spec.Cluster) {
		restart(c, "on-failure")
		set(c, featureGates, "AllAlpha=true,AllBeta=true,CoordinatedLeaderElection=false")
	}, []string{"gates-all-alpha", "restart-policy"}},
	"on failure, one alpha gate off": {func(c *spec.Cluster) {
		restart(c, "on-failure")
		set(c, featureGates, "AllAlpha=true,AllBeta=true,CoordinatedLeaderElection=false,"+releasesGate+"=false")
	}, []string{"gates-all-alpha"}},
	"on failure, all beta gates": {func(c *spec.Cluster) {
		restart(c, "on-failure")
		set(c, featureGates, "AllBeta=true,CoordinatedLeaderElection=false")
	}, nil},
	"always, with the gate":     {func(c *spec.Cluster) { restart(c, "always"); set(c, featureGates, releasesGate+"=true") }, nil},
	"on success, with the gate": {func(c *spec.Cluster) { restart(c, "on-success"); set(c, featureGates, releasesGate+"=true") }, []string{"restart-policy"}},
	"on failure, and code 0 is one": {func(c *spec.Cluster) {
		restart(c, "on-failure")
		service(c, "RestartForceExitStatus", "SUCCESS")
		set(c, featureGates, releasesGate+"=true")
	}, nil},
	"always but for code 0": {func(c *spec.Cluster) {
		restart(c, "always")
		service(c, "RestartPreventExitStatus", "0")
		set(c, featureGates, releasesGate+"=true")
	}, []string{"restart-policy"}},
	"never":                     {func(c *spec.Cluster) { restart(c, "no") }, []string{"restart-policy"}},
	"on failure, which 1 isn't": {func(c *spec.Cluster) { restart(c, "on-failure"); service(c, "SuccessExitStatus", "1") }, []string{"restart-policy"}},
	"no election, with the gate": {func(c *spec.Cluster) {
		c.Nodes = c.Nodes[:1]
		set(c, "leader-elect", "false")
		restart(c, "on-failure")
		set(c, featureGates, releasesGate+"=true")
	}, nil},
}

// noPaths are the flags whose values are text but no path. A new flag belongs here or in
// spec.PathFlags.
var noPaths = []string{
	"authorization-always-allow-paths", // of URLs
	"cidr-allocator-type", "cloud-provider", "cluster-cidr", "cluster-name", "controllers", "disabled-metrics", "emulated-version",
	"external-cloud-volume-plugin", "kube-api-content-type", "leader-elect-resource-lock", "leader-elect-resource-name",
	"leader-elect-resource-namespace", "logging-format", "master", "min-compatibility-version", "requestheader-allowed-names",
	"requestheader-extra-headers-prefix", "requestheader-group-headers", "requestheader-uid-headers", "requestheader-username-headers",
	"service-cluster-ip-range", "show-hidden-metrics-for-version", "tls-cipher-suites", "tls-min-version", "volume-host-cidr-denylist",
	// By their type these are no text, or no path.
	"add-dir-header", "configure-cloud-routes", "enable-hostpath-provisioner", "log-file-max-size",
	"pv-recycler-minimum-timeout-hostpath", "pv-recycler-timeout-increment-hostpath",
}

// TestPathFlags: every flag that could name a path is in spec.PathFlags or in noPaths.
func TestPathFlags(t *testing.T) {
	all := map[string]bool{}
	for _, minor := range flags.Minors() {
		for _, d := range flags.Of(minor).Flags {
			all[d.Name] = true
			text := slices.Contains([]string{"string", "stringSlice", "stringArray", "namedCertKey"}, d.Type)
			sounds := slices.ContainsFunc([]string{"file", "dir", "path", "config", "manifest", "template", "socket"}, func(s string) bool { return strings.Contains(d.Name, s) })
			_, path := spec.PathFlags[d.Name]
			if no := slices.Contains(noPaths, d.Name); (text || sounds) && path == no {
				t.Errorf("v1.%d has --%s (%s): in spec.PathFlags %v, among those that name none %v", minor, d.Name, d.Type, path, no)
			}
		}
	}
	for name := range spec.PathFlags {
		if !all[name] {
			t.Errorf("no version has --%s", name)
		}
	}
	for name := range policy.FileFlags {
		if spec.PathFlags[name] != (spec.PathFlag{}) {
			t.Errorf("--%s names a file to read", name)
		}
	}
}
