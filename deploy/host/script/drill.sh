# The drill: ends the leader on purpose, and puts everything back. HOME/drill is its journal, with
# the keys mode, start, unit; drill.manifest is a pod's manifest that was taken away. While it
# goes on the operator restarts a timer, which else puts everything back.

# drill HOME START UNIT OTHER OTHERUNIT MODE SECONDS ADDRESSES: ends the process that the host has
# started: by a stop, by SIGKILL, or by dropping its packets to ADDRESSES (partition).
drill() { act begin_drill "$@"; }

begin_drill() {
	home=$1
	effective "$2" "$3" "$4" "$5"
	[ ! -e "$home/trial" ] || fail "a deployment goes on here: $home/trial"
	[ ! -e "$home/drill" ] || fail "a drill goes on here, or was cut off and is ended within a minute"
	[ -d "$home" ] || fail "kcmgen has deployed nothing here"
	main=$(layout main "$its" "$home" "$its")
	main=${main%% *}
	[ "${main:-0}" != 0 ] || fail "no process of $its runs"
	install_recovery "$home" "$its" "$its" || exit 1
	printf 'mode %s\nstart %s\nunit %s\n' "$6" "$at" "$its" | put 0600 "$home/drill" || exit 1
	systemctl stop kcmgen-drill.timer 2>/dev/null
	systemctl reset-failed kcmgen-drill.timer kcmgen-drill.service 2>/dev/null
	systemd-run -q --unit=kcmgen-drill --on-active="$7" --on-unit-inactive=10 --timer-property=AccuracySec=100ms \
		/bin/sh "$home/recover" undrill "$home" 2>&1 || {
		rm -f "$home/drill"
		fail "the timer that would put everything back can't be started"
	}
	layout drill "$its" "$home" "$at" "$its" "$6" "$main" "$8" && return
	end_drill "$home"
	exit 1
}

# hold_drill HOME: restarts the timer: the operator is there.
hold_drill() {
	[ -e "$1/drill" ] || fail "the drill was ended by the host itself"
	systemctl restart kcmgen-drill.timer
}

# undrill HOME: puts everything back.
undrill() { act end_drill "$1"; }

end_drill() {
	file=$1/drill
	if is_file "$file"; then
		unit=$(field "$file" unit)
		layout undrill "$unit" "$1" "$(field "$file" start)" "$unit" "$(field "$file" mode)" || return 1
		rm -f "$file" "$1/drill.manifest" && sync "$1" || return 1
	fi
	systemctl stop kcmgen-drill.timer 2>/dev/null
	return 0
}

# boot_drill HOME: puts a manifest back at boot. A unit is started by the boot itself, and what
# drops its packets is gone.
boot_drill() {
	is_file "$1/drill" || return 0
	start=$(field "$1/drill" start)
	manifest_back "$1" "$start" && rm -f "$1/drill" "$1/drill.manifest" && sync "$1"
}

# manifest_back HOME START
manifest_back() {
	is_file "$1/drill.manifest" && [ ! -e "$2" ] || return 0
	put "0$(stat -c %a "$1/drill.manifest")" "$2" <"$1/drill.manifest"
}

# service_drill HOME START UNIT MODE PID ADDRESSES
service_drill() {
	case $4 in
	stop) within 120 systemctl stop "$3" ;;
	kill) kill -9 "$5" ;;
	partition) systemctl set-property --runtime "$3" "IPAddressDeny=$6" ;;
	esac
}

# service_undrill HOME START UNIT MODE
service_undrill() {
	if [ "$4" = partition ]; then
		systemctl set-property --runtime "$3" IPAddressDeny=
		rm -f "/run/systemd/system.control/$3.d/50-IPAddressDeny.conf"
		rmdir "/run/systemd/system.control/$3.d" 2>/dev/null
		systemctl daemon-reload
	fi
	systemctl is-active -q "$3" && return
	systemctl reset-failed "$3" 2>/dev/null
	within 120 systemctl -q start "$3"
}

# pod_drill HOME START UNIT MODE PID ADDRESSES
pod_drill() {
	case $4 in
	stop)
		put "0$(stat -c %a "$2")" "$1/drill.manifest" <"$2" && rm -f "$2" && sync "${2%/*}" && pod_gone "$1" "$3"
		;;
	kill) kill -9 "$5" ;;
	partition) fail "a pod's packets can't be dropped: say --mode stop or kill" ;;
	esac
}

# pod_undrill HOME START UNIT MODE
pod_undrill() { manifest_back "$1" "$2"; }
