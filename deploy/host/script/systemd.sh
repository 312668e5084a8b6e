# The layout systemd: how a unit is started, stopped and looked at. Another layout would
# have the same functions; the rest of this script is the same for all.

# unit_runs UNIT: sets enabled and active to yes or no.
unit_runs() {
	enabled=no active=no
	systemctl is-enabled -q "$1" 2>/dev/null && enabled=yes
	case $(systemctl is-active "$1" 2>/dev/null) in
	active | activating | reloading) active=yes ;; # also while it waits for a restart
	esac
}

# unit_reread: reloads unit files.
unit_reread() { systemctl daemon-reload; }

# unit_stop UNIT: stops and disables it, before its file is removed.
unit_stop() {
	within 120 systemctl stop "$1" 2>/dev/null
	unit_unlist "$1"
}

# unit_unlist UNIT: disables it.
unit_unlist() { systemctl disable -q "$1" 2>/dev/null; }

# unit_left UNIT: tests whether a unit of this name exists without kcmgen's file.
unit_left() {
	systemctl reset-failed "$1" 2>/dev/null
	systemctl cat "$1" >/dev/null 2>&1
}

# unit_start UNIT ENABLED ACTIVE: enables and starts it, or disables and stops it. It
# returns 2 if it can't be started or stopped.
unit_start() {
	if [ "$2" = yes ]; then
		systemctl enable -q "$1" 2>/dev/null
	else
		unit_unlist "$1"
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

# unit_boot UNIT ENABLED: lets this boot start it, or takes it out of the boot's queue.
unit_boot() {
	if [ "$2" = yes ]; then
		systemctl enable -q "$1" 2>/dev/null
	else
		unit_unlist "$1"
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

# process UNIT: prints the unit's properties, and its process's arguments and mounts from
# directories named like generations.
process() {
	show=$(systemctl show "$1" -p LoadState -p ActiveState -p SubState -p MainPID -p NRestarts -p InvocationID \
		-p FragmentPath -p DropInPaths -p NeedDaemonReload -p UnitFileState -p Result -p ExecMainStatus)
	printf '%s\n' "$show"
	unread "$1" "$(printf '%s\n' "$show" | sed -n 's/^DropInPaths=//p')"
	pid=$(printf '%s\n' "$show" | sed -n 's/^MainPID=//p')
	[ "${pid:-0}" -gt 0 ] || return 0
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | sed 's/^/arg=/'
	awk '$4 ~ "/[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]" { print "mount=" $4 " " $5 }' "/proc/$pid/mountinfo" 2>/dev/null
	return 0
}

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

# complaints UNIT SUBJECT SECONDS: prints log lines of the last seconds that show that the
# apiserver rejects it, or that it doesn't trust the apiserver. Only leader election and
# watches count: the log also has certificate errors of webhooks, aggregated APIs and
# clients of /metrics.
complaints() {
	id=$(systemctl show "$1" -p InvocationID --value)
	[ -n "$id" ] || return 0
	within 10 journalctl -q --no-pager -o cat --since "-$3s" "_SYSTEMD_INVOCATION_ID=$id" |
		grep -E '(leaderelection|reflector)\.go:[0-9]+\]' |
		grep -E "x509: |Unauthorized|[Ee]rror retrieving (resource|lease) lock|forbidden: User \"$2\" cannot" |
		grep -v -e webhook -e PartialObjectMetadata -e metrics -e 'failing or missing response' | tail -n 3
	return 0
}

# log HOME UNIT LINES: prints the end of the log since the last trial began, or the lines
# that say why it ended. Left out are the usual warning about a missing front proxy and the
# list of flags. It reads backwards, since journalctl -n with --since counts from the start.
log() {
	since=$(field "$1/trial" since || field "$1/state" since)
	since=$(printf '%s' "$since" | sed 's/T/ /; s/Z/ UTC/') # as any journalctl reads it
	text=$(within 10 journalctl -q --no-pager -o cat -u "$2" --since "${since:-@0}" -r -n 400 |
		grep -v -e requestheader-client-ca-file -e '] FLAG: ' | sed -n '1!G;h;$p')
	why=$(printf '%s\n' "$text" | grep -E '"command failed"|"Error (building|starting)|^panic: |^Error: |Failed to set up mount' | tail -n "$3")
	[ -n "$why" ] || why=$(printf '%s\n' "$text" | tail -n "$3")
	printf '%s\n' "$why"
}
