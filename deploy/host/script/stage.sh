# Staging: what is to come lies on the host, and nothing of it runs.

# lock WHO HOME START: nobody else changes this host while this session lives. The lock
# is the open file's, so it dies with the session, and no clock is compared. It prints
# the stamp of what is locked.
lock() {
	within 1 flock 9 || { cat /run/kcmgen.lock && exit 75; }
	printf '%s since %s\n' "$1" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >/run/kcmgen.lock
	stamp "$2" "$3"
}

# prepare DIR…: directories that are to hold what comes are made, and what an
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

# parse PROGRAM ARGUMENT…: the program reads its own arguments, and says its version.
parse() { within 60 "$@" --version 2>&1 </dev/null; }
