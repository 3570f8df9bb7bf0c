#!/usr/bin/env bash
# Linux as the referee: mutated packets to a vxlan device in a network namespace, its verdicts and bytes
# beside ours, as root. Status 77 where it cannot run. REFEREE_FRAMES=N sends N random ones.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=SCRIPTDIR/lib.sh
. .ci/lib.sh

namespaces
tests_run --release --test referee -- --ignored --nocapture --test-threads 1
