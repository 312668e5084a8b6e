#!/usr/bin/env bash
# Usage: tools/release/check.sh DIST
#
# Checks GoReleaser's output with other tools: tar and unzip, sha256sum, go version -m,
# cue and mandoc.
set -euo pipefail
cd "$1"
shape=$OLDPWD/tools/release/bill.cue
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# There is one archive for each system, and each is in the list of checksums.
systems=(linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64)
sha256sum --quiet --strict -c checksums.txt
[ "$(wc -l <checksums.txt)" = $((2 * ${#systems[@]})) ] || { echo "checksums.txt has not two files for each system" >&2; exit 1; }

# the directory that an archive was unpacked to
unpack() {
	local into=$scratch/$1 exe=kcmgen
	mkdir "$into"
	case $1 in
	windows_*) exe=kcmgen.exe; unzip -q ./kcmgen_*_"$1".zip -d "$into" ;;
	*) tar -C "$into" -xzf ./kcmgen_*_"$1".tar.gz ;;
	esac
	mv "$into"/kcmgen_*_"$1"/* "$into"
	[ -x "$into/$exe" ] || { echo "$1: no program in the archive" >&2; return 1; }
	mv "$into/$exe" "$into/program"
}

for s in "${systems[@]}"; do
	unpack "$s"
	cd "$scratch/$s"
	for file in README.md completions/{kcmgen.bash,_kcmgen,kcmgen.fish,kcmgen.ps1} man/man1/kcmgen{,-export,-vet,-version}.1; do
		[ -s "$file" ] || { echo "$s: no $file in the archive" >&2; exit 1; }
	done
	go version -m program >built
	for want in "GOOS=${s%_*}" "GOARCH=${s#*_}" -trimpath=true CGO_ENABLED=0 vcs.modified=false; do
		grep -qxF $'\tbuild\t'"$want" built || { echo "$s: it wasn't built with $want" >&2; exit 1; }
	done
	cd "$OLDPWD"

	# The bill of materials is valid, and lists every module and version that Go lists.
	bill=$(echo kcmgen_*_"$s".cdx.json)
	cue vet -c -d '#Bill' "$shape" "$bill"
	awk -F '\t' '$2 == "dep" || $2 == "mod" {print $3 "@" $4}' "$scratch/$s/built" | sort >"$scratch/linked"
	[ "$(wc -l <"$scratch/linked")" -gt 20 ] || { echo "$s: go version names too few modules" >&2; exit 1; }
	jq -r '.metadata.component, .components[] | select(.name != "std") | .name + "@" + .version' "$bill" | sort >"$scratch/billed"
	diff "$scratch/linked" "$scratch/billed"
	echo "$s: $(wc -c <"$scratch/$s/program") bytes, $(wc -l <"$scratch/linked") modules"
done

# The manual pages and the completions are the same in all archives.
mandoc -Tlint -Wwarning "$scratch"/linux_amd64/man/man1/*.1
grep -q 'OUT/<cluster>' "$scratch/linux_amd64/man/man1/kcmgen-export.1"
for s in "${systems[@]}"; do
	diff -r "$scratch/linux_amd64/man" "$scratch/$s/man"
	diff -r "$scratch/linux_amd64/completions" "$scratch/$s/completions"
done
host=$scratch/$(go env GOHOSTOS)_$(go env GOHOSTARCH)
commands=$("$host/program" __commands | jq '[.. | objects | select(has("use"))] | length')
pages=("$host"/man/man1/*.1)
[ "$commands" = ${#pages[@]} ] || { echo "${#pages[@]} manual pages for $commands commands" >&2; exit 1; }
"$host/program" completion bash | cmp - "$host/completions/kcmgen.bash"
"$host/program" version
