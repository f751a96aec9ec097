#!/usr/bin/env bash
# Makes a virtual environment with whatever the machine has for it.
# PYTHON=python3 .ci/venv.sh FOLDER
set -u
target=$1
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }

if ! command -v "$python" >/dev/null; then
    say "No $python here. Install Python 3.11 or newer, or name it: make $target PYTHON=python3.12"
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "Python 3.11 or newer is needed; $python is $("$python" -V 2>&1)."
    say "Name another one: make run PYTHON=python3.12"
    exit 1
fi
if [ -x "$target/bin/python" ] && "$target/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

whole() { "$target/bin/python" -m pip --version >/dev/null 2>&1; }

"$python" -m venv "$target" >/dev/null 2>&1 && whole && exit 0

# Debian ships Python without ensurepip: its package brings it.
as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    say "installing python3-venv by apt"
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    $as_root apt-get update -qq >/dev/null 2>&1
    for package in "python$version-venv" python3-venv; do
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1
        rm -rf "$target"
        "$python" -m venv "$target" >/dev/null 2>&1 && whole && exit 0
    done
fi

# Without rights: virtualenv in a folder of its own, which an externally managed Python allows.
say "installing virtualenv"
helper=$(mktemp -d)
trap 'rm -rf "$helper"' EXIT
if "$python" -m pip install --quiet --disable-pip-version-check --target "$helper" virtualenv; then
    rm -rf "$target"
    PYTHONPATH=$helper "$python" -m virtualenv --quiet "$target" && whole && exit 0
fi
say "No virtual environment could be made. On Debian: apt-get install python3-venv"
exit 1
