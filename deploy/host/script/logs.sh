# Logs: entries of a time, with their times. Nothing here changes a host.

# entries HOME UNIT START OTHERUNIT OTHER SINCE LINES: prints the log's last LINES lines since a time,
# in seconds since 1970 with a fraction, the latest first: those of the journal one by one, those
# of a pod's files a file after the other.
entries() {
	effective "$3" "$2" "$5" "$4"
	layout entries "$its" "$its" "$6" "$7"
}

# service_entries UNIT SINCE LINES
service_entries() {
	echo journal
	within 20 journalctl -q --no-pager -o short-unix -u "$1" --since "@$2" -r -n "$3"
}

# pod_entries UNIT SINCE LINES: the kubelet renames a long file to one with a time, and compresses it
# when it begins the next one.
pod_entries() {
	echo pod
	for uid in $(pod_uids "$1" | head -n 3); do
		for f in $(pod_logs "$1" "$uid" | head -n 5); do
			since=$(log_time "$f" "${2%.*}")
			for part in "$f" $(ls "$f".* 2>/dev/null | sort -r | head -n 3); do
				case $part in
				*.tmp) continue ;;
				*.gz) gzip -dc -- "$part" 2>/dev/null ;;
				*) cat -- "$part" ;;
				esac | tail -n "$3" | tail -c 1500000 | awk -v since="$since" '$1 >= since'
			done
		done
	done
	return 0
}
