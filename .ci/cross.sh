#!/usr/bin/env bash
# The ordinary tests on other machines, under qemu-user: AArch64, for NEON, and s390x, for its byte order (CONTRIBUTING.md).
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=SCRIPTDIR/lib.sh
. .ci/lib.sh

packages qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross
installed=$(rustup target list --installed 2>/dev/null || true)
if grep -qx aarch64-unknown-linux-gnu <<<"$installed" && grep -qx s390x-unknown-linux-gnu <<<"$installed"; then
    cargo=cargo std=()
else
    # No such targets: Debian's compiler builds the standard library from its own source.
    packages rustc-web cargo-web rust-web-src
    cargo=/usr/bin/cargo std=(-Zbuild-std)
    export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
fi

declare -A runner=(
    [aarch64-unknown-linux-gnu]='qemu-aarch64-static -L /usr/aarch64-linux-gnu'
    [s390x-unknown-linux-gnu]='qemu-s390x-static -L /usr/s390x-linux-gnu'
)
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=${runner[aarch64-unknown-linux-gnu]}
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER=s390x-linux-gnu-gcc
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER=${runner[s390x-unknown-linux-gnu]}
# All that `cargo test` has: unit tests, integration tests with the programs that some of them start, documentation.
[ $# != 0 ] || set -- aarch64-unknown-linux-gnu s390x-unknown-linux-gnu
for target in "$@"; do
    echo "=== $target"
    VTEP_RUNNER=${runner[$target]} \
        "$cargo" test "${std[@]}" --target-dir target/cross --target "$target" --no-fail-fast --features arbitrary
done
