#!/usr/bin/env bash
# Refuses words that don't belong into this repository's plain English: those that
# tools/lint/words.txt lists, with what to write instead. Data of others may hold them.
set -euo pipefail
cd "$(dirname "$0")/../.."

where=(git grep)
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || where=(git grep --no-index)
bad=0
while IFS=$'\t' read -r word instead; do
	case $word in '' | '#'*) continue ;; esac
	if found=$("${where[@]}" -nwiI -e "$word" -- ':!findings' ':!gen/flags/data' ':!tools/lint/words.txt'); then
		printf '%s\n' "$found" | sed "s|^|$word ($instead): |" >&2
		bad=1
	fi
done <tools/lint/words.txt
exit "$bad"
