# What starts kube-controller-manager on a host, whether kcmgen put it there or not. Nothing here
# changes a host, and no private key leaves it.

# found: prints facts about the host, about each process of kube-controller-manager, and which
# files start it.
found() {
	echo "host $(uname -n)"
	for a in $(hostname -I 2>/dev/null); do echo "address $a"; done
	some=no
	for f in $(grep -lxE 'kube-controller|hyperkube' /proc/[0-9]*/comm 2>/dev/null); do
		pid=${f%/comm} && pid=${pid#/proc/}
		tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -q 'kube-controller-manager$' || continue
		some=yes
		echo "pid $pid"
		echo "version $(within 10 "/proc/$pid/exe" --version 2>/dev/null </dev/null | head -n 1)"
		its=$(sed -n 's|.*/\([^/]*\.service\)$|\1|p' "/proc/$pid/cgroup" | head -n 1)
		if [ -n "$its" ]; then found_unit "$its"; else found_manifests; fi
	done
	[ "$some" = yes ] || for its in kube-controller-manager.service; do
		if systemctl cat "$its" >/dev/null 2>&1; then found_unit "$its"; else found_manifests; fi
	done
	return 0
}

# found_unit UNIT: prints the files of a unit.
found_unit() {
	echo "unit $1"
	systemctl show -p FragmentPath --value -- "$1" | sed -n 's/^\/.*/file &/p'
	systemctl show -p DropInPaths --value -- "$1" | tr ' ' '\n' | sed -n 's/^\/.*/dropin &/p'
	systemctl show -p EnvironmentFiles --value -- "$1" | sed -n 's/^\(\/.*\) (ignore_errors=.*/env \1/p'
}

# found_manifests: prints the manifests in the kubelet's directories that name the program.
found_manifests() {
	{
		echo /etc/kubernetes/manifests
		if kubelet=$(kubelet_pid); then
			kubelet_flag "$kubelet" pod-manifest-path
			kubelet_configs "$kubelet" | while IFS= read -r f; do
				sed -n 's/^ *"\{0,1\}staticPodPath"\{0,1\}: *"\{0,1\}\([^",]*\).*/\1/p' "$f"
			done
		fi
	} | sed '/^$/d; s|/*$||' | sort -u | while IFS= read -r d; do
		grep -ls kube-controller-manager "$d"/* | sed 's/^/manifest /'
	done
}

# cmdline PID: prints the arguments of a process, which end in NULs.
cmdline() { cat "/proc/$1/cmdline"; }

# public FILE: prints the certificates of a file, or what isn't secret of a kubeconfig. A value
# on one line in braces or brackets could hold a key and isn't printed, nor are the name and
# password in a URL.
public() {
	[ -f "$1" ] || fail "$1: no such file"
	sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' "$1"
	grep -E '^[ -]*(apiVersion|kind|clusters|contexts|users|name|cluster|user|context|current-context|server|client-certificate-data):( +[^][{}]*)?$' "$1" |
		sed 's|//[^/]*@|//|'
	return 0
}
