package flags

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// serving makes sets of flags about serving, signing, tokens, networks, the election and
// gates: half of them are good, the others have one flaw.
type serving struct {
	generator
	plane *plane
}

// set is the flags of one kube-controller-manager, without the common ones.
type set map[string]string

func newServing(t *testing.T, version string, p *plane) *serving {
	g := newGenerator(t, version)
	g.random = rand.New(rand.NewPCG(*seed, 1000+uint64(g.minor)))
	return &serving{*g, p}
}

// given returns the common flags. Each process has its own lease, so that all of them lead.
func (s *serving) given(i int, port string) set {
	return set{
		"kubeconfig": s.plane.file("kubeconfig"), "bind-address": "127.0.0.1", "secure-port": port,
		"leader-elect-resource-name": fmt.Sprintf("set-%03d", i),
		"tls-cert-file":              s.plane.file("kcm.crt"), "tls-private-key-file": s.plane.file("kcm.key"),
		"root-ca-file": s.plane.file("ca.crt"), "service-account-private-key-file": s.plane.file("p256.key"),
		"cluster-signing-cert-file": s.plane.file("ca.crt"), "cluster-signing-key-file": s.plane.file("ca.key"),
		"authentication-kubeconfig": s.plane.file("kubeconfig"), "authorization-kubeconfig": s.plane.file("kubeconfig"),
		"v": "2",
	}
}

func (s *serving) make(i int, port string) set {
	out := s.given(i, port)
	for _, topic := range s.random.Perm(len(topics))[:2+s.random.IntN(3)] {
		maps.Copy(out, topics[topic].good(s))
	}
	if i%2 == 1 {
		maps.Copy(out, pick(&s.generator, topics).flawed(s))
	}
	maps.DeleteFunc(out, func(name, value string) bool {
		return value == absent || !slices.ContainsFunc(s.flags, func(f flag) bool { return f.Name == name }) && !slices.Contains(skipped, name)
	})
	if s.minor < 36 && strings.Contains(out["feature-gates"], "ReleaseLeaderElection") {
		delete(out, "feature-gates")
	}
	return out
}

// absent removes a flag.
const absent = "\x00"

// args returns the flags as a command line.
func (s set) args() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		out = append(out, "--"+name+"="+s[name])
	}
	return out
}

type topic struct{ good, flawed func(*serving) set }

var topics = []topic{
	{goodTLS, flawedTLS},
	{goodCurves, flawedCurves},
	{goodSigning, flawedSigning},
	{goodTokens, flawedTokens},
	{goodNetworks, flawedNetworks},
	{goodElection, flawedElection},
	{goodEmulation, flawedEmulation},
	{goodAccess, flawedAccess},
}

// word picks one of several words.
func (s *serving) word(from ...string) string { return pick(&s.generator, from) }

// some picks a few elements, in any order.
func (s *serving) some(from []string) []string {
	out := make([]string, 0, len(from))
	for _, i := range s.random.Perm(len(from))[:1+s.random.IntN(min(5, len(from)))] {
		out = append(out, from[i])
	}
	return out
}

func (s *serving) suites() []string {
	for _, f := range s.flags {
		if f.Name == "tls-cipher-suites" {
			return f.Allowed
		}
	}
	return nil
}

func goodTLS(s *serving) set {
	required := s.word("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
	suites := append(s.some(s.suites()), required)
	s.random.Shuffle(len(suites), func(i, j int) { suites[i], suites[j] = suites[j], suites[i] })
	switch s.random.IntN(4) {
	case 0:
		return set{"tls-min-version": "VersionTLS13", "tls-cipher-suites": strings.Join(s.some(s.suites()), ",")}
	case 1:
		return set{"disable-http2-serving": "true", "tls-cipher-suites": s.word(strings.Join(suites, ","), "")}
	case 2:
		return set{"secure-port": "0", "tls-min-version": s.word("VersionTLS12", "VersionTLS99"), "tls-cipher-suites": strings.Join(s.some(s.suites()), ",")}
	}
	return set{"tls-min-version": s.word("", "VersionTLS10", "VersionTLS12"), "tls-cipher-suites": strings.Join(suites, ",")}
}

func flawedTLS(s *serving) set {
	switch s.random.IntN(5) {
	case 0:
		return set{"tls-min-version": "VersionTLS14", "secure-port": freed}
	case 1:
		return set{"tls-private-key-file": absent, "secure-port": freed}
	case 2:
		return set{"tls-private-key-file": s.plane.file("ca.key"), "secure-port": freed}
	case 3:
		return set{"tls-cipher-suites": "TLS_AES_128_GCM_SHA256,TLS_ROT13", "secure-port": freed}
	}
	// Any of them: vet must know which are accepted.
	return set{"tls-cipher-suites": strings.Join(s.some(s.suites()), ","), "tls-min-version": s.word("VersionTLS12", "VersionTLS13", "VersionTLS11"), "disable-http2-serving": s.word("true", "false")}
}

// freed is a placeholder for a free port.
const freed = "\x01"

var curveNumbers = []string{"23", "24", "25", "29", "4587", "4588", "4589"}

func goodCurves(s *serving) set {
	return set{"tls-curve-preferences": strings.Join(s.some(curveNumbers), ","), "http2-max-streams-per-connection": s.word("0", "10", "1000")}
}

func flawedCurves(s *serving) set {
	more := append(slices.Clone(curveNumbers), "0", "1", "22", "26", "30", "256", "4590", "65535", "65559", "-1", "0x17", "23")
	return set{"tls-curve-preferences": strings.Join(s.some(more), ","), "secure-port": freed}
}

func goodSigning(s *serving) set {
	if s.random.IntN(2) == 0 {
		out := set{"cluster-signing-cert-file": absent, "cluster-signing-key-file": absent}
		for _, signer := range s.some([]string{"kubelet-serving", "kubelet-client", "kube-apiserver-client", "legacy-unknown"}) {
			out["cluster-signing-"+signer+"-cert-file"], out["cluster-signing-"+signer+"-key-file"] = s.plane.file("ca.crt"), s.plane.file("ca.key")
		}
		return out
	}
	return set{"cluster-signing-duration": s.word("1h", "8760h", "10000h")}
}

func flawedSigning(s *serving) set {
	signer := "cluster-signing-" + s.word("kubelet-serving", "kubelet-client", "kube-apiserver-client", "legacy-unknown")
	switch s.random.IntN(4) {
	case 0:
		return set{signer + "-cert-file": s.plane.file("ca.crt")}
	case 1:
		return set{signer + "-cert-file": s.plane.file("ca.crt"), signer + "-key-file": s.plane.file("ca.key"), "cluster-signing-cert-file": s.plane.file("ca.crt"), "cluster-signing-key-file": s.plane.file("ca.key")}
	case 2: // another's key
		return set{"cluster-signing-key-file": s.plane.file("kcm.key")}
	}
	return set{"cluster-signing-cert-file": s.plane.file("ca.key")}
}

func goodTokens(s *serving) set {
	key := s.plane.file(s.word("p256", "p256-pkcs8", "p256-parameters", "p384", "p521", "rsa2048", "rsa2048-pkcs8", "rsa3072", "rsa1024") + ".key")
	return set{"service-account-private-key-file": key, "concurrent-serviceaccount-token-syncs": s.word("1", "5", "9")}
}

func flawedTokens(s *serving) set {
	switch s.random.IntN(5) {
	case 0:
		return set{"legacy-service-account-token-clean-up-period": s.word("0s", "-1h")}
	case 1:
		return set{"root-ca-file": s.plane.file("ca.key")}
	}
	return set{"service-account-private-key-file": s.plane.file(pick(&s.generator, tokenKeys) + ".key"), "root-ca-file": s.plane.file("ca.crt")}
}

func goodNetworks(s *serving) set {
	switch s.random.IntN(4) {
	case 0:
		return set{"allocate-node-cidrs": "false", "cluster-cidr": s.word("10.244.0.0/16", "rubbish"), "service-cluster-ip-range": apiserverRange, "node-cidr-mask-size": "99"}
	case 1:
		return set{"allocate-node-cidrs": "true", "cluster-cidr": "10.244.0.0/16,fd00:1::/56", "node-cidr-mask-size-ipv4": s.word("24", "25"), "node-cidr-mask-size-ipv6": s.word("64", "72"), "node-cidr-mask-size": absent}
	case 2:
		return set{"allocate-node-cidrs": "true", "cluster-cidr": "fd00:1::/56", "service-cluster-ip-range": absent, "node-cidr-mask-size": s.word("60", "64", "72")}
	}
	return set{"allocate-node-cidrs": "true", "cluster-cidr": "10.244.0.0/16", "service-cluster-ip-range": apiserverRange, "node-cidr-mask-size": s.word("20", "24", "32")}
}

func flawedNetworks(s *serving) set {
	out := set{
		"allocate-node-cidrs":      s.word("true", "true", "true", "false"),
		"cluster-cidr":             s.word("10.244.0.0/16", "fd00:1::/48", "10.244.0.0/16,fd00:1::/56", "fd00:1::/56,10.244.0.0/20", "10.244.0.0/16,10.245.0.0/16", "10.244.0.0/16,fd00:1::/64,fd00:2::/64", "10.244.0.0/33", "rubbish", "", absent),
		"service-cluster-ip-range": s.word(apiserverRange, apiserverRange, absent, "10.96.0.0/16,fd00:9::/112", "10.96.0.0/16,10.97.0.0/16", "10.96.0.0/16,10.97.0.0/16,10.98.0.0/16"),
	}
	for _, name := range s.some([]string{"node-cidr-mask-size", "node-cidr-mask-size-ipv4", "node-cidr-mask-size-ipv6"})[:1] {
		out[name] = s.word("0", "8", "16", "20", "24", "28", "48", "56", "60", "64", "72", "80")
	}
	if s.random.IntN(5) == 0 {
		out["controllers"] = s.word("*,-node-ipam-controller", "*,node-ipam-controller", "*,-nodeipam")
	}
	return out
}

func goodElection(s *serving) set {
	switch s.random.IntN(3) {
	case 0:
		return set{"leader-elect": "false", "leader-elect-lease-duration": s.word("0s", "5s")}
	case 1:
		return set{"leader-elect-resource-namespace": s.word("kube-system", "default"), "controller-shutdown-timeout": s.word("0s", "5s", "1m")}
	}
	return set{"leader-elect-lease-duration": s.word("30s", "20s"), "leader-elect-renew-deadline": s.word("15s", "12s"), "leader-elect-retry-period": s.word("1s", "3s")}
}

func flawedElection(s *serving) set {
	switch s.random.IntN(4) {
	case 0:
		// With the gate the process waits for its controllers at its end.
		return set{"controller-shutdown-timeout": s.word("-1s", "-1h", "-4ns"), "feature-gates": "ControllerManagerReleaseLeaderElectionLockOnExit=true", "secure-port": freed}
	case 1:
		return set{"leader-elect": "true", "leader-elect-lease-duration": s.word("10s", "0s", "-5s")}
	case 2:
		return set{"leader-elect": "true", "leader-elect-retry-period": s.word("0s", "9s", "-1s")}
	}
	return set{"leader-elect": "true", "leader-elect-resource-lock": s.word("endpoints", "leases", "configmaps")}
}

// someGates returns gates with allowed values.
func (s *serving) someGates() string {
	var out []string
	for range 1 + s.random.IntN(3) {
		gate := pick(&s.generator, s.gates)
		if slices.Contains(elsewhere, gate.Name) {
			continue
		}
		on := s.random.IntN(2) == 0
		if gate.Locked && s.random.IntN(4) > 0 {
			on = gate.Default
		}
		out = append(out, fmt.Sprintf("%s=%v", gate.Name, on))
	}
	return strings.Join(out, ",")
}

// elsewhere are gates that also need the apiserver.
var elsewhere = []string{"AllAlpha", "AllBeta", "CoordinatedLeaderElection"}

func goodEmulation(s *serving) set {
	version := fmt.Sprintf("1.%d", s.minor-s.random.IntN(4))
	return set{"emulated-version": s.word(version, "kube="+version, "kube=v"+version), "feature-gates": s.word("", s.someGates(), "AllAlpha=false,AllBeta=false,"+s.someGates())}
}

func flawedEmulation(s *serving) set {
	least := fmt.Sprintf("1.%d", s.minor-s.random.IntN(5))
	return set{
		"emulated-version":          s.word(fmt.Sprintf("1.%d", s.minor+1-s.random.IntN(6)), fmt.Sprintf("kube=1.%d.0", s.minor-1), "1.36.1", "etcd=1.36", "word"),
		"min-compatibility-version": s.word("", least, "kube="+least), "feature-gates": s.someGates(),
	}
}

func goodAccess(s *serving) set {
	return set{
		"client-ca-file": s.word(absent, s.plane.file("ca.crt")), "authentication-skip-lookup": s.word("true", "false"),
		"requestheader-allowed-names": s.word("", "front-proxy-client"), "permit-port-sharing": s.word("true", "false"),
		"tls-sni-cert-key": s.word(absent, s.plane.file("kcm.crt")+","+s.plane.file("kcm.key")),
		"profiling":        s.word("true", "false"), "use-service-account-credentials": s.word("true", "false"),
	}
}

func flawedAccess(s *serving) set {
	switch s.random.IntN(4) {
	case 0:
		return set{"client-ca-file": s.plane.file("ca.key"), "secure-port": freed}
	case 1:
		return set{"bind-address": s.word("192.0.2.1", "localhost"), "secure-port": freed}
	case 2:
		return set{"requestheader-client-ca-file": s.plane.file("kcm.key"), "secure-port": freed}
	}
	return set{"kube-api-burst": "0", "kube-api-qps": "20"}
}
