#!/usr/bin/env bash
# The checks, then the suite. A failed check does not hide what the tests say.
#
# Flows mostly wait for servers and browsers, all other tests compute: without arguments for pytest
# the two halves run side by side, and the computing half is shown when the flows are done.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
bash .ci/check.sh "$(dirname "$PYTHON")" || status=1
if [ "$#" -gt 0 ]; then
    "$PYTHON" -m pytest "$@" || status=$?
    exit $status
fi
shown=$(mktemp)
trap 'rm -f "$shown"; kill "${beside:-}" 2>/dev/null' EXIT
"$PYTHON" -m pytest --ignore=tests/flows >"$shown" 2>&1 &
beside=$!
"$PYTHON" -m pytest tests/flows || status=$?
wait "$beside" || status=$?
cat "$shown"
exit $status
