package vet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// base is a cluster without findings.
func base() *spec.Cluster {
	leaf := func(profile string) spec.Leaf {
		return spec.Leaf{Subject: spec.Subject{CN: identity}, Key: spec.Key{Algo: "ecdsa", Size: 256}, Profile: profile}
	}
	c := &spec.Cluster{
		Name: "test", Version: spec.Version{Minor: 37, Patch: 1}, Layout: spec.Systemd, Profile: "standard", Hardened: true,
		Networks: spec.Networks{
			Pods: cidrs("10.200.0.0/16"), Services: cidrs("10.32.0.0/16"), Nodes: cidrs("10.0.0.0/24"), MaskIPv4: 24, MaskIPv6: 64,
		},
		APIServer: spec.APIServer{Endpoint: "node", Port: 6443, Flags: spec.Settings{serviceRange: {Value: "10.32.0.0/16"}}},
		Flags:     spec.Settings{},
		PKI: spec.PKI{
			CA: spec.Authority{Expiry: 87600 * time.Hour}, Separate: true,
			Client: leaf("client"), Serving: leaf("serving"), Combined: leaf("combined"),
			Profiles: map[string]spec.SigningProfile{
				"client":   {Usages: []string{"client auth"}, Expiry: year},
				"serving":  {Usages: []string{"server auth"}, Expiry: year},
				"combined": {Usages: []string{"client auth", "server auth"}, Expiry: year},
			},
		},
		Paths: spec.Paths{
			Dir: "/k", CA: "/k/ca.crt", CAKey: "/k/ca.key", TLSCert: "/k/kube-controller-manager.crt", TLSKey: "/k/kube-controller-manager.key",
			Kubeconfig: "/k/controller-manager.conf", ServiceAccountKey: "/k/sa.key", FrontProxyCA: "/k/front-proxy-ca.crt",
			Binary: "/bin/kcm", Programs: "/lib/programs", Unit: "/etc/kcm.service", Manifest: "/etc/m/kcm.yaml", Generations: "/etc/g",
		},
		Generations: true,
		Unit:        spec.Unit{Hardened: true, Service: []spec.Directive{{Name: "Restart", Value: "always"}, {Name: "RestartSec", Value: "5"}}},
		Pod:         spec.Pod{Image: "registry.k8s.io/kube-controller-manager:v1.37.1", Hardened: true},
		Source:      finding.Source{},
	}
	for i, name := range []string{"a", "b", "c"} {
		c.Nodes = append(c.Nodes, spec.Node{
			Name: name, Hostname: name, Arch: "amd64", Flags: spec.Settings{},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(11 + i)})},
		})
	}
	return c
}

func cidrs(ss ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range ss {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// set sets a cluster flag.
func set(c *spec.Cluster, name, value string) { c.Flags[name] = spec.Setting{Value: value} }

func omit(c *spec.Cluster, name string) { c.Flags[name] = spec.Setting{Omit: true} }

func ids(fs []finding.Finding) []string {
	var out []string
	for _, f := range fs {
		id := f.Rule
		switch {
		case f.Waived != "":
			id += " waived"
		case f.Severity == finding.NotChecked:
			id += " not checked"
		}
		out = append(out, id)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

type testCase struct {
	change func(*spec.Cluster)
	want   []string
}

// cases are changes to a good cluster, with the rules that they break.
var cases = map[string]testCase{
	"a good cluster": {func(*spec.Cluster) {}, nil},

	"service range differs":           {func(c *spec.Cluster) { c.APIServer.Flags[serviceRange] = spec.Setting{Value: "10.96.0.0/12"} }, []string{"service-range-differs"}},
	"service range differs on a node": {func(c *spec.Cluster) { c.Nodes[1].Flags[serviceRange] = spec.Setting{Value: "10.33.0.0/16"} }, []string{"service-range-differs"}},
	"service range in two spellings": {func(c *spec.Cluster) {
		c.Networks.Services = cidrs("fd00:0::/112")
		c.Networks.Pods = cidrs("fd01::/48")
		c.APIServer.Flags[serviceRange] = spec.Setting{Value: "fd00:0:0::/112"}
	}, nil},
	"apiserver unknown":              {func(c *spec.Cluster) { c.APIServer.Flags = nil }, []string{"service-range-differs not checked"}},
	"apiserver at its default range": {func(c *spec.Cluster) { c.APIServer.Flags = spec.Settings{"v": {Value: "2"}} }, []string{"service-range-differs"}},
	"cluster-cidr garbage":           {func(c *spec.Cluster) { set(c, clusterCIDR, "10.0.0") }, []string{"cidr-invalid"}},
	"three pod networks":             {func(c *spec.Cluster) { set(c, clusterCIDR, "10.1.0.0/16,fd00::/64,10.2.0.0/16") }, []string{"cidr-invalid"}},
	"two pod networks of one family": {func(c *spec.Cluster) { c.Networks.Pods = cidrs("10.200.0.0/16", "10.201.0.0/16") }, []string{"cidr-families"}},
	"host bits":                      {func(c *spec.Cluster) { c.Networks.Nodes = cidrs("10.0.0.1/24") }, []string{"cidr-host-bits"}},
	"host bits in a flag":            {func(c *spec.Cluster) { set(c, clusterCIDR, "10.200.1.0/16") }, []string{"cidr-host-bits"}},
	"pods overlap services":          {func(c *spec.Cluster) { c.Networks.Pods = cidrs("10.0.0.0/8") }, []string{"networks-overlap"}},
	"flags overlap":                  {func(c *spec.Cluster) { set(c, clusterCIDR, "10.32.128.0/17") }, []string{"networks-overlap", "pod-capacity", "said-twice"}},
	"node inside the pods":           {func(c *spec.Cluster) { c.Networks.Nodes = nil; c.Networks.Pods = cidrs("10.0.0.0/16") }, []string{"networks-overlap"}},
	"service family without pods": {func(c *spec.Cluster) {
		c.Networks.Services = append(c.Networks.Services, cidrs("fd00::/112")...)
		c.APIServer.Flags[serviceRange] = spec.Setting{Value: "10.32.0.0/16,fd00::/112"}
	}, []string{"service-family"}},
	"allocate without cluster-cidr":   {func(c *spec.Cluster) { omit(c, clusterCIDR) }, []string{"cluster-cidr-missing"}},
	"mask shorter than the pods":      {func(c *spec.Cluster) { c.Networks.MaskIPv4 = 15 }, []string{"node-mask-size"}},
	"mask beyond the family":          {func(c *spec.Cluster) { set(c, mask, "33") }, []string{"node-mask-size"}},
	"generic mask on dual stack":      {func(c *spec.Cluster) { dual(c); set(c, mask, "24"); omit(c, mask4); omit(c, mask6) }, []string{"node-mask-size"}},
	"dual stack":                      {dual, nil},
	"dual stack IPv6 too many ranges": {func(c *spec.Cluster) { dual(c); set(c, mask6, "80") }, []string{"node-mask-size"}},
	"family masks before v1.23":       {func(c *spec.Cluster) { c.Version.Minor = 22; omit(c, mask); set(c, mask4, "24") }, []string{"node-mask-size"}},
	"too few ranges":                  {func(c *spec.Cluster) { c.Networks.Pods = cidrs("10.200.0.0/23") }, []string{"pod-capacity"}},
	"too few ranges for the workers":  {func(c *spec.Cluster) { c.Networks.MaxNodes = 257 }, []string{"pod-capacity"}},
	"just enough ranges":              {func(c *spec.Cluster) { c.Networks.MaxNodes = 256 }, nil},
	"masks without allocation":        {func(c *spec.Cluster) { omit(c, allocate) }, []string{"network-flags-ignored"}},

	"one address twice":          {func(c *spec.Cluster) { c.Nodes[2].Addresses = c.Nodes[0].Addresses }, []string{"node-address-duplicate"}},
	"one host name twice":        {func(c *spec.Cluster) { c.Nodes[2].Hostname = "a" }, []string{"node-name-duplicate"}},
	"one ssh host twice":         {func(c *spec.Cluster) { c.Nodes[0].SSH.Host, c.Nodes[1].SSH.Host = "x", "x" }, []string{"node-name-duplicate"}},
	"multicast address":          {func(c *spec.Cluster) { c.Nodes[0].Addresses[0] = netip.MustParseAddr("224.0.0.1") }, []string{"node-address-kind"}},
	"bind to another host":       {func(c *spec.Cluster) { set(c, "bind-address", "10.0.0.11") }, []string{"bind-address-foreign", "bind-address-public"}},
	"bind to no address":         {func(c *spec.Cluster) { set(c, "bind-address", "localhost") }, []string{"bind-address-foreign"}},
	"newer than the apiserver":   {func(c *spec.Cluster) { c.APIServer.Version = &spec.Version{Minor: 36} }, []string{"version-skew"}},
	"one minor behind":           {func(c *spec.Cluster) { c.APIServer.Version = &spec.Version{Minor: 38} }, nil},
	"two minors behind":          {func(c *spec.Cluster) { c.APIServer.Version = &spec.Version{Minor: 39} }, []string{"version-skew"}},
	"no election":                {func(c *spec.Cluster) { set(c, "leader-elect", "0") }, []string{"leader-elect-off"}},
	"no election, one node":      {func(c *spec.Cluster) { c.Nodes = c.Nodes[:1]; set(c, "leader-elect", "false") }, nil},
	"lease as long as renew":     {func(c *spec.Cluster) { set(c, "leader-elect-lease-duration", "10s") }, []string{"leader-elect-timing"}},
	"renew just above 1.2 retry": {func(c *spec.Cluster) { set(c, "leader-elect-retry-period", "8.3s") }, nil},
	"renew is 1.2 retry":         {func(c *spec.Cluster) { set(c, "leader-elect-retry-period", "8.4s") }, []string{"leader-elect-timing"}},
	"a time without a unit":      {func(c *spec.Cluster) { set(c, "leader-elect-renew-deadline", "10") }, []string{"flag-type"}},
	"two leases":                 {func(c *spec.Cluster) { c.Nodes[1].Flags["leader-elect-resource-name"] = spec.Setting{Value: "x"} }, []string{"leader-elect-differs"}},
	"slow boards":                {func(c *spec.Cluster) { c.Profile = "slowBoards" }, nil},
	"throttled":                  {func(c *spec.Cluster) { pods(c); c.Pod.Limits = map[string]string{"cpu": "300m"} }, []string{"lease-and-cpu-limit"}},
	"throttled, with long times": {func(c *spec.Cluster) {
		pods(c)
		c.Profile = "slowBoards"
		c.Pod.Limits = map[string]string{"cpu": "0.3"}
	}, nil},

	"path out of the tree":     {func(c *spec.Cluster) { c.Paths.Binary = "/a/../../b" }, []string{"path-unsafe"}},
	"path with a part -x":      {func(c *spec.Cluster) { c.Paths.Generations = "/-x" }, []string{"path-unsafe"}},
	"working directory ..":     {func(c *spec.Cluster) { service(c, "WorkingDirectory", "/srv/../etc") }, []string{"path-unsafe"}},
	"working directory a file": {func(c *spec.Cluster) { service(c, "WorkingDirectory", "/k/ca.crt") }, []string{"paths-collide"}},
	"working directory around": {func(c *spec.Cluster) { service(c, "WorkingDirectory", "/k") }, nil},
	"two files, one path":      {func(c *spec.Cluster) { c.Paths.CAKey = "/k/ca.crt" }, []string{"paths-collide"}},
	"newline in a value":       {func(c *spec.Cluster) { set(c, "vmodule", "a\nExecStartPre=b") }, []string{"value-unsafe"}},
	"newline in a directive":   {func(c *spec.Cluster) { service(c, "Nice", "1\nExecStartPre=b") }, []string{"value-unsafe"}},
	"directive joins the next": {func(c *spec.Cluster) { service(c, "Nice", `1 \ `) }, []string{"value-unsafe"}},
	"no kubeconfig":            {func(c *spec.Cluster) { omit(c, "kubeconfig") }, []string{"kubeconfig-missing"}},
	"half a TLS pair":          {func(c *spec.Cluster) { omit(c, "tls-private-key-file") }, []string{"file-pair"}},
	"half a signing pair":      {func(c *spec.Cluster) { omit(c, "cluster-signing-cert-file") }, []string{"file-pair"}},
	"a key for a certificate":  {func(c *spec.Cluster) { set(c, "root-ca-file", "/k/ca.key") }, []string{"file-kind"}},
	"a file of the host":       {func(c *spec.Cluster) { set(c, "root-ca-file", "/etc/ssl/ca.pem") }, []string{"file-not-placed"}},

	"tokens signed by the CA":    {func(c *spec.Cluster) { c.PKI.ServiceAccount.UseCA = true }, []string{"service-account-key-is-ca"}},
	"the CA's key by its path":   {func(c *spec.Cluster) { set(c, "service-account-private-key-file", "/k/ca.key") }, []string{"service-account-key-is-ca"}},
	"another name":               {func(c *spec.Cluster) { c.PKI.Client.Subject.CN = "kcm" }, []string{"certificate-identity"}},
	"masters":                    {func(c *spec.Cluster) { c.PKI.Client.Subject.O = "system:masters" }, []string{"certificate-identity"}},
	"an organization":            {func(c *spec.Cluster) { c.PKI.Client.Subject.O = "x" }, []string{"certificate-organization"}},
	"no such profile":            {func(c *spec.Cluster) { c.PKI.Client.Profile = "x" }, []string{"certificate-profile"}},
	"a profile for the other":    {func(c *spec.Cluster) { c.PKI.Serving.Profile = "client" }, []string{"certificate-profile"}},
	"a leaf outlives its CA":     {func(c *spec.Cluster) { c.PKI.CA.Expiry = time.Hour }, []string{"certificate-lifetime"}},
	"one key for all":            {func(c *spec.Cluster) { c.PKI.Shared = true }, []string{"certificate-shared"}},
	"one certificate for both":   {func(c *spec.Cluster) { c.PKI.Separate = false }, []string{"certificate-combined"}},
	"one CA for everything":      {func(c *spec.Cluster) { set(c, "requestheader-client-ca-file", "/k/ca.crt") }, []string{"requestheader-ca"}},
	"signs for 100 years":        {func(c *spec.Cluster) { set(c, "cluster-signing-duration", "876000h") }, []string{"signing-duration"}},
	"profiling":                  {func(c *spec.Cluster) { set(c, "profiling", "true") }, []string{"profiling-on"}},
	"profiling by default":       {func(c *spec.Cluster) { omit(c, "profiling") }, []string{"profiling-on"}},
	"no pod garbage collection":  {func(c *spec.Cluster) { set(c, "terminated-pod-gc-threshold", "0") }, []string{"pod-gc-threshold"}},
	"pod garbage collection":     {func(c *spec.Cluster) { omit(c, "terminated-pod-gc-threshold") }, []string{"pod-gc-threshold"}},
	"shared credentials":         {func(c *spec.Cluster) { set(c, "use-service-account-credentials", "false") }, []string{"controller-credentials"}},
	"no token key":               {func(c *spec.Cluster) { omit(c, "service-account-private-key-file") }, []string{"token-key-unset"}},
	"no root CA":                 {func(c *spec.Cluster) { omit(c, "root-ca-file") }, []string{"root-ca-unset"}},
	"listens everywhere":         {func(c *spec.Cluster) { set(c, "bind-address", "::") }, []string{"bind-address-public"}},
	"old TLS":                    {func(c *spec.Cluster) { set(c, "tls-min-version", "VersionTLS11") }, []string{"tls-min-version"}},
	"no delegated authorization": {func(c *spec.Cluster) { omit(c, "authorization-kubeconfig") }, []string{"delegated-auth"}},
	"plain HTTP":                 {func(c *spec.Cluster) { c.Version.Minor = 21; set(c, "port", "10252") }, []string{"insecure-port"}},
	"plain HTTP by default":      {func(c *spec.Cluster) { c.Version.Minor = 21; omit(c, "port") }, []string{"insecure-port"}},
	"plain HTTP off":             {func(c *spec.Cluster) { c.Version.Minor = 21 }, nil},
	"listens on no address":      {func(c *spec.Cluster) { set(c, "bind-address", "") }, []string{"bind-address-public"}},
	"no allocation":              {func(c *spec.Cluster) { set(c, "controllers", "*,-node-ipam-controller"); omit(c, clusterCIDR) }, nil},
	"a pod flag over the nodes":  {func(c *spec.Cluster) { set(c, clusterCIDR, "10.0.0.0/16") }, []string{"networks-overlap", "said-twice"}},
	"services it doesn't know": {func(c *spec.Cluster) {
		c.Networks.Services = nil
		c.APIServer.Flags[serviceRange] = spec.Setting{Value: "10.200.5.0/24"}
	}, []string{"service-range-differs"}},
	"a lease without a name": {func(c *spec.Cluster) { set(c, "leader-elect-resource-name", "") }, []string{"leader-elect-differs"}},
	"one jump host for two": {func(c *spec.Cluster) {
		c.Nodes[0].SSH = spec.SSH{Host: "x", ProxyJump: "a"}
		c.Nodes[1].SSH = spec.SSH{Host: "x", ProxyJump: "b"}
	}, nil},
	"its own address twice":   {func(c *spec.Cluster) { c.Nodes[0].Addresses = append(c.Nodes[0].Addresses, c.Nodes[0].Addresses[0]) }, nil},
	"a tag and a digest":      {func(c *spec.Cluster) { pods(c); c.Pod.Image = "x:v1.30.0@sha256:00" }, []string{"image-version"}},
	"half the nodes allocate": {func(c *spec.Cluster) { c.Nodes[1].Flags[clusterCIDR] = spec.Setting{Value: "10.201.0.0/16"} }, []string{"allocation-differs"}},
	"signers twice": {func(c *spec.Cluster) {
		set(c, "cluster-signing-kubelet-client-cert-file", "/k/ca.crt")
		set(c, "cluster-signing-kubelet-client-key-file", "/k/ca.key")
	}, []string{"file-pair"}},
	"a port that isn't one":     {func(c *spec.Cluster) { set(c, "secure-port", "https") }, []string{"flag-type"}},
	"a port out of range":       {func(c *spec.Cluster) { set(c, "secure-port", "65536") }, []string{"flag-value"}},
	"a manifest never read":     {func(c *spec.Cluster) { pods(c); c.Paths.Manifest = "/etc/m/.kcm.yaml" }, []string{"manifest-directory"}},
	"keys next to the manifest": {func(c *spec.Cluster) { pods(c); c.Generations = false; c.Paths.CA = "/etc/m/ca.crt" }, []string{"manifest-directory", "pod-root"}},
	"a volume of our name":      {func(c *spec.Cluster) { pods(c); c.Pod.Volumes = []spec.Volume{{Name: "kcmgen", MountPath: "/x"}} }, []string{"pod-invalid"}},
	"two volumes at one place": {func(c *spec.Cluster) {
		pods(c)
		c.Pod.Volumes = []spec.Volume{{Name: "a", MountPath: "/x"}, {Name: "b", MountPath: "/x"}}
	}, []string{"pod-invalid"}},
	"a limit below the request": {func(c *spec.Cluster) {
		pods(c)
		c.Pod.Requests = map[string]string{"memory": "128Mi"}
		c.Pod.Limits = map[string]string{"memory": "0.1G"}
	}, []string{"pod-invalid"}},
	"a limit above the request": {func(c *spec.Cluster) {
		pods(c)
		c.Pod.Requests = map[string]string{"memory": "128Mi"}
		c.Pod.Limits = map[string]string{"memory": "1Gi"}
	}, nil},
	"the old port":        {func(c *spec.Cluster) { set(c, "secure-port", "10252") }, []string{"secure-port-legacy"}},
	"no sandbox":          {func(c *spec.Cluster) { c.Unit.Hardened = false }, []string{"sandbox-off"}},
	"no security context": {func(c *spec.Cluster) { pods(c); c.Pod.Hardened = false }, []string{"sandbox-off"}},

	"latest":                       {func(c *spec.Cluster) { pods(c); c.Pod.Image = "localhost:5000/kcm" }, []string{"image-tag"}},
	"a digest":                     {func(c *spec.Cluster) { pods(c); c.Pod.Image = "localhost:5000/kcm@sha256:00" }, nil},
	"another version":              {func(c *spec.Cluster) { pods(c); c.Pod.Image = "x:v1.36.0" }, []string{"image-version"}},
	"keys in the image":            {func(c *spec.Cluster) { image(c, spec.CA, spec.CAKey) }, []string{"image-keys", "pod-root"}},
	"a certificate in the image":   {func(c *spec.Cluster) { image(c, spec.CA) }, nil},
	"one image, many kubeconfigs":  {func(c *spec.Cluster) { image(c, spec.KubeconfigFile) }, []string{"image-keys", "image-per-node"}},
	"no binary for a node":         {func(c *spec.Cluster) { image(c); c.Nodes[0].Arch = "arm64" }, []string{"node-architecture"}},
	"directories from scratch":     {func(c *spec.Cluster) { image(c); c.Image.Directories = []string{"/x"} }, nil},
	"an image of nothing":          {func(c *spec.Cluster) { image(c); c.Binary = nil }, []string{"node-architecture"}},
	"a source for another node":    {func(c *spec.Cluster) { source(c); c.Nodes[1].Arch = "arm" }, []string{"node-architecture"}},
	"a key for a program":          {func(c *spec.Cluster) { image(c, spec.CA); c.Paths.Binary = c.Paths.CA }, []string{"paths-collide"}},
	"an installed program":         {install, nil},
	"installed without checksum":   {func(c *spec.Cluster) { install(c); c.Binary.Source["amd64"] = spec.Download{File: "x"} }, []string{"install-unverified"}},
	"defaults of the first kcmgen": {func(c *spec.Cluster) { c.Defaults = spec.Defaults2026x1 }, nil},
	"the newest defaults":          {func(c *spec.Cluster) { c.Defaults = spec.NewestDefaults() }, nil},
	"defaults of the future":       {func(c *spec.Cluster) { c.Defaults = "2099.1" }, []string{"defaults-unknown"}},
	"defaults that never were":     {func(c *spec.Cluster) { c.Defaults = "2026.0" }, []string{"defaults-unknown"}},
	"installed for a kubelet":      {func(c *spec.Cluster) { install(c); pods(c) }, []string{"install-layout"}},
	"programs where the CA is":     {func(c *spec.Cluster) { install(c); c.Paths.Programs = c.Paths.CA }, []string{"paths-collide"}},
	"a download without checksum":  {func(c *spec.Cluster) { image(c); c.Binary.Source["amd64"] = spec.Download{URL: "https://x"} }, []string{"download-unverified"}},
	"a password in a URL":          {func(c *spec.Cluster) { url(c, "https://user:s3cret@x/kcm") }, []string{"download-credentials"}},
	"a password without an image":  {func(c *spec.Cluster) { url(c, "https://u:p@x"); c.Image = nil }, []string{"download-credentials"}},
	"a waiver":                     {func(c *spec.Cluster) { set(c, "profiling", "true"); waiver(c, "profiling-on") }, []string{"profiling-on waived"}},
	"a waiver for another field":   {func(c *spec.Cluster) { set(c, "profiling", "true"); waiver(c, "profiling-on", "flags.x") }, []string{"profiling-on", "waiver"}},
	"a waiver of nothing":          {func(c *spec.Cluster) { waiver(c, "profiling-on") }, []string{"waiver"}},
	"a waiver of an unknown rule":  {func(c *spec.Cluster) { waiver(c, "no-such-rule") }, []string{"waiver"}},
	"a waiver of a fixed rule":     {func(c *spec.Cluster) { set(c, "leader-elect", "false"); waiver(c, "leader-elect-off") }, []string{"leader-elect-off", "waiver"}},
	"a key without a certificate":  {func(c *spec.Cluster) { c.PKI.CA.KeyFile = "ca.key" }, []string{"key-file"}},
	"a CA without its key":         {func(c *spec.Cluster) { c.PKI.CA.CertFile = "ca.crt" }, []string{"ca-key-unset"}},
	"a front proxy CA of the host": {func(c *spec.Cluster) { set(c, "requestheader-client-ca-file", "/k/front-proxy-ca.crt") }, []string{"file-not-placed"}},
	"a waiver as findings name it": {func(c *spec.Cluster) {
		set(c, "profiling", "true")
		waiver(c, "profiling-on", "cluster.flags.profiling")
	}, []string{"profiling-on waived"}},
	"a front proxy CA of its own":  {func(c *spec.Cluster) { c.PKI.FrontProxy = &spec.Authority{Expiry: year} }, nil},
	"two nodes share a NUL prefix": {func(c *spec.Cluster) { c.Nodes[0].Flags["vmodule"] = spec.Setting{Value: "a\x00b"} }, []string{"value-unsafe"}},
}

func TestRules(t *testing.T) {
	broken := map[string]bool{}
	for name, tc := range allCases() {
		t.Run(name, func(t *testing.T) {
			c := base()
			tc.change(c)
			got := ids(Check(c, Facts{Migrations: goodMigration(c)}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
			for _, id := range got {
				broken[id] = true
			}
		})
	}
	// TestKeyFiles, TestAuthorities, TestCommandLine, TestMigrationFile, TestPeers and TestExisting cover the other rules.
	for _, r := range Rules() {
		if !broken[r.ID] && !r.Existing && !slices.Contains([]string{
			"ca-key-mismatch", "ca-expiry", "ca-verifies", "ca-intermediate", "key-strength",
			"ca-weak", "ca-kept", "ca-name", "service-account-key-differs", "key-tracked",
			"service-account-key-kind", "service-account-key-weak", "leader-migration-file", "benchmark-file-foreign",
		}, r.ID) && !slices.ContainsFunc(slices.Concat(lineRules, ofPeers()), func(l Rule) bool { return l.ID == r.ID }) {
			t.Errorf("no case breaks rule %s", r.ID)
		}
	}
}

func TestRuleTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] {
			t.Errorf("two rules have the id %s", r.ID)
		}
		seen[r.ID] = true
		if r.Doc == "" || r.cluster == nil && r.node == nil {
			t.Errorf("rule %s says or does nothing", r.ID)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	one, two := key(t), key(t)
	ca := &x509.Certificate{IsCA: true, PublicKey: one}
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		facts Facts
		want  []string
	}{
		"all fits":                  {Facts{CA: Material{Cert: ca, Public: one}, ServiceAccount: Material{Public: two}, APIServerKeys: []crypto.PublicKey{one, two}}, nil},
		"key of another CA":         {Facts{CA: Material{Cert: ca, Public: two}}, []string{"ca-key-mismatch"}},
		"a CA that has ended":       {Facts{Now: end.Add(time.Second), CA: Material{Cert: &x509.Certificate{IsCA: true, NotAfter: end}}}, []string{"ca-expiry"}},
		"a CA that ends expirySoon": {Facts{Now: end.Add(-time.Hour), CA: Material{Cert: &x509.Certificate{IsCA: true, NotAfter: end}}}, []string{"ca-expiry"}},
		"a CA that lives on":        {Facts{Now: end.Add(-expirySoon), CA: Material{Cert: &x509.Certificate{IsCA: true, NotAfter: end}}}, nil},
		"a CA that may not sign":    {Facts{CA: Material{Cert: &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature}}}, []string{"key-file"}},
		"no CA":                     {Facts{CA: Material{Cert: &x509.Certificate{PublicKey: one}, Public: one}}, []string{"key-file"}},
		"not readable":              {Facts{CA: Material{CertErr: errors.New("no PEM certificate")}}, []string{"key-file"}},
		"not here":                  {Facts{CA: Material{CertErr: fs.ErrNotExist, KeyErr: fs.ErrNotExist}}, []string{"ca-key-mismatch not checked", "key-file not checked", "service-account-key-is-ca not checked"}},
		"tokens signed by the CA":   {Facts{CA: Material{Cert: ca, Public: one}, ServiceAccount: Material{Public: one}}, []string{"service-account-key-is-ca"}},
		"apiserver has another":     {Facts{ServiceAccount: Material{Public: one}, APIServerKeys: []crypto.PublicKey{two}}, []string{"service-account-key-differs"}},
		"nothing to compare it to":  {Facts{APIServerKeys: []crypto.PublicKey{two}}, []string{"service-account-key-differs not checked"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := base()
			c.PKI.CA.CertFile, c.PKI.CA.KeyFile = "ca.crt", "ca.key"
			c.PKI.ServiceAccount.KeyFile, c.APIServer.ServiceAccountKeyFile = "sa.key", "sa.pub"
			if diff := cmp.Diff(tc.want, ids(Check(c, tc.facts))); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
		})
	}
}

func key(t *testing.T) crypto.PublicKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k.Public()
}

// TestFindingsAreMerged: the same fault on all nodes is one finding; a fault on one node
// names the node.
func TestFindingsAreMerged(t *testing.T) {
	c := base()
	set(c, "profiling", "true")
	c.Nodes[1].Flags["tls-min-version"] = spec.Setting{Value: "VersionTLS10"}
	got := Check(c, Facts{})
	if len(got) != 2 {
		t.Fatalf("got %d findings, want 2: %v", len(got), ids(got))
	}
	for _, f := range got {
		want := map[string]string{"profiling-on": "", "tls-min-version": "b"}[f.Rule]
		if f.Node != want {
			t.Errorf("finding %s is about node %q, want %q", f.Rule, f.Node, want)
		}
	}
}
