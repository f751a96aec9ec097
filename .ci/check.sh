#!/usr/bin/env bash
# Format, lint, types, dependency rules. All of them run, so that one answer holds everything.
set -u
bin=$1
failed=()

step() {
    local name=$1
    shift
    local output
    if output=$("$@" 2>&1); then
        printf '  ok      %s\n' "$name"
    else
        printf '  FAILED  %s\n%s\n' "$name" "$output"
        failed+=("$name")
    fi
}

step "ruff format" "$bin/ruff" format --check --quiet .
step "ruff check" "$bin/ruff" check --quiet .
step "mypy" "$bin/mypy" idp clients
step "import rules" "$bin/lint-imports" --config setup.cfg
step "documents" "$bin/python" .ci/docs.py --quiet

if [ ${#failed[@]} -gt 0 ]; then
    echo "make check failed: ${failed[*]} (make format mends the first)"
    exit 1
fi
