# The layout systemd: how a unit is started, stopped and looked at.

# service_runs UNIT: sets enabled and active to yes or no.
service_runs() {
	enabled=no active=no
	systemctl is-enabled -q "$1" 2>/dev/null && enabled=yes
	case $(systemctl is-active "$1" 2>/dev/null) in
	active | activating | reloading) active=yes ;; # also while it waits for a restart
	esac
}

# service_reread UNIT: reloads unit files.
service_reread() { systemctl daemon-reload; }

# service_starter UNIT: prints the unit that starts it at boot.
service_starter() { echo "$1"; }

service_keep() { :; } # it has no image

# service_lives UNIT: tests whether a unit runs, or will at the next boot.
service_lives() { systemctl is-active -q "$1" 2>/dev/null || systemctl is-enabled -q "$1" 2>/dev/null; }

# service_replace HOME START UNIT FROM: puts a unit in place, or with FROM none removes it.
service_replace() {
	if [ "$4" = none ]; then
		service_stop "$3"
		rm -f "$2" && sync "${2%/*}"
	else
		install_start "$2" "$4" 0644
	fi
}

# service_stop UNIT: stops and disables it, before its file is removed.
service_stop() {
	within 120 systemctl stop "$1" 2>/dev/null
	service_unlist "$1"
}

# service_unlist UNIT: disables it.
service_unlist() { systemctl disable -q "$1" 2>/dev/null; }

# service_left UNIT: tests whether a unit of this name exists without kcmgen's file.
service_left() {
	systemctl reset-failed "$1" 2>/dev/null
	systemctl cat "$1" >/dev/null 2>&1
}

# service_start UNIT ENABLED ACTIVE: enables and starts it, or disables and stops it. It
# returns 2 if it can't be started or stopped.
service_start() {
	if [ "$2" = yes ]; then
		systemctl enable -q "$1" 2>/dev/null
	else
		service_unlist "$1"
	fi
	systemctl reset-failed "$1" 2>/dev/null
	if [ "$3" = yes ]; then
		within 120 systemctl -q restart "$1" || {
			echo "$1 doesn't start ($(systemctl show "$1" -p Result --value))" >&2
			return 2
		}
	else
		within 120 systemctl stop "$1" || return 2
	fi
}

# service_boot UNIT ENABLED: lets this boot start it, or takes it out of the boot's queue.
service_boot() {
	if [ "$2" = yes ]; then
		systemctl enable -q "$1" 2>/dev/null
		systemctl start --no-block "$1" 2>/dev/null # it may not be in this boot's queue
	else
		service_unlist "$1"
		systemctl stop --no-block "$1" 2>/dev/null
	fi
	return 0
}

# verify UNITFILE: prints systemd's complaints about a unit. Its exit status means nothing.
verify() {
	command -v systemd-analyze >/dev/null || return 0
	said=$(within 60 systemd-analyze verify "$1" 2>&1)
	printf '%s\n' "$said" | grep -F -e "${1##*/}" -e "$1"
	return 0
}

# service_process HOME UNIT: prints the unit's properties, and its process's arguments and
# mounts.
service_process() {
	show=$(systemctl show "$2" -p LoadState -p ActiveState -p SubState -p MainPID -p NRestarts -p InvocationID \
		-p FragmentPath -p DropInPaths -p NeedDaemonReload -p UnitFileState -p Result -p ExecMainStatus)
	printf '%s\n' "$show"
	unread "$2" "$(printf '%s\n' "$show" | sed -n 's/^DropInPaths=//p')"
	pid=$(printf '%s\n' "$show" | sed -n 's/^MainPID=//p')
	[ "${pid:-0}" -eq 0 ] || process_view "$pid"
	return 0
}

# service_main HOME UNIT: prints the PID of its process; 0 if none runs.
service_main() { systemctl show "$2" -p MainPID --value; }

# unread UNIT KNOWN: prints NeedDaemonReload=yes for drop-ins that systemd hasn't read. It
# doesn't notice directories created after it read the unit.
unread() {
	for f in /etc/systemd/system/"$1".d/*.conf /run/systemd/system/"$1".d/*.conf; do
		case " $2 " in
		*" $f "*) ;;
		*) [ ! -e "$f" ] || echo NeedDaemonReload=yes ;;
		esac
	done
}

# service_recent HOME UNIT SECONDS: prints the process's log lines of the last seconds.
service_recent() {
	id=$(systemctl show "$2" -p InvocationID --value)
	[ -z "$id" ] || within 10 journalctl -q --no-pager -o cat --since "-$3s" "_SYSTEMD_INVOCATION_ID=$id"
}

# service_text HOME UNIT SINCE: prints the end of the log since a time. It reads backwards,
# since journalctl -n with --since counts from the start.
service_text() {
	since=$(printf '%s' "$3" | sed 's/T/ /; s/Z/ UTC/') # as any journalctl reads it
	within 10 journalctl -q --no-pager -o cat -u "$2" --since "${since:-@0}" -r -n 400 | sed -n '1!G;h;$p'
}
