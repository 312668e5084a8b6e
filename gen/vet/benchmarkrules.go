package vet

const (
	benchmarkAddress = "benchmark-bind-address"
	benchmarkMode    = "benchmark-file-mode"
	benchmarkOwner   = "benchmark-file-owner"
	loopback         = "127.0.0.1"
)

// benchmarkRules are demands of benchmarks alone: a cluster that names no benchmark in policy
// may break them.
var benchmarkRules = []Rule{
	{ID: benchmarkAddress, Severity: isError, Profile: true, node: benchmarkBindAddress, Doc: "under a benchmark, --bind-address is 127.0.0.1 and no other loopback address"},
	{ID: benchmarkMode, Severity: isError, Profile: true, node: benchmarkFileMode, Doc: "under a benchmark, files on hosts have its modes (a warning where it leaves the check to people)"},
	{ID: benchmarkOwner, Severity: isError, Profile: true, node: benchmarkFileOwner, Doc: "under a benchmark, files on hosts belong to root"},
	{ID: "benchmark-file-foreign", Severity: isError, Profile: true, node: benchmarkFileForeign, Doc: "under a benchmark, kcmgen knows the mode and the owner of each file"},
}

// benchmarkBindAddress reports what bind-address-public accepts and the benchmarks don't:
// they read the text of the flag, whether anything is served or not.
func benchmarkBindAddress(v *view, n *nodeView) []fault {
	if !v.demands(cis19, cis112, stig2) || len(bindAddressPublic(v, n)) > 0 {
		return nil
	}
	f, ok := n.flags.Get("bind-address")
	if !ok && !v.demands(stig2) || f.Value == loopback {
		return nil // CIS accepts a flag that isn't set
	}
	message := "--bind-address is " + f.Value
	if !ok {
		message = "--bind-address is not set"
	}
	return one(fault{field: v.flagField(n, "bind-address"), message: message + ", and the benchmark demands 127.0.0.1 literally", expected: `flags: "bind-address": "127.0.0.1"`})
}
