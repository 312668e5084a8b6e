# Being called: by a session, the timer, the boot unit, people.

# serve NONCE SILENCE: commands come a line each; what one prints, what it
# complains of and its status go back, set off by the nonce. Without a line for
# SILENCE seconds the operator is gone, and the session and its lock with him.
serve() {
	open /run/kcmgen.lock
	exec 9>>/run/kcmgen.lock
	scratch=$(mktemp -d /run/kcmgen.XXXXXX) || exit 1
	trap 'rm -rf "$scratch"' EXIT
	trap 'exit 1' TERM HUP INT PIPE # nobody may be there to answer any more
	beats=0
	echo 0 >"$scratch/beat"
	(
		last=
		while sleep "$2"; do
			now=$(cat "$scratch/beat") && [ -d "/proc/$$" ] || exit
			case $now in
			busy | '') ;; # empty: it is being written just now
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

# account FILE COMMAND…: a change that no session asked for tells the journal, or who
# typed it, what became of the generation that FILE, trial or state, speaks of.
account() {
	file=$1 had=$(field "$1" generation) has=$(field "$1" previous) at=$(field "$1" start)
	shift
	"$@"
	ended=$?
	if [ "$(field "$file" generation)" != "$had" ]; then
		echo "$at: back from $had to $has"
	elif [ "$ended" = 0 ]; then
		echo "nothing to go back from${had:+, it is of $had}"
	fi
	return "$ended"
}

case ${1-} in
revert) act account "$2/trial" back "$2" ;;
undo) act account "$2/state" unsettle "$2" "${3-}" ;;
boot) act account "$2/trial" reboot "$2" ;;
esac
