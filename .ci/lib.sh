# shellcheck shell=bash
# Sourced: what the scripts of this directory share.
set -euo pipefail

# Ends a script that did not run: one line with the reason, and status 77, which .ci/run does not take for success.
skip() {
    printf 'skipped: %s: %s\n' "${0##*/}" "$*"
    exit 77
}

# Installs the Debian packages that are missing. Skips where it may not.
packages() {
    local package missing=()
    for package in "$@"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    [ ${#missing[@]} != 0 ] || return 0
    [ "$EUID" = 0 ] || skip "not root, and these packages are not installed: ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"
}

# Skips unless there is a nightly toolchain.
nightly() {
    rustc +nightly --version || skip 'no nightly toolchain: rustup toolchain install nightly'
}

# Runs `cargo test` with these arguments. Fails where it passes without a test.
tests_run() {
    local log passed
    log=$(mktemp)
    cargo test "$@" 2>&1 | tee "$log"
    passed=$(awk '/^test result: ok\. [0-9]+ passed/ { sum += $4 } END { print sum + 0 }' "$log")
    rm "$log"
    [ "$passed" != 0 ] || { echo "no test ran: cargo test $*" >&2; return 1; }
}

# Skips unless network namespaces with bridge, veth and vxlan devices can be made here.
namespaces() {
    local system device
    system=$(uname -s)
    [ "$system" = Linux ] || skip 'needs Linux'
    [ "$EUID" = 0 ] || skip 'needs root'
    packages iproute2
    probe=vtep-probe$$
    ip netns add "$probe" || skip 'network namespaces cannot be made here'
    trap 'ip netns del "$probe"' EXIT
    for device in bridge 'veth peer name probe1' 'vxlan id 1 dstport 8472'; do
        # shellcheck disable=SC2086
        ip -n "$probe" link add probe0 type $device || skip "the kernel makes no ${device%% *} device"
        ip -n "$probe" link del probe0
    done
}

# The nth block of shell in README: a user's nth command.
readme_command() {
    awk -v n="$1" '/^```/ { inside = /^```sh/ && ++count == n; next } inside' README.md
}
