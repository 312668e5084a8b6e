#!/bin/sh
# Usage: tools/release/extras.sh DIR
#
# Makes the other files of an archive, DIR/completions and DIR/man, with the program.
# Needs tools/install.sh release on PATH.
set -eu
cd "$(dirname "$0")/../.."

dir=${1:?usage: tools/release/extras.sh DIR}
rm -rf "$dir"
mkdir -p "$dir/completions" "$dir/man"

# For this machine, whatever the caller is compiling for.
env GOOS= GOARCH= go build -trimpath -o "$dir/kcmgen" ./cmd/kcmgen

# Each has the name that its shell looks for.
"$dir/kcmgen" completion bash >"$dir/completions/kcmgen.bash"
"$dir/kcmgen" completion zsh >"$dir/completions/_kcmgen"
"$dir/kcmgen" completion fish >"$dir/completions/kcmgen.fish"
"$dir/kcmgen" completion powershell >"$dir/completions/kcmgen.ps1"

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
"$dir/kcmgen" __commands >"$dir/commands.json"
kcmgen-man "$dir/man" <"$dir/commands.json"
