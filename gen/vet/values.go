package vet

// valueRules are about values that parse and validate, and fail or do nothing when the
// program serves, leads or signs.
var valueRules = []Rule{
	{
		ID: "tls-http2", Severity: isError, Fixed: true, Flags: true, node: tlsHTTP2,
		Doc: "--tls-cipher-suites has the suite that HTTP/2 demands below TLS 1.3",
	},
	{
		ID: "tls-curves", Severity: isError, Fixed: true, Flags: true, node: tlsCurves,
		Doc: "--tls-curve-preferences are curves that the program knows, each once",
	},
	{
		ID: "tls12-impossible", Severity: isWarning, node: tls12Impossible,
		Doc: "where TLS 1.2 is allowed, suites and curves leave it a way, with the serving certificate's key",
	},
	{
		ID: "duration-negative", Severity: isError, Fixed: true, Flags: true, node: durationNegative,
		Doc: "a duration that ends the process where it is below 0 is not",
	},
	{
		ID: "said-twice", Severity: isError, node: saidTwice,
		Doc: "a flag says what the cluster's networks say, and undoes no profile",
	},
	{
		ID: "feature-gate-emulated", Severity: isError, Fixed: true, Flags: true, node: gateTooYoung,
		Doc: "a feature gate that is set is there already in the version that is emulated",
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
		Doc: "the service-account key is one that tokens can be signed with",
	},
	{
		ID: "service-account-key-weak", Severity: isError, cluster: tokenKeyWeak,
		Doc: "an RSA service-account key has 2048 bits or more",
	},
}
