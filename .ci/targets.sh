#!/usr/bin/env bash
# The library, without features, for every bare-metal target that no_std-tests/targets lists: code is generated, so that
# what breaks in the compiler's back end is seen, too. About half an hour on two cores. Targets that the compiler knows
# and the list does not have, or the other way round, fail; so does a target listed as impossible that builds.
#
#     .ci/targets.sh               builds every target of the list
#     .ci/targets.sh TARGET...     builds these alone
set -euo pipefail
cd "$(dirname "$0")/.."
list=no_std-tests/targets
out=target/targets

# shellcheck source=SCRIPTDIR/lib.sh
. .ci/lib.sh

packages rustc-web cargo-web rust-web-src
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0
mkdir -p "$out"

known=$("$RUSTC" --print target-list)
grep -E -- '-none|-uefi' <<<"$known" | sort >"$out/known"
sed -e '/^#/d' -e 's/ .*//' "$list" | sort >"$out/listed"
if ! diff "$out/listed" "$out/known" >"$out/difference"; then
    version=$("$RUSTC" --version)
    echo "$list (<) is not what $version knows (>):" >&2
    cat "$out/difference" >&2
    exit 1
fi

# Builds for target $1 with flags $2; prints the compiler's words where that fails. It and `check` are called in
# conditions, where `set -e` does not hold: each of their commands is checked, or cannot fail for nothing.
build() {
    local directory
    directory=$(mktemp -d "$PWD/$out/XXXXXX") || return
    RUSTFLAGS="-Dwarnings $2" timeout 1800 /usr/bin/cargo build -q -Zbuild-std=core --lib --no-default-features \
        --target "$1" --target-dir "$directory" 2>&1
    local status=$?
    rm -rf "$directory"
    return $status
}

# shellcheck disable=SC2310,SC2016
check() {
    local target=$1 rest=$2 output
    case $rest in
    '!'?*)
        if output=$(build "$target" ''); then
            echo "$target: builds, although $list says: $rest"
            return 1
        elif ! grep -Eq 'could not compile `(core|compiler_builtins)`' <<<"$output"; then
            printf '%s: fails, but not in core:\n%s\n' "$target" "$output"
            return 1
        fi
        echo "$target: not possible: ${rest#!}"
        ;;
    '!')
        echo "$target: no reason is given"
        return 1
        ;;
    *)
        output=$(build "$target" "$rest") || { printf '%s: FAILED\n%s\n' "$target" "$output"; return 1; }
        echo "$target: built"
        ;;
    esac
}
export -f build check
export list out

[ $# != 0 ] || mapfile -t targets <"$out/listed"
[ $# = 0 ] || targets=("$@")
for target in "${targets[@]}"; do
    grep -qx "$target" "$out/listed" || { echo "$target: not in $list" >&2; exit 1; }
done
jobs=$(nproc)
# shellcheck disable=SC2016
printf '%s\n' "${targets[@]}" |
    xargs -P "$jobs" -I{} bash -c 'rest=$(sed -n "s/^$1 //p" "$list") && check "$1" "$rest"' - {}
echo "${#targets[@]} targets as $list says"
