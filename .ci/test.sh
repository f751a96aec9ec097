#!/usr/bin/env bash
# The checks, then the suite. A failed check does not hide what the tests say.
#
# Flows mostly wait for servers, browsers most of all; all other tests compute. Without arguments
# for pytest the three run side by side; the last two are shown when the first is done.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
bash .ci/check.sh "$(dirname "$PYTHON")" || status=1
if [ "$#" -gt 0 ]; then
    "$PYTHON" -m pytest "$@" || status=$?
    exit $status
fi
shown=$(mktemp -d)
trap 'rm -rf "$shown"; kill "${browsers:-}" "${others:-}" 2>/dev/null' EXIT
driven=(tests/flows/test_*browser*.py tests/flows/test_peer_*.py)
"$PYTHON" -m pytest "${driven[@]}" >"$shown/browsers" 2>&1 &
browsers=$!
"$PYTHON" -m pytest --ignore=tests/flows >"$shown/others" 2>&1 &
others=$!
"$PYTHON" -m pytest tests/flows --ignore-glob='*browser*.py' --ignore-glob='*test_peer_*.py' ||
    status=$?
wait "$browsers" || status=$?
cat "$shown/browsers"
wait "$others" || status=$?
cat "$shown/others"
exit $status
