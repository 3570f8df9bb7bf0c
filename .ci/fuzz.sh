#!/usr/bin/env bash
# Runs each fuzz target, or those that are named, for so many seconds: `.ci/fuzz.sh SECONDS [TARGET...]`.
# Needs a nightly toolchain; installs cargo-fuzz. What a target finds is in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds=${1:-10}
shift || true
command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz
cargo +nightly fuzz build
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo +nightly fuzz list)
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
    printf '%-24s %s; %s\n' "$target" "$(grep -E '^Done' "$log")" \
        "$(grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+/[0-9]+[a-zA-Z]*' "$log" | tail -1)"
    rm "$log"
done
