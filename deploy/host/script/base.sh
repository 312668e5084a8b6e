# The host's half of a kcmgen deploy, in POSIX sh with the tools that any host
# with systemd has. A session sends it to a shell and then commands, a line each;
# a copy lies beside the generations as "recover", for the timer and the boot unit
# that put the previous generation back if nobody confirms a new one.
#
# Beside the generations lie
#   trial     a generation that runs and isn't confirmed: its journal
#   state     the last confirmed one; confirming is renaming trial to state
#   current   a link for people's eyes
# Both files hold lines of a key and a value: generation, previous, start, unit,
# enabled, active, rollout, by, since; state also whether that run has ended.
set -u
umask 077
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

# within SECONDS COMMAND…: no tool waits for ever.
within() { timeout -k 5 "$@"; }

# put MODE FILE: standard input becomes FILE, durably, or FILE stays as it was.
# The temporary file begins with a dot, which systemd and kubelet don't read.
put() {
	tmp=${2%/*}/.${2##*/}.kcmgen
	rm -rf "$tmp" && (set -C && cat >"$tmp") && chmod "$1" "$tmp" && sync "$tmp" &&
		mv -fT "$tmp" "$2" && sync "${2%/*}" && return
	rm -f "$tmp"
	return 1
}

# name START UNITFILE: the unit's file becomes what a generation has. Where it is that
# already, nothing is written: going back has to work on a disk that takes nothing.
name() {
	[ ! -h "$1" ] && cmp -s "$2" "$1" && [ "$(stat -c %a "$1")" = 644 ] || put 0644 "$1" <"$2"
}

# own FILE: it is a file, and no way to another one. What else lies in the place of one
# of ours is nobody's: reading a fifo would never end.
own() { [ -f "$1" ] && [ ! -h "$1" ]; }

# field FILE KEY: a value of trial or state.
field() { own "$1" && sed -n "s/^$2 //p" "$1" | head -n 1; }

# open FILE: it is ours, or isn't there yet.
open() { own "$1" || { [ ! -e "$1" ] && [ ! -h "$1" ]; } || fail "$1 is a $(stat -c %F "$1") where a file is expected: remove it"; }

# act COMMAND…: one change at a time. Sessions exclude each other by a lock of
# their own; the timer waits for neither operator nor session.
act() (
	open /run/kcmgen.act
	exec 8>>/run/kcmgen.act
	within 150 flock 8 || fail "another change of this host didn't end"
	"$@"
)

# beat: the operator is there.
beat() { :; }
