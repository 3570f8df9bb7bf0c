#!/usr/bin/env bash
# The live test: flannel's records for three nodes in network namespaces, as root. Status 77 where it cannot run.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=SCRIPTDIR/lib.sh
. .ci/lib.sh

namespaces
cargo build --quiet --example routes
tests_run --test netns --test agent_model -- --ignored
