# The layout systemd: how a unit of systemd is started, stopped and looked at. Another
# layout has the same functions; everything else of this script is the same for all.

# unit_runs UNIT: whether it is started at boot, and runs, as enabled and active.
unit_runs() {
	enabled=no active=no
	systemctl is-enabled -q "$1" 2>/dev/null && enabled=yes
	case $(systemctl is-active "$1" 2>/dev/null) in
	active | activating | reloading) active=yes ;; # one that waits to be started again, too
	esac
}

# unit_reread: the files of units are read again.
unit_reread() { systemctl daemon-reload; }

# unit_stop UNIT: it doesn't run any more, nor at boot. Its file goes next.
unit_stop() {
	within 120 systemctl stop "$1" 2>/dev/null
	unit_unlist "$1"
}

# unit_unlist UNIT: it isn't started at boot.
unit_unlist() { systemctl disable -q "$1" 2>/dev/null; }

# unit_left UNIT: there is one of this name still, without our file.
unit_left() {
	systemctl reset-failed "$1" 2>/dev/null
	systemctl cat "$1" >/dev/null 2>&1
}

# unit_start UNIT ENABLED ACTIVE: it is started, or stopped. It returns 2 if that fails.
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

# unit_boot UNIT ENABLED: it is started at this boot, which has it in its queue, or isn't.
unit_boot() {
	if [ "$2" = yes ]; then
		systemctl enable -q "$1" 2>/dev/null
	else
		unit_unlist "$1"
		systemctl stop --no-block "$1" 2>/dev/null
	fi
	return 0
}

# verify UNITFILE: what systemd says of a unit; its exit status says nothing.
verify() {
	command -v systemd-analyze >/dev/null || return 0
	said=$(within 60 systemd-analyze verify "$1" 2>&1)
	printf '%s\n' "$said" | grep -F -e "${1##*/}" -e "$1"
	return 0
}

# process UNIT: the unit as systemd has it, and its process as the kernel has it:
# arguments, and mounts that come from directories called like generations.
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

# unread UNIT KNOWN: systemd doesn't look into directories that weren't there when it read
# the unit.
unread() {
	for f in /etc/systemd/system/"$1".d/*.conf /run/systemd/system/"$1".d/*.conf; do
		case " $2 " in
		*" $f "*) ;;
		*) [ ! -e "$f" ] || echo NeedDaemonReload=yes ;;
		esac
	done
}

# complaints UNIT SUBJECT SECONDS: lines of the unit's log, of the last seconds, that
# tell of an apiserver that doesn't take it, or that it doesn't trust. Who else has
# trouble with certificates, a webhook, an aggregated API or somebody who asks for
# /metrics, is in that log, too: only the election and the watches count.
complaints() {
	id=$(systemctl show "$1" -p InvocationID --value)
	[ -n "$id" ] || return 0
	within 10 journalctl -q --no-pager -o cat --since "-$3s" "_SYSTEMD_INVOCATION_ID=$id" |
		grep -E '(leaderelection|reflector)\.go:[0-9]+\]' |
		grep -E "x509: |Unauthorized|[Ee]rror retrieving (resource|lease) lock|forbidden: User \"$2\" cannot" |
		grep -v -e webhook -e PartialObjectMetadata -e metrics -e 'failing or missing response' | tail -n 3
	return 0
}

# log HOME UNIT LINES: the end of its log since the last trial began; what it says of
# its end, where it says something. That an apiserver has no front proxy is said by
# every one, and is no reason; nor are its flags, which fill pages.
# Of a time journalctl counts the first lines, unless it is read backwards.
log() {
	since=$(field "$1/trial" since || field "$1/state" since)
	since=$(printf '%s' "$since" | sed 's/T/ /; s/Z/ UTC/') # as any journalctl reads it
	text=$(within 10 journalctl -q --no-pager -o cat -u "$2" --since "${since:-@0}" -r -n 400 |
		grep -v -e requestheader-client-ca-file -e '] FLAG: ' | sed -n '1!G;h;$p')
	why=$(printf '%s\n' "$text" | grep -E '"command failed"|"Error (building|starting)|^panic: |^Error: |Failed to set up mount' | tail -n "$3")
	[ -n "$why" ] || why=$(printf '%s\n' "$text" | tail -n "$3")
	printf '%s\n' "$why"
}
