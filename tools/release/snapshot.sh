#!/usr/bin/env bash
# Usage: tools/release/snapshot.sh
#
# Makes dist/, the files of a release from the current files. GoReleaser works in a
# clone, which has a remote and no changes, and whose commit Go records, unlike that of
# a git worktree.
# Needs tools/install.sh release on PATH.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=$(pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

git clone -q --no-hardlinks "$here" "$work/kcmgen"
cd "$work/kcmgen"
date=$(git log -1 --format=%cI)

# Work in progress becomes a commit there, with the time of the last one.
git rm -rq --ignore-unmatch .
git -C "$here" ls-files -z --cached --others --exclude-standard |
	while IFS= read -r -d '' file; do [ ! -e "$here/$file" ] || printf '%s\0' "$file"; done |
	tar -C "$here" --null -T - -cf - | tar -xf -
git add -A
git diff --cached --quiet || GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date \
	git -c user.name=snapshot -c user.email=snapshot@localhost -c core.hooksPath=/dev/null commit -q -m 'work in progress'

goreleaser release --snapshot --clean
rm -rf "$here/dist"
mv dist "$here/dist"
