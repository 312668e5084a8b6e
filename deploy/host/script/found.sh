# What starts kube-controller-manager on a host, whether kcmgen put it there or not. Nothing here
# changes a host, and no private key leaves it. Any user may give a process any name, so a
# process counts only where root put it, and its program is run only if root alone can change it.

# found: prints facts about the host, about each process of kube-controller-manager, and which
# files start it.
found() {
	echo "host $(uname -n)"
	for a in $(hostname -I 2>/dev/null); do echo "address $a"; done
	some=no
	for f in $(grep -lxE 'kube-controller|hyperkube' /proc/[0-9]*/comm 2>/dev/null); do
		pid=${f%/comm} && pid=${pid#/proc/}
		tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -q 'kube-controller-manager$' || continue
		its=$(started_by "$pid")
		[ -n "$its" ] || { echo "stray $pid" && continue; }
		some=yes
		echo "pid $pid"
		case $its in
		pod) found_manifests ;;
		*) found_version "$pid" "$its" && found_unit "$its" ;;
		esac
	done
	[ "$some" = yes ] || found_stopped
	return 0
}

# groups_of PID: prints the control groups of a process.
groups_of() { cat "/proc/$1/cgroup" 2>/dev/null; }

# started_by PID: prints the system unit that a process belongs to, or "pod" if it is one of the
# kubelet's; nothing if it is neither, such as a user's own, or one in a container. A process may
# be in a group below its unit's.
started_by() {
	groups_of "$1" | awk '
		{ path = $0; sub(/^[^:]*:[^:]*:/, "", path) }
		path ~ /^\/user\.slice(\/|$)/ { next }
		match(path, /[\/-]kubepods([.\/-]|$)/) && substr(path, 1, RSTART) !~ /\.scope\/|^\/docker\// { pod = 1 }
		/^0::/ || /^[0-9]+:name=systemd:/ {
			n = split(path, part, "/")
			for (i = 2; i <= n && part[i] ~ /\.slice$/; i++) ;
			if (i <= n && part[i] ~ /\.service$/ && unit == "") unit = part[i]
		}
		END { print pod ? "pod" : unit }'
}

# found_version PID UNIT: prints the version of a unit's program, if its file is one that only
# root can have put there. The file is the host's own, even if the unit has mounts of its own.
found_version() {
	[ -n "$(systemctl show -p FragmentPath --value -- "$2" 2>/dev/null)" ] && exe=$(readlink "/proc/$1/exe") || return 0
	case ${exe##*/} in
	kube-controller-manager* | hyperkube*) ;;
	*) return 0 ;;
	esac
	same_namespace "$1" pid && only_root "$exe" && [ "$(stat -L -c %d:%i -- "/proc/$1/exe")" = "$(stat -c %d:%i -- "$exe")" ] || return 0
	echo "version $(within 10 "$exe" --version 2>/dev/null </dev/null | head -n 1)"
}

# only_root FILE: tests whether only root can write to a file and to the directories above it.
only_root() {
	at=$1
	while :; do
		case $(stat -c '%u %a' -- "${at:-/}" 2>/dev/null) in
		*[2367] | *[2367]?) return 1 ;;
		'0 '*) ;;
		*) return 1 ;;
		esac
		[ -n "$at" ] || return 0
		at=${at%/*}
	done
}

# found_stopped: prints what would start the program, while it doesn't run.
found_stopped() {
	for its in $(stopped_units); do
		echo "pid 0"
		found_unit "$its"
	done
	manifests=$(found_manifests)
	[ -z "$manifests" ] || printf 'pid 0\n%s\n' "$manifests"
}

# unit_dirs: prints the directories of system units.
unit_dirs() { printf '%s\n' /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; }

# stopped_units: prints the units whose command names the program, in their file or a drop-in.
# An alias is left out, and so are units that only start or stop another one.
stopped_units() {
	unit_dirs | while IFS= read -r d; do
		for f in $(grep -ls kube-controller-manager "$d"/*.service "$d"/*.service.d/*.conf); do
			awk '
				/^[ \t]*[#;]/ { next }
				{ line = line $0 }
				sub(/\\$/, " ", line) { next }
				line ~ /^[ \t]*ExecStart[ \t]*=/ && line !~ /systemctl/ && line ~ /[\/ \t="]kube-controller-manager([ \t"]|$)/ { found = 1 }
				{ line = "" }
				END { exit !found }' "$f" || continue
			case $f in
			*.conf) name=${f%.d/*} && name=${name##*/} ;;
			*) name=${f##*/} && case $(readlink -f -- "$f") in */"$name") ;; *) continue ;; esac ;;
			esac
			case $name in
			*@.service | kcmgen-*) continue ;;
			esac
			! systemctl cat -- "$name" >/dev/null 2>&1 || echo "$name"
		done
	done | sort -u
}

# found_unit UNIT: prints the files of a unit.
found_unit() {
	echo "unit $1"
	systemctl show -p FragmentPath --value -- "$1" | sed -n 's/^\/.*/file &/p'
	systemctl show -p DropInPaths --value -- "$1" | tr ' ' '\n' | sed -n 's/^\/.*/dropin &/p'
	systemctl show -p EnvironmentFiles --value -- "$1" | while IFS= read -r line; do
		case $line in
		/*' (ignore_errors=yes)') found_env no "${line% (ignore_errors=*}" ;;
		/*' (ignore_errors=no)') found_env yes "${line% (ignore_errors=*}" ;;
		esac
	done
}

# found_env NEEDED PATTERN: prints the environment files that a pattern names. systemd goes on
# without those that aren't NEEDED; one that is needed and isn't there is printed all the same.
found_env() (
	IFS= some=no
	for f in $2; do
		if [ -f "$f" ] || { [ "$1" = yes ] && [ -e "$f" ]; }; then
			echo "env $f" && some=yes
		fi
	done
	[ "$some" = yes ] || [ "$1" = no ] || echo "env $2"
)

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
