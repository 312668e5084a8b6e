# Looking: nothing here changes a host.

# look N LIMIT: reads N paths and prints a line for each: type|mode|owner|ids|size|sha256|path.
# Files longer than LIMIT bytes have no sha256.
look() {
	n=$1 limit=$2
	while [ "$n" -gt 0 ] && IFS= read -r path; do
		n=$((n - 1))
		sum=
		if about=$(stat -c '%F|%a|%U:%G|%u:%g|%s' -- "$path" 2>/dev/null); then
			case $about in
			regular*) [ "${about##*|}" -gt "$limit" ] || { sum=$(sha256sum <"$path") && sum=${sum%% *}; } ;;
			esac
		else
			about='missing||||'
		fi
		printf '%s|%s|%s\n' "$about" "$sum" "$path"
	done
}

# about HOME START UNIT OTHER OTHERUNIT: prints facts about the host and the deployment. OTHER is
# the file of the other layout, which starts OTHERUNIT.
about() {
	echo "uid $(id -u)"
	echo "name $(uname -n)"
	echo "clock $(date +%s)"
	echo "boot $(cat /proc/sys/kernel/random/boot_id)"
	echo "systemd $(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')"
	for tool in flock sync timeout sha256sum stat systemd-run; do
		command -v $tool >/dev/null || echo "lacks $tool"
	done
	obstructed "$1/trial" "$1/state" "$1/recover" "$1/ran" /etc/systemd/system/kcmgen-recover.service /run/kcmgen.act
	room "$1"
	[ ! -d "${2%/*}" ] || [ -w "${2%/*}" ] || echo "fixed ${2%/*}"
	lock_holder
	is_file "$1/trial" && sed 's/^/trial./' "$1/trial"
	is_file "$1/state" && sed 's/^/state./' "$1/state"
	is_file "$1/drill" && echo "drill $(field "$1/drill" mode)"
	effective "$2" "$3" "$4" "$5"
	echo "at $at"
	echo "runs $(generation_of "$1" "$at")"
	[ "$at" != "$2" ] || [ ! -e "$2" ] || ! is_file "$4" || ! layout lives "$5" "$5" || echo "both $4"
	echo "stamp $(stamp "$1" "$2" "$4")"
	return 0
}

# lock_holder: prints the session that is changing this host. The shared lock is held for
# less time than lock waits.
lock_holder() (
	exec 7>>/run/kcmgen.lock
	flock -n -s 7 || sed -n '1s/^/held /p' /run/kcmgen.lock
)

# obstructed FILE…: prints which of kcmgen's files aren't regular files.
obstructed() {
	for f; do
		is_file "$f" || { [ ! -e "$f" ] && [ ! -h "$f" ]; } || echo "odd $f is a $(stat -c %F "$f")"
	done
}

# stamp HOME START OTHER: prints a checksum that changes when the host is changed. The order of
# START and OTHER doesn't matter: a rollback may exchange them.
stamp() {
	for f in "$1/trial" "$1/state" "$2" "$3"; do
		echo "$f $(is_file "$f" && sha256sum <"$f" || echo none)"
	done | sort | sha256sum | cut -c 1-16
}

# generation_of HOME START: prints the generation that START was copied from: none if it is
# missing, found if kcmgen didn't write it.
generation_of() {
	is_file "$2" || {
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

# text FILE: prints a file.
text() {
	[ -f "$1" ] || [ ! -e "$1" ] || fail "$1 is a $(stat -c %F "$1")" # a fifo would never end
	cat -- "$1"
}

# room DIR: prints free space, and whether DIR or its first existing parent is read-only.
room() {
	dir=$1
	while [ ! -d "$dir" ]; do dir=${dir%/*} && dir=${dir:-/}; done
	[ -w "$dir" ] || echo "readonly $dir"
	df -Pk "$dir" | awk 'NR == 2 { print "kbytes " $4 }'
	df -Pi "$dir" | awk 'NR == 2 && $2 > 0 { print "inodes " $4 }'
}
