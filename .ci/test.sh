#!/usr/bin/env bash
# The checks, then the suite. A failed check does not hide what the tests say.
#
# Flows mostly wait for servers, browsers most of all; all other tests compute. Without arguments
# for pytest they run side by side, each part with servers of its own, and are shown one after the
# other.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
bash .ci/check.sh "$(dirname "$PYTHON")" || status=1
if [ "$#" -gt 0 ]; then
    "$PYTHON" -m pytest "$@" || status=$?
    exit $status
fi
shown=$(mktemp -d)
parts=()
trap 'kill "${parts[@]}" 2>/dev/null; rm -rf "$shown"' EXIT

beside() { # NAME NICENESS ARGUMENTS: a part of the suite, in the background
    local name=$1 patience=$2
    shift 2
    nice -n "$patience" "$PYTHON" -m pytest "$@" >"$shown/$name" 2>&1 &
    parts+=($!)
}

driven=(--ignore-glob='*browser*.py' --ignore-glob='*test_peer_*.py')
# What computes is done last, so it goes first wherever the others would only wait.
beside 1-browsers 5 tests/flows/test_*browser*.py tests/flows/test_peer_*.py
beside 2-pages 0 tests/web
beside 3-others 0 --ignore=tests/flows --ignore=tests/web
beside 4-flows-a-to-o 5 tests/flows "${driven[@]}" --ignore-glob='*test_[p-z]*.py'
beside 5-flows-p-to-z 5 tests/flows "${driven[@]}" --ignore-glob='*test_[a-o]*.py'
for part in "${parts[@]}"; do
    wait "$part" || status=$?
done
parts=()
for name in "$shown"/*; do
    cat "$name"
done
exit $status
