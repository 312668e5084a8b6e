package vet

import (
	"slices"
	"sync"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Rules returns all rules, by topic.
func Rules() []Rule { return slices.Clone(allRules()) }

// reserved are ids of findings that have no row in the table: those about CUE, about the
// organisation's own rules, and about waivers.
var reserved = []string{
	"cue-syntax", "cue-import", "cue-reference", "cue-type", "cue-missing", "cue-unknown-field", "cue-embedded", "cue-embed",
	"cue-schema", "cue-module", "cue-no-cluster", "cue-unreadable", "cue-limit", "cue-other-package", "schema-differs", "schema-newer",
	"schema-default", "node-name", "cluster-name-duplicate", "rule-invalid", "rule-untested", "waiver", "waiver-expires", waiverExpired,
}

// Reserved returns the ids of findings that come from no rule of the table.
func Reserved() []string { return slices.Clone(reserved) }

// Taken reports whether an id is that of a finding of kcmgen's, so that no rule of an
// organisation's own can have it.
func Taken(id string) bool {
	return slices.Contains(reserved, id) || slices.ContainsFunc(allRules(), func(r Rule) bool { return r.ID == id })
}

// ClusterRules returns the rules that can have findings about a cluster: all but those that
// need the text of a command line.
func ClusterRules() []Rule {
	return slices.DeleteFunc(Rules(), func(r Rule) bool {
		return slices.ContainsFunc(lineRules, func(l Rule) bool { return l.ID == r.ID })
	})
}

// allRules are the rules, which are put together once.
var allRules = sync.OnceValue(func() []Rule {
	var out []Rule
	for _, topic := range [][]Rule{
		networkRules, existingRules, peerRules, apiserverRules, kubeletRules, networkPeerRules, comparedRules, rangeRules, nodeRules, addressRules, flagRules, controllerRules, gateRules,
		workerRules, electionRules, migrationRules, capacityRules, fileRules, isolationRules, unitRules, directiveRules, keyRules, trackedRules,
		authorityRules, certificateNameRules, signerRules, hardeningRules, imageRules, binaryRules, valueRules, headerRules, exposureRules, cloudRules, benchmarkRules, lineRules,
	} {
		out = append(out, topic...)
	}
	return out
})

const (
	isError   = finding.Error
	isWarning = finding.Warning
)

var networkRules = []Rule{
	{
		ID: "service-range-differs", Severity: isError, node: serviceRangeDiffers,
		Doc: "--service-cluster-ip-range equals the apiserver's",
	},
	{
		ID: "cidr-invalid", Severity: isError, Fixed: true, Flags: true, node: cidrInvalid,
		Doc: "flags that hold ranges hold CIDRs, at most one of each family",
	},
	{
		ID: "cidr-families", Severity: isError, Fixed: true, cluster: cidrFamilies,
		Doc: "pod and service networks are one of a family, or one of each",
	},
	{
		ID: "cidr-host-bits", Severity: isError, Fixed: true, Flags: true, cluster: hostBits, node: hostBitsInFlags,
		Doc: "a CIDR has no bits set behind its prefix",
	},
	{
		ID: "networks-overlap", Severity: isError, Flags: true, cluster: networksOverlap, node: flagsOverlap,
		Doc: "pod, service and node networks keep clear of each other",
	},
	{
		ID: "service-family", Severity: isError, cluster: serviceFamily,
		Doc: "every family of the services is one of the pods' too",
	},
	{
		ID: "cluster-cidr-missing", Severity: isError, Fixed: true, Flags: true, node: clusterCIDRMissing,
		Doc: "--allocate-node-cidrs needs --cluster-cidr",
	},
	{
		ID: "allocation-differs", Severity: isError, Fixed: true, Flags: true, cluster: allocationDiffers,
		Doc: "all nodes allocate from the same pod networks in the same way",
	},
	{
		ID: "node-mask-size", Severity: isError, Fixed: true, Flags: true, node: nodeMaskSize,
		Doc: "the node masks fit the pod networks and their families",
	},
	{
		ID: "node-mask-kubeadm", Severity: isWarning, Flags: true, node: nodeMaskKubeadm,
		Doc: "an IPv4 node range is at most 16 bits longer than the pod network, as kubeadm demands",
	},
	{
		ID: "pod-capacity", Severity: isError, node: podCapacity,
		Doc: "the pod networks hold a range for every node",
	},
	{
		ID: "network-flags-ignored", Severity: isWarning, Flags: true, node: networkFlagsIgnored,
		Doc: "ranges and masks have a meaning only with --allocate-node-cidrs",
	},
}

var nodeRules = []Rule{
	{
		ID: "node-address-duplicate", Severity: isError, Fixed: true, cluster: addressDuplicate,
		Doc: "no two nodes have one address",
	},
	{
		ID: "node-name-duplicate", Severity: isError, Fixed: true, cluster: nameDuplicate,
		Doc: "no two nodes have one host name or one SSH endpoint",
	},
	{
		ID: "node-address-kind", Severity: isError, Fixed: true, cluster: addressKind,
		Doc: "other hosts can reach a node's address",
	},
	{
		ID: "bind-address-foreign", Severity: isError, Fixed: true, node: bindAddressForeign,
		Doc: "--bind-address is one of the node's own addresses, loopback, or all",
	},
	{
		ID: "version-skew", Severity: isError, cluster: versionSkew,
		Doc: "kube-controller-manager is as new as the apiserver, or one minor older",
	},
}

var flagRules = []Rule{
	{ID: "flags-unchecked", Severity: isWarning, cluster: flagsUnchecked, node: flagsUncheckedHere, Doc: "kcmgen knows the flags of the version"},
	{ID: "flag-unknown", Severity: isError, Fixed: true, Flags: true, node: flagUnknown, Doc: "a flag is one that some version has"},
	{ID: "flag-removed", Severity: isError, Fixed: true, Flags: true, node: flagRemoved, Doc: "a flag still exists in the cluster's version"},
	{ID: "flag-too-new", Severity: isError, Fixed: true, Flags: true, node: flagTooNew, Doc: "a flag already exists in the cluster's version"},
	{ID: "flag-renamed", Severity: isWarning, Flags: true, node: flagRenamed, Doc: "a flag has its newest name"},
	{ID: "flag-deprecated", Severity: isWarning, Flags: true, node: flagDeprecated, Doc: "a flag isn't deprecated"},
	{ID: "flag-noop", Severity: isWarning, Flags: true, node: flagNoop, Doc: "a flag has an effect in the cluster's version"},
	{ID: "flag-type", Severity: isError, Fixed: true, Flags: true, node: flagType, Doc: "a flag's value is of its type"},
	{ID: "flag-value", Severity: isError, Fixed: true, Flags: true, node: flagValue, Doc: "a flag's value is one that it takes"},
	{ID: "flag-conflict", Severity: isError, Fixed: true, Flags: true, node: flagConflict, Doc: "flags pass kube-controller-manager's own validation, which looks at several together"},
	{ID: "flag-ignored", Severity: isWarning, Flags: true, node: flagIgnored, Doc: "no flag makes another one meaningless"},
}

var controllerRules = []Rule{
	{ID: "controller-unknown", Severity: isError, Fixed: true, Flags: true, node: controllerUnknown, Doc: "--controllers names controllers of the cluster's version"},
	{ID: "controller-renamed", Severity: isWarning, Flags: true, node: controllerRenamed, Doc: "a controller has its newest name"},
	{ID: "controllers-none", Severity: isError, Flags: true, node: controllersNone, Doc: "--controllers starts a controller"},
	{ID: "controller-ignored", Severity: isWarning, Flags: true, node: controllerIgnored, Doc: "every element of --controllers has an effect"},
}

var gateRules = []Rule{
	{ID: "feature-gate-syntax", Severity: isError, Fixed: true, Flags: true, node: gateSyntax, Doc: "--feature-gates is a list of names with true or false"},
	{ID: "feature-gate-unknown", Severity: isError, Fixed: true, Flags: true, node: gateUnknown, Doc: "a feature gate is one of the cluster's version"},
	{ID: "feature-gate-locked", Severity: isError, Fixed: true, Flags: true, node: gateLocked, Doc: "a locked feature gate isn't set against its lock"},
	{ID: "feature-gate-needs", Severity: isError, Fixed: true, Flags: true, node: gateNeeds, Doc: "where a feature gate is on, so are the gates that it needs"},
	{ID: "feature-gate-idle", Severity: isWarning, Flags: true, node: gateIdle, Doc: "a feature gate that is set isn't locked"},
}

var workerRules = []Rule{
	{ID: "workers-none", Severity: isError, Flags: true, node: workersNone, Doc: "a controller has workers"},
	{ID: "period-zero", Severity: isError, Fixed: true, Flags: true, node: periodZero, Doc: "periods are above 0"},
	{ID: "node-monitor-timing", Severity: isWarning, Flags: true, node: nodeMonitorTiming, Doc: "a node may miss several heartbeats before it counts as gone (an error where the grace period isn't longer than the monitor period)"},
	{ID: "rate-invalid", Severity: isError, Flags: true, node: rateInvalid, Doc: "rates and thresholds are within their bounds"},
}

var electionRules = []Rule{
	{
		ID: "leader-elect-off", Severity: isError, Fixed: true, Flags: true, node: leaderElectOff,
		Doc: "with more than one node, leader election is on",
	},
	{
		ID: "leader-elect-timing", Severity: isError, Fixed: true, Flags: true, node: leaderElectTiming,
		Doc: "lease duration > renew deadline > 1.2 × retry period > 0",
	},
	{
		ID: "leader-elect-differs", Severity: isError, Fixed: true, Flags: true, cluster: leaderElectDiffers,
		Doc: "all nodes hold one lease: same lock, name and namespace",
	},
	{
		ID: "lease-and-cpu-limit", Severity: isWarning, Pod: true, node: leaseAndLimit,
		Doc: "a CPU limit below one core goes with a renew deadline that survives throttling",
	},
}

var fileRules = []Rule{
	{
		ID: "path-unsafe", Severity: isError, Fixed: true, cluster: pathUnsafe, node: certDirUnsafe,
		Doc: "paths are absolute, clean, and of plain characters",
	},
	{
		ID: "manifest-directory", Severity: isError, Fixed: true, cluster: manifestDirectory,
		Doc: "the kubelet reads the manifest, and nothing else in its directory",
	},
	{
		ID: "pod-invalid", Severity: isError, Fixed: true, cluster: podInvalid, node: securityInvalid,
		Doc: "the kubelet accepts the pod",
	},
	{
		ID: "port-invalid", Severity: isError, Fixed: true, node: portInvalid,
		Doc: "--secure-port is a port, or 0 (where flag-value doesn't know the version)",
	},
	{
		ID: "paths-collide", Severity: isError, Fixed: true, node: pathsCollide,
		Doc: "no two files have the same path on a host",
	},
	{
		ID: "value-unsafe", Severity: isError, Fixed: true, cluster: directiveUnsafe, node: valueUnsafe,
		Doc: "values hold no control characters, and stay within their line",
	},
	{
		ID: "kubeconfig-missing", Severity: isError, Practice: true, node: kubeconfigMissing,
		Doc: "--kubeconfig is given: without it there is no apiserver to talk to",
	},
	{
		ID: "file-pair", Severity: isError, Fixed: true, Flags: true, node: filePair,
		Doc: "a certificate flag and its key flag come together",
	},
	{
		ID: "file-kind", Severity: isError, Fixed: true, node: fileKind,
		Doc: "a flag names a file of the kind it needs",
	},
	{
		ID: "file-not-placed", Severity: isWarning, node: fileNotPlaced,
		Doc: "a flag names a file that kcmgen puts on the host",
	},
}

var keyRules = []Rule{
	{
		ID: "key-file", Severity: isError, Fixed: true, cluster: keyFile,
		Doc: "the user's own key files can be read, and hold keys and certificates of the right kind",
	},
	{
		ID: "ca-key-unset", Severity: isWarning, cluster: caKeyUnset,
		Doc: "an existing CA comes with its key: certificates are signed with it, and KCM may need it (an error then)",
	},
	{
		ID: "ca-expiry", Severity: isWarning, cluster: caExpiry,
		Doc: "a CA is valid for three more months, or a tenth of its lifetime if kcmgen made it and that is less (an error once it has ended)",
	},
	{
		ID: "ca-key-mismatch", Severity: isError, Fixed: true, cluster: caKeyMismatch,
		Doc: "a CA's private key belongs to its certificate",
	},
	{
		ID: "service-account-key-is-ca", Severity: isError, Practice: true, cluster: serviceAccountKeyIsCA, node: serviceAccountKeyIsCAInFlags,
		Doc: "service-account tokens are signed with a key of their own (CIS 1.3.4)",
	},
	{
		ID: "service-account-key-differs", Severity: isError, Fixed: true, cluster: serviceAccountKeyDiffers,
		Doc: "the apiserver verifies tokens with the public half of the key that signs them",
	},
	{
		ID: "certificate-identity", Severity: isError, cluster: certificateIdentity,
		Doc: "the client certificate is system:kube-controller-manager's, and not in system:masters; nor is a serving certificate that works as a client's another system user's, or there",
	},
	{
		ID: "certificate-organization", Severity: isWarning, cluster: certificateOrganization,
		Doc: "a certificate that works as a client's has no organization: it would be a group",
	},
	{
		ID: "certificate-profile", Severity: isError, Fixed: true, cluster: certificateProfile,
		Doc: "a certificate's profile exists and has the usages that its part needs",
	},
	{
		ID: "certificate-lifetime", Severity: isError, Fixed: true, cluster: certificateLifetime,
		Doc: "certificates are valid for at least an hour, and leaves no longer than their CA",
	},
	{
		ID: "certificate-shared", Severity: isWarning, cluster: certificateShared,
		Doc: "each node has a key of its own",
	},
	{
		ID: "certificate-combined", Severity: isWarning, cluster: certificateCombined,
		Doc: "client and serving certificates are separate",
	},
	{
		ID: "requestheader-ca", Severity: isWarning, Practice: true, node: requestHeaderCA,
		Doc: "the front proxy's CA is not the cluster's",
	},
	{
		ID: "signing-duration", Severity: isWarning, Practice: true, node: signingDuration,
		Doc: "certificates that KCM signs are valid for a year at most (an error beyond two)",
	},
}

var hardeningRules = []Rule{
	{ID: "profiling-on", Severity: isError, Practice: true, node: profilingOn, Doc: "--profiling is false (CIS 1.3.2)"},
	{ID: "pod-gc-threshold", Severity: isWarning, Practice: true, node: podGCThreshold, Doc: "--terminated-pod-gc-threshold is set, and above 0 (CIS 1.3.1)"},
	{ID: "controller-credentials", Severity: isError, Practice: true, node: controllerCredentials, Doc: "--use-service-account-credentials is true (CIS 1.3.3)"},
	{ID: "token-key-unset", Severity: isError, Practice: true, node: tokenKeyUnset, Doc: "--service-account-private-key-file is set (CIS 1.3.4)"},
	{ID: "root-ca-unset", Severity: isError, Practice: true, node: rootCAUnset, Doc: "--root-ca-file is set (CIS 1.3.5)"},
	{ID: "bind-address-public", Severity: isError, Practice: true, node: bindAddressPublic, Doc: "--bind-address is loopback (CIS 1.3.7)"},
	{ID: "tls-min-version", Severity: isError, Practice: true, node: tlsMinVersion, Doc: "--tls-min-version is VersionTLS12 or better (STIG V-242376)"},
	{ID: "delegated-auth", Severity: isWarning, Practice: true, node: delegatedAuth, Doc: "--authentication-kubeconfig and --authorization-kubeconfig are set"},
	{ID: "insecure-port", Severity: isError, Practice: true, node: insecurePort, Doc: "before v1.22, --port is 0: it serves plain HTTP"},
	{ID: "secure-port-legacy", Severity: isWarning, Practice: true, node: securePortLegacy, Doc: "the secure port is not 10252, formerly the plain HTTP port"},
	{ID: "defaults-unknown", Severity: isError, Fixed: true, cluster: defaultsUnknown, Doc: "defaults names a generation that this kcmgen knows"},
	{ID: "sandbox-off", Severity: isWarning, Unit: true, cluster: sandboxOff, Doc: "the unit or pod is sandboxed"},
	{ID: "pod-root", Severity: isWarning, node: podRoot, Doc: "a pod runs as another user than root, where its files allow it"},
}

var imageRules = []Rule{
	{ID: "image-tag", Severity: isWarning, Pod: true, cluster: imageTag, Doc: "a pod's image has a tag that stays, or a digest"},
	{ID: "image-version", Severity: isWarning, cluster: imageVersion, Doc: "a pod's image has the cluster's version"},
	{ID: "image-keys", Severity: isError, cluster: imageKeys, Doc: "no image holds a private key"},
	{ID: "image-per-node", Severity: isError, Fixed: true, cluster: imagePerNode, Doc: "what an image holds is the same for all its nodes"},
}

var binaryRules = []Rule{
	{ID: "node-architecture", Severity: isError, Fixed: true, cluster: nodeArchitecture, Doc: "an image and an installed program have a source for every architecture among the nodes"},
	{ID: "download-unverified", Severity: isError, cluster: downloadUnverified, Doc: "a program has a checksum, wherever it comes from"},
	{ID: "download-credentials", Severity: isError, cluster: downloadCredentials, Doc: "the URL of a program holds no password, token or signature"},
	{ID: "install-unverified", Severity: isError, Fixed: true, cluster: installUnverified, Doc: "an installed program has a checksum, which names its directory"},
	{ID: "install-layout", Severity: isError, Fixed: true, cluster: installLayout, Doc: "only a program that systemd starts is installed; a static pod's is in its image"},
}
