# Logs: entries of a time, with their times. Nothing here changes a host.

# entries HOME UNIT START OTHERUNIT OTHER SINCE LINES: prints the log's last LINES lines since a time,
# in seconds since 1970 with a fraction: those of the journal the latest first, those of a
# pod's files as the runtime wrote them.
entries() {
	effective "$3" "$2" "$5" "$4"
	layout entries "$its" "$its" "$6" "$7"
}

# service_entries UNIT SINCE LINES
service_entries() {
	echo journal
	within 20 journalctl -q --no-pager -o short-unix -u "$1" --since "@$2" -r -n "$3"
}

# pod_entries UNIT SINCE LINES
pod_entries() {
	echo pod
	for uid in $(pod_uids "$1" | head -n 3); do
		for f in $(pod_logs "$1" "$uid" | head -n 5); do
			since=$(log_time "$f" "${2%.*}")
			tail -n "$3" -- "$f" | awk -v since="$since" '$1 >= since'
		done
	done
	return 0
}
