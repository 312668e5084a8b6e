# Status: more facts about what runs. Nothing here changes a host.

# started PID: prints when a process started, in seconds since 1970.
started() {
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	ticks=$(echo "${stat##*)}" | cut -d ' ' -f 21)
	hertz=$(getconf CLK_TCK 2>/dev/null)
	echo $(($(sed -n 's/^btime //p' /proc/stat) + ticks / ${hertz:-100}))
}

# lately HOME UNIT START OTHERUNIT OTHER LINES: prints when the process started, the host's zone, other
# processes of the same program, and the last lines of its log of an hour that are errors, which in JSON
# have no verbosity; or if no process runs, the lines that say why. The usual complaint about a missing front
# proxy is left out.
lately() {
	effective "$3" "$2" "$5" "$4"
	main=$(layout main "$its" "$1" "$its")
	main=${main%% *}
	if [ "${main:-0}" = 0 ]; then
		log "$1" "$2" "$3" "$4" "$5" "$6" | sed 's/^/ended /'
		return 0
	fi
	echo "since $(started "$main")"
	echo "zone $(date +%z)"
	processes "$1" "$2" "$3" "$4" "$5" | tail -n +2 | sed 's/^/other /'
	layout recent "$its" "$1" "$its" 3600 | grep -v requestheader-client-ca-file | awk '/^[EF][0-9][0-9][0-9][0-9] / || (/^\{"ts":/ && !/"v":[0-9]/)' | tail -n "$6" | cut -c 1-1000 | sed 's/^/error /'
	return 0
}
