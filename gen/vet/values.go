package vet

// valueRules are about values that pass validation, and fail or have no effect once
// the program serves, leads or signs.
var valueRules = []Rule{
	{
		ID: "tls-http2", Severity: isError, Fixed: true, Flags: true, node: tlsHTTP2,
		Doc: "--tls-cipher-suites has the suite that HTTP/2 requires below TLS 1.3",
	},
	{
		ID: "tls-curves", Severity: isError, Fixed: true, Flags: true, node: tlsCurves,
		Doc: "--tls-curve-preferences are curves that the program knows, each once",
	},
	{
		ID: "tls12-impossible", Severity: isWarning, node: tls12Impossible,
		Doc: "where TLS 1.2 is allowed, a handshake can succeed with the suites, the curves and the serving certificate's key",
	},
	{
		ID: "duration-negative", Severity: isError, Fixed: true, Flags: true, node: durationNegative,
		Doc: "a duration isn't below 0 where that makes the process panic",
	},
	{
		ID: "said-twice", Severity: isError, node: saidTwice,
		Doc: "a flag agrees with the cluster's networks, and doesn't undo the profile",
	},
	{
		ID: "feature-gate-emulated", Severity: isError, Fixed: true, Flags: true, node: gateEmulated,
		Doc: "a feature gate that is set already exists in the emulated version",
	},
	{
		ID: "coordinated-apiserver", Severity: isError, node: coordinatedAPIServer,
		Doc: "coordinated leader election is on in the apiserver too, with the API that it needs",
	},
	{
		ID: "coordinated-lease", Severity: isError, Fixed: true, Flags: true, node: coordinatedLease,
		Doc: "with coordinated leader election the lease has its own name and namespace",
	},
	{
		ID: "service-account-key-kind", Severity: isError, Fixed: true, cluster: tokenKeyKind,
		Doc: "the service-account key is of a kind that can sign tokens",
	},
	{
		ID: "service-account-key-weak", Severity: isError, cluster: tokenKeyWeak,
		Doc: "an RSA service-account key has 2048 bits or more",
	},
}
