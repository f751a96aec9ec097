#!/usr/bin/env bash
# The checks, then the suite. A failed check does not hide what the tests say.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
bash .ci/check.sh "$(dirname "$PYTHON")" || status=1
"$PYTHON" -m pytest "$@" || status=$?
exit $status
