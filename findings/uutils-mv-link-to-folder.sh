#!/bin/sh
# The usual way to turn a link to another folder at once, a new link renamed over the old
# one by mv -T, fails with uutils' coreutils, which some distributions have in the place
# of GNU's: mv looks through the link, sees a folder, and refuses, or says that the folder
# isn't empty. rename(2), and GNU's mv, replace the link itself. A deployment that ends so
# fails at its last step, on a host that has everything else.
#
# Needs mmdebstrap, and root or user namespaces.
set -eu
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
cat >"$D/try" <<'T'
set -u
version=$(dpkg-query -W -f '${Version}' "$2")
cd "$(mktemp -d)"
mkdir a b
touch a/f b/f
ln -s a current
ln -s b next
"$1" -fT next current >out 2>&1
code=$?
echo "$2 $version: exit $code, current -> $(readlink current), $(cat out)"
T
mmdebstrap --quiet --variant=essential --include=rust-coreutils \
	--customize-hook="copy-in $D/try /tmp" \
	--customize-hook='chroot "$1" sh /tmp/try mv coreutils >"$1/tmp/said"; chroot "$1" sh /tmp/try /usr/lib/cargo/bin/coreutils/mv rust-coreutils >>"$1/tmp/said"' \
	--customize-hook="copy-out /tmp/said $D" trixie /dev/null >/dev/null
cat "$D/said"
grep -q '^coreutils .*: exit 0, current -> b,' "$D/said"
grep -q '^rust-coreutils 0\.0\.30.*: exit 1, current -> a, .*Directory not empty' "$D/said"
