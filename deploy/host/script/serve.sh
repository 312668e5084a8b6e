# Entry points: for a session, the timer, the boot unit and people.

# serve NONCE SILENCE: runs commands, one per line. It answers with the command's output,
# standard error and status, separated by lines with the nonce. If no line comes for SILENCE
# seconds, the operator is gone: the session ends, and its lock with it.
serve() {
	check_file /run/kcmgen.lock
	exec 9>>/run/kcmgen.lock
	scratch=$(mktemp -d /run/kcmgen.XXXXXX) || exit 1
	trap 'rm -rf "$scratch"' EXIT
	trap 'exit 1' TERM HUP INT PIPE # the reader may be gone
	beats=0
	echo 0 >"$scratch/beat"
	(
		last=
		while sleep "$2"; do
			now=$(cat "$scratch/beat") && [ -d "/proc/$$" ] || exit
			case $now in
			busy | '') ;; # empty: it is being written
			"$last") kill -TERM $$ || exit ;;
			esac
			last=$now
		done
	) </dev/null >/dev/null 2>&1 9>&- &
	watch=$!
	printf '\n#%s ready\n' "$1"
	while IFS= read -r command; do
		echo busy >"$scratch/beat"
		(eval "$command") 2>"$scratch/err"
		status=$?
		printf '\n#%s err\n' "$1"
		cat "$scratch/err"
		printf '\n#%s %s\n' "$1" "$status"
		beats=$((beats + 1))
		echo "$beats" >"$scratch/beat"
	done
	kill "$watch" 2>/dev/null
}

# report FILE COMMAND…: runs a change without a session, and prints, for the log or the
# terminal, what became of the generation in FILE, which is trial or state.
report() {
	file=$1 had=$(field "$1" generation) has=$(field "$1" previous) reported=$(field "$1" start)
	shift
	"$@"
	ended=$?
	if [ "$(field "$file" generation)" != "$had" ]; then
		echo "$reported: back from $had to $has"
	elif [ "$ended" = 0 ]; then
		echo "nothing to go back from${had:+: it has $had}"
	fi
	return "$ended"
}

case ${1-} in
revert) act report "$2/trial" back "$2" ;;
undo) act report "$2/state" unsettle "$2" "${3-}" ;;
undrill) undrill "$2" "${3-}" ;;
boot)
	boot_drill "$2"
	act report "$2/trial" reboot "$2" || { # the timer goes on
		arm "$2" 30
		exit 1
	}
	;;
esac
