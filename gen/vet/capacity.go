package vet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

var capacityRules = []Rule{
	{
		ID: "service-capacity", Severity: isWarning, cluster: serviceCapacity,
		Doc: "the service networks hold as many addresses as networks.maxServices says",
	},
	{
		ID: "memory-limit", Severity: isWarning, cluster: memoryLimit,
		Doc: "from a dozen nodes on, kube-controller-manager may use more than 100 MiB of memory",
	},
	{
		ID: "signing-beyond-ca", Severity: isWarning, node: signingBeyondCA,
		Doc: "--cluster-signing-duration isn't longer than the lifetime of the CA that signs",
	},
	{
		ID: "lease-and-failover", Severity: isWarning, node: leaseAndFailover,
		Doc: "the leader's renew deadline outlasts apiserver.failover",
	},
}

// serviceCapacity counts as the apiserver's allocator does (pkg/registry/core/service/
// ipallocator): without the first address, and without the last one of IPv4.
func serviceCapacity(v *view) []fault {
	var out []fault
	for _, r := range v.statedRanges() {
		bits := r.Addr().BitLen() - r.Bits()
		if r.kind != "services" || v.Networks.MaxServices == 0 || bits > 30 {
			continue
		}
		have := 1<<bits - 1
		if r.Addr().Is4() {
			have--
		}
		if have = max(have, 0); have < v.Networks.MaxServices {
			out = append(out, fault{
				field: r.field, also: []string{"networks.maxServices"},
				message:  fmt.Sprintf("the service range %s has %d addresses, and %d services need one each", r.Prefix, have, v.Networks.MaxServices),
				expected: "a shorter prefix; an apiserver from v1.33 on can have more ranges later, by ServiceCIDR objects",
			})
		}
	}
	return out
}

// The least memory that is known not to suffice: with a limit of 100M the process was
// killed again and again in a cluster of 137 nodes, and in others from about a dozen on
// (kubernetes-retired/kube-aws#1502). How much suffices depends on the pods, so nothing is
// said of higher limits.
const (
	tooLittleMemory = 100 << 20
	dozenNodes      = 12
)

func memoryLimit(v *view) []fault {
	nodes := max(len(v.Nodes), v.Networks.MaxNodes)
	if v.facts.Existing != nil {
		nodes = max(nodes, len(v.facts.Existing.Nodes))
	}
	field, limit, ok := v.memoryLimit()
	if !ok || nodes < dozenNodes || limit > tooLittleMemory {
		return nil
	}
	return one(fault{
		field: field, also: []string{"networks.maxNodes"},
		message:  fmt.Sprintf("kube-controller-manager may use %d MiB of memory, with %d nodes: clusters of a dozen nodes and of 137 had it killed at 100 MB again and again", int(limit)>>20, nodes),
		expected: "no limit, or one of what it uses at its busiest and as much again",
	})
}

// memoryLimit returns the limit of the layout in bytes, and its field.
func (v *view) memoryLimit() (field string, limit float64, ok bool) {
	if v.Layout == spec.StaticPod {
		text, given := v.Pod.Limits["memory"]
		if !given {
			return "", 0, false
		}
		limit, err := quantity(text)
		return "pod.resources.limits.memory", limit, err == nil
	}
	for _, d := range v.Unit.Service {
		if d.Name != "MemoryMax" && d.Name != "MemoryLimit" {
			continue
		}
		if limit, ok = systemdBytes(d.Value); ok {
			return finding.Path("unit", "Service", d.Name), limit, true
		}
	}
	return "", 0, false
}

// systemdBytes parses a size of systemd, whose suffixes are powers of 1024. ok is false for
// a share of the host's memory, and for infinity.
func systemdBytes(s string) (float64, bool) {
	number := strings.TrimRight(s, "BKMGTPE")
	power := strings.Index("KMGTPE", strings.TrimSuffix(s[len(number):], "B")) + 1
	if suffix := s[len(number):]; suffix == "" || suffix == "B" {
		power = 0
	} else if power == 0 || len(suffix) > 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 10, 53)
	return float64(n) * float64(uint64(1)<<(10*power)), err == nil
}

// signingBeyondCA: a certificate ends with its CA at the latest, whatever was asked for
// (pkg/controller/certificates/authority/policies.go). A CA that is close to its end is
// ca-expiry's business, a duration of more than a year signing-duration's, and kcmgen's own
// year is kube-controller-manager's default.
func signingBeyondCA(v *view, n *nodeView) []fault {
	if n.flags.Value("cluster-signing-cert-file", "") != v.Paths.CA {
		return nil
	}
	life := v.PKI.CA.Expiry
	ca := v.facts.MadeCA.Cert
	if v.PKI.CA.Existing() {
		life, ca = 0, v.facts.CA.Cert
	}
	if ca != nil {
		life = ca.NotAfter.Sub(ca.NotBefore)
	}
	for _, name := range []string{"cluster-signing-duration", "experimental-cluster-signing-duration"} {
		f, ok := n.flags.Get(name)
		d, err := time.ParseDuration(f.Value)
		if !ok || err != nil || life <= 0 || d <= life || d > year || f.Field == "flagDefaults" || v.idle(n, f) {
			continue
		}
		if f.Field == "flagDefaults" { // kcmgen's own, which the CA shortens as it should
			continue
		}
		return one(fault{
			field: f.Field, also: []string{"pki.ca.expiry"},
			message:  fmt.Sprintf("kube-controller-manager would sign certificates for %gh, and the CA lives for %gh: none gets that long", d.Hours(), life.Truncate(time.Hour).Hours()),
			expected: fmt.Sprintf("%gh or less, or a CA that lives longer", life.Truncate(time.Hour).Hours()),
		})
	}
	return nil
}

// leaseAndFailover: the leader exits once it has tried to renew its lease for the renew
// deadline, and its last try may be a retry period before that (client-go's
// leaderelection.go).
func leaseAndFailover(v *view, n *nodeView) []fault {
	away := v.APIServer.Failover
	if f, ok := n.flags.Get("leader-elect"); away == 0 || ok && !f.Bool() {
		return nil
	}
	renew, err1 := time.ParseDuration(n.value("leader-elect-renew-deadline"))
	retry, err2 := time.ParseDuration(n.value("leader-elect-retry-period"))
	if err1 != nil || err2 != nil || renew <= 0 || away <= renew-retry {
		return nil // leader-elect-timing
	}
	return one(fault{
		field: v.flagField(n, "leader-elect-renew-deadline"), also: []string{"apiserver.failover"},
		message:  fmt.Sprintf("the apiserver may be away for %s (apiserver.failover), and the leader exits after %s without a renewal", away, renew),
		expected: fmt.Sprintf("a renew deadline of %s or more, and a longer lease", away+retry),
		hint:     `profile: "slowBoards" waits for 60s`,
	})
}
