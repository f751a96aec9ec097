"""How many trips to Redis and statements of the database something takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from idp.infra.database import db
from tests.web.conftest import Front


@dataclass
class Seen:
    """What was counted."""

    trips: int = 0
    statements: int = 0


@contextmanager
def counted(front: Front) -> Iterator[Seen]:
    """Count while it lasts."""
    seen = Seen()
    store = front.services.store
    trip = store.trip

    def count_trip(*arguments: Any, **more: Any) -> Any:
        seen.trips += 1
        return trip(*arguments, **more)

    def count_statement(*_: object) -> None:
        seen.statements += 1

    store.trip = count_trip  # type: ignore[method-assign]
    event.listen(db.engine, "before_cursor_execute", count_statement)
    try:
        yield seen
    finally:
        del store.trip  # type: ignore[method-assign]
        event.remove(db.engine, "before_cursor_execute", count_statement)
