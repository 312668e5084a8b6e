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

# --- looking ---------------------------------------------------------------

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
	own "$1/trial" && sed 's/^/trial./' "$1/trial"
	own "$1/state" && sed 's/^/state./' "$1/state"
	echo "runs $(written "$1" "$2")"
	return 0
}

# odd FILE…: what isn't a file in the place of one of ours.
odd() {
	for f; do
		own "$f" || { [ ! -e "$f" ] && [ ! -h "$f" ]; } || echo "odd $f is a $(stat -c %F "$f")"
	done
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
	pid=$(printf '%s\n' "$show" | sed -n 's/^MainPID=//p')
	[ "${pid:-0}" -gt 0 ] || return 0
	tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | sed 's/^/arg=/'
	awk '$4 ~ "/[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]" { print "mount=" $4 " " $5 }' "/proc/$pid/mountinfo" 2>/dev/null
	return 0
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

# log UNIT LINES: the end of its log; what it says of its end, where it says something.
log() {
	text=$(within 10 journalctl -q --no-pager -o cat -u "$1" -n 120)
	why=$(printf '%s\n' "$text" | grep -E '"command failed"|"Error (building|starting)|^panic: |^Error: |Failed to set up mount' | tail -n "$2")
	[ -n "$why" ] || why=$(printf '%s\n' "$text" | tail -n "$2")
	printf '%s\n' "$why"
}

# --- staging ---------------------------------------------------------------

# lock WHO: nobody else changes this host while this session lives. The lock is the
# open file's, so it dies with the session, and no clock is compared.
lock() {
	flock -n 9 || { cat /run/kcmgen.lock && exit 75; }
	printf '%s since %s\n' "$1" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >/run/kcmgen.lock
}

# prepare DIR…: folders that are to hold what comes are made, and what an
# unfinished session left in them goes.
prepare() {
	for dir; do
		(umask 022 && mkdir -p "$dir") && sync "${dir%/*}/" || exit 1
		rm -rf "$dir"/*.partial "$dir"/.*.kcmgen
	done
}

# seal PARTIAL FINAL N: N lines of sha256sum follow. What was staged is what was
# meant, durable, and has its name.
seal() {
	sums=
	n=$3
	while [ "$n" -gt 0 ] && IFS= read -r line; do
		n=$((n - 1))
		sums="$sums$line
"
	done
	cd "$1" || exit 1
	bad=$(printf '%s' "$sums" | sha256sum -c --quiet 2>&1) || fail "read back, it isn't what was sent: $bad"
	find . -exec sync {} + || exit 1
	# What has this name and isn't what it should be makes way.
	if [ -e "$2" ] || [ -h "$2" ]; then
		mv --exchange -T "$1" "$2" 2>/dev/null && sync "${2%/*}" && return # at once, where mv can
		mv -T "$2" "$2.was.partial" || exit 1
	fi
	mv -T "$1" "$2" && sync "${2%/*}"
}

# verify UNITFILE: what systemd says of a unit; its exit status says nothing.
verify() {
	command -v systemd-analyze >/dev/null || return 0
	said=$(within 60 systemd-analyze verify "$1" 2>&1)
	printf '%s\n' "$said" | grep -F -e "${1##*/}" -e "$1"
	return 0
}

# parse PROGRAM ARGUMENT…: the program reads its own arguments, and says its version.
parse() { within 60 "$@" --version 2>&1 </dev/null; }

# --- changing --------------------------------------------------------------

# trial HOME GENERATION START UNIT SECONDS BASE ROLLOUT BY: makes a generation the one
# that runs, and has the host put the previous one back by itself after SECONDS. BASE is
# the sha256 that START has, or none; ROLLOUT names what is deployed everywhere, BY what
# people asked for.
trial() { act try "$@"; }

try() {
	home=$1 generation=$2 start=$3 unit=$4 seconds=$5 base=$6
	[ ! -e "$home/trial" ] || fail "an unfinished trial is there: $home/trial"
	has=none
	[ -e "$start" ] && has=$(sha256sum <"$start") && has=${has%% *}
	[ "$has" = "$base" ] || fail "$start changed since the plan was made"
	enabled=yes active=yes
	if [ "$generation" = none ]; then # as it was before the first deployment
		enabled=$(field "$home/state" enabled) active=$(field "$home/state" active)
	elif [ ! -f "$home/$generation/${start##*/}" ]; then
		fail "$home/$generation/${start##*/} is missing"
	fi
	previous=$(keep "$home" "$start") || exit 1
	guard "$home" "$unit" || exit 1
	journal "$generation" "$previous" "$start" "$unit" "$7" "$8" | put 0600 "$home/trial" || exit 1
	arm "$home" "$seconds" || {
		rm -f "$home/trial"
		fail "the timer that would put the old generation back can't be started"
	}
	switch "$home" "$generation" "$start" "$unit" "$enabled" "$active" && return
	echo "putting $previous back" >&2
	back "$home"
	exit 1
}

# keep HOME START: the name of what START is now. What no generation wrote is kept
# as one, to go back to.
keep() {
	was=$(written "$1" "$2")
	[ "$was" = found ] || { echo "$was" && return; }
	sum=$(sha256sum <"$2")
	found=found-$(printf '%.12s' "$sum")
	mkdir -p "$1/$found" && put 0644 "$1/$found/${2##*/}" <"$2" && sync "$1" && echo "$found"
}

journal() {
	enabled=no active=no
	systemctl is-enabled -q "$4" 2>/dev/null && enabled=yes
	case $(systemctl is-active "$4" 2>/dev/null) in
	active | activating | reloading) active=yes ;; # one that waits to be started again, too
	esac
	printf 'generation %s\nprevious %s\nstart %s\nunit %s\nenabled %s\nactive %s\nrollout %s\nby %s\nsince %s\n' \
		"$1" "$2" "$3" "$4" "$enabled" "$active" "$5" "$6" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}

# guard HOME UNIT: installs this script and the unit that runs it at boot.
guard() {
	printf '%s\n' "$script" | put 0700 "$1/recover" || return 1
	text="[Unit]
Description=Put the previous kube-controller-manager back where a deployment was never confirmed
ConditionPathExists=$1/trial
DefaultDependencies=no
After=local-fs.target
Before=$2

[Service]
Type=oneshot
ExecStart=/bin/sh $1/recover boot $1

[Install]
WantedBy=multi-user.target"
	at=/etc/systemd/system/kcmgen-recover.service
	own $at && [ "$(cat $at)" = "$text" ] && systemctl is-enabled -q kcmgen-recover.service 2>/dev/null && return
	printf '%s\n' "$text" | put 0644 $at && systemctl daemon-reload && systemctl enable -q kcmgen-recover.service
}

# arm HOME SECONDS: where going back fails, it is tried again.
arm() {
	disarm
	systemd-run -q --unit=kcmgen-revert --on-active="$2" --on-unit-inactive=30 --timer-property=AccuracySec=100ms \
		/bin/sh "$1/recover" revert "$1" 2>&1
}

disarm() {
	systemctl stop kcmgen-revert.timer 2>/dev/null
	systemctl reset-failed kcmgen-revert.timer kcmgen-revert.service 2>/dev/null
	return 0
}

# switch HOME GENERATION START UNIT ENABLED ACTIVE: the one place that changes what
# a host runs. Renaming the unit into its place is the commit. It returns 2 where that
# is done and the unit doesn't start.
switch() {
	if [ "$2" = none ]; then
		within 120 systemctl stop "$4" 2>/dev/null
		systemctl disable -q "$4" 2>/dev/null
		rm -f "$3" && sync "${3%/*}" && systemctl daemon-reload || return 1
		systemctl reset-failed "$4" 2>/dev/null
		systemctl cat "$4" >/dev/null 2>&1 || return 0 # else a package's own comes to light
	else
		name "$3" "$1/$2/${3##*/}" && systemctl daemon-reload || return 1
	fi
	if [ "$5" = yes ]; then
		systemctl enable -q "$4" 2>/dev/null
	else
		systemctl disable -q "$4" 2>/dev/null
	fi
	systemctl reset-failed "$4" 2>/dev/null
	if [ "$6" = yes ]; then
		within 120 systemctl restart "$4" || return 2
	else
		within 120 systemctl stop "$4" || return 2
	fi
}

# back HOME: ends a trial with what ran before it. One that doesn't start is what ran
# before all the same.
back() {
	file=$1/trial
	[ -e "$file" ] || { disarm && return 0; }
	switch "$1" "$(field "$file" previous)" "$(field "$file" start)" "$(field "$file" unit)" \
		"$(field "$file" enabled)" "$(field "$file" active)"
	started=$?
	[ "$started" = 1 ] && return 1
	rm -f "$file" && sync "$1" && disarm && return "$started"
}

# reboot HOME: back, before the unit is started at boot.
reboot() {
	file=$1/trial
	[ -e "$file" ] || return 0
	previous=$(field "$file" previous) start=$(field "$file" start) unit=$(field "$file" unit)
	if [ "$previous" = none ]; then
		systemctl disable -q "$unit" 2>/dev/null
		rm -f "$start" && sync "${start%/*}" || return 1
	else
		name "$start" "$1/$previous/${start##*/}" || return 1
	fi
	systemctl daemon-reload || return 1
	if [ "$(field "$file" enabled)" = yes ]; then
		systemctl enable -q "$unit" 2>/dev/null
	else
		systemctl disable -q "$unit" 2>/dev/null
		systemctl stop --no-block "$unit" 2>/dev/null # boot has it in its queue already
	fi
	rm -f "$file" && sync "$1"
}

# confirm HOME GENERATION PROGRAMS UNIT: one rename. Afterwards nothing goes back by
# itself, and what neither of the two generations needs goes.
confirm() { act settle "$@"; }

settle() {
	if [ -e "$1/trial" ]; then
		[ "$(field "$1/trial" generation)" = "$2" ] || fail "the trial is another's"
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
		"$2" | "$previous" | found-* | '*') ;; # what somebody else wrote is never removed
		*) [ -h "$d" ] || rm -rf "$d" ;;
		esac
	done
	for d in $(programs "$3"); do
		grep -qF "$d/" "$1"/*/"$4" 2>/dev/null || rm -rf "$d"
	done
}

# again HOME GENERATION: one that was only restarted has the same one before it as it
# had. Until the trial is gone, going back leads to itself.
again() {
	older=$(field "$1/state" previous)
	[ "$older" != "$2" ] || older=
	text=$(sed "s/^previous .*/previous ${older:--}/" "$1/trial") && printf '%s\n' "$text" | put 0600 "$1/state" &&
		rm -f "$1/trial" && sync "$1"
}

# programs FOLDER: those that kcmgen put there, each in a folder named by its checksum.
programs() {
	for d in "$1"/*/; do
		d=${d%/}
		case ${d##*/} in
		*[!0-9a-f]*) ;;
		????????????????*) echo "$d" ;;
		esac
	done
}

# ended HOME: the run that confirmed this generation ended well; none that comes later
# takes it back.
ended() { act end "$1"; }

end() {
	[ "$(field "$1/state" ended)" != yes ] || return 0
	text=$(cat "$1/state") && printf '%s\nended yes\n' "$text" | put 0600 "$1/state"
}

# undo HOME: goes back from a confirmed generation to the one before.
undo() { act unsettle "$1"; }

unsettle() {
	file=$1/state
	to=$(field "$file" previous)
	case $to in
	'' | -) fail "there is nothing to go back to" ;;
	esac
	switch "$1" "$to" "$(field "$file" start)" "$(field "$file" unit)" \
		"$(field "$file" enabled)" "$(field "$file" active)"
	started=$?
	[ "$started" != 1 ] || exit 1
	if [ "$to" = none ]; then
		rm -f "$file" "$1/current" && sync "$1" || exit 1
		return "$started"
	fi
	text=$(sed -e "s/^generation .*/generation $to/" -e 's/^previous .*/previous -/' "$file") &&
		printf '%s\n' "$text" | put 0600 "$file" && link "$1" "$to" && return "$started"
}

# link HOME GENERATION
link() {
	[ -h "$1/current" ] || rm -rf "$1/current"
	ln -sfn "$2" "$1/.current.kcmgen" && mv -fT "$1/.current.kcmgen" "$1/current"
}

# retire HOME START UNIT PROGRAMS: nothing of kcmgen is left. What others wrote stays:
# their unit, and the one that the first deployment kept.
retire() { act leave "$@"; }

leave() {
	was=$(written "$1" "$2")
	case $was in
	found*) fail "$2 wasn't written by kcmgen: stop it and remove it by hand" ;;
	esac
	disarm
	[ "$was" = none ] || switch "$1" none "$2" "$3" no no || exit 1
	systemctl disable -q kcmgen-recover.service 2>/dev/null
	rm -f /etc/systemd/system/kcmgen-recover.service
	systemctl daemon-reload
	for f in "$1"/* "$1"/.*.kcmgen; do
		case ${f##*/} in
		found-*) ;;
		*) rm -rf "$f" ;;
		esac
	done
	for d in $(programs "$4"); do rm -rf "$d"; done
	rmdir "$1" "$4" 2>/dev/null
	return 0
}

# --- being called ------------------------------------------------------------

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
			[ "$now" = busy ] || [ "$now" != "$last" ] || kill -TERM $$ || exit
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

case ${1-} in
revert) act back "$2" ;;
undo) act unsettle "$2" ;;
boot) act reboot "$2" ;;
esac
