# The drill: ends the leader on purpose, and puts everything back. HOME/drill is its journal, with
# the keys mode, start, unit, and until: the uptime in seconds from which a timer puts everything
# back. The operator moves that on. A manifest that was taken away is beside its place, under a
# name that the kubelet doesn't read.

# uptime: prints for how many seconds the host has been up.
uptime() { sed 's/[. ].*//' /proc/uptime; }

# drill HOME START UNIT OTHER OTHERUNIT MODE SECONDS ADDRESSES: ends the process that the host has
# started: by a stop, by SIGKILL, or by dropping its packets to ADDRESSES (partition).
drill() { act begin_drill "$@"; }

begin_drill() {
	home=$1 seconds=$7
	[ -d "$home" ] || fail "kcmgen has deployed nothing here"
	[ ! -e "$home/trial" ] || fail "a deployment goes on here: $home/trial"
	end_drill "$home" || fail "an earlier drill can't be ended: sh $home/recover undrill $home"
	effective "$2" "$3" "$4" "$5"
	main=$(layout main "$its" "$home" "$its")
	main=${main%% *}
	[ "${main:-0}" != 0 ] || fail "no process of $its runs"
	layout drillable "$its" "$at" "$its" "$6" "$8" || exit 1
	install_recovery "$home" "$its" "$its" || exit 1
	# A stop takes its time.
	printf 'mode %s\nstart %s\nunit %s\nuntil %s\n' "$6" "$at" "$its" $(($(uptime) + seconds + 200)) | put 0600 "$home/drill" || exit 1
	arm_drill "$home" || {
		rm -f "$home/drill"
		fail "the timer that would put everything back can't be started"
	}
	layout drill "$its" "$home" "$at" "$its" "$6" "$main" "$8" && move_on "$home" "$seconds" && return
	end_drill "$home"
	exit 1
}

# arm_drill HOME: starts the timer that ends a drill whose operator is gone.
arm_drill() {
	systemctl stop kcmgen-drill.timer 2>/dev/null
	systemctl reset-failed kcmgen-drill.timer kcmgen-drill.service 2>/dev/null
	systemd-run -q --unit=kcmgen-drill --on-active=5 --on-unit-inactive=5 --timer-property=AccuracySec=100ms \
		/bin/sh "$1/recover" undrill "$1" late 2>&1
}

# hold_drill HOME SECONDS: the operator is there.
hold_drill() { act move_on "$@"; }

move_on() {
	is_file "$1/drill" || fail "the host has ended the drill by itself"
	text=$(sed "s/^until .*/until $(($(uptime) + $2))/" "$1/drill") && printf '%s\n' "$text" | put 0600 "$1/drill"
}

# addresses NAME: prints the addresses of a host's name.
addresses() { getent ahosts "$1" | sed 's/ .*//' | sort -u; }

# undrill HOME [late]: puts everything back; with late only if the operator is gone.
undrill() { act end_drill "$@"; }

# Others call it, whose variables have the same names: it is a subshell.
end_drill() (
	file=$1/drill
	if is_file "$file"; then
		until=$(field "$file" until)
		[ "${2-}" != late ] || [ "$(uptime)" -ge "${until:-0}" ] || return 0
		unit=$(field "$file" unit)
		layout undrill "$unit" "$(field "$file" start)" "$unit" "$(field "$file" mode)" || return 1
		rm -f "$file" && sync "$1" || return 1
	fi
	systemctl stop kcmgen-drill.timer 2>/dev/null
	return 0
)

# boot_drill HOME: ends a drill at boot. A unit is started by the boot itself, and what dropped its
# packets is gone. If a manifest can't be put back yet, the timer tries again.
boot_drill() {
	is_file "$1/drill" || return 0
	unit=$(field "$1/drill" unit)
	case $unit in
	*/*) manifest_back "$(field "$1/drill" start)" ;;
	esac && rm -f "$1/drill" && sync "$1" && return
	text=$(sed 's/^until .*/until 0/' "$1/drill") && printf '%s\n' "$text" | put 0600 "$1/drill"
	arm_drill "$1"
}

service_drillable() {
	[ "$3" = partition ] || return 0
	[ -n "$4" ] || fail "the apiserver's addresses aren't known"
	[ -z "$(systemctl show "$2" -p IPAddressAllow --value)$(systemctl show "$2" -p IPAddressDeny --value)" ] ||
		fail "$2 has an IPAddressAllow= or IPAddressDeny= of its own: say --mode stop or kill"
}

# service_drill HOME START UNIT MODE PID ADDRESSES
service_drill() {
	case $4 in
	stop) within 120 systemctl stop "$3" ;;
	kill) kill -9 "$5" ;;
	partition) systemctl set-property --runtime "$3" "IPAddressDeny=$6" ;;
	esac
}

# service_undrill START UNIT MODE
service_undrill() {
	if [ "$3" = partition ]; then
		systemctl set-property --runtime "$2" IPAddressDeny= || return 1
		rm -f "/run/systemd/system.control/$2.d/50-IPAddressDeny.conf"
		rmdir "/run/systemd/system.control/$2.d" 2>/dev/null
		systemctl daemon-reload
	fi
	systemctl is-active -q "$2" && return
	systemctl reset-failed "$2" 2>/dev/null
	within 120 systemctl -q start "$2"
}

pod_drillable() {
	[ "$3" != partition ] || fail "a pod's packets can't be dropped: say --mode stop or kill"
	[ "$3" != stop ] || is_file "$1" || fail "$1 is a $(stat -c %F "$1"): say --mode kill"
}

# aside START: prints where a manifest is that a drill has taken away. The kubelet reads no file whose
# name begins with a dot.
aside() { echo "${1%/*}/.${1##*/}.kcmgen-drill"; }

# pod_drill HOME START UNIT MODE PID ADDRESSES
pod_drill() {
	case $4 in
	stop) mv -fT "$2" "$(aside "$2")" && sync "${2%/*}" && pod_gone "$1" "$3" ;;
	kill) kill -9 "$5" ;;
	esac
}

pod_undrill() { manifest_back "$1"; }

# manifest_back START: a rename, which needs no space.
manifest_back() {
	from=$(aside "$1")
	[ -e "$from" ] || return 0
	if [ -e "$1" ]; then
		rm -f "$from" # another one was written meanwhile
	else
		mv -fT "$from" "$1"
	fi && sync "${1%/*}"
}
