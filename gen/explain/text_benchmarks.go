package explain

// The benchmarks as data that programs check: numbers and demands are those of these files.
const (
	kubeBench = "https://github.com/aquasecurity/kube-bench/tree/main/cfg"
	stig      = "DISA Kubernetes STIG, as github.com/mitre/k8s-cluster-stig-baseline has it"
)

var benchmarkTexts = []Text{
	{
		ID:      "benchmark-bind-address",
		Why:     "Scanners of the benchmark read the flag's text: another loopback address is as good, and fails them. The STIG also fails a flag that isn't set.",
		Fix:     "Write 127.0.0.1.",
		CUE:     "policy: [\"cis-1.12\"]\nflags: \"bind-address\": \"127.0.0.1\"",
		Sources: []string{kubeBench, stig},
		Flags:   []string{"bind-address"},
	},
	{
		ID:      "benchmark-profiling",
		Why:     "Scanners of the benchmark read the flag's text: 0 turns profiling off as well as false, and fails them.",
		Fix:     "Write false.",
		CUE:     "policy: [\"cis-1.12\"]\nflags: profiling: false",
		Sources: []string{kubeBench},
		Flags:   []string{"profiling"},
	},
	{
		ID:      "benchmark-manifest",
		Why:     "The benchmark knows static pods alone. Where systemd starts kube-controller-manager there is no manifest, and kube-bench fails its controls of CIS: they can't be passed, and aren't passed in silence.",
		Fix:     "Waive it, and say what takes the manifest's place.",
		CUE:     "policy: [\"cis-1.12\"]\nwaivers: \"benchmark-manifest\": reason: \"a unit of root's has its place\"",
		Sources: []string{kubeBench, stig},
	},
	{
		ID:      "benchmark-file-mode",
		Why:     "The benchmark demands modes of files below /etc/kubernetes. kcmgen writes keys, kubeconfigs and manifests for their owner alone, and certificates, which are public, for all to read: CIS 1.9 accepts that of no file, newer ones do.",
		Fix:     "Waive it with the reason, or hold the cluster to the newer benchmark.",
		CUE:     "policy: [\"cis-1.9\"]\nwaivers: \"benchmark-file-mode\": reason: \"certificates are public\"",
		Sources: []string{kubeBench, stig},
	},
	{
		ID:      "benchmark-file-owner",
		Why:     "The benchmark demands that root owns the files. A pod that doesn't run as root can't read files that are root's alone, so they belong to its user: NSA's guide demands that user, and the two contradict each other.",
		Fix:     "Decide which holds: let the pod run as root (pod: hardening: \"none\"), or waive it with the reason.",
		CUE:     "policy: [\"cis-1.12\"]\npod: hardening: \"none\"",
		Sources: []string{kubeBench, stig, "NSA/CISA Kubernetes Hardening Guide 1.2, Non-root containers"},
	},
	{
		ID:      "benchmark-file-foreign",
		Why:     "A flag names a file that kcmgen doesn't place. Its mode and owner on the host decide about the control, and can't be seen here: it isn't passed.",
		Fix:     "Look at the host, or let kcmgen place the file: name its path under paths.",
		CUE:     "policy: [\"cis-1.12\"]\nflags: \"root-ca-file\": \"/etc/pki/bundle.crt\"",
		Sources: []string{kubeBench, stig},
		Flags:   []string{"*"},
	},
}
