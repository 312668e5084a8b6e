package vet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// signerRules are about the signers of certificate requests.
var signerRules = []Rule{
	{
		ID: "signers-off", Severity: isWarning, Flags: true, node: signersOff,
		Doc: "if one signer of certificate requests has a pair of its own, so have the others: they don't fall back on --cluster-signing-cert-file",
	},
	{
		ID: "flag-both-names", Severity: isWarning, Flags: true, node: flagBothNames,
		Doc: "a flag isn't given by its old name and by its new one, which are one variable",
	},
}

// ownSigners are the signers that may have a pair of their own, by the middle of their flags.
var ownSigners = []struct{ flag, signer string }{
	{"kubelet-serving", "kubernetes.io/kubelet-serving"},
	{"kubelet-client", "kubernetes.io/kube-apiserver-client-kubelet"},
	{"kube-apiserver-client", "kubernetes.io/kube-apiserver-client"},
	{legacyUnknown, "kubernetes.io/legacy-unknown"},
}

const legacyUnknown = "legacy-unknown"

// noLegacyRequests is the first minor whose apiserver takes no request for legacy-unknown:
// certificates.k8s.io/v1beta1 is gone, and v1 refuses that signer.
const noLegacyRequests = 22

// signersOff: with a pair of any signer, kube-controller-manager starts the other signers with
// their own pairs only (getKubeletServingSignerFiles and the like in app/certificates.go).
func signersOff(v *view, n *nodeView) []fault {
	if n.flags.Value("cluster-signing-cert-file", "") != "" && n.flags.Value("cluster-signing-key-file", "") != "" {
		return nil // file-pair: with both kinds of pairs it exits
	}
	var given spec.Flag
	var off []string
	for _, s := range ownSigners {
		f, _ := n.flags.Get("cluster-signing-" + s.flag + "-cert-file")
		switch {
		case f.Value != "" && given.Value == "":
			given = f
		case f.Value == "" && (s.flag != legacyUnknown || v.Version.Minor < noLegacyRequests):
			off = append(off, s.signer)
		}
	}
	if given.Value == "" || len(off) == 0 || v.minor != nil && v.idle(n, given) {
		return nil
	}
	return one(fault{
		field:    given.Field,
		message:  fmt.Sprintf("--%s is given, and requests of %s are not signed: their signers have no pair, and no other counts for them", given.Name, strings.Join(off, ", ")),
		expected: "a pair for each signer, or --cluster-signing-cert-file and --cluster-signing-key-file for all",
		hint:     "waive this if nothing asks those signers",
	})
}

// flagBothNames: the last one on the command line counts, whichever name it has.
func flagBothNames(v *view, n *nodeView) []fault {
	var out []fault
	for _, k := range n.known {
		if !k.def.Deprecated || !flags.HasNote(k.Name) {
			continue // saves reading the data of other versions
		}
		l, ok := flags.LifeOf(k.Name)
		if !ok || !l.Equivalent {
			continue
		}
		other, both := n.flags.Get(l.ReplacedBy)
		if !both || !written(k.Flag) || !written(other) {
			continue
		}
		out = append(out, fault{
			field: k.Field, also: alsoField(other), expected: "--" + other.Name + " alone",
			message: fmt.Sprintf("--%s is %s and --%s is %s: they are two names of one flag, and the last on the command line counts", k.Name, k.Value, other.Name, other.Value),
		})
	}
	return out
}

// headerRules compare with the headers that the apiserver sends.
var headerRules = []Rule{
	{
		ID: "requestheader-names", Severity: isWarning, Flags: true, node: requestHeaderNames,
		Doc: "the headers of users are among those that the apiserver sends: X-Remote-User, X-Remote-Group, X-Remote-Extra-",
	},
}

// sentHeaders are what the apiserver sends when it passes a request on
// (RequestHeaderAuthenticationOptions.Validate of k8s.io/apiserver warns of others).
var sentHeaders = []struct{ flag, header string }{
	{"requestheader-username-headers", "X-Remote-User"},
	{"requestheader-group-headers", "X-Remote-Group"},
	{"requestheader-extra-headers-prefix", "X-Remote-Extra-"},
}

func requestHeaderNames(v *view, n *nodeView) []fault {
	var out []fault
	for _, s := range sentHeaders {
		f, ok := n.flags.Get(s.flag)
		if !ok || f.Value == "" || v.minor != nil && v.idle(n, f) {
			continue
		}
		if slices.ContainsFunc(flags.Elements(f.Value), func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), s.header) }) {
			continue
		}
		out = append(out, fault{
			field: f.Field, message: fmt.Sprintf("--%s has %.80s, and the apiserver sends %s: what it says of a user is not read", f.Name, f.Value, s.header),
			expected: s.header + " among them, or no such flag",
		})
	}
	return out
}
