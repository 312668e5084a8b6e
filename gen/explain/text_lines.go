package explain

var lineTexts = []Text{
	{
		ID:      "flag-syntax",
		Why:     "kube-controller-manager takes no arguments but flags: with any other word it exits as soon as it starts. --leader-elect true is a flag and such a word.",
		Fix:     "Write booleans as --leader-elect=true, and one flag in one argument.",
		Sources: []string{"k8s.io/kubernetes cmd/kube-controller-manager/app/controllermanager.go", runNew},
		Flags:   anyFlag,
	},
	{
		ID:    "flag-repeated",
		Why:   "The last value counts. A reader who changes the first one changes nothing.",
		Fix:   "Write the flag once.",
		Flags: anyFlag,
	},
	{
		ID:      "flag-spelled",
		Why:     `The program takes "_" for "-" in a flag's name, but no search and no sed on the file does: an edit that means this flag misses it.`,
		Fix:     `Write the name with "-".`,
		Sources: []string{"k8s.io/component-base cli/flag WordSepNormalizeFunc", runNew},
		Flags:   anyFlag,
	},
	{
		ID:    "flags-differ",
		Why:   "Any of the nodes may lead. After a failover the cluster behaves as the new leader's flags say.",
		Fix:   "Give all nodes the same flags, but for addresses and files.",
		Flags: anyFlag,
	},
	{
		ID:    "value-unknown",
		Why:   "A variable hides the value, and what depends on it was not checked: it may be refused when the process starts.",
		Fix:   "Give the file that sets the variable too: kcmgen flags --check kcm.service kcm.env.",
		Flags: anyFlag,
	},
	{
		ID:    "value-quoted",
		Why:   "No shell reads these arguments, so quotes are part of the value, and a space does not begin another flag. The value is refused, or names a file that does not exist.",
		Fix:   "Take the quotes away, and write one argument for each flag.",
		Flags: anyFlag,
	},
	{
		ID:  "path-relative",
		Why: "A relative path begins at the working directory, which is / for a unit and for most pods. Started elsewhere, the process reads another file or none.",
		Fix: "Write an absolute path, or set WorkingDirectory.",
	},
	{
		ID:    "probe-port",
		Why:   "The kubelet restarts a pod whose probe gets no answer, again and again.",
		Fix:   "Let the probe ask the port of --secure-port.",
		Flags: []string{"secure-port"},
	},
	{
		ID:        "manifest-backup",
		Why:       "The kubelet reads every file of its directory of manifests, whatever its suffix, but for names that begin with a dot. Of two pods of one name it may run the backup: the edited manifest then has no effect.",
		Fix:       "Move the backup out of the directory.",
		Sources:   []string{"https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/", "measured: a kubelet with .bak, .tmp and dot files in the directory"},
		Incidents: []string{"https://github.com/kubernetes/kubernetes/issues/136962", "https://github.com/kubernetes/kubeadm/issues/2823"},
	},
	{
		ID:      "unit-line",
		Why:     "systemd ignores the line: what it was written for does not happen, and only its log says so.",
		Fix:     "Write it as systemd reads it, or remove it.",
		Sources: []string{"https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html", "https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html"},
	},
	{
		ID:      "unit-continuation",
		Why:     "The command line ends there: the flags behind it do not reach the process.",
		Fix:     "End the line with one backslash and nothing behind it.",
		Sources: []string{"https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html"},
	},
	{
		ID:      "unit-program",
		Why:     "systemd replaces no variables in a program's path: the unit does not start.",
		Fix:     "Write the path.",
		Sources: []string{"https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html"},
	},
	{
		ID:  "form-field",
		Why: "The program that reads this configuration refuses a field that it does not know, or ignores it; then kube-controller-manager starts without what it says.",
		Fix: "Correct the field's name, or its place.",
	},
}
