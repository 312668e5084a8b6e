# Looking: nothing here changes a host.

# look N LIMIT: N paths follow; of each, in a line, type|mode|owner|size|sha256|path.
# Files longer than LIMIT aren't read.
look() {
	n=$1 limit=$2
	while [ "$n" -gt 0 ] && IFS= read -r path; do
		n=$((n - 1))
		sum=
		if about=$(stat -c '%F|%a|%U:%G|%s' -- "$path" 2>/dev/null); then
			case $about in
			regular*) [ "${about##*|}" -gt "$limit" ] || { sum=$(sha256sum <"$path") && sum=${sum%% *}; } ;;
			esac
		else
			about='missing|||'
		fi
		printf '%s|%s|%s\n' "$about" "$sum" "$path"
	done
}

# about HOME START: what isn't a file's.
about() {
	echo "uid $(id -u)"
	echo "name $(uname -n)"
	echo "clock $(date +%s)"
	echo "boot $(cat /proc/sys/kernel/random/boot_id)"
	echo "systemd $(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')"
	for tool in flock sync timeout sha256sum stat systemd-run; do
		command -v $tool >/dev/null || echo "lacks $tool"
	done
	odd "$1/trial" "$1/state" "$1/recover" /etc/systemd/system/kcmgen-recover.service /run/kcmgen.act
	room "$1"
	[ ! -d "${2%/*}" ] || [ -w "${2%/*}" ] || echo "fixed ${2%/*}"
	held
	own "$1/trial" && sed 's/^/trial./' "$1/trial"
	own "$1/state" && sed 's/^/state./' "$1/state"
	echo "runs $(written "$1" "$2")"
	echo "stamp $(stamp "$1" "$2")"
	return 0
}

# held: who is changing this host just now. Looking is in nobody's way for longer than a
# lock waits.
held() (
	exec 7>>/run/kcmgen.lock
	flock -n -s 7 || sed -n '1s/^/held /p' /run/kcmgen.lock
)

# odd FILE…: what isn't a file in the place of one of ours.
odd() {
	for f; do
		own "$f" || { [ ! -e "$f" ] && [ ! -h "$f" ]; } || echo "odd $f is a $(stat -c %F "$f")"
	done
}

# stamp HOME START: another one where anything was done to a host.
stamp() {
	for f in "$1/trial" "$1/state" "$2"; do
		own "$f" && sha256sum <"$f" || echo none
	done | sha256sum | cut -c 1-16
}

# written HOME START: the generation that START was written from; none, or found where
# somebody else wrote it.
written() {
	own "$2" || {
		[ -e "$2" ] && echo found || echo none
		return
	}
	for d in "$1"/*/; do
		d=${d%/}
		case $d in
		*.partial | */current) ;;
		*) cmp -s "$2" "$d/${2##*/}" && echo "${d##*/}" && return ;;
		esac
	done
	echo found
}

# text FILE
text() {
	[ -f "$1" ] || [ ! -e "$1" ] || fail "$1 is a $(stat -c %F "$1")" # a fifo would never end
	cat -- "$1"
}

# room DIR: what could keep files from being written there, or in the folder it
# would be made in.
room() {
	dir=$1
	while [ ! -d "$dir" ]; do dir=${dir%/*} && dir=${dir:-/}; done
	[ -w "$dir" ] || echo "readonly $dir"
	df -Pk "$dir" | awk 'NR == 2 { print "kbytes " $4 }'
	df -Pi "$dir" | awk 'NR == 2 && $2 > 0 { print "inodes " $4 }'
}

# process UNIT: the unit as systemd has it, and its process as the kernel has it:
# arguments, and mounts that come from folders called like generations.
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

# unread UNIT KNOWN: systemd doesn't look into folders that weren't there when it read
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
