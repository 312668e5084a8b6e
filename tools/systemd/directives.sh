#!/bin/sh
# Writes gen/vet/directives.txt: the directives of services that systemd knows, as
# several releases of it print them. Each is unpacked from a Debian suite into a
# temporary directory, which takes mmdebstrap, root and a network. Run it when a suite
# with a newer systemd is out:
#
#   tools/systemd/directives.sh bullseye bookworm trixie sid
#
# A snapshot of a suite needs APT_CHECK_VALID=false.
set -eu
[ $# -gt 0 ] || { echo "which suites? tools/systemd/directives.sh bullseye bookworm trixie sid" >&2; exit 2; }
out=$(cd "$(dirname "$0")/../.." && pwd)/gen/vet/directives.txt
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for suite; do
	root=$dir/$suite
	mmdebstrap --quiet --variant=extract --include=systemd \
		--aptopt="Acquire::Check-Valid-Until \"${APT_CHECK_VALID:-true}\"" "$suite" "$root" >&2
	for link in bin lib lib64 sbin; do # nothing is configured, so nothing has merged /usr
		[ -e "$root/$link" ] || ln -s "usr/$link" "$root/$link"
	done
	systemd=/usr/lib/systemd/systemd
	[ -x "$root$systemd" ] || systemd=/lib/systemd/systemd
	version=$(chroot "$root" "$systemd" --version | awk 'NR == 1 {print $2}')
	chroot "$root" "$systemd" --dump-configuration-items | awk -v version="$version" '
		/^\[/ {section = substr($0, 2, length($0) - 2); next}
		section ~ /^(Unit|Service|Install)$/ && /=/ {print version, section, substr($0, 1, index($0, "=") - 1)}'
done | sort -n >"$dir/all"
awk '
	!($1 in seen) {seen[$1]; versions = versions " " $1}
	{name = $2 " " $3; if (!(name in first)) first[name] = $1; last[name] = $1}
	END {
		print "# Written by tools/systemd/directives.sh: what systemd --dump-configuration-items tells."
		print "# section, name, the first and the last version that has it, of those asked:" versions
		for (name in first) print name, first[name], last[name] | "LC_ALL=C sort"
	}' "$dir/all" >"$dir/out"
mv "$dir/out" "$out"
