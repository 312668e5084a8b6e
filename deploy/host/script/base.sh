# The host's part of a kcmgen deploy, in POSIX sh with the tools of any host with
# systemd. A session sends it to a shell, and then commands, one per line. A copy is kept
# as "recover" in the directory of generations, for the timer and the boot unit that
# restore the previous generation if a new one is never confirmed.
#
# Other files in the directory of generations:
#   trial     the journal of a generation that runs and isn't confirmed
#   state     the journal of the last confirmed one; to confirm is to rename trial to state
#   current   a link for people
# A journal holds lines of a key and a value: generation, previous, start, unit, enabled,
# active, rollout, by, since; state also has "ended yes" once its run has ended well.
set -u
umask 077
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

# within SECONDS COMMAND…: runs a command with a time limit.
within() { timeout -k 5 "$@"; }

# put MODE FILE: replaces FILE with standard input, atomically and durably.
put() { write_beside "$1" "$2" && move_in "$2"; }

# write_beside MODE FILE: writes standard input durably to a file beside FILE. Its name begins
# with a dot, so systemd and kubelet don't read it.
write_beside() {
	tmp=${2%/*}/.${2##*/}.kcmgen
	rm -rf "$tmp" && (set -C && cat >"$tmp") && chmod "$1" "$tmp" && sync "$tmp" && return
	rm -f "$tmp"
	return 1
}

# move_in FILE: puts what write_beside wrote in FILE's place.
move_in() {
	tmp=${1%/*}/.${1##*/}.kcmgen
	mv -fT "$tmp" "$1" && sync "${1%/*}" && return
	rm -f "$tmp"
	return 1
}

# install_start START FILE MODE: installs a generation's unit. If it is there already, nothing
# is written: going back must work on a full or read-only disk.
install_start() {
	[ -r "$2" ] || { echo "$2 is missing" >&2 && return 1; } # to redirect from it would return 2
	mode=$(start_mode "$2" "$3")
	[ ! -h "$1" ] && cmp -s "$2" "$1" && [ "0$(stat -c %a "$1")" = "$mode" ] || put "$mode" "$1" <"$2" || return 1
}

# start_mode FILE MODE: prints the mode of an installed unit or manifest. A foreign one gets the
# one that it had.
start_mode() {
	case $1 in
	*/found-*/*) echo "0$(stat -c %a "$1")" ;;
	*) echo "$2" ;;
	esac
}

# is_file FILE: tests for a regular file, not a link. Anything else in the place of one of
# kcmgen's files isn't read: reading a fifo would never end.
is_file() { [ -f "$1" ] && [ ! -h "$1" ]; }

# field FILE KEY: prints a value of trial or state.
field() { is_file "$1" && sed -n "s/^$2 //p" "$1" | head -n 1; }

# check_file FILE: fails unless it is a regular file or missing.
check_file() { is_file "$1" || { [ ! -e "$1" ] && [ ! -h "$1" ]; } || fail "$1 is a $(stat -c %F "$1") where a file is expected: remove it"; }

# act COMMAND…: runs one change at a time. Sessions exclude each other by another lock,
# which the timer doesn't wait for.
act() (
	check_file /run/kcmgen.act
	exec 8>>/run/kcmgen.act
	within 150 flock 8 || fail "another change of this host didn't end"
	"$@"
)

# beat: shows that the operator is there.
beat() { :; }
