"""When the database cannot serve: one error for it, whichever driver says so and however.

What calls it: ``infra.database`` for every engine, ``infra.statements`` for what goes to the driver
directly.
"""

import logging
import select
from typing import Any

from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError

log = logging.getLogger(__name__)

_SQLITE_AWAY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_FULL")


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or is too busy to answer; worth trying again later."""


def is_away(error: BaseException, lost: bool) -> bool:
    """Whether a driver's error means that the database cannot serve; ``lost``: the connection."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if lost or name.startswith(_SQLITE_AWAY):
        log.warning("database unavailable: %s", type(error).__name__)
        return True
    return False


def translate_error(context: ExceptionContext) -> Exception | None:
    """For an engine's ``handle_error``."""
    original = context.original_exception
    connecting = context.connection is None and type(original).__name__ == "OperationalError"
    if is_away(original, context.is_disconnect or connecting):
        return DatabaseUnavailable("the database is not available")
    return None


def refuse_dropped(connection: Any, *_: object) -> None:
    """An idle connection that has something to say was closed by the server: open another."""
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    if poller.poll(0):
        raise DisconnectionError("the server closed an idle connection")
