# What differs between layouts: systemd.sh and pod.sh have the same functions.

# layout FUNCTION …: calls a function of the layout that NAME belongs to. A unit's name has no
# slash; that of a pod is namespace/name.
layout() {
	function=$1 name=$2
	shift 2
	case $name in
	*/*) "pod_$function" "$@" ;;
	*) "service_$function" "$@" ;;
	esac
}

# process HOME UNIT START OTHERUNIT OTHER: prints the state of what the host starts, and of its
# process.
process() {
	effective "$3" "$2" "$5" "$4"
	layout process "$its" "$1" "$its" "$at"
}

# starts START UNIT OTHER OTHERUNIT: prints the unit or manifest that the host has.
starts() {
	effective "$@"
	text "$at"
}

# processes HOME UNIT START OTHERUNIT OTHER: prints the PID of the process that the host has started,
# and those of other processes of the same program. It fails if none runs. The kernel cuts names
# to 15 characters, and other programs' begin alike; their files have other names.
processes() {
	effective "$3" "$2" "$5" "$4"
	main=$(layout main "$its" "$1" "$its")
	main=${main%% *}
	comm=$(cat "/proc/${main:-0}/comm" 2>/dev/null) || fail "no process of $its runs"
	echo "$main"
	for f in $(grep -lxF -- "$comm" /proc/[0-9]*/comm 2>/dev/null); do
		f=${f%/comm} && f=${f#/proc/}
		[ "$f" = "$main" ] || other_program "$main" "$f" || echo "$f"
	done
}

# other_program PID PID: tests whether the files of two processes' programs have different names.
other_program() {
	exe=$(readlink "/proc/$1/exe") && exe=${exe% (deleted)} && exe=${exe##*/}
	file=$(readlink "/proc/$2/exe") && file=${file% (deleted)} && file=${file##*/}
	[ -n "$exe" ] && [ -n "$file" ] && [ "$exe" != "$file" ]
}

# process_view PID: prints a process's arguments, and its mounts from directories named like
# generations.
process_view() {
	tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | sed 's/^/arg=/'
	# Not every awk knows {16}.
	hex='[0-9a-f][0-9a-f][0-9a-f][0-9a-f]'
	awk -v name="/$hex$hex$hex$hex(/|\$)" '$4 ~ name { print "mount=" $4 " " $5 }' "/proc/$1/mountinfo" 2>/dev/null
	return 0
}

# complaints HOME UNIT START OTHERUNIT OTHER SUBJECT SECONDS: prints log lines of the last seconds that show that
# the apiserver rejects it, or that it doesn't trust the apiserver. Only leader election and
# watches count: the log also has certificate errors of webhooks, aggregated APIs and
# clients of /metrics.
complaints() {
	effective "$3" "$2" "$5" "$4"
	layout recent "$its" "$1" "$its" "$7" |
		grep -E '(leaderelection|reflector)\.go:[0-9]+\]' |
		grep -E "x509: |Unauthorized|[Ee]rror retrieving (resource|lease) lock|forbidden: User \"$6\" cannot" |
		grep -v -e webhook -e PartialObjectMetadata -e metrics -e 'failing or missing response' | tail -n 3
	return 0
}

# log HOME UNIT START OTHERUNIT OTHER LINES: prints the end of the log since the last trial began, or the lines
# that say why it ended. Left out are the usual warning about a missing front proxy and the
# list of flags.
log() {
	since=$(field "$1/trial" since || field "$1/state" since)
	effective "$3" "$2" "$5" "$4"
	text=$(layout text "$its" "$1" "$its" "$since" | grep -v -e requestheader-client-ca-file -e '] FLAG: ')
	why=$(printf '%s\n' "$text" | grep -E '"command failed"|"Error (building|starting)|^panic: |^Error: |Failed to set up mount' | tail -n "$6")
	[ -n "$why" ] || why=$(printf '%s\n' "$text" | tail -n "$6")
	printf '%s\n' "$why"
}
