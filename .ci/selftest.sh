#!/usr/bin/env bash
# Tests the steps: each way in which a step may fail is seen to fail the run, and one that did not run to be named.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=SCRIPTDIR/lib.sh
. ./lib.sh

# Runs one step with this body; expects the status of the whole, and this text in its output.
expect() {
    local want=$1 text=$2 body=$3 output status
    set +e
    # shellcheck disable=SC2016
    output=$(bash -euo pipefail -c '. ./lib.sh; . ./steps.sh; eval "the_step() { $1
        }"; eval "$2"; step "the step" the_step; finish' "$0" "$body" "${4:-}" 2>&1)
    status=$?
    set -e
    if [ "$status" != "$want" ] || ! grep -qF -e "$text" <<<"$output"; then
        printf 'selftest: %s: status %d, expected %d and "%s" in:\n%s\n' "$body" "$status" "$want" "$text" "$output" >&2
        exit 1
    fi
}

expect 0 '1 steps passed, 0 did not run' true
expect 1 'FAILED with status 3' 'return 3'
# A failure that is not the last thing that a step does.
expect 1 'FAILED' 'false; true'
expect 1 'FAILED' 'false | cat; true'
# shellcheck disable=SC2016
expect 1 'FAILED' 'local list; list=$(false | cat); echo "$list"'
expect 1 'FAILED' 'for x in 1 2; do false; done; true'
expect 1 'FAILED' '(false; true); true'
expect 1 'FAILED' 'bash -euc "false; true"; true'
# What did not run has not passed.
expect 1 'did not run: the step' 'skip "no reason"'
expect 1 'skipped: selftest.sh: no reason' 'skip "no reason"'
expect 1 'did not run: the step' 'bash -c "exit 77"; true'
expect 0 'did not run: the step' 'skip "no reason"' 'allow_skipped=true; step first true'
expect 1 'FAILED' 'false' 'allow_skipped=true; step first true'
# Nothing at all is no success.
expect 1 'no step ran' 'skip "no reason"' 'allow_skipped=true'
expect 1 'no step ran' true 'only=nothing'
# A test runner that runs no test.
expect 1 'no test ran' 'tests_run x' 'cargo() { echo "test result: ok. 0 passed; 0 failed"; }'
expect 0 'steps passed' 'tests_run x' 'cargo() { echo "test result: ok. 1 passed; 0 failed"; }'
expect 1 'FAILED with status 101' 'tests_run x' 'cargo() { echo "test result: ok. 1 passed"; return 101; }'
# What an ordinary user can not do is skipped, not passed.
if [ "$EUID" = 0 ]; then
    copy=$(mktemp -d)
    trap 'rm -r "$copy"' EXIT
    cp -r . "$copy/.ci"
    chmod -R a+rX "$copy"
    for script in netns.sh referee.sh; do
        status=0
        setpriv --reuid=65534 --clear-groups "$copy/.ci/$script" || status=$?
        [ "$status" = 77 ] || { echo "selftest: $script as an ordinary user: status $status" >&2; exit 1; }
    done
fi
echo 'a failing step fails the run, and so does one that did not run'
