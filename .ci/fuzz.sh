#!/usr/bin/env bash
# Runs each fuzz target, or those that are named, for so many seconds: `.ci/fuzz.sh SECONDS [TARGET...]`.
# Needs a nightly toolchain (status 77 without); installs cargo-fuzz. What a target finds is in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
# shellcheck source=SCRIPTDIR/lib.sh
. ../.ci/lib.sh
seconds=${1:-10}
[ $# = 0 ] || shift

nightly
command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz
cargo +nightly fuzz build
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    list=$(cargo +nightly fuzz list)
    mapfile -t targets <<<"$list"
fi
for target in "${targets[@]}"; do
    case $target in
    texts) dictionary=texts ;;
    netlink*) dictionary=netlink ;;
    *) dictionary=packets ;;
    esac
    mkdir -p "corpus/$target" "seeds/$target"
    log=$(mktemp)
    if ! cargo +nightly fuzz run "$target" "corpus/$target" "seeds/$target" -- -max_total_time="$seconds" \
        -timeout=5 -rss_limit_mb=2048 -max_len=4096 -dict="dictionaries/$dictionary.dict" >"$log" 2>&1; then
        cat "$log"
        exit 1
    fi
    # Both lines are there after each run: without them nothing was fuzzed.
    runs=$(grep -E '^Done [1-9]' "$log")
    coverage=$(grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+/[0-9]+[a-zA-Z]*' "$log" | tail -1)
    printf '%-24s %s; %s\n' "$target" "$runs" "$coverage"
    rm "$log"
done
