#!/bin/sh
# The live test: flannel's records for three nodes in network namespaces. Where it cannot run it says "skipped" and why,
# and no test is counted.
set -eu
cd "$(dirname "$0")/.."

skip() {
    echo "skipped: netns: $1"
    exit 0
}

[ "$(uname -s)" = Linux ] || skip "needs Linux"
[ "$(id -u)" = 0 ] || skip "needs root"
for tool in ip bridge; do
    command -v "$tool" >/dev/null || skip "needs $tool (iproute2)"
done
probe="vtep-probe$$"
ip netns add "$probe" 2>/dev/null || skip "network namespaces cannot be made here"
trap 'ip netns del "$probe"' EXIT
ip -n "$probe" link add br0 type bridge 2>/dev/null || skip "the kernel has no bridge"
ip -n "$probe" link add veth0 type veth peer name veth1 2>/dev/null || skip "the kernel has no veth"
ip -n "$probe" link add vxlan0 type vxlan id 1 dstport 8472 2>/dev/null || skip "the kernel has no vxlan"

cargo build --quiet --example routes
cargo test --test netns -- --ignored
