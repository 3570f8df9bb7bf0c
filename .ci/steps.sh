# shellcheck shell=bash
# Sourced: runs a check's steps and keeps count. A step passes (status 0), does not run and says why (77), or fails.
#
# `step` is called as a plain command: in a condition, `set -e` would not hold within the step.

passed=0
skipped=()
allow_skipped=false
# Only the steps whose names match are run.
only=
started=$SECONDS

step() {
    local name=$1 from=$SECONDS status=0
    shift
    [[ $name =~ $only ]] || return 0
    printf '\n=== %s\n' "$name"
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    case $status in
    0)
        passed=$((passed + 1))
        printf -- '--- %s: ok, %d s\n' "$name" $((SECONDS - from))
        ;;
    77)
        skipped+=("$name")
        printf -- '--- %s: DID NOT RUN\n' "$name"
        ;;
    *)
        printf -- '--- %s: FAILED with status %d, after %d s\n' "$name" "$status" $((SECONDS - from))
        exit 1
        ;;
    esac
}

# Ends the check: with failure where a step did not run, unless that is allowed, and where none did.
finish() {
    printf '\n=== %d steps passed, %d did not run, %d s\n' "$passed" ${#skipped[@]} $((SECONDS - started))
    if [ ${#skipped[@]} != 0 ]; then
        printf 'did not run: %s\n' "${skipped[@]}"
        $allow_skipped || { echo 'what did not run has not passed (--allow-skipped to accept that)'; exit 1; }
    fi
    [ "$passed" != 0 ] || { echo 'no step ran'; exit 1; }
}
