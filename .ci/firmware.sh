#!/usr/bin/env bash
# The crate on bare metal: no_std-tests on its boards, the firmware's log, that the gate for panics bites, and the footprint's bounds.
set -euo pipefail
cd "$(dirname "$0")/../no_std-tests"

# shellcheck source=SCRIPTDIR/lib.sh
. ../.ci/lib.sh

targets='thumbv7em-none-eabihf aarch64-unknown-none riscv64gc-unknown-none-elf thumbv6m-none-eabi riscv32imc-unknown-none-elf x86_64-unknown-none x86_64-unknown-uefi wasm32-unknown-unknown'
packages qemu-system-arm qemu-system-misc qemu-system-x86 binutils
installed=$(rustup target list --installed 2>/dev/null || true)
for target in $targets; do
    grep -qx "$target" <<<"$installed" || { packages rustc-web cargo-web rust-web-src; break; }
done

echo '== every public function is called'
./uncalled
echo '== every public type has a defmt::Format'
./unformatted
echo '== the boards'
./run
echo '== the firmware and its log'
./logs
echo '== a planted panic does not link'
(
    # shellcheck source=SCRIPTDIR/../no_std-tests/env.sh
    . ./env.sh
    for target in thumbv7em-none-eabihf x86_64-unknown-none; do
        # What is expected is that it fails, and why is looked at below.
        # shellcheck disable=SC2310
        if output=$(gate "$target" planted 2>&1); then
            echo "the gate let a panic pass on $target" >&2
            exit 1
        fi
        grep -q 'undefined symbol: PANIC_IS_REACHABLE' <<<"$output"
    done
)
if [ "${1:-}" = --long ]; then
    echo '== no function of the library calls itself, and its stack'
    ./callgraph.py
    echo '== the footprint'
    ./footprint
fi
