package logs

import (
	"regexp"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

// Known is an error that the log of a kube-controller-manager may have.
type Known struct {
	ID string // a word or some, with hyphens
	// Means says what it means and what follows from it.
	Means string
	// Hint is what to do.
	Hint string
	// Fatal: the process doesn't work, or can't lead, as long as this goes on.
	Fatal bool

	has func() *regexp.Regexp
}

// known are the errors, the more special before the more general.
var known = []Known{
	{"lease-lost", "it lost its lease, or gave it back because it was stopped; one that is lost means that the apiserver or etcd was away or slow, and the process starts again", "if it wasn't stopped, look at the apiserver and etcd at that time", false, lazy.Regexp(`leaderelection lost`)},
	// What an apiserver or a client of its port reports is no fault of its own connections.
	{"webhook", "a webhook didn't answer the apiserver, which refuses what controllers write or read as long as that goes on", "see: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations", false, lazy.Regexp(`failed calling webhook|failed to call webhook|conversion webhook for .* failed`)},
	{"client-refused", "a client of its port, such as one that reads its metrics, showed a certificate or token that it doesn't accept", "look at that client's credentials, and at client-ca-file", false, lazy.Regexp(`Unable to authenticate the request`)},
	{"aggregated-api", "an aggregated API, such as that of metrics-server, doesn't answer the apiserver; controllers that list everything wait for it", "see: kubectl get apiservices", false, lazy.Regexp(`error trying to reach service|PartialObjectMetadata|metrics\.k8s\.io|couldn't get resource list for`)},
	{"unauthorized", "the apiserver doesn't accept its client certificate: it has expired, or another CA signed it", "export and deploy a new certificate", true, lazy.Regexp(`(leaderelection|reflector|run)\.go.*Unauthorized|[Ee]rror retrieving.*lock.*Unauthorized`)},
	{"certificate-expired", "a certificate has expired, or isn't valid yet", "look at the certificates in kcmgen status, and at the host's clock", true, lazy.Regexp(`certificate has expired or is not yet valid`)},
	{"apiserver-untrusted", "its kubeconfig has another CA than the apiserver's", "set pki.ca to the CA that signed the apiserver's certificate", true, lazy.Regexp(`certificate signed by unknown authority`)},
	{"apiserver-name", "the apiserver's certificate doesn't have the name or address by which it is reached", "connect by a name in that certificate, or add this one to it", true, lazy.Regexp(`x509: certificate is (valid for|not valid for any)|doesn't contain any IP SANs`)},
	{"forbidden", "RBAC doesn't allow it", "see that the ClusterRoleBindings of system:kube-controller-manager and of its controllers' service accounts are there", false, lazy.Regexp(`is forbidden: User \\?"[^"]*" cannot `)},
	{"no-ranges-left", "the cluster's range has no podCIDR left for another node", "use a smaller node-cidr-mask-size for new clusters, or a further range", false, lazy.Regexp(`no remaining CIDRs left to allocate`)},
	{"podcidr-outside", "a node has a podCIDR outside cluster-cidr", "set cluster-cidr to a range that holds it, or remove the node", true, lazy.Regexp(`cidr .* is out the range of cluster cidr|failed to (mark|occupy) cidr|does not exist in cluster cidrs configuration`)},
	{"quota", "a quota of a namespace is used up", "see: kubectl describe quota", false, lazy.Regexp(`exceeded quota`)},
	{"signing-key", "the key or the certificate that signs CSRs can't be used", "see that cluster-signing-cert-file and cluster-signing-key-file are a pair", true, lazy.Regexp(`error (reading|loading|parsing) CA (cert|key)|csrsigning.*(fail|error)`)},
	{"key-pair", "a certificate and its key aren't a pair", "see that tls-cert-file and tls-private-key-file are a pair, and so are those in its kubeconfig", true, lazy.Regexp(`private key does not match public key`)},
	{"unknown-flag", "this version doesn't know a flag", "kcmgen vet says since when", true, lazy.Regexp(`unknown flag: |unknown shorthand flag`)},
	{"bad-value", "a flag has a value that this version doesn't take", "kcmgen vet", true, lazy.Regexp(`invalid argument .* for "--|unrecognized feature gate|cannot set feature gate`)},
	{"port-taken", "something else listens on its port", "ss -ltnp, on the host; then end it, or set secure-port", true, lazy.Regexp(`address already in use`)},
	{"port-denied", "the system doesn't let it listen on its address or port", "set secure-port to 1024 or more, and bind-address to an address of the host", true, lazy.Regexp(`bind: (permission denied|cannot assign requested address)`)},
	{"no-file", "a file that a flag names isn't there, or may not be read", "see what differs from the export: kcmgen diff --live", false, lazy.Regexp(`(open|stat|read) /[^ ]+: (no such file or directory|permission denied)`)},
	{"etcd-slow", "etcd didn't answer in time", "look at etcd's disk and at its leader", false, lazy.Regexp(`etcdserver: (request timed out|leader changed|no leader)`)},
	{"apiserver-away", "the apiserver can't be reached", "look at the apiserver, and at the way to it from this host", false, lazy.Regexp(`(connection refused|no route to host|i/o timeout|no such host|connection reset by peer|Client\.Timeout|context deadline exceeded|TLS handshake timeout)`)},
}

// harmless are lines of errors that are none: with ProcSubset=pid in its unit,
// each start has the first; without a front proxy the last comes again and again.
var harmless = lazy.Regexp(`processstarttime\.go:|\bFLAG: --|requestheader-client-ca-file`)

// Explain returns the known error that a line shows; nil if it shows none.
func Explain(line string) *Known {
	if severity(line) == 'I' || harmless().MatchString(line) {
		return nil
	}
	for i := range known {
		if known[i].has().MatchString(line) {
			return &known[i]
		}
	}
	return nil
}

// All returns the known errors, for a table in the documentation.
func All() []Known { return known }
