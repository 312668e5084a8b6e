package vet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"io/fs"
	"maps"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// peerNow is when the certificates of these tests are valid.
var peerNow = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate, self-signed if by is nil.
func issue(t *testing.T, name string, by *issued, use x509.ExtKeyUsage, ips ...net.IP) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: peerNow.Add(-time.Hour), NotAfter: peerNow.Add(87599 * time.Hour),
		IPAddresses: ips, ExtKeyUsage: []x509.ExtKeyUsage{use}, IsCA: by == nil, BasicConstraintsValid: true,
	}
	signer := by
	if by == nil {
		template.ExtKeyUsage, template.KeyUsage = nil, x509.KeyUsageCertSign
		signer = &issued{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.cert, &key.PublicKey, signer.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert, key}
}

func one4(s string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(s)} }

func peerAt(line int) finding.Pos { return finding.Pos{File: "files/peer.yaml", Line: line, Col: 7} }

func say(value string) Said { return Said{Value: value, At: peerAt(2)} }

func byDefault(value string) Said { return Said{Value: value, At: peerAt(1), Default: true} }

var unsaid = Said{At: peerAt(3), Unknown: true}

// peerWorld is a cluster and files of other components that agree with it.
type peerWorld struct {
	c         *spec.Cluster
	facts     Facts
	api       *Peer
	ca, front *issued
	other     *issued // a CA of something else
}

func newPeerWorld(t *testing.T) *peerWorld {
	t.Helper()
	w := &peerWorld{c: base(), ca: issue(t, "kubernetes", nil, 0), front: issue(t, "front-proxy", nil, 0), other: issue(t, "other", nil, 0)}
	w.c.APIServer.Flags, w.c.APIServer.From = nil, "files/peer.yaml"
	w.c.PKI.FrontProxy = &spec.Authority{Expiry: 87600 * time.Hour}
	w.api = &Peer{
		File: "files/peer.yaml", At: peerAt(1),
		Says: map[string]Said{
			"advertise-address": byDefault(""), "bind-address": byDefault("0.0.0.0"), clientCA: say("/pki/ca.crt"), "cloud-provider": byDefault(""),
			"emulated-version": byDefault(""), bootstrapAuth: byDefault("false"), garbage: byDefault("true"), featureGates: byDefault(""),
			proxyCert: say("/pki/front-proxy-client.crt"), requestNames: say("front-proxy-client"), requestCA: say("/pki/front-proxy-ca.crt"),
			runtimeConfig: byDefault(""), "secure-port": say("6443"), issuer: say("https://kubernetes.default.svc"),
			"service-account-key-file": byDefault(""), signingService: byDefault(""), signingKey: say("/pki/sa.key"),
			serviceRange: say("10.32.0.0/16"), reconciler: byDefault("lease"), "tls-cert-file": say("/pki/apiserver.crt"), versionSetting: say("v1.37.1"),
		},
		Certificates: map[string][]*x509.Certificate{
			clientCA:        {w.ca.cert},
			requestCA:       {w.front.cert},
			proxyCert:       {issue(t, "front-proxy-client", w.front, x509.ExtKeyUsageClientAuth).cert},
			"tls-cert-file": {issue(t, "kube-apiserver", w.ca, x509.ExtKeyUsageServerAuth, net.IPv4(10, 0, 0, 11)).cert},
		},
		CertificateErrs: map[string]error{},
	}
	w.facts = Facts{
		Now: peerNow, MadeCA: Made{File: "out/test/pki/ca.crt", Cert: w.ca.cert}, MadeFrontProxy: Made{File: "out/test/pki/front-proxy-ca.crt", Cert: w.front.cert},
		Peers: map[string]*Peer{
			APIServerFile: w.api,
			KubeletFile: {File: "files/kubelet.yaml", Says: map[string]Said{
				leaseField: byDefault("40"), updateField: byDefault("10s"), reportField: byDefault(""),
				"rotateCertificates": say("true"), "serverTLSBootstrap": byDefault("false"), cloudProvider: unsaid,
				pluginDir: byDefault("/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"),
			}},
			KubeProxyFile: {File: "files/kube-proxy.yaml", Says: map[string]Said{"clusterCIDR": say("10.200.0.0/16")}},
			NetworkFile: {File: "files/network.yaml", Says: map[string]Said{IPAMSetting: {}}, Pools: []Pool{
				{Addon: "Flannel", Field: "Network", CIDR: "10.200.0.0/16", At: peerAt(4), OfNodes: true},
			}},
		},
	}
	return w
}

func (w *peerWorld) says(field, name string, s Said) { w.facts.Peers[field].Says[name] = s }

func (w *peerWorld) pool(p Pool) { w.facts.Peers[NetworkFile].Pools = []Pool{p} }

// peerCase is a change to a cluster and its peers, and the rules that it breaks.
type peerCase struct {
	change func(*testing.T, *peerWorld)
	want   []string
}

// peerCases are about the files of each component.
var peerCases = map[string]peerCase{
	"all agree":              {func(*testing.T, *peerWorld) {}, nil},
	"a file that isn't here": {func(_ *testing.T, w *peerWorld) { w.facts.Peers[KubeletFile] = &Peer{File: "x", Err: fs.ErrNotExist} }, []string{"peer-file not checked"}},
	"a file of something else": {func(_ *testing.T, w *peerWorld) {
		w.facts.Peers[KubeletFile] = &Peer{Err: &PeerError{At: peerAt(1), Message: "no"}}
	}, []string{"peer-file"}},
	"the apiserver's range":         {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, serviceRange, say("10.96.0.0/12")) }, []string{"service-range-differs"}},
	"the apiserver's default range": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, serviceRange, byDefault("10.0.0.0/24")) }, []string{"service-range-differs"}},
	"a range that isn't known":      {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, serviceRange, unsaid) }, []string{"service-range-differs not checked"}},
	"the default range that the cluster doesn't know": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, serviceRange, byDefault("10.0.0.0/24"))
		w.c.Networks.Services, w.c.Networks.Nodes = nil, nil
		w.c.Networks.Pods = cidrs("10.0.0.0/17")
		w.c.Nodes[0].Addresses, w.c.Nodes[1].Addresses, w.c.Nodes[2].Addresses = one4("10.1.0.11"), one4("10.1.0.12"), one4("10.1.0.13")
		w.gone("tls-cert-file")
		delete(w.facts.Peers, KubeProxyFile)
		delete(w.facts.Peers, NetworkFile)
	}, []string{"apiserver-certificate not checked", "service-range-differs"}},
	"a range that is no CIDR": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, serviceRange, say("10.32")) }, []string{"cidr-invalid"}},
	"flags that say otherwise": {func(_ *testing.T, w *peerWorld) {
		w.c.APIServer.Flags = spec.Settings{serviceRange: {Value: "10.32.0.0/16"}, requestNames: {Value: "x"}}
	}, []string{"apiserver-file-differs"}},
	"flags that say the same": {func(_ *testing.T, w *peerWorld) {
		w.c.APIServer.Flags = spec.Settings{serviceRange: {Value: "10.32.0.0/16"}, garbage: {Value: "1"}}
	}, nil},
	"a port of the flags by default": {func(_ *testing.T, w *peerWorld) {
		w.c.APIServer.Flags = spec.Settings{"secure-port": {Value: "8443"}}
		w.says(APIServerFile, "secure-port", byDefault("6443"))
	}, []string{"apiserver-file-differs"}},
	"another port":                   {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, "secure-port", say("8443")) }, []string{"apiserver-file-differs"}},
	"another port behind a balancer": {func(_ *testing.T, w *peerWorld) { w.balancer(); w.says(APIServerFile, "secure-port", say("8443")) }, nil},
	"a port that isn't known":        {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, "secure-port", unsaid) }, []string{"apiserver-file-differs not checked"}},
	"another version":                {func(_ *testing.T, w *peerWorld) { w.c.APIServer.Version = &spec.Version{Minor: 38} }, []string{"apiserver-file-differs"}},
	"an older apiserver":             {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, versionSetting, say("v1.36.0")) }, []string{"version-skew"}},
	"a newer apiserver":              {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, versionSetting, say("v1.38.0")) }, nil},
	"no issuer":                      {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, issuer, byDefault("")) }, []string{"token-issuer-unset"}},
	"no signing key":                 {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, signingKey, byDefault("")) }, []string{"token-issuer-unset"}},
	"signed elsewhere": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, signingKey, byDefault(""))
		w.says(APIServerFile, signingService, say("/run/s"))
	}, nil},
	"an issuer that isn't known": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, issuer, unsaid) }, []string{"token-issuer-unset not checked"}},
	"another CA of clients":      {func(_ *testing.T, w *peerWorld) { w.api.Certificates[clientCA] = []*x509.Certificate{w.other.cert} }, []string{"client-ca-differs"}},
	"one of two CAs of clients": {func(_ *testing.T, w *peerWorld) {
		w.api.Certificates[clientCA] = []*x509.Certificate{w.other.cert, w.ca.cert}
	}, nil},
	"no CA of clients":                {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, clientCA, byDefault("")) }, []string{"client-ca-differs"}},
	"a CA of clients that isn't here": {func(_ *testing.T, w *peerWorld) { w.gone(clientCA) }, []string{"client-ca-differs not checked"}},
	"a CA that isn't made yet":        {func(_ *testing.T, w *peerWorld) { w.facts.MadeCA = Made{} }, []string{"apiserver-certificate not checked", "client-ca-differs not checked"}},
	"a serving certificate of another": {func(t *testing.T, w *peerWorld) {
		w.serving(issue(t, "x", w.other, x509.ExtKeyUsageServerAuth, net.IPv4(10, 0, 0, 12)))
	}, []string{"apiserver-certificate"}},
	"a serving certificate for others": {func(t *testing.T, w *peerWorld) {
		w.serving(issue(t, "x", w.ca, x509.ExtKeyUsageServerAuth, net.IPv4(10, 0, 0, 99)))
	}, []string{"apiserver-certificate"}},
	"a certificate for clients": {func(t *testing.T, w *peerWorld) {
		w.serving(issue(t, "x", w.ca, x509.ExtKeyUsageClientAuth, net.IPv4(10, 0, 0, 12)))
	}, []string{"apiserver-certificate"}},
	"a balancer that isn't named": {func(t *testing.T, w *peerWorld) {
		w.balancer()
		w.serving(issue(t, "x", w.ca, x509.ExtKeyUsageServerAuth, net.IPv4(10, 0, 0, 12)))
	}, []string{"apiserver-certificate"}},
	"another front proxy": {func(t *testing.T, w *peerWorld) {
		w.api.Certificates[proxyCert] = []*x509.Certificate{issue(t, "front-proxy-client", w.other, x509.ExtKeyUsageClientAuth).cert}
	}, []string{"front-proxy-differs"}},
	"a front proxy of another name":     {func(_ *testing.T, w *peerWorld) { set(w.c, requestNames, "aggregator") }, []string{"front-proxy-differs"}},
	"a front proxy of one of its names": {func(_ *testing.T, w *peerWorld) { set(w.c, requestNames, "aggregator,front-proxy-client") }, nil},
	"a front proxy that isn't here":     {func(_ *testing.T, w *peerWorld) { w.gone(proxyCert) }, []string{"front-proxy-differs not checked"}},
	"every client is a front proxy": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, requestCA, say("/pki/../pki/ca.crt"))
		w.says(APIServerFile, requestNames, say(""))
	}, []string{"front-proxy-open"}},
	"one CA in two files": {func(_ *testing.T, w *peerWorld) {
		w.api.Certificates[requestCA] = []*x509.Certificate{w.ca.cert}
		w.says(APIServerFile, requestNames, byDefault(""))
	}, []string{"front-proxy-open"}},
	"one CA with a name": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, requestCA, say("/pki/ca.crt")) }, nil},
	"names that aren't known": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, requestCA, say("/pki/ca.crt"))
		w.says(APIServerFile, requestNames, unsaid)
	}, []string{"front-proxy-open not checked"}},
	"garbage collected by one": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, garbage, say("false")) }, []string{"garbage-collector-differs"}},
	"garbage collected by none": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, garbage, say("false"))
		set(w.c, garbage, "false")
	}, []string{"flag-conflict"}},
	"tokens without controllers": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, bootstrapAuth, say("true")) }, []string{"bootstrap-tokens"}},
	"controllers without tokens": {func(_ *testing.T, w *peerWorld) { set(w.c, "controllers", "*,token-cleaner-controller") }, []string{"bootstrap-tokens"}},
	"tokens and their controllers": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, bootstrapAuth, say("true"))
		set(w.c, "controllers", "*,bootstrap-signer-controller,token-cleaner-controller")
	}, nil},
	"tokens that aren't known":    {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, bootstrapAuth, unsaid) }, []string{"bootstrap-tokens not checked"}},
	"an apiserver on loopback":    {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, "bind-address", say("127.0.0.1")) }, []string{"apiserver-unreachable"}},
	"an apiserver on one address": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, "bind-address", say("10.0.0.11")) }, nil},
	"a local apiserver elsewhere": {func(t *testing.T, w *peerWorld) {
		w.c.APIServer.Endpoint = spec.EndpointLocal
		w.serving(issue(t, "x", w.ca, x509.ExtKeyUsageServerAuth, net.IPv4(127, 0, 0, 1)))
		w.says(APIServerFile, "bind-address", say("10.0.0.11"))
	}, []string{"apiserver-unreachable"}},

	"a lease as long as the grace period": {func(_ *testing.T, w *peerWorld) { w.says(KubeletFile, leaseField, say("200")) }, []string{"kubelet-heartbeat"}},
	"a long lease, and a status often": {func(_ *testing.T, w *peerWorld) {
		w.says(KubeletFile, leaseField, say("200"))
		w.says(KubeletFile, updateField, say("10s"))
	}, nil},
	"a long lease, and a report rarely": {func(_ *testing.T, w *peerWorld) {
		w.says(KubeletFile, leaseField, say("120"))
		w.says(KubeletFile, reportField, say("1m"))
	}, []string{"kubelet-heartbeat"}},
	"two reports":               {func(_ *testing.T, w *peerWorld) { w.says(KubeletFile, leaseField, say("100")) }, []string{"kubelet-heartbeat"}},
	"a lease that is no number": {func(_ *testing.T, w *peerWorld) { w.says(KubeletFile, leaseField, say("40s")) }, []string{"kubelet-heartbeat"}},
	"a lease that isn't known":  {func(_ *testing.T, w *peerWorld) { w.says(KubeletFile, leaseField, unsaid) }, []string{"kubelet-heartbeat not checked"}},
	"no signer for kubelets": {func(_ *testing.T, w *peerWorld) {
		set(w.c, "controllers", "*,-certificatesigningrequest-signing-controller")
	}, []string{"kubelet-certificates"}},
	"no signer, and no request": {func(_ *testing.T, w *peerWorld) {
		set(w.c, "controllers", "*,-certificatesigningrequest-signing-controller")
		w.says(KubeletFile, "rotateCertificates", say("false"))
	}, nil},
	"no key that signs": {func(_ *testing.T, w *peerWorld) {
		omit(w.c, "cluster-signing-cert-file")
		omit(w.c, "cluster-signing-key-file")
	}, []string{"kubelet-certificates"}},
	"requests that aren't known": {func(_ *testing.T, w *peerWorld) { w.says(KubeletFile, "serverTLSBootstrap", unsaid) }, []string{"kubelet-certificates not checked"}},
	"another CA of kubelets":     {func(_ *testing.T, w *peerWorld) { w.kubelets(w.other) }, []string{"kubelet-ca-differs", "kubelet-serving-approval"}},
	"a signer that isn't the CA": {func(_ *testing.T, w *peerWorld) {
		w.kubelets(w.other)
		set(w.c, "cluster-signing-kubelet-serving-cert-file", "/k/kubelets.crt")
		set(w.c, "cluster-signing-kubelet-serving-key-file", "/k/kubelets.key")
	}, []string{"file-not-placed", "file-pair", "kubelet-ca-differs not checked", "kubelet-serving-approval"}},
	"the CA of kubelets": {func(_ *testing.T, w *peerWorld) { w.kubelets(w.ca) }, []string{"kubelet-serving-approval"}},
	"a CA of kubelets' own": {func(_ *testing.T, w *peerWorld) {
		w.kubelets(w.other)
		w.says(KubeletFile, "serverTLSBootstrap", say("false"))
	}, nil},
	"a CA of kubelets, not here": {func(_ *testing.T, w *peerWorld) { w.kubelets(w.ca); w.gone("kubelet-certificate-authority") }, []string{"kubelet-ca-differs not checked", "kubelet-serving-approval"}},
	"a cloud for one": {func(_ *testing.T, w *peerWorld) {
		set(w.c, cloudProvider, "external")
		w.says(KubeletFile, cloudProvider, byDefault(""))
	}, []string{"cloud-provider-differs"}},
	"a cloud for the kubelet":        {func(_ *testing.T, w *peerWorld) { w.says(KubeletFile, cloudProvider, say("external")) }, nil},
	"a cloud that isn't known":       {func(_ *testing.T, w *peerWorld) { set(w.c, cloudProvider, "external") }, []string{"cloud-provider-differs not checked"}},
	"kube-proxy's range":             {func(_ *testing.T, w *peerWorld) { w.says(KubeProxyFile, "clusterCIDR", say("10.244.0.0/16")) }, []string{"proxy-range-differs"}},
	"kube-proxy's range, of no form": {func(_ *testing.T, w *peerWorld) { w.says(KubeProxyFile, "clusterCIDR", say("10.244")) }, []string{"proxy-range-differs"}},
	"kube-proxy without a range":     {func(_ *testing.T, w *peerWorld) { w.says(KubeProxyFile, "clusterCIDR", byDefault("")) }, nil},
	"kube-proxy's range, not known":  {func(_ *testing.T, w *peerWorld) { w.says(KubeProxyFile, "clusterCIDR", unsaid) }, []string{"proxy-range-differs not checked"}},
	"Flannel's wider network":        {func(_ *testing.T, w *peerWorld) { w.pool(Pool{Addon: "Flannel", CIDR: "10.192.0.0/10", OfNodes: true}) }, nil},
	"Flannel's narrower network":     {func(_ *testing.T, w *peerWorld) { w.pool(Pool{Addon: "Flannel", CIDR: "10.200.0.0/17", OfNodes: true}) }, []string{"network-pool-differs"}},
	"Calico's narrower pool":         {func(_ *testing.T, w *peerWorld) { w.pool(Pool{Addon: "Calico", CIDR: "10.200.128.0/17"}) }, nil},
	"Calico's other pool":            {func(_ *testing.T, w *peerWorld) { w.pool(Pool{Addon: "Calico", CIDR: "192.168.0.0/16"}) }, []string{"network-pool-differs"}},
	"a pool of another family":       {func(_ *testing.T, w *peerWorld) { w.pool(Pool{Addon: "Calico", CIDR: "fd00:9::/64"}) }, []string{"network-pool-differs"}},
	"a pool that is no CIDR":         {func(_ *testing.T, w *peerWorld) { w.pool(Pool{Addon: "Cilium", CIDR: "x"}) }, []string{"network-pool-differs"}},
	"a pool that isn't known":        {func(_ *testing.T, w *peerWorld) { w.pool(Pool{Addon: "Cilium", Unknown: true}) }, []string{"network-pool-differs not checked"}},
	"Cilium waits for ranges": {func(_ *testing.T, w *peerWorld) {
		w.says(NetworkFile, IPAMSetting, say("kubernetes"))
		w.c.Networks.Pods = nil
		delete(w.facts.Peers, KubeProxyFile)
	}, []string{"network-pool-differs"}},
	"Cilium has ranges":                 {func(_ *testing.T, w *peerWorld) { w.says(NetworkFile, IPAMSetting, say("kubernetes")) }, nil},
	"Cilium in a mode that isn't known": {func(_ *testing.T, w *peerWorld) { w.says(NetworkFile, IPAMSetting, unsaid) }, []string{"network-pool-differs not checked"}},
	"tokens of another key":             {func(t *testing.T, w *peerWorld) { w.tokens(t, w.other.key.Public()) }, []string{"service-account-key-differs"}},
	"tokens of the key": {func(t *testing.T, w *peerWorld) {
		w.tokens(t, w.ca.key.Public(), w.other.key.Public())
		w.facts.ServiceAccount.Public = w.other.key.Public()
	}, nil},
	"tokens of a key that isn't here":        {func(t *testing.T, w *peerWorld) { w.tokens(t); w.api.KeysErr = fs.ErrNotExist }, []string{"service-account-key-differs not checked"}},
	"tokens of one of two keys, not here":    {func(t *testing.T, w *peerWorld) { w.tokens(t, w.other.key.Public()); w.api.KeysErr = fs.ErrNotExist }, []string{"service-account-key-differs not checked"}},
	"no pods that anyone could compare with": {func(_ *testing.T, w *peerWorld) { w.c.Networks.Pods = nil }, nil},
}

func (w *peerWorld) gone(flag string) {
	delete(w.api.Certificates, flag)
	w.api.CertificateErrs[flag] = fs.ErrNotExist
}

// kubelets lets kubelets ask for serving certificates, which the apiserver verifies with a CA.
func (w *peerWorld) kubelets(ca *issued) {
	w.says(KubeletFile, "serverTLSBootstrap", say("true"))
	w.says(APIServerFile, "kubelet-certificate-authority", say("/pki/kubelets.crt"))
	w.api.Certificates["kubelet-certificate-authority"] = []*x509.Certificate{ca.cert}
}

func (w *peerWorld) serving(c *issued) {
	w.api.Certificates["tls-cert-file"] = []*x509.Certificate{c.cert}
}

// balancer puts the apiservers behind an address that the certificate names.
func (w *peerWorld) balancer() {
	w.c.APIServer.Endpoint, w.c.APIServer.Address = spec.EndpointLoadBalancer, "10.0.0.11"
	w.c.Nodes = w.c.Nodes[1:]
}

func (w *peerWorld) tokens(t *testing.T, keys ...crypto.PublicKey) {
	t.Helper()
	w.says(APIServerFile, "service-account-key-file", say("/pki/sa.pub"))
	w.api.Keys = keys
	w.c.PKI.ServiceAccount.KeyFile = "sa.key"
	w.facts.ServiceAccount.Public = issue(t, "sa", nil, 0).key.Public()
}

// TestPeers: what other components' files say against a cluster.
func TestPeers(t *testing.T) {
	broken := map[string]bool{}
	all := maps.Clone(peerCases)
	maps.Copy(all, comparedCases)
	for name, tc := range all {
		t.Run(name, func(t *testing.T) {
			w := newPeerWorld(t)
			tc.change(t, w)
			found := Check(w.c, w.facts)
			if diff := cmp.Diff(tc.want, ids(found)); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
			for _, f := range found {
				broken[f.Rule] = true
				if f.Message == "" || f.Expected == "" {
					t.Errorf("%s says %q, and expects %q", f.Rule, f.Message, f.Expected)
				}
			}
		})
	}
	for _, r := range ofPeers() {
		if !broken[r.ID] {
			t.Errorf("no case breaks rule %s", r.ID)
		}
	}
}

// ofPeers are the rules that only files of other components break.
func ofPeers() []Rule {
	return slices.Concat(peerRules, apiserverRules, kubeletRules, networkPeerRules, comparedRules)
}

// TestPeerPlaces: a finding names the user's field and the place in the file.
func TestPeerPlaces(t *testing.T) {
	w := newPeerWorld(t)
	w.c.Source = finding.Source{"networks.services": {File: "c.cue", Line: 9, Col: 3}}
	w.says(APIServerFile, serviceRange, Said{Value: "10.96.0.0/12", At: peerAt(28)})
	got := Check(w.c, w.facts)
	if len(got) != 1 || got[0].Pos.Line != 9 || !slices.Equal(got[0].Also, []finding.Pos{peerAt(28)}) {
		t.Errorf("%+v", got)
	}
	if w.c.APIServer.Flags != nil || len(w.c.Source) != 1 {
		t.Errorf("the user's cluster was changed: %v, %v", w.c.APIServer.Flags, w.c.Source)
	}
}
