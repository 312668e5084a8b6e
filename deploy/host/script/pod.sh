# The layout static pod: how a pod is started, stopped and looked at. UNIT is the pod's
# namespace/name. The kubelet starts what it finds in its directory of manifests, and there
# is no command that starts or stops a pod. What runs is read from /proc and from the pods'
# log directories, so that no runtime's client is needed.

# kubelet_pid: prints the PID of the host's kubelet. One in a container, as of a cluster in
# containers, isn't the host's, and one that isn't root's may be any user's program.
kubelet_pid() {
	for f in $(grep -lx kubelet /proc/[0-9]*/comm 2>/dev/null); do
		f=${f%/comm} && f=${f#/proc/}
		is_root "$f" && same_namespace "$f" pid && echo "$f" && return
	done
	return 1
}

# is_root PID: tests whether a process is root's, with all of its user IDs.
is_root() { grep -q '^Uid:[[:space:]]*0[[:space:]]*0[[:space:]]*0[[:space:]]*0$' "/proc/$1/status" 2>/dev/null; }

# same_namespace PID KIND: tests whether a process is in this shell's namespace of a kind.
same_namespace() {
	its_namespace=$(readlink "/proc/$1/ns/$2") && [ "$its_namespace" = "$(readlink "/proc/self/ns/$2")" ]
}

# kubelet_version PID: prints the version of the kubelet. Its program is run only as the host sees
# it: in another mount namespace its path may lead elsewhere.
kubelet_version() { is_root "$1" && same_namespace "$1" pid && same_namespace "$1" mnt && within 20 "/proc/$1/exe" --version 2>/dev/null; }

# kubelet_unit: prints the kubelet's systemd unit.
kubelet_unit() {
	pid=$(kubelet_pid) && name=$(sed -n 's|.*/\([^/]*\.service\)$|\1|p' "/proc/$pid/cgroup" | head -n 1) && [ -n "$name" ] || name=kubelet.service
	echo "$name"
}

# kubelet_flag PID NAME: prints the last value of a kubelet's flag; "" if it isn't set.
kubelet_flag() {
	tr '\0\n' '\n ' <"/proc/$1/cmdline" | awk -v name="$2" '
		want { value = $0; want = 0; next }
		!/^-/ { next }
		{ sub(/^--?/, "") }
		$0 == name { want = 1 }
		index($0, name "=") == 1 { value = substr($0, length(name) + 2) }
		END { print value }'
}

# kubelet START IMAGE GENERATION: prints facts about the kubelet, and the texts that decide what it runs:
# its arguments, its configuration, and the other manifests in START's directory.
kubelet() {
	if pid=$(kubelet_pid); then
		echo "kubelet.pid $pid"
		echo "kubelet.version $(kubelet_version "$pid")"
		echo "kubelet.directory $(readlink "/proc/$pid/cwd")"
		tr '\0\n' '\n ' <"/proc/$pid/cmdline" | sed 's/^/kubelet.arg /'
		kubelet_configs "$pid" | while IFS= read -r f; do texts kubelet.config "$f"; done
	fi
	for f in "${1%/*}"/*; do
		[ "$f" = "$1" ] || texts kubelet.manifest "$f"
	done
	[ -z "$2" ] || image "$2" "$3"
	return 0
}

# kubelet_configs PID: prints the kubelet's configuration files, in the order in which it
# reads them.
kubelet_configs() (
	cd "/proc/$1/cwd" || exit 0
	f=$(kubelet_flag "$1" config)
	[ -z "$f" ] || readlink -f -- "$f"
	f=$(kubelet_flag "$1" config-dir)
	[ -z "$f" ] || find "$(readlink -f -- "$f")" -type f -name '*.conf' 2>/dev/null | sort
)

# texts KEY FILE: prints the name of a regular file, and its lines.
texts() {
	[ -f "$2" ] || return 0
	echo "$1 $2"
	head -c 262144 -- "$2" | tr -d '\0' | sed 's/^/|/'
	echo
}

# pod_node: prints the name by which the kubelet calls its node; it ends a pod's name.
pod_node() {
	name=
	pid=$(kubelet_pid) && name=$(kubelet_flag "$pid" hostname-override)
	printf '%s\n' "${name:-$(uname -n)}" | tr 'A-Z' 'a-z'
}

# pod_uids UNIT: prints the UIDs that the static pod has had here, the latest first. A static
# pod's UID is a checksum of its manifest; the UID of another pod has dashes. Where a cloud
# names nodes, the name isn't the host's.
pod_uids() {
	pod="/var/log/pods/${1%%/*}_${1#*/}"
	{
		ls -dt "$pod-$(pod_node)_"*/ 2>/dev/null || ls -dt "$pod"-*_*/ 2>/dev/null
	} | while IFS= read -r d; do
		d=${d%/} && d=${d##*_}
		case $d in
		*[!0-9a-f]*) ;;
		*) echo "$d" ;;
		esac
	done
}

# pod_logs UNIT UID: prints the log files of the pod's container, the latest first: 0.log is
# that of its first start, 1.log that of its first restart.
pod_logs() {
	pod="/var/log/pods/${1%%/*}_${1#*/}"
	ls "$pod"-*_"$2"/*/ 2>/dev/null | sed -n 's/^\([0-9][0-9]*\)\.log$/\1/p' | sort -rnu | while IFS= read -r n; do
		ls "$pod"-*_"$2"/*/"$n.log" 2>/dev/null
	done
}

# pod_count UNIT UID: prints the number of the latest log file; "" if there is none.
pod_count() {
	f=$(pod_logs "$1" "$2" | head -n 1)
	f=${f##*/}
	echo "${f%.log}"
}

# pod_processes UNIT: prints "PID START UID" for the first process of each of the pod's
# containers, START in clock ticks since boot. The sandbox's doesn't see the kubelet's files for
# a container.
pod_processes() {
	for uid in $(pod_uids "$1"); do
		for f in $(grep -l "pod$uid" /proc/[0-9]*/cgroup 2>/dev/null); do
			f=${f%/cgroup}
			grep -q "/pods/$uid/containers/" "$f/mountinfo" 2>/dev/null || continue
			[ "$(sed -n 's/^NSpid:.*[^0-9]//p' "$f/status" 2>/dev/null)" = 1 ] || continue
			stat=$(cat "$f/stat" 2>/dev/null) || continue
			echo "${f#/proc/} $(echo "${stat##*)}" | cut -d ' ' -f 21) $uid"
		done
	done
}

# pod_main HOME UNIT: prints "PID START UID" of the pod's process, the one started last. The
# process that kcmgen had the kubelet replace isn't it for some minutes, even if it still runs;
# after that the kubelet meant it to stay.
pod_main() {
	old=none
	[ -z "$(find "$1/ran" -mmin -3 2>/dev/null)" ] || old=$(field "$1/ran" process)
	pod_processes "$2" | grep -vxF -- "${old:-none}" | sort -k 2,2n | tail -n 1
}

# pod_latest UNIT: prints "PID START UID" of the pod's process that was started last.
pod_latest() { pod_processes "$1" | sort -k 2,2n | tail -n 1; }

# pod_note HOME UNIT START: records, before a change, the process that is to be replaced, the
# sum of its manifest, and how often each pod was started. Without START no process is replaced.
pod_note() {
	is= of=
	[ -z "$3" ] || is=$(pod_latest "$2")
	if [ -n "$is" ] && [ "$(field "$1/ran" process)" = "$is" ]; then
		of=$(field "$1/ran" of) # an earlier change hasn't replaced it
	elif [ -n "$is" ] && [ -f "$3" ]; then
		of=$(sha256sum <"$3") && of=${of%% *}
	fi
	counts=$(pod_counts "$1" "$2")
	{
		[ -z "$is" ] || printf 'process %s\nof %s\n' "$is" "$of"
		printf '%s\n' "$counts"
	} | put 0600 "$1/ran"
}

# pod_counts HOME UNIT: prints "log.UID NUMBER" for the latest log file of each pod. The kubelet
# removes the log directory of a pod that is gone, and goes on counting while the runtime has
# its old containers: so what was recorded before is kept, of a few pods.
pod_counts() {
	for uid in $(pod_uids "$2"); do
		n=$(pod_count "$2" "$uid")
		[ -z "$n" ] || echo "log.$uid $n"
	done | {
		now=$(cat)
		printf '%s\n' "$now"
		grep '^log\.[0-9a-f]* [0-9]' "$1/ran" 2>/dev/null | while read -r uid n; do
			case $now in
			*"$uid "*) ;;
			*) echo "$uid $n" ;;
			esac
		done
	} | grep . | head -n 20
}

pod_runs() { enabled=yes active=yes; }
pod_reread() { :; }
pod_stop() { :; } # the manifest's removal stops it
pod_unlist() { :; }
pod_left() { return 1; }
pod_start() { :; } # the kubelet does
pod_boot() { :; }
pod_starter() { kubelet_unit; }
pod_keep() { image_keep "$1" "$2"; }

# pod_lives: tests whether a manifest would be run here.
pod_lives() { kubelet_pid >/dev/null || systemctl cat kubelet.service >/dev/null 2>&1; }

# pod_replace HOME START UNIT FROM AGAIN: puts a manifest in place, or with FROM none removes
# it and waits until the pod is gone. The old manifest is removed first. If it is replaced by
# another one, a kubelet (v1.28, v1.37) starts the new pod 12 to 17 s after the old one's end;
# if it is removed, and the other one comes when the kubelet has cleared up, at once. If the
# same manifest is there, the pod is started anew only if AGAIN is yes.
pod_replace() {
	if [ "$4" = none ]; then
		pod_note "$1" "$3" "$2" # if it comes back before the kubelet notices
		rm -f "$2" && sync "${2%/*}" || return 1
		pod_gone "$1" "$3"
		return
	fi
	[ -r "$4" ] || { echo "$4 is missing" >&2 && return 1; }
	generation_dir=${4%/*}
	image_restore "${generation_dir##*/}" "$4"
	same=no
	[ ! -h "$2" ] && cmp -s "$4" "$2" && same=yes
	if [ "$same" = yes ] && [ "$5" != yes ]; then
		rm -f "${2%/*}/.${2##*/}.kcmgen" # of a change that was cut off
		pod_note "$1" "$3" ''
		return 0
	fi
	# All that may fail comes before the old manifest is removed.
	write_beside "$(start_mode "$4" 0600)" "$2" <"$4" && pod_note "$1" "$3" "$2" || return 1
	if [ -e "$2" ] || [ -h "$2" ]; then
		rm -f "$2" && sync "${2%/*}" || return 1
		pod_gone "$1" "$3" && pod_forgotten "$3"
	fi
	move_in "$2" || return 1
	[ "$same" = yes ] || pod_unnoticed "$1" "$3" "$4"
}

# pod_unnoticed HOME UNIT MANIFEST: notes that no process is to be replaced, if the one that runs
# has MANIFEST: a kubelet that polls, or was stopped, hasn't noticed the manifest between. One
# that has noticed it ends the process within a second.
pod_unnoticed() {
	is=$(field "$1/ran" process) sum=$(sha256sum <"$3")
	[ -n "$is" ] && [ "$(field "$1/ran" of)" = "${sum%% *}" ] || return 0
	sleep 3
	[ "$(pod_latest "$2")" != "$is" ] || pod_note "$1" "$2" '' || :
}

# pod_gone HOME UNIT: waits until no process of the pod is left. It returns 2 if one stays, or
# if no kubelet is there to end it; one that is restarted comes back within seconds.
pod_gone() {
	n=0 absent=0
	while [ -n "$(pod_processes "$2")" ]; do
		kubelet_pid >/dev/null || absent=$((absent + 1))
		n=$((n + 1))
		[ "$n" -le 150 ] && [ "$absent" -le 20 ] || {
			echo "the kubelet doesn't stop the pod $2" >&2
			return 2
		}
		sleep 0.5 2>/dev/null || sleep 1
	done
}

# pod_forgotten UNIT: waits until the kubelet has cleared up after a pod that is gone. Its
# control groups show that: they stay for a while if its container was just starting. What
# comes after them can't be seen: a second is ample.
pod_forgotten() {
	kubelet_pid >/dev/null || return 0
	n=0
	for uid in $(pod_uids "$1" | head -n 3); do
		while [ -n "$(find /sys/fs/cgroup -maxdepth 6 -type d -name "*pod$uid*" 2>/dev/null)" ] && [ "$n" -lt 80 ]; do
			n=$((n + 1))
			sleep 0.5 2>/dev/null || sleep 1
		done
	done
	sleep 1
}

# pod_process HOME UNIT START: prints the pod's state with systemd's names, and its process's
# arguments and mounts.
pod_process() {
	main=$(pod_main "$1" "$2")
	pid=${main%% *} uid=${main##* }
	if [ -n "$main" ]; then
		printf 'ActiveState=active\nSubState=running\nLoadState=loaded\nMainPID=%s\n' "$pid"
	elif [ ! -e "$3" ] && [ ! -h "$3" ]; then
		printf 'ActiveState=inactive\nSubState=dead\nLoadState=not-found\n'
	elif kubelet_pid >/dev/null; then
		printf 'ActiveState=activating\nSubState=the kubelet has not started it\nLoadState=loaded\n'
	else
		printf 'ActiveState=activating\nSubState=no kubelet runs\nLoadState=loaded\n'
	fi
	[ ! -e "$3" ] || echo "FragmentPath=$3"
	echo UnitFileState=enabled
	[ -n "$uid" ] || uid=$(pod_uids "$2" | head -n 1)
	echo "NRestarts=$(pod_restarts "$1" "$2" "$uid")"
	[ -z "$main" ] || process_view "$pid"
}

# pod_restarts HOME UNIT UID: prints how often the kubelet restarted the pod's container since
# kcmgen changed the manifest.
pod_restarts() {
	has=$(pod_count "$2" "$3") had=$(field "$1/ran" "log.$3")
	if [ -z "$has" ]; then
		echo 0
	elif [ -z "$had" ] || [ "$has" -lt "$had" ] || pod_anew "$1" "$2" "$3" "$had"; then
		echo "$has" # it counts from 0
	elif [ "$has" -gt "$had" ]; then
		echo $((has - had - 1))
	else
		echo 0
	fi
}

# pod_anew HOME UNIT UID NUMBER: tests whether the log file of a number that the pod had before
# kcmgen changed the manifest began after that: the runtime had no old container any more.
pod_anew() {
	f=$(pod_logs "$2" "$3" | grep "/$4\.log\$" | head -n 1)
	[ -n "$f" ] && head -n 1 -- "$f" | awk -v since="$(log_time "$f" $(($(stat -c %Y "$1/ran") + 1)))" '$1 >= since { anew = 1 } END { exit !anew }'
}

# pod_log_id HOME UNIT: prints the log file of the process that runs.
pod_log_id() {
	main=$(pod_main "$1" "$2")
	[ -z "$main" ] || pod_logs "$2" "${main##* }" | head -n 1
}

# pod_recent HOME UNIT SECONDS: prints the process's log lines of the last seconds.
pod_recent() {
	f=$(pod_log_id "$1" "$2")
	[ -n "$f" ] || return 0
	since=$(log_time "$f" $(($(date +%s) - $3)))
	tail -n 2000 -- "$f" | awk -v since="$since" '$1 >= since' | container_text
}

# log_time FILE SECONDS: prints a time as the runtime writes it into a log file, in the host's
# zone. The 1 before each number keeps 08 from being octal.
log_time() {
	offset=$(tail -n 1 -- "$1" | sed -n 's/^[^ ]*\([+-]\)\([0-9][0-9]\):\([0-9][0-9]\) .*/\1(1\2*60+1\3-6100)*60/p')
	date -u -d "@$(($2 ${offset:-}))" +%Y-%m-%dT%H:%M:%S
}

# container_text: removes what the runtime puts before each line: time, stream, tag.
container_text() { sed -E 's/^[^ ]* std(out|err) [FP] //'; }

# pod_text HOME UNIT SINCE: prints the log since a time, the latest starts of the container
# only. If it has none, the kubelet says why it doesn't start the pod.
pod_text() {
	main=$(pod_main "$1" "$2")
	uid=${main##* }
	[ -n "$uid" ] || uid=$(pod_uids "$2" | head -n 1)
	from=$(date -u -d "${3:-@0}" +%s)
	text=$(for f in $(pod_logs "$2" "${uid:-none}" | head -n 2 | sort); do
		tail -n 400 -- "$f" | awk -v since="$(log_time "$f" "$from")" '$1 >= since' | container_text
	done)
	printf '%s\n' "$text"
	kubelet_says "$2" "$uid" "$3"
}

# kubelet_says UNIT UID SINCE: prints why the kubelet doesn't run the pod, from its journal. It
# doesn't name the pod in all of these lines.
kubelet_says() {
	pid=$(kubelet_pid) || { echo "no kubelet runs" && return; }
	since=$(printf '%s' "$3" | sed 's/T/ /; s/Z/ UTC/')
	within 10 journalctl -q --no-pager -o cat --since "${since:-@0}" "_PID=$pid" -n 2000 2>/dev/null |
		grep -F -e "${1#*/}" -e "${2:-no pod}" -e 'manifest file' |
		grep -E 'Could not process manifest|Error syncing pod|Pod admission denied|Operation for .* failed|PullImage|container .* start failed' | tail -n 3
}
