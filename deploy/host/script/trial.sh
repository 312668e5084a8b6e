# The trial: a generation runs, and goes back by itself unless it is confirmed.

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
	unit_runs "$4"
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

# rearm HOME GENERATION: the trial goes on for as long again: somebody is there, and
# waits for what is no fault of this host.
rearm() { act prolong "$@"; }

prolong() {
	[ "$(field "$1/trial" generation)" = "$2" ] || fail "the host went back by itself"
	systemctl restart kcmgen-revert.timer # in one go: there is no moment without it
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
		unit_stop "$4"
		rm -f "$3" && sync "${3%/*}" && unit_reread || return 1
		unit_left "$4" || return 0 # else a package's own comes to light
	else
		name "$3" "$1/$2/${3##*/}" && unit_reread || return 1
	fi
	unit_start "$4" "$5" "$6"
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
		unit_unlist "$unit"
		rm -f "$start" && sync "${start%/*}" || return 1
	else
		name "$start" "$1/$previous/${start##*/}" || return 1
	fi
	unit_reread && unit_boot "$unit" "$(field "$file" enabled)" || return 1
	rm -f "$file" && sync "$1"
}
