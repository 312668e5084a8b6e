#!/bin/sh
# Usage: tools/install.sh reference|lint|release|test|benchmark
#        tools/install.sh browser [check]
#
# Builds the programs that tools/<name>/go.mod lists as tools, unless they are
# there already, and prints the directory they are in:
#
#	PATH=$(tools/install.sh reference):$PATH
#
# browser has no programs: npm fetches the packages of its package-lock.json, and
# the directory is that of the packages. With check, nothing is fetched.
#
# That directory lies in the user's cache, not in the checkout: a fresh clone or
# another worktree finds it warm, and no linter or `git clean` walks over it.
set -eu

name=${1:?usage: tools/install.sh reference|lint|release|test|benchmark|browser}
cd "$(dirname "$0")/$name"

if [ -f package-lock.json ]; then
	key=$(cat ../install.sh package.json package-lock.json | git hash-object --stdin | cut -c1-16)
	home=${KCMGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kcmgen}/tools/$name-$key
	if ! [ -d "$home/node_modules" ]; then
		[ "${2-}" != check ] || exit 1
		echo "fetching the packages of tools/$name into $home (once)" >&2
		mkdir -p "$home"
		work=$(mktemp -d "$home/.build-XXXXXX")
		trap 'rm -rf "$work"' EXIT
		trap 'exit 130' INT TERM
		cp package.json package-lock.json "$work/"
		(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund >&2)
		mv "$work/node_modules" "$home/" 2>/dev/null || [ -d "$home/node_modules" ]
	fi
	echo "$home/node_modules"
	exit
fi

# The directory's name says everything that decides the binaries, so a bumped
# version or another Go never meets an old build. git does the hashing because
# sha256sum is not on every system, and git is.
key=$({ go env GOVERSION && cat ../install.sh go.mod go.sum && find . -name '*.go' -exec cat {} +; } | git hash-object --stdin | cut -c1-16)
home=${KCMGEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kcmgen}/tools/$name-$key

if ! [ -d "$home/bin" ]; then
	echo "building tools/$name into $home (once; it can take minutes)" >&2
	mkdir -p "$home"
	work=$(mktemp -d "$home/.build-XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM

	# No cgo: a fresh machine may have no C compiler, and cfssl's SQLite, the
	# only taker, is nothing we judge with. GOOS and GOARCH are emptied because
	# these programs run here, whatever the caller is compiling for.
	env GOOS= GOARCH= GOFLAGS= GOWORK=off CGO_ENABLED=0 GOBIN="$work/bin" \
		go install -trimpath -ldflags='-s -w' tool >&2

	# One rename publishes the lot, so bin is complete or absent. Into a directory
	# that another run has filled meanwhile it fails, and theirs is as good.
	mv "$work/bin" "$home/" 2>/dev/null || [ -d "$home/bin" ]
fi
echo "$home/bin"
