# Staging: files are put on the host, and nothing is started.

# lock WHO HOME START OTHER: keeps other sessions from changing this host. The lock belongs to the
# open file, so it ends with the session and needs no clock. It prints the stamp of what is
# locked, or the holder with status 75.
lock() {
	within 1 flock 9 || { cat /run/kcmgen.lock && exit 75; }
	printf '%s since %s\n' "$1" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >/run/kcmgen.lock
	stamp "$2" "$3" "$4"
}

# prepare DIR…: makes directories for staging, and removes what an unfinished session left
# in them.
prepare() {
	for dir; do
		(umask 022 && mkdir -p "$dir") && sync "${dir%/*}/" || exit 1
		rm -rf "$dir"/*.partial "$dir"/.*.kcmgen
	done
}

# seal PARTIAL FINAL N M: reads N lines of sha256sum and M lines of an owner and a path,
# verifies what was staged in PARTIAL, gives it to its owners, makes it durable and renames it
# to FINAL.
seal() {
	sums=
	n=$3
	while [ "$n" -gt 0 ] && IFS= read -r line; do
		n=$((n - 1))
		sums="$sums$line
"
	done
	cd "$1" || exit 1
	m=$4
	while [ "$m" -gt 0 ] && IFS= read -r line; do
		m=$((m - 1))
		chown -h "${line%% *}" "./${line#* }" || exit 1
	done
	bad=$(printf '%s' "$sums" | sha256sum -c --quiet 2>&1) || fail "read back, it isn't what was sent: $bad"
	find . -exec sync {} + || exit 1
	# A damaged FINAL is replaced.
	if [ -e "$2" ] || [ -h "$2" ]; then
		mv --exchange -T "$1" "$2" 2>/dev/null && sync "${2%/*}" && return # atomic, where mv can do it
		mv -T "$2" "$2.was.partial" || exit 1
	fi
	mv -T "$1" "$2" && sync "${2%/*}"
}

# parse PROGRAM ARGUMENT…: has a program parse its arguments and print its version.
parse() { within 60 "$@" --version 2>&1 </dev/null; }
