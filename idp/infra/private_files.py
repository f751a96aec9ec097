"""Files that nobody else on the machine may read, at no moment of their life (security rule 5)."""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.engine import make_url

from idp.settings import DatabaseSettings


def create_private(path: Path) -> BinaryIO:
    """A new file in the place of whatever was there, be it a link that somebody put in the way."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "w+b")


def keep_private(settings: DatabaseSettings) -> None:
    """Make SQLite's file before SQLite does, if there is none; its log takes the same mode."""
    name = make_url(settings.url).database if settings.is_sqlite else None
    if name and not name.startswith("file:"):
        with suppress(OSError):  # SQLite says better what is wrong
            os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
