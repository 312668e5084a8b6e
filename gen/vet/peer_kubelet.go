package vet

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const (
	grace         = "node-monitor-grace-period"
	cloudProvider = "cloud-provider"
)

var kubeletRules = []Rule{
	{
		ID: "kubelet-heartbeat", Severity: isError, node: kubeletHeartbeat,
		Doc: "--node-monitor-grace-period outlasts several of the kubelet's reports (a warning where it is two at most)",
	},
	{
		ID: "kubelet-certificates", Severity: isError, node: kubeletCertificates,
		Doc: "where the kubelet asks for its certificates, kube-controller-manager signs them",
	},
	{
		ID: "kubelet-ca-differs", Severity: isError, cluster: kubeletCADiffers,
		Doc: "the apiserver's --kubelet-certificate-authority has the CA that signs kubelets' serving certificates",
	},
	{
		ID: "cloud-provider-differs", Severity: isError, node: cloudProviderDiffers,
		Doc: "--cloud-provider agrees with the kubelet's, and with the apiserver's where that has one (a warning where only the kubelet doesn't wait for a cloud's controllers)",
	},
}

// The kubelet's fields.
const (
	leaseField  = "nodeLeaseDurationSeconds"
	updateField = "nodeStatusUpdateFrequency"
	reportField = "nodeStatusReportFrequency"
)

// reports returns how often a kubelet lets the node controller know of it, and the field that
// says so: it renews its lease each quarter of its duration, and writes its status every
// nodeStatusReportFrequency, which is nodeStatusUpdateFrequency if only that is set, and five
// minutes if none is (pkg/kubelet/kubelet.go, pkg/kubelet/apis/config/v1beta1/defaults.go).
func (p *Peer) reports() (every time.Duration, field string, ok bool) {
	lease, err := strconv.Atoi(p.said(leaseField).Value)
	if err != nil || lease <= 0 {
		return 0, leaseField, false
	}
	every, field = time.Duration(lease)*time.Second/4, leaseField
	by := reportField
	if p.said(by).Value == "" {
		by = updateField
	}
	if p.said(by).Default {
		return every, field, true
	}
	status, err := time.ParseDuration(p.said(by).Value)
	switch {
	case err != nil || status <= 0:
		return 0, by, false
	case status < every:
		every, field = status, by
	}
	return every, field, true
}

// kubeletHeartbeat compares how long the node controller waits with how often a kubelet
// reports; a lease and a status both count (pkg/controller/nodelifecycle).
func kubeletHeartbeat(v *view, n *nodeView) []fault {
	p := v.peer(KubeletFile)
	if p == nil {
		return nil
	}
	wait, err := time.ParseDuration(n.value(grace))
	if err != nil {
		return nil // flag-type
	}
	for _, field := range []string{leaseField, updateField, reportField} {
		if p.said(field).Unknown {
			return p.unchecked(KubeletFile, field, "--"+grace)
		}
	}
	every, field, ok := p.reports()
	said := p.said(field)
	if !ok {
		return one(fault{
			field: KubeletFile, at: said.At, message: fmt.Sprintf("%s of %s is %q, which is no time above 0", field, p.File, said.Value),
			expected: "seconds such as 40, or a duration such as 10s",
		})
	}
	what := fmt.Sprintf("a kubelet of %s reports every %s, its %s", p.File, every, field)
	if field == leaseField {
		what = fmt.Sprintf("a kubelet of %s renews its lease every %s, a quarter of its %s", p.File, every, field)
	}
	f := fault{
		field: v.flagField(n, grace), also: []string{KubeletFile}, at: said.At,
		expected: fmt.Sprintf("at least %s, four reports", 4*every),
	}
	switch {
	case wait <= every:
		f.message = fmt.Sprintf("--%s is %s, and %s: healthy nodes count as gone", grace, wait, what)
	case wait <= 2*every:
		f.severity = finding.Warning
		f.message = fmt.Sprintf("--%s is %s, and %s: one late report and the node counts as gone", grace, wait, what)
	default:
		return nil
	}
	return one(f)
}

// signers are the controllers that answer a kubelet's requests, by their old and new names.
var signers = [][]string{{"certificatesigningrequest-signing-controller", "csrsigning"}}

// kubeletCertificates: a kubelet whose certificate isn't renewed is out once it ends.
func kubeletCertificates(v *view, n *nodeView) []fault {
	p := v.peer(KubeletFile)
	if p == nil {
		return nil
	}
	var out []fault
	for _, r := range []struct{ field, signer, flag string }{
		{"rotateCertificates", "kubernetes.io/kube-apiserver-client-kubelet", "cluster-signing-kubelet-client-cert-file"},
		{"serverTLSBootstrap", "kubernetes.io/kubelet-serving", "cluster-signing-kubelet-serving-cert-file"},
	} {
		s := p.said(r.field)
		switch {
		case s.Unknown:
			out = append(out, p.unchecked(KubeletFile, r.field, "what kubelets' certificates need")...)
			continue
		case !(spec.Flag{Value: s.Value}).Bool():
			continue
		}
		why, field, expected := v.notSigning(n, r.flag)
		if why == "" {
			continue
		}
		out = append(out, fault{
			field: field, also: []string{KubeletFile}, at: s.At,
			message:  fmt.Sprintf("%s of %s is true, and %s: nothing signs the kubelet's requests of %s", r.field, p.File, why, r.signer),
			expected: expected,
		})
	}
	return out
}

// notSigning says why kube-controller-manager doesn't sign for a signer, the field, and what
// is expected there; "" if it does.
func (v *view) notSigning(n *nodeView, flag string) (why, field, expected string) {
	const controller = "the signing controller among --controllers"
	if off := slices.IndexFunc(n.controllers, func(e string) bool { return strings.HasPrefix(e, "-") && slices.Contains(signers[0], e[1:]) }); off >= 0 {
		return "--controllers has " + n.controllers[off], v.flagField(n, "controllers"), controller
	}
	named := slices.ContainsFunc(n.controllers, func(e string) bool { return e == "*" || slices.Contains(signers[0], e) })
	if !named {
		return "--controllers doesn't have the signing controller", v.flagField(n, "controllers"), controller
	}
	if n.flags.Value("cluster-signing-cert-file", "") == "" && n.flags.Value(flag, "") == "" {
		return "neither --cluster-signing-cert-file nor --" + flag + " is set", v.flagField(n, "cluster-signing-cert-file"),
			fmt.Sprintf("--cluster-signing-cert-file and its key, or --%s and its key", flag)
	}
	return "", "", ""
}

// kubeletCADiffers: kube-controller-manager signs a kubelet's serving certificate with the
// cluster's CA, and the apiserver verifies it when it connects to the kubelet.
func kubeletCADiffers(v *view) []fault {
	const name, what = "kubelet-certificate-authority", "the apiserver's CA of kubelets"
	p, k := v.peer(APIServerFile), v.peer(KubeletFile)
	if p == nil || k == nil || !(spec.Flag{Value: k.said("serverTLSBootstrap").Value}).Bool() {
		return nil
	}
	trusted, faults := p.certificatesOf(name, what)
	if trusted == nil {
		return faults
	}
	for _, n := range v.nodes {
		signer := cmp.Or(n.flags.Value("cluster-signing-kubelet-serving-cert-file", ""), n.flags.Value("cluster-signing-cert-file", ""))
		if signer != "" && signer != v.Paths.CA {
			return one(fault{
				field: "flags", also: []string{APIServerFile}, at: p.said(name).At, severity: finding.NotChecked,
				message: fmt.Sprintf("%s was not checked: %s on the hosts signs their certificates", what, signer), expected: "the CA of pki.ca",
			})
		}
	}
	a := v.authorities()[0]
	ours, faults := a.compared(what)
	if ours == nil || slices.ContainsFunc(trusted, func(c *x509.Certificate) bool { return sameAuthority(c, ours) }) {
		return faults
	}
	return one(fault{
		field: a.certField(), also: []string{APIServerFile, KubeletFile}, at: p.said(name).At,
		message:  fmt.Sprintf("%s signs the serving certificates of the kubelets of %s, and is not in the --%s of %s", a.name(), k.File, name, p.File),
		expected: "the same CA",
		hint:     "logs, exec and port-forward would fail on every node",
	})
}

// cloudProviderDiffers: with "external" a kubelet waits for a cloud's own controllers, and
// with a name kube-controller-manager runs them itself, as long as it had them.
func cloudProviderDiffers(v *view, n *nodeView) []fault {
	ours := n.flags.Value(cloudProvider, "")
	if theirs := v.APIServer.Flags[cloudProvider].Value; theirs != "" && theirs != ours && (ours != "" || theirs != "external") {
		f := fault{field: v.flagField(n, cloudProvider), also: []string{finding.Path("apiserver", "flags", cloudProvider)}}
		f.message, f.expected = fmt.Sprintf("--%s is %q, and %q for the apiserver", cloudProvider, ours, theirs), "one value for both"
		return one(f)
	}
	p := v.peer(KubeletFile)
	if p == nil {
		return nil
	}
	s := p.said(cloudProvider)
	f := fault{field: v.flagField(n, cloudProvider), also: []string{KubeletFile}, at: s.At}
	switch {
	case s.Unknown && ours != "":
		return p.unchecked(f.field, cloudProvider, "--"+cloudProvider+"="+ours)
	case s.Unknown, ours == s.Value, ours == "" && s.Value == "external":
		return nil
	case ours == "external" && s.Value == "":
		f.severity = finding.Warning
		f.message = fmt.Sprintf("--%s is external, and the kubelet of %s has none: its nodes don't wait until the cloud's controllers know them", cloudProvider, p.File)
		f.expected = "--cloud-provider=external for both"
	default:
		f.message = fmt.Sprintf("--%s is %q, and %q for the kubelet of %s", cloudProvider, ours, s.Value, p.File)
		f.expected = "one value for both"
	}
	return one(f)
}
