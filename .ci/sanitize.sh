#!/usr/bin/env bash
# AddressSanitizer on what touches `arch` and the batch: a wide load or store beyond a buffer is found.
# Needs a nightly toolchain. MemorySanitizer too where Debian's rustc with sources and clang-22 are
# installed; without them it says so.
set -euo pipefail
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS=-Zsanitizer=address PROPERTIES=${PROPERTIES:-300} cargo +nightly test --target "$host" \
    --target-dir target/asan --features arbitrary,std --lib --test properties --test batch

if [ ! -x /usr/bin/rustc ] || [ ! -d /usr/lib/rustlib/src/rust/library ] || ! command -v clang-22 >/dev/null; then
    echo 'MemorySanitizer: skipped: needs rustc-web, rust-web-src, clang-22 and libclang-rt-22-dev'
    exit 0
fi
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
RUSTFLAGS='-Zsanitizer=memory -Zsanitizer-memory-track-origins -Zexternal-clangrt -Clinker=clang-22 -Clink-arg=-fsanitize=memory' \
    PROPERTIES=${PROPERTIES:-300} /usr/bin/cargo test -Zbuild-std --target "$host" --target-dir target/msan \
    --features arbitrary,std --lib --test properties --test batch
