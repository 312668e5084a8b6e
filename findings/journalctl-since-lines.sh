#!/bin/sh
# journalctl --since TIME -n 3 prints the first three entries since that time, and without --since
# the last three: "-n 3" alone means the newest. A tool that wants the end of the log since a
# moment has to read backwards (-r), and turn the order around. Seen with systemd 252.
#
# Needs mmdebstrap, and root or user namespaces.
set -eu
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
cat >"$D/try" <<'T'
set -eu
cd "$(mktemp -d)"
for n in 0 1 2 3 4 5 6 7 8 9; do
	printf '__REALTIME_TIMESTAMP=170000000%s000000\n__MONOTONIC_TIMESTAMP=100000%s\n_BOOT_ID=00000000000000000000000000000001\nMESSAGE=entry %s\n\n' $n $n $n
done >export
/lib/systemd/systemd-journal-remote -o all.journal export 2>/dev/null
show() { journalctl --file all.journal -q -o cat "$@" | tr '\n' ' '; }
journalctl --version | head -n 1
echo "-n 3: $(show -n 3)"
echo "--since, -n 3: $(show --since @1700000002 -n 3)"
echo "--since, -n 3, -r: $(show --since @1700000002 -n 3 -r)"
T
mmdebstrap --quiet --variant=essential --include=systemd,systemd-journal-remote \
	--customize-hook="copy-in $D/try /tmp" --customize-hook='chroot "$1" sh /tmp/try >"$1/tmp/said"' \
	--customize-hook="copy-out /tmp/said $D" bookworm /dev/null >/dev/null
cat "$D/said"
grep -q '^systemd 252 ' "$D/said"
grep -q '^-n 3: entry 7 entry 8 entry 9 $' "$D/said"
grep -q '^--since, -n 3: entry 2 entry 3 entry 4 $' "$D/said"
grep -q '^--since, -n 3, -r: entry 9 entry 8 entry 7 $' "$D/said"
