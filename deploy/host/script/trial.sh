# Trials: a generation runs, and the host goes back by itself unless it is confirmed.

# trial HOME GENERATION START UNIT SECONDS BASE ROLLOUT BY OTHER OTHERUNIT: starts a generation,
# and has the host go back by itself after SECONDS. BASE is the expected sha256 of what the host
# starts, or none; ROLLOUT is the plan's ID, BY the operator's command. OTHER and OTHERUNIT are
# the file and unit of the other layout: the host may have that until now.
trial() { act try "$@"; }

try() {
	home=$1 generation=$2 start=$3 unit=$4 seconds=$5 base=$6
	[ ! -e "$home/trial" ] || fail "an unfinished trial is there: $home/trial"
	end_drill "$home" || fail "a drill that was cut off can't be ended: sh $home/recover undrill $home"
	effective "$start" "$unit" "$9" "${10}" # sets at and its
	has=none
	[ -e "$at" ] && has=$(sha256sum <"$at") && has=${has%% *}
	[ "$has" = "$base" ] || fail "$at changed since the plan was made"
	enabled=yes active=yes
	if [ "$generation" = none ]; then # the state before the first deployment
		enabled=$(field "$home/state" enabled) active=$(field "$home/state" active)
	elif [ ! -f "$home/$generation/${start##*/}" ]; then
		fail "$home/$generation/${start##*/} is missing"
	fi
	again=no # whether it has to be started although the host has it
	[ "$generation" = none ] || ! cmp -s "$home/$generation/${start##*/}" "$start" || again=yes
	previous=$(keep "$home" "$at") || exit 1
	[ "$previous" = none ] || layout keep "$its" "$previous" "$at"
	install_recovery "$home" "$unit" "$its" || exit 1
	journal "$generation" "$previous" "$start" "$unit" "$7" "$8" "$at" "$its" | put 0600 "$home/trial" || exit 1
	arm "$home" "$seconds" || {
		rm -f "$home/trial"
		fail "the timer that would put the old generation back can't be started"
	}
	# Never two at once: what the other layout starts is gone before this one starts.
	[ "$at" = "$start" ] || switch "$home" none "$at" "$its" no no || {
		back "$home"
		exit 1
	}
	switch "$home" "$generation" "$start" "$unit" "$enabled" "$active" "$again" && {
		case $unit in
		*/*) systemctl restart kcmgen-revert.timer ;; # the end of the old pod took a while
		esac
		return 0
	}
	back "$home"
	exit 1
}

# effective START UNIT OTHER OTHERUNIT: sets at and its to the file and unit that the host has:
# those of the other layout only if nothing else is there, and if something would start them.
effective() {
	at=$1 its=$2
	[ -e "$1" ] || [ -h "$1" ] || ! is_file "$3" || ! layout lives "$4" "$4" || at=$3 its=$4
}

# keep HOME START: prints the generation of START. A foreign unit is kept as found-SUM, to
# go back to.
keep() {
	was=$(generation_of "$1" "$2")
	[ "$was" = found ] || { echo "$was" && return; }
	sum=$(sha256sum <"$2")
	found=found-$(printf '%.12s' "$sum")
	mkdir -p "$1/$found" && put "0$(stat -c %a "$2")" "$1/$found/${2##*/}" <"$2" && sync "$1" && echo "$found"
}

journal() {
	layout runs "$8" "$8"
	[ "$7" = "$3" ] || printf 'was.start %s\nwas.unit %s\n' "$7" "$8"
	printf 'generation %s\nprevious %s\nstart %s\nunit %s\nenabled %s\nactive %s\nrollout %s\nby %s\nsince %s\n' \
		"$1" "$2" "$3" "$4" "$enabled" "$active" "$5" "$6" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}

# install_recovery HOME UNIT OTHERUNIT: installs this script, and the unit that runs it at boot,
# before what starts one of the units.
install_recovery() {
	printf '%s\n' "$script" | put 0700 "$1/recover" || return 1
	text="[Unit]
Description=Put kube-controller-manager back where a deployment was never confirmed, or a drill was cut off
ConditionPathExists=|$1/trial
ConditionPathExists=|$1/drill
DefaultDependencies=no
After=local-fs.target
Before=$(layout starter "$2" "$2")
Before=$(layout starter "$3" "$3")
After=containerd.service crio.service

[Service]
Type=oneshot
ExecStart=/bin/sh $1/recover boot $1

[Install]
WantedBy=multi-user.target"
	bootunit=/etc/systemd/system/kcmgen-recover.service
	is_file $bootunit && [ "$(cat $bootunit)" = "$text" ] && systemctl is-enabled -q kcmgen-recover.service 2>/dev/null && return
	printf '%s\n' "$text" | put 0644 $bootunit && systemctl daemon-reload && systemctl enable -q kcmgen-recover.service
}

# arm HOME SECONDS: starts the timer that goes back. If that fails, it tries again.
arm() {
	disarm
	systemd-run -q --unit=kcmgen-revert --on-active="$2" --on-unit-inactive=30 --timer-property=AccuracySec=100ms \
		/bin/sh "$1/recover" revert "$1" 2>&1
}

# rearm HOME GENERATION: restarts the timer: kcmgen waits for something that is no fault of
# this host.
rearm() { act prolong "$@"; }

prolong() {
	[ "$(field "$1/trial" generation)" = "$2" ] && ! undoing "$1" || fail "the host went back by itself"
	systemctl restart kcmgen-revert.timer # atomic: the timer never stops
}

disarm() {
	systemctl stop kcmgen-revert.timer 2>/dev/null
	systemctl reset-failed kcmgen-revert.timer kcmgen-revert.service 2>/dev/null
	return 0
}

# switch HOME GENERATION START UNIT ENABLED ACTIVE [AGAIN]: the one place that changes what a
# host runs. Renaming the unit or manifest into its place is the commit. It returns 2 if it
# then doesn't start or stop.
switch() {
	from=none
	[ "$2" = none ] || from=$1/$2/${3##*/}
	layout replace "$4" "$1" "$3" "$4" "$from" "${7-no}" || return
	layout reread "$4" "$4" || return 1
	# Without its file, a package's own unit takes effect.
	[ "$2" != none ] || layout left "$4" "$4" || return 0
	layout start "$4" "$4" "$5" "$6"
}

# back HOME: ends a trial and goes back to what ran before, even if that doesn't start.
back() {
	file=$1/trial
	[ -e "$file" ] || { disarm && return 0; }
	return_to "$1" "$(field "$file" previous)" "$file"
	started=$?
	[ "$started" = 1 ] && return 1
	undo_ended "$1" && rm -f "$file" && sync "$1" && disarm && return "$started"
}

# undo_ended HOME: records an undo whose trial the timer or the boot has ended, unless the undo
# came to that itself.
undo_ended() {
	! undoing "$1" || [ "$(field "$1/trial" generation)" != "$(field "$1/state" generation)" ] || undone "$1"
}

# undoing HOME: tests whether the trial is that of an undo.
undoing() { [ "$(field "$1/trial" undo)" = yes ]; }

# return_to HOME GENERATION JOURNAL: switches to the generation before that of a journal. If it
# is of another layout, what the journal's starts is gone before.
return_to() {
	start=$(field "$3" start) unit=$(field "$3" unit)
	at=$(field "$3" was.start) its=$(field "$3" was.unit)
	if [ -n "$at" ]; then
		switch "$1" none "$start" "$unit" no no || return 1
		start=$at unit=$its
	fi
	switch "$1" "$2" "$start" "$unit" "$(field "$3" enabled)" "$(field "$3" active)"
}

# reboot HOME: goes back at boot, before the unit is started.
reboot() {
	file=$1/trial
	[ -e "$file" ] || return 0
	previous=$(field "$file" previous) start=$(field "$file" start) unit=$(field "$file" unit)
	at=$(field "$file" was.start)
	if [ "$previous" = none ] || [ -n "$at" ]; then
		layout unlist "$unit" "$unit"
		rm -f "$start" && sync "${start%/*}" || return 1
	fi
	[ -z "$at" ] || { layout reread "$unit" "$unit" && layout boot "$unit" "$unit" no; } || return 1
	[ -z "$at" ] || start=$at unit=$(field "$file" was.unit)
	[ "$previous" = none ] || layout replace "$unit" "$1" "$start" "$unit" "$1/$previous/${start##*/}" no || return 1
	layout reread "$unit" "$unit" && layout boot "$unit" "$unit" "$(field "$file" enabled)" || return 1
	undo_ended "$1" && rm -f "$file" && sync "$1"
}
