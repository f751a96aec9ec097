"""Real third-party programs: found, or the test is skipped by name (in CI a failure)."""

import shutil
from pathlib import Path

import pytest

OPENID_CLIENT = Path(__file__).resolve().parents[1] / "flows" / "peers" / "openid_client"
_NOT_ON_PATH = ("/usr/sbin", "/usr/lib/chromium")


def find(*names: str) -> str | None:
    """The first of these programs that is installed."""
    for name in names:
        if found := shutil.which(name):
            return found
        for folder in _NOT_ON_PATH:
            if (Path(folder) / name).is_file():
                return f"{folder}/{name}"
    return None


def need(what: str, *names: str) -> str:
    """A program's path, or skip the test."""
    found = find(*names)
    if found is None:
        pytest.skip(f"missing peer: {what}")
    return found


def need_file(what: str, path: Path) -> Path:
    """A file of a peer, or skip the test."""
    if not path.exists():
        pytest.skip(f"missing peer: {what}")
    return path
