# Settling: confirming a trial, going back from a confirmed generation, retiring a host.

# confirm HOME GENERATION PROGRAMS: ends a trial by a rename. Then it stops the timer
# and removes generations and programs that neither this one nor the previous one needs.
confirm() { act settle "$@"; }

settle() {
	if [ -e "$1/trial" ]; then
		[ "$(field "$1/trial" generation)" = "$2" ] || fail "another generation is on trial"
		! undoing "$1" || fail "the host is going back"
		if [ "$(field "$1/trial" previous)" = "$2" ]; then
			again "$1" "$2" || exit 1
		else
			mv -fT "$1/trial" "$1/state" && sync "$1" || exit 1
		fi
	elif [ "$(field "$1/state" generation)" != "$2" ]; then
		fail "the host went back by itself"
	fi
	disarm
	if [ "$2" = none ]; then
		rm -f "$1/current"
	else
		link "$1" "$2"
	fi
	rm -rf "$1"/*.partial
	previous=$(field "$1/state" previous)
	for d in "$1"/*/; do
		d=${d%/}
		case ${d##*/} in
		"$2" | "$previous" | found-* | '*') ;; # a foreign unit is never removed
		*) [ -h "$d" ] || rm -rf "$d" ;;
		esac
	done
	case $(field "$1/state" unit)$(field "$1/state" was.unit) in
	*/*) images_unkeep "$1" ;;
	esac
	for d in $(programs "$3"); do
		grep -qF "$d/" "$1"/*/* 2>/dev/null || rm -rf "$d"
	done
}

# again HOME GENERATION: confirms a generation that was only restarted: its state is kept.
# Until the trial is removed, going back leads to the same generation.
again() {
	if [ "$(field "$1/state" generation)" != "$2" ]; then
		text=$(sed 's/^previous .*/previous -/' "$1/trial") && printf '%s\n' "$text" | put 0600 "$1/state" || return 1
	fi
	rm -f "$1/trial" && sync "$1"
}

# programs DIRECTORY: prints the directories of installed programs, named by checksum.
programs() {
	for d in "$1"/*/; do
		d=${d%/}
		case ${d##*/} in
		*[!0-9a-f]*) ;;
		????????????????*) echo "$d" ;;
		esac
	done
}

# ended HOME: records that the run which confirmed this generation ended well, so that no
# later run takes it back.
ended() { act end "$1"; }

end() {
	[ "$(field "$1/state" ended)" != yes ] || return 0
	text=$(cat "$1/state") && printf '%s\nended yes\n' "$text" | put 0600 "$1/state"
}

# undo HOME [GENERATION]: goes back from a confirmed generation to the previous one. If
# state has another GENERATION, it went back already: the answer was lost.
undo() { act unsettle "$@"; }

unsettle() {
	file=$1/state
	[ -z "${2-}" ] || [ "$(field "$file" generation)" = "$2" ] || return 0
	end_drill "$1" || exit 1
	file=$1/state
	to=$(field "$file" previous)
	case $to in
	'' | -) fail "there is nothing to go back to" ;;
	esac
	several=$(field "$file" was.start) # changes instead of one rename: of a pod, the old manifest is removed first
	case $(field "$file" unit) in
	*/*) several=yes ;;
	esac
	if undoing "$1" && [ "$(field "$1/trial" generation)" = "$(field "$file" generation)" ]; then
		systemctl is-active -q kcmgen-revert.timer || arm "$1" 60 # an earlier undo didn't end
	elif [ -e "$1/trial" ]; then
		fail "an unfinished trial is there: $1/trial"
	elif [ -n "$several" ]; then # whatever ends it, the timer or the boot goes on
		begin_undo "$1" "$file" || {
			rm -f "$1/trial"
			exit 1
		}
	fi
	return_to "$1" "$to" "$file"
	started=$?
	[ "$started" != 1 ] && undone "$1" || exit 1
	[ -z "$several" ] || { rm -f "$1/trial" && sync "$1" && disarm; }
	return "$started"
}

# begin_undo HOME JOURNAL: installs what goes on if an undo doesn't end: this script, unless a
# person runs the installed one, a trial and the timer.
begin_undo() {
	unit=$(field "$2" unit) its=$(field "$2" was.unit)
	[ -z "${script-}" ] || install_recovery "$1" "$unit" "${its:-$unit}" || return 1
	text=$(cat "$2") && printf '%s\nundo yes\n' "$text" | put 0600 "$1/trial" && arm "$1" 60
}

# undone HOME: records that the host went back from a confirmed generation.
undone() {
	confirmed=$1/state
	to=$(field "$confirmed" previous)
	if [ "$to" = none ]; then
		rm -f "$confirmed" "$1/current" && sync "$1"
		return
	fi
	older=- # a failed deployment is nothing to go back to; after a rollback, the newer generation is
	[ "$(field "$confirmed" by)" != rollback ] || older=$(field "$confirmed" generation)
	text=$(exchanged "$confirmed" | sed -e "s/^generation .*/generation $to/" -e "s/^previous .*/previous $older/" -e 's/^by .*/by undo/') &&
		printf '%s\n' "$text" | put 0600 "$confirmed" && link "$1" "$to"
}

# exchanged FILE: prints a journal in which the layouts of generation and previous have changed
# places.
exchanged() {
	if [ -n "$(field "$1" was.start)" ]; then
		sed -e 's/^was\.start /start /' -e t -e 's/^was\.unit /unit /' -e t -e 's/^start /was.&/' -e 's/^unit /was.&/' "$1"
	else
		cat "$1"
	fi
}

# link HOME GENERATION: updates current. Only people read it, so a failure is ignored. Some
# mv, such as uutils' 0.0.30, can't replace a link to a directory.
link() {
	[ -h "$1/current" ] || rm -rf "$1/current"
	rm -f "$1/.current.kcmgen"
	ln -s "$2" "$1/.current.kcmgen" && mv -fT "$1/.current.kcmgen" "$1/current" 2>/dev/null && return
	rm -f "$1/.current.kcmgen" "$1/current"
	ln -s "$2" "$1/current" || :
}

# retire HOME START UNIT PROGRAMS OTHER OTHERUNIT: removes all of kcmgen's files. Foreign units
# stay, including the one that the first deployment kept.
retire() { act leave "$@"; }

leave() {
	end_drill "$1" || exit 1
	effective "$2" "$3" "$5" "$6"
	was=$(generation_of "$1" "$at")
	case $was in
	found*) fail "$at wasn't written by kcmgen: stop it and remove it by hand" ;;
	esac
	disarm
	[ "$was" = none ] || switch "$1" none "$at" "$its" no no || exit 1
	systemctl disable -q kcmgen-recover.service 2>/dev/null
	rm -f /etc/systemd/system/kcmgen-recover.service
	systemctl daemon-reload
	for f in "$1"/* "$1"/.*.kcmgen; do
		case ${f##*/} in
		found-*) ;;
		*) rm -rf "$f" ;;
		esac
	done
	case $3$6 in
	*/*) images_unkeep "$1" ;;
	esac
	for d in $(programs "$4"); do rm -rf "$d"; done
	rmdir "$1" "$4" 2>/dev/null
	return 0
}
