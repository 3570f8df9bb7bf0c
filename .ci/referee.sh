#!/usr/bin/env bash
# Linux as the referee: mutated packets to a vxlan device in a network namespace, its verdicts and bytes
# beside ours. Says so and passes where it may build no namespace. REFEREE_FRAMES=N sends N random ones.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --release --test referee -- --ignored --nocapture --test-threads 1
