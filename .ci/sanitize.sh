#!/usr/bin/env bash
# AddressSanitizer, and then MemorySanitizer, on what touches `arch` and the batch: a wide load or store beyond a buffer
# is found, and a read of what nobody wrote. Needs a nightly toolchain, and Debian's rustc with its sources for the
# standard library under MemorySanitizer; status 77 where one of the two could not run.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=SCRIPTDIR/lib.sh
. .ci/lib.sh

nightly
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS=-Zsanitizer=address PROPERTIES=${PROPERTIES:-300} cargo +nightly test --target "$host" \
    --target-dir target/asan --features arbitrary,std --lib --test properties --test batch

packages rustc-web cargo-web rust-web-src clang-22 libclang-rt-22-dev
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
RUSTFLAGS='-Zsanitizer=memory -Zsanitizer-memory-track-origins -Zexternal-clangrt -Clinker=clang-22 -Clink-arg=-fsanitize=memory' \
    PROPERTIES=${PROPERTIES:-300} /usr/bin/cargo test -Zbuild-std --target "$host" --target-dir target/msan \
    --features arbitrary,std --lib --test properties --test batch
