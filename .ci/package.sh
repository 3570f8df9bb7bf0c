#!/usr/bin/env bash
# What a user of the published crate has: the package is made, unpacked elsewhere, its links lead somewhere in it, and
# README's first two commands pass there.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=SCRIPTDIR/lib.sh
. .ci/lib.sh

dirty=()
# A change that is tried before it is committed; in CI the tree has to be clean.
[ -n "${CI:-}" ] || dirty=(--allow-dirty)
target=$PWD/target links=$PWD/.ci/links.py
rm -f "$target"/package/*.crate
cargo package --quiet --no-verify "${dirty[@]}"
unpacked=$(mktemp -d)
trap 'rm -r "$unpacked"' EXIT
tar -xzf "$target"/package/*.crate -C "$unpacked"
cd "$unpacked"/*/
size=$(stat -c %s "$target"/package/*.crate)
echo "package: $size bytes"
# The registry takes ten megabytes at most.
[ "$size" -lt 10485760 ]
"$links" .

# A directory of its own, so that dependencies are built once alone. To Cargo the package is the same as the checkout,
# and its files are of 2006: untouched, the programs of another run would count as up to date.
export CARGO_TARGET_DIR=$target/packaged
find . -type f -exec touch {} +
first=$(readme_command 1)
second=$(readme_command 2)
bash -euc "$first" | sed -n 1,3p
[ "$second" = 'cargo test' ]
# shellcheck disable=SC2119
tests_run
